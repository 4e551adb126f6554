"""Which variables are read later: only those are carried through loops and branches.

Pre:  no return, break or continue is left but a last return.
Cost: loops are walked until nothing is added, twice as a rule.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gradax.autographing.scopes import names_of


def go_on_of(loop: ast.For) -> ast.expr | None:
    """Return the condition for another step of a loop that may be left early."""
    return getattr(loop, "go_on", None)


class Liveness:
    """Finds the names that are live before statements.

    `always` are live everywhere: what functions defined in the scope read at any time.
    """

    def __init__(self, always: set[str]) -> None:
        self.always = always

    def before(self, body: Sequence[ast.stmt], after: set[str]) -> set[str]:
        """Return what is live before statements, given what is after them."""
        live = set(after)
        for statement in reversed(body):
            live = self.before_one(statement, live) | self.always
        return live

    def after_each(self, body: Sequence[ast.stmt], after: set[str]) -> list[set[str]]:
        """Return what is live after each statement."""
        found = [set(after) | self.always]
        for statement in reversed(body[1:]):
            found.append(self.before_one(statement, found[-1]) | self.always)
        return found[::-1]

    def before_one(self, node: ast.stmt, after: set[str]) -> set[str]:
        """Return what is live before one statement."""
        match node:
            case ast.If():
                branches = self.before(node.body, after) | self.before(node.orelse, after)
                return names_of(node.test).loads | branches
            case ast.While():
                return self.head(node, after)
            case ast.For():
                return names_of(node.iter).loads | self.head(node, after)
            case ast.With():
                items = names_of(*node.items)
                return (self.before(node.body, after) - items.stores.keys()) | items.loads
            case ast.Try() | ast.TryStar():
                return self.before_try(node, after)
            case ast.Match():
                live = set(after) | names_of(node.subject).loads
                for case in node.cases:
                    live |= self.before(case.body, after)
                    live |= names_of(case.pattern, *([case.guard] if case.guard else [])).loads
                return live
        names = names_of(node)
        return (after - names.stores.keys()) | names.loads

    def head(self, loop: ast.While | ast.For, after: set[str]) -> set[str]:
        """Return what is live where a loop decides about another step."""
        if isinstance(loop, ast.While):
            read, targets = names_of(loop.test).loads, set[str]()
        else:
            go_on, target = go_on_of(loop), names_of(loop.target)
            read = target.loads | (names_of(go_on).loads if go_on else set())
            targets = set(target.stores)
        live = after | read
        while True:
            grown = live | (self.before(loop.body, live) - targets)
            if grown == live:
                return live
            live = grown

    def before_try(self, node: ast.Try | ast.TryStar, after: set[str]) -> set[str]:
        """Return what is live before a try: any statement of its body may raise."""
        last = self.before(node.finalbody, after)
        handled = set(last)
        for handler in node.handlers:
            kind = names_of(handler.type).loads if handler.type else set()
            handled |= kind | self.before(handler.body, last)
        kept = self.always
        self.always = kept | handled
        live = self.before(node.body, self.before(node.orelse, last)) | handled
        self.always = kept
        return live
