"""Which names a piece of a function reads, assigns, captures; what else it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from gradax.autographing.source import parameters

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Names(ast.NodeVisitor):
    """The names of statements or an expression, in the scope that they stand in.

    loads: read here. stores: assigned here, with the last line that does. captured: read by
    functions defined here, which may run at any later time. rebound: assigned by such functions.
    """

    def __init__(self) -> None:
        self.loads: set[str] = set()
        self.stores: dict[str, int] = {}
        self.captured: set[str] = set()
        self.rebound: set[str] = set()
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.has_call = False
        self.has_walrus = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.loads.add(node.id)
        else:
            self.stores[node.id] = node.lineno

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.loads.add(node.target.id)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.has_walrus = True
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.stores[node.name] = node.lineno
        for part in (*node.decorator_list, node.returns):
            if part is not None:
                self.visit(part)
        self.enter(node, node.body, is_kept=True)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.enter(node, [node.body], is_kept=True)

    def visit_Call(self, node: ast.Call) -> None:
        self.has_call = True
        self.visit(node.func)
        for part in (*node.args, *(k.value for k in node.keywords)):
            # A function that is only an argument is used by the call, and hardly later.
            if isinstance(part, ast.Lambda):
                self.enter(part, [part.body], is_kept=False)
            else:
                self.visit(part)

    def enter(self, node: Function, body: Iterable[ast.AST], is_kept: bool) -> None:
        """Take what a function defined here reads and assigns of this scope."""
        self.visit(node.args)
        inner = names_of(*body)
        own = set(parameters_of(node)) | (inner.stores.keys() - inner.nonlocal_names)
        own -= inner.global_names
        free = (inner.loads | inner.captured) - own
        self.loads |= free
        if is_kept:
            self.captured |= free
        self.rebound |= inner.nonlocal_names | (inner.rebound - own)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.stores[node.name] = node.lineno
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        inner = names_of(*node.body)
        self.loads |= inner.loads | inner.captured
        self.captured |= inner.loads | inner.captured
        self.rebound |= inner.rebound

    def visit_comprehension_of(self, node: Comprehension) -> None:
        """Take a comprehension's names but those of its own variables."""
        inner = Names()
        own: set[str] = set()
        for generator in node.generators:
            own |= names_of(generator.target).stores.keys()
            inner.visit(generator.iter)
            for condition in generator.ifs:
                inner.visit(condition)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for element in elements:
            inner.visit(element)
        self.loads |= inner.loads - own
        self.captured |= inner.captured - own
        self.stores.update({k: v for k, v in inner.stores.items() if k not in own})
        self.has_call |= inner.has_call
        self.has_walrus |= inner.has_walrus

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_comprehension_of

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.stores[node.name] = node.lineno
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.stores[node.name] = node.lineno
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.visit_MatchAs(node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.stores[node.rest] = node.lineno
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.stores[alias.asname or alias.name.split(".")[0]] = node.lineno

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.visit_Import(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.global_names.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocal_names.update(node.names)


def parameters_of(node: Function) -> list[str]:
    """Return the names of a function's parameters."""
    return parameters(node)  # type: ignore[arg-type]  # async functions have the same arguments


def names_of(*nodes: ast.AST) -> Names:
    """Return the names of some statements or expressions."""
    names = Names()
    for node in nodes:
        names.visit(node)
    return names


def has_yield(body: Iterable[ast.AST]) -> ast.AST | None:
    """Return the yield or await of a function's body, if it has one."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom | ast.Await | ast.AsyncFor | ast.AsyncWith):
            return node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return None
