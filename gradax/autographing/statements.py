"""Rewrite `if`, `while` and `for` as calls of the runtime with functions for their parts.

    if test: A          def then(): nonlocal x; A
    else: B      →      def otherwise(): nonlocal x; B
                        runtime.if_(site, test, then, otherwise, lambda: (x,))

The variables that the parts assign become cells of the function; the last argument shows them to
the runtime, which reads and writes them where it stages a part.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from copy import deepcopy

from gradax.autographing.expressions import Expressions, is_static
from gradax.autographing.jumps import Lowering
from gradax.autographing.liveness import Liveness, go_on_of
from gradax.autographing.scopes import has_yield, names_of
from gradax.autographing.sites import Site, effects_of, raises_in, stores_of
from gradax.autographing.source import parameters, refused
from gradax.autographing.syntax import Namer, assign, at, constant, no_arguments, read

Block = list[ast.stmt]


class Unit:
    """A function that is converted, with those inside it."""

    def __init__(self, tree: ast.AST, file: str, name: str) -> None:
        self.namer = Namer(tree)
        self.prefix = self.namer.prefix
        self.file = file
        self.name = name
        self.sites: list[Site] = []

    def new_site(self, site: Site) -> ast.expr:
        """Keep what the runtime needs to know of a place; return its number."""
        self.sites.append(site)
        return constant(len(self.sites) - 1)

    def new_value_site(self, node: ast.AST) -> int:
        """Keep the place of an expression; return its number."""
        line: int = node.lineno  # type: ignore[attr-defined]
        self.sites.append(Site("value", self.file, line, self.name))
        return len(self.sites) - 1

    def refuse(self, node: ast.AST, reason: str, mend: str) -> Exception:
        """Make the error for what cannot be converted."""
        line: int = node.lineno  # type: ignore[attr-defined]
        return refused(self.file, line, self.name, reason, mend)


class Declarations(ast.NodeTransformer):
    """Takes global, nonlocal and annotations of variables out of a function's statements."""

    def __init__(self) -> None:
        self.found: dict[str, ast.stmt] = {}
        self.annotated: set[str] = set()

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.stmt:
        for name in node.names:
            self.found[name] = at(node, type(node)([name]))
        return at(node, ast.Pass())

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:
        return self.visit_Global(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if isinstance(node.target, ast.Name) and node.value is None:
            self.annotated.add(node.target.id)
        if node.value is None:
            return at(node, ast.Pass())
        return at(node, ast.Assign([node.target], node.value))

    def leave(self, node: ast.AST) -> ast.AST:
        """Leave the scopes inside alone."""
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = leave


class FunctionConverter:
    """Converts one function."""

    def __init__(self, unit: Unit, node: ast.FunctionDef) -> None:
        self.unit = unit
        self.node = node
        first = parameters(node)[0] if parameters(node) else "self"
        self.expressions = Expressions(unit, first)
        self.lowering = Lowering(unit.namer, unit.refuse)

    def convert(self) -> None:
        """Rewrite the function's body in place."""
        node = self.node
        is_documented = ast.get_docstring(node, clean=False) is not None
        documentation, node.body = node.body[:is_documented], node.body[is_documented:]
        if not node.body:
            node.body = documentation
            return
        declarations = Declarations()
        node.body = [declarations.visit(s) for s in node.body]
        node.body = self.lowering.function(node)
        names = names_of(*node.body)
        self.declared = declarations.found
        self.globals = {n for n, d in self.declared.items() if isinstance(d, ast.Global)}
        self.captured = (names.captured | self.declared.keys()) - self.globals
        self.rebound = names.rebound & (names.stores.keys() | set(parameters(node)))
        self.liveness = Liveness(self.captured | self.rebound)
        own = names.stores.keys() | declarations.annotated
        own -= set(parameters(node)) | self.declared.keys()
        start: Block = list(self.declared.values())
        if own:
            # Never run: it makes the names variables of this function, not of its parts.
            unset = [assign(name, constant(None)) for name in sorted(own)]
            start.append(at(node.body[0], ast.If(constant(False), list(unset), [])))
        body = self.block(node.body, set())
        node.body = [*documentation, *start, *body]

    def block(self, body: Sequence[ast.stmt], after: set[str]) -> Block:
        """Return converted statements; `after` is what is read after them."""
        if not body:
            return []
        out: Block = []
        for node, live in zip(body, self.liveness.after_each(body, after), strict=True):
            out += self.statement(node, live)
        return out

    def statement(self, node: ast.stmt, live: set[str]) -> Block:
        """Return a converted statement."""
        match node:
            case ast.If():
                return self.convert_if(node, live)
            case ast.While():
                return self.convert_while(node, live)
            case ast.For():
                return self.convert_for(node, live)
            case ast.FunctionDef():
                return [self.convert_inner(node)]
            case ast.AsyncFunctionDef() | ast.ClassDef():
                return [node]
            case ast.With():
                node.items = [self.expressions.visit(item) for item in node.items]
                node.body = self.block(node.body, live)
            case ast.Try() | ast.TryStar():
                self.convert_try(node, live)
            case ast.Match():
                node.subject = self.expressions.visit(node.subject)
                for case in node.cases:
                    case.body = self.block(case.body, live)
            case ast.Assert():
                test = self.expressions.test(node.test)
                site = self.expressions.site(node)
                node.test = self.expressions.call(node.test, "asserted", site, test)
            case _:
                return [self.expressions.visit(node)]
        return [node]

    def convert_inner(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Return a function defined inside, converted as well unless it is a generator."""
        self.expressions.visit(node.args)
        node.decorator_list = [self.expressions.visit(d) for d in node.decorator_list]
        if has_yield(node.body) is None:
            FunctionConverter(self.unit, node).convert()
        return node

    def convert_try(self, node: ast.Try | ast.TryStar, live: set[str]) -> None:
        """Convert the parts of a try."""
        last = self.liveness.before(node.finalbody, live)
        handled = set(last)
        for handler in node.handlers:
            handled |= self.liveness.before(handler.body, last)
            handler.body = self.block(handler.body, last)
        kept = self.liveness.always
        self.liveness.always = kept | handled
        node.body = self.block(node.body, self.liveness.before(node.orelse, last))
        self.liveness.always = kept
        node.orelse = self.block(node.orelse, last)
        node.finalbody = self.block(node.finalbody, live)

    def convert_if(self, node: ast.If, live: set[str]) -> Block:
        """Return the functions of an if's branches and the call that chooses."""
        if is_static(node.test):
            node.test = self.expressions.visit(node.test)
            node.body, node.orelse = self.block(node.body, live), self.block(node.orelse, live)
            return [node]
        number, site = self.site("if", node, [node.body, node.orelse], live)
        test = self.expressions.test(node.test)
        then, then_name = self.part(node, "then", node.body, live)
        otherwise, else_name = self.part(node, "else", node.orelse, live)
        args = (number, test, read(then_name), read(else_name), *self.state(node, site))
        return [then, otherwise, at(node, ast.Expr(self.expressions.call(node, "if_", *args)))]

    def convert_while(self, node: ast.While, live: set[str]) -> Block:
        """Return the function of a loop's body and the call that repeats it."""
        head = self.liveness.head(node, live) | self.liveness.always
        number, site = self.site("while", node, [node.body], head)
        test = self.expressions.thunk(self.expressions.test(node.test))
        body, name = self.part(node, "body", node.body, head)
        args = (number, test, read(name), *self.state(node, site))
        return [body, at(node, ast.Expr(self.expressions.call(node, "while_", *args)))]

    def convert_for(self, node: ast.For, live: set[str]) -> Block:
        """Return the function of a loop's step and the call that repeats it."""
        head = self.liveness.head(node, live) | self.liveness.always
        item = self.unit.namer.new("item")
        # The target is converted with the body: an attribute or item may be one.
        target = at(node, ast.Assign([node.target], read(item)))
        steps: Block = [target, *node.body]
        number, site = self.site("for", node, [steps], head)
        go_on = go_on_of(node)
        test = constant(None) if go_on is None else self.expressions.thunk(
            self.expressions.test(go_on)
        )  # fmt: skip
        body, name = self.part(node, "body", steps, head, item)
        items = self.expressions.visit(node.iter)
        args = (number, items, at(node, test), read(name), *self.state(node, site))
        return [body, at(node, ast.Expr(self.expressions.call(node, "for_", *args)))]

    def part(
        self, node: ast.stmt, word: str, body: Block, live: set[str], argument: str = ""
    ) -> tuple[ast.stmt, str]:
        """Return the function of a part of a statement, and its name."""
        name = self.unit.namer.new(word)
        assigned = self.assigned(body)
        declarations: Block = [
            ast.Global([n]) if n in self.globals else ast.Nonlocal([n]) for n in sorted(assigned)
        ]
        arguments = no_arguments()
        if argument:
            arguments.args.append(ast.arg(argument))
        inside = [*declarations, *self.block(body, live)] or [ast.Pass()]
        return at(node, ast.FunctionDef(name, arguments, inside, [], None)), name

    def assigned(self, body: Block) -> dict[str, int]:
        """Return the variables that statements may assign, functions that they call included."""
        names = names_of(*body)
        if names.has_call:
            for name in self.rebound:
                names.stores.setdefault(name, body[0].lineno)
        return names.stores

    def site(
        self, kind: str, node: ast.If | ast.While | ast.For, parts: list[Block], live: set[str]
    ) -> tuple[ast.expr, Site]:
        """Describe a statement to the runtime; return its number and the description."""
        statements = [s for part in parts for s in part]
        names = names_of(*statements)
        names.stores.update(self.assigned(statements))
        names.global_names |= self.globals
        effects = effects_of(statements, names)
        refusals = [*effects.refused, *(r for part in parts for r in raises_in(part))]
        stores = tuple(sorted(names.stores.keys() - self.globals))
        places = tuple(effects.places.values())
        site = Site(
            kind, self.unit.file, node.lineno, self.unit.name, stores,
            frozenset(live & set(stores)), self.lowering.result, self.unit.prefix,
            tuple(stores_of(part) for part in parts),
            tuple(part[0].lineno if part else node.lineno for part in parts),
            places, tuple(refusals), effects.is_pure,
        )  # fmt: skip
        return self.unit.new_site(site), site

    def state(self, node: ast.stmt, site: Site) -> list[ast.expr]:
        """Return the arguments that show the runtime the variables and places of a statement."""
        shown: list[ast.expr] = [constant(None)]
        if site.names:
            shown = [self.expressions.thunk(ast.Tuple([read(n) for n in site.names], ast.Load()))]
        for place in site.places:
            parts = [place.owner] if place.key is None else [place.owner, place.key]
            shown.append(self.expressions.thunk(ast.Tuple(deepcopy(parts), ast.Load())))
        return [at(node, argument) for argument in shown]
