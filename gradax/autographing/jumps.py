"""Rewrite return, break and continue as assignments and conditions.

Pre:  the body of a function.
Post: no break or continue is left, and no return but a last one. What follows a branch that always
      jumps stands in the other branch; what follows one that may jump is guarded by flags.
Cost: linear; no statement is copied.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from gradax.autographing.liveness import go_on_of
from gradax.autographing.scopes import names_of
from gradax.autographing.syntax import Namer, assign, at, constant, not_any, read

Block = list[ast.stmt]
JUMPS = {ast.Return: "return", ast.Break: "break", ast.Continue: "continue"}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def jumps_of(body: Sequence[ast.AST]) -> set[str]:
    """Return the kinds of jumps that statements may make out of themselves."""
    found: set[str] = set()
    for node in body:
        if type(node) in JUMPS:
            found.add(JUMPS[type(node)])
        elif isinstance(node, ast.While | ast.For | ast.AsyncFor):
            found |= jumps_of(node.body) & {"return"}
            found |= jumps_of(node.orelse)
        elif not isinstance(node, SCOPES):
            found |= jumps_of(list(ast.iter_child_nodes(node)))
    return found


def always_jumps(body: Sequence[ast.stmt]) -> bool:
    """Tell whether no path through statements reaches their end."""
    return any(is_end(node) for node in body)


def is_end(node: ast.stmt) -> bool:
    """Tell whether no path leads past a statement."""
    match node:
        case ast.Return() | ast.Break() | ast.Continue() | ast.Raise():
            return True
        case ast.If():
            return always_jumps(node.body) and always_jumps(node.orelse)
        case ast.While(test=ast.Constant(value=value)):
            return bool(value) and "break" not in jumps_of(node.body)
    return False


class Lowering:
    """Rewrites the jumps of one function."""

    def __init__(self, namer: Namer, refuse: Callable[[ast.AST, str, str], Exception]) -> None:
        self.namer = namer
        self.refuse = refuse
        self.result = namer.new("result")
        self.flags = {"return": namer.new("returned")}

    def function(self, node: ast.FunctionDef) -> Block:
        """Return the body of a function without jumps but a last return."""
        body = node.body
        last = [] if isinstance(body[-1], ast.Return) else body[-1:]
        if "return" not in jumps_of([*body[:-1], *last]):
            return self.without_unread(self.block(body, keep_return=True))
        if not always_jumps(body):
            body.append(at(node.body[-1], ast.Return(constant(None))))
        place = node.body[0]
        start = at(place, assign(self.flags["return"], constant(False)))
        end = at(node.body[-1], ast.Return(read(self.result)))
        return self.without_unread([start, *self.block(body), end])

    def without_unread(self, body: Block) -> Block:
        """Drop the flags that nothing reads."""
        unread = {n for n in names_of(*body).stores if self.namer.is_ours(n)}
        nodes = [n for s in body for n in ast.walk(s)]
        go_ons = [go_on_of(n) for n in nodes if isinstance(n, ast.For)]
        nodes += [n for go_on in go_ons if go_on is not None for n in ast.walk(go_on)]
        unread -= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        drop = Drop(unread - {self.result})
        return [s for s in map(drop.visit, body) if s is not None]

    def block(self, body: Sequence[ast.stmt], keep_return: bool = False) -> Block:
        """Return statements without jumps."""
        out: Block = []
        for k, node in enumerate(body):
            rest = list(body[k + 1 :])
            if isinstance(node, ast.Return) and keep_return:
                return [*out, node]
            if type(node) in JUMPS:
                return [*out, *self.jump(node)]
            if isinstance(node, ast.If) and jumps_of([node]):
                return [*out, *self.branch(node, rest)]
            flags = self.flags_of(node)
            out += self.statement(node)
            if flags and rest:
                guard = ast.If(not_any(flags), self.block(rest), [])
                return [*out, at(rest[0], guard)]
            if isinstance(node, ast.While) and is_end(node):
                return out
        return out

    def jump(self, node: ast.stmt) -> Block:
        """Return the assignments that stand for a jump."""
        flag = at(node, assign(self.flags[JUMPS[type(node)]], constant(True)))
        if isinstance(node, ast.Return):
            value = node.value or constant(None)
            return [at(node, assign(self.result, value)), flag]
        return [flag]

    def branch(self, node: ast.If, rest: Block) -> Block:
        """Return an if that may jump, with what follows it."""
        ends = always_jumps(node.body), always_jumps(node.orelse)
        flags = self.flags_of(node)
        if ends[0]:
            orelse = node.orelse if ends[1] else [*node.orelse, *rest]
            body, rest = node.body, []
        elif ends[1]:
            body, orelse, rest = [*node.body, *rest], node.orelse, []
        else:
            body, orelse = node.body, node.orelse
        new = ast.If(node.test, self.block(body) or [ast.Pass()], self.block(orelse))
        out: Block = [at(node, new)]
        if rest:
            out.append(at(rest[0], ast.If(not_any(flags), self.block(rest), [])))
        return out

    def flags_of(self, node: ast.stmt) -> list[str]:
        """Return the flags that a statement may set."""
        return [self.flags[kind] for kind in sorted(jumps_of([node]))]

    def statement(self, node: ast.stmt) -> Block:
        """Return a statement with the jumps inside it rewritten."""
        match node:
            case ast.If():
                node.body, node.orelse = self.block(node.body), self.block(node.orelse)
            case ast.While() | ast.For():
                return self.loop(node)
            case ast.With():
                node.body = self.block(node.body)
            case ast.Match():
                for case in node.cases:
                    case.body = self.block(case.body) or [at(case.body[0], ast.Pass())]
            case ast.Try() | ast.TryStar():
                self.handle(node)
        return [node]

    def handle(self, node: ast.Try | ast.TryStar) -> None:
        """Rewrite the jumps inside a try."""
        if jumps_of(node.finalbody):
            raise self.refuse(
                node.finalbody[0],
                "a return, break or continue in a finally clause cannot be converted.",
                "Move it behind the try statement.",
            )
        flags = [self.flags[kind] for kind in sorted(jumps_of(node.body))]
        node.body = self.block(node.body)
        for handler in node.handlers:
            handler.body = self.block(handler.body)
        if node.orelse:
            orelse = self.block(node.orelse)
            guarded = at(node.orelse[0], ast.If(not_any(flags), orelse, [])) if flags else None
            node.orelse = [guarded] if guarded else orelse
        node.finalbody = self.block(node.finalbody)

    def loop(self, node: ast.While | ast.For) -> Block:
        """Return a loop whose condition tells of its breaks, and its else clause behind it."""
        kinds = jumps_of(node.body)
        before = dict(self.flags)
        out: Block = []
        if "break" in kinds:
            self.flags["break"] = self.namer.new("broke")
            out.append(at(node, assign(self.flags["break"], constant(False))))
        if "continue" in kinds:
            self.flags["continue"] = self.namer.new("continued")
        left = [self.flags[kind] for kind in ("break", "return") if kind in kinds]
        if isinstance(node, ast.While) and names_of(node.test).has_walrus:
            out.append(self.test_inside(node))
        body = self.block(node.body)
        if "continue" in kinds:
            body.insert(0, at(node, assign(self.flags["continue"], constant(False))))
        self.flags = before
        orelse, node.orelse, node.body = node.orelse, [], body
        if isinstance(node, ast.While) and left:
            is_true = isinstance(node.test, ast.Constant) and bool(node.test.value)
            go_on = not_any(left)
            test = go_on if is_true else ast.BoolOp(ast.And(), [go_on, node.test])
            node.test = at(node.test, test)
        elif left:
            node.go_on = at(node, not_any(left))  # type: ignore[union-attr]
        out.append(node)
        if orelse:
            rest = self.block(orelse)
            out += [at(orelse[0], ast.If(not_any(left), rest, []))] if left else rest
        return out

    def test_inside(self, node: ast.While) -> ast.stmt:
        """Move a test that assigns (`while (y := f()) > 0`) into the body, and set a flag by it."""
        done = self.namer.new("done")
        stop = at(node, assign(done, constant(True)))
        node.body = [at(node, ast.If(node.test, node.body, [stop]))]
        start = at(node, assign(done, constant(False)))
        node.test = at(node.test, not_any([done]))
        return start


class Drop(ast.NodeTransformer):
    """Removes the assignments to some names."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        target = node.targets[0]
        return None if isinstance(target, ast.Name) and target.id in self.names else node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if not isinstance(node, ast.Module) and getattr(node, "body", None) == []:
            node.body = [at(node, ast.Pass())]  # type: ignore[attr-defined]
        return node
