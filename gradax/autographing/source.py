"""The syntax tree of a function, found in the file that it was read from."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from types import CodeType, FunctionType

from gradax.errors import AutographError

FunctionNode = ast.FunctionDef | ast.Lambda


def refused(filename: str, line: int, function: str, reason: str, mend: str) -> AutographError:
    """Make an error that shows a line of the user's program and says what is wrong with it."""
    text = linecache.getline(filename, line).strip()
    shown = f"\n    {text}" if text else ""
    return AutographError(
        f"autograph: {reason}\nat {filename}:{line} ({function}){shown}\n{mend}".rstrip()
    )


def syntax_of(fun: FunctionType) -> FunctionNode:
    """Return a copy of a function's syntax tree, with the positions that it has in its file.

    Errors: AutographError where there is no source, or where it is not that of the function.
    """
    code = fun.__code__
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, fun.__globals__)
    if not lines:
        raise AutographError(
            f"autograph: the source of {fun.__name__} cannot be read ({code.co_filename}), as for"
            " functions typed at Python's prompt or made by exec.\nWrite it in a file or a notebook"
            " cell."
        )
    try:
        module = parse("".join(lines), code.co_filename)
    except SyntaxError as error:
        raise stale(fun) from error
    found = [node for node in candidates(module, code) if has_arguments(node, code)]
    if len(found) > 1:
        found = [node for node in found if is_at_position(node, code)][-1:]
    if len(found) != 1:
        raise stale(fun)
    return deepcopy(found[0])


def stale(fun: FunctionType) -> AutographError:
    """Make the error for a file that no longer holds the function."""
    code = fun.__code__
    return AutographError(
        f"autograph: {fun.__name__} is not at {code.co_filename}:{code.co_firstlineno}; the file"
        " has changed since it was imported.\nRestart Python, or import the module again."
    )


@lru_cache(maxsize=32)
def parse(text: str, filename: str) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(text, filename)


def candidates(module: ast.Module, code: CodeType) -> Iterator[FunctionNode]:
    """Yield the functions that begin where the code does."""
    for node in ast.walk(module):
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>":
            if node.lineno == code.co_firstlineno:
                yield node
        elif isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            if first == code.co_firstlineno:
                yield node


def parameters(node: FunctionNode) -> list[str]:
    """Return the names of a function's parameters, in the order that its code has them."""
    a = node.args
    names = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs)]
    return names + [p.arg for p in (a.vararg, a.kwarg) if p is not None]


def has_arguments(node: FunctionNode, code: CodeType) -> bool:
    """Tell whether code has a function's parameters (private names may be mangled)."""
    names = parameters(node)
    own = code.co_varnames[: len(names)]
    return len(own) == len(names) and all(
        a == b or (b.startswith("_") and b.endswith(a)) for a, b in zip(names, own, strict=True)
    )


def is_at_position(node: FunctionNode, code: CodeType) -> bool:
    """Tell whether the instructions of code are all in the body of a function."""
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    start = (body[0].lineno, body[0].col_offset)
    stop = (body[-1].end_lineno or 0, body[-1].end_col_offset or 0)
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or not end_column or column is None:
            continue
        if (line, column) < start or (end_line, end_column) > stop:
            return False
    return True


def class_of(qualname: str) -> str:
    """Return the class in whose body a function stands, for private names; '' for none."""
    parts = qualname.split(".")[:-1]
    while parts and parts[-1] == "<locals>":
        parts = parts[:-2]
    return parts[-1] if parts else ""


class Mangle(ast.NodeTransformer):
    """Write private names (`self.__x`) as Python does inside the class."""

    def __init__(self, class_name: str) -> None:
        self.stem = class_name.lstrip("_")

    def mangled(self, name: str) -> str:
        """Return the name that Python gives an identifier."""
        is_private = name.startswith("__") and not name.endswith("__") and "." not in name
        return f"_{self.stem}{name}" if is_private and self.stem else name

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "attr", "arg", "name"):
            value = getattr(node, field, None)
            if isinstance(value, str) and not isinstance(node, ast.keyword):
                setattr(node, field, self.mangled(value))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self.mangled(n) for n in node.names]
        return super().generic_visit(node)
