"""What the runtime knows of the places that were converted."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradax.autographing.scopes import Names, names_of
from gradax.records import record

MUTATORS = frozenset((
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "add", "discard",
    "update", "setdefault", "popitem",
))  # fmt: skip


@record
class Place:
    """Something besides variables that statements change: an attribute, an item, a container.

    `owner` and `key` are expressions, evaluated when the statement runs.
    """

    kind: str
    text: str
    line: int
    owner: ast.expr
    key: ast.expr | None


# Of more fields than records have; this package is loaded on first use, so its cost is no matter.
@dataclass(frozen=True, eq=False)
class Site:
    """A converted statement or expression.

    names: the variables that it assigns. live: those of them, with attributes and items, whose new
    values may be read afterwards (for a loop: also by its next step). lines: where each branch
    assigns each. refused: (line, reason) of what no traced condition can govern.
    """

    kind: str
    file: str
    line: int
    function: str
    names: tuple[str, ...] = ()
    live: frozenset[str] = frozenset()
    result: str = ""
    prefix: str = ""
    lines: tuple[dict[str, int], ...] = ()
    first_lines: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()
    refused: tuple[tuple[int, str], ...] = ()
    is_rollable: bool = False

    def label(self, name: str) -> str:
        """Return what the user calls a variable."""
        return "the returned value" if name == self.result else name


class Effects(ast.NodeVisitor):
    """Collects what statements change besides variables.

    places: what can be put back and chosen. refused: what cannot. is_pure: nothing of either, and
    no expression is evaluated for its effect alone.
    """

    def __init__(self, names: Names) -> None:
        self.stores = names.stores
        self.places: dict[tuple[str, str], Place] = {}
        self.refused: list[tuple[int, str]] = [
            (names.stores[n], f"the assignment of the global {n}")
            for n in sorted(names.global_names & names.stores.keys())
        ]
        self.is_pure = not names.global_names and not names.nonlocal_names

    def add(self, kind: str, node: ast.expr, owner: ast.expr, key: ast.expr | None) -> None:
        """Note a place, unless what it belongs to is made by the statements themselves."""
        self.is_pure = False
        root = root_of(owner)
        if root is not None and root in self.stores:
            return
        is_simple_key = key is None or isinstance(key, ast.Constant) or (
            root_of(key) is not None and root_of(key) not in self.stores
        )  # fmt: skip
        text = ast.unparse(node)
        if root is None or not is_simple_key:
            self.refused.append((node.lineno, f"the assignment of {text}"))
            return
        self.places.setdefault((kind, text), Place(kind, text, node.lineno, owner, key))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Store | ast.Del):
            self.add("attribute", node, node.value, ast.Constant(node.attr))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Store | ast.Del):
            self.add("item", node, node.value, node.slice)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in MUTATORS:
            owner = func.value
            if root_of(owner) not in (None, *self.stores):
                place = Place("container", ast.unparse(func), node.lineno, owner, None)
                self.places.setdefault(("container", ast.unparse(owner)), place)
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        self.is_pure &= isinstance(node.value, ast.Constant)
        self.generic_visit(node)

    def impure(self, node: ast.AST) -> None:
        """Note a statement that a loop must not run more or fewer times than Python does."""
        self.is_pure = False
        self.generic_visit(node)

    visit_With = visit_Try = visit_Delete = visit_Raise = visit_Assert = visit_Import = impure
    visit_ImportFrom = visit_ClassDef = impure

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Leave functions that are only defined here alone."""

    visit_Lambda = visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]


def root_of(node: ast.expr) -> str | None:
    """Return the variable that `a.b.c` begins with, None for other expressions."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def effects_of(body: Sequence[ast.AST], names: Names) -> Effects:
    """Return what statements change besides variables."""
    effects = Effects(names)
    for node in body:
        effects.visit(node)
    return effects


def raises_in(body: Iterable[ast.stmt]) -> list[tuple[int, str]]:
    """Return the raise statements that only the branch's own condition governs."""
    return [(s.lineno, "a raise statement") for s in body if isinstance(s, ast.Raise)]


def stores_of(body: Iterable[ast.AST]) -> dict[str, int]:
    """Return the variables that statements assign, with the last line that does."""
    return names_of(*body).stores
