"""`autograph`: a function whose if, while and for work on traced values."""

from __future__ import annotations
import __future__

import ast
import functools
import inspect
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

from gradax.autographing.runtime import Runtime
from gradax.autographing.scopes import has_yield
from gradax.autographing.source import Mangle, class_of, refused, syntax_of
from gradax.autographing.statements import FunctionConverter, Unit
from gradax.autographing.syntax import at, no_arguments
from gradax.errors import ArgumentTypeError, AutographError, at_user_line
from gradax.locks import make_lock
from gradax.records import record

_LIBRARY = __name__.split(".")[0]
_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag


@record
class Converted:
    """The converted code of a function, and the runtime that it calls."""

    code: CodeType
    prefix: str
    runtime: Runtime


class Conversions:
    """Converted code by the code that it comes from: functions made again and again share it."""

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[CodeType, Converted] = WeakKeyDictionary()
        self._lock = make_lock()

    def of(self, fun: FunctionType) -> Converted:
        """Return the converted code of a function."""
        with self._lock:
            found = self._found.get(fun.__code__)
            # Equal code of another file has other lines.
            if found is None or found.code.co_filename != fun.__code__.co_filename:
                found = self._found[fun.__code__] = convert(fun)
            return found


conversions = Conversions()


def autograph(fun: Callable[..., Any]) -> Any:
    """Return `fun` with its control flow working on traced values.

    `if`, `while`, `for`, conditional expressions, `and`, `or`, `not`, chained comparisons, and
    `return`, `break` and `continue` inside them become `cond`, `while_loop` and `scan` where a
    condition is traced, and stay what they are in Python where it is known. Functions defined
    inside are converted as well, those that are called only if they are decorated themselves.
    Errors: AutographError, a TypeError, with the line that cannot be converted and the reason: at
    once for what never can, at the call for what a traced condition cannot govern.
    """
    if isinstance(fun, staticmethod | classmethod):
        return type(fun)(autograph(fun.__func__))
    if isinstance(fun, MethodType):
        return MethodType(autograph(fun.__func__), fun.__self__)
    if isinstance(fun, functools.partial):
        return functools.partial(autograph(fun.func), *fun.args, **fun.keywords)
    if not isinstance(fun, FunctionType):
        return convert_callable(fun)
    if fun.__dict__.get("_is_autographed"):
        return fun
    if fun.__module__ is not None and fun.__module__.split(".")[0] == _LIBRARY:
        raise made_by_library(fun)
    new = fun.__dict__.get("_autographed")
    if new is None or new.__code__ is not conversions.of(fun).code:
        new = with_code(fun, conversions.of(fun))
        # Kept with the function: what `jit` has traced is found again by the identity of its own.
        fun.__dict__["_autographed"] = new
    return new


def convert_callable(fun: Any) -> Any:
    """Return what is not a function, but can be called, converted."""
    if callable(fun) and not isinstance(fun, type):
        call = type(fun).__call__
        if isinstance(call, FunctionType) and not hasattr(fun, "__wrapped__"):
            return MethodType(autograph(call), fun)
        raise made_by_library(fun)
    raise ArgumentTypeError(
        f"autograph: expected a function; got {type(fun).__name__}: {repr(fun)[:60]}."
        f"{at_user_line()}"
    )


def made_by_library(fun: Any) -> AutographError:
    """Make the error for a function that has no Python of the user's own."""
    name = getattr(fun, "__name__", type(fun).__name__)
    return AutographError(
        f"autograph: {name} is a compiled or transformed function, not one written in Python."
        f"{at_user_line()}\nConvert the function inside it: put @gradax.autograph below the other"
        " decorators, or write jit(f, autograph=True)."
    )


def with_code(fun: FunctionType, converted: Converted) -> FunctionType:
    """Return a function like another, with converted code."""
    cells = dict(zip(fun.__code__.co_freevars, fun.__closure__ or (), strict=True))
    cells[converted.prefix] = CellType(converted.runtime)
    closure = tuple(cells[name] for name in converted.code.co_freevars)
    new = FunctionType(converted.code, fun.__globals__, fun.__name__, fun.__defaults__, closure)
    new.__kwdefaults__ = fun.__kwdefaults__
    functools.update_wrapper(new, fun)
    new.__dict__["_is_autographed"] = True
    return new


def convert(fun: FunctionType) -> Converted:
    """Return the converted code of a function."""
    code = fun.__code__
    tree = syntax_of(fun)
    check_kind(fun, tree)
    class_name = class_of(fun.__qualname__)
    if class_name:
        tree = Mangle(class_name).visit(tree)
    node = definition(tree, fun.__name__)
    unit = Unit(node, code.co_filename, fun.__name__)
    FunctionConverter(unit, node).convert()
    free = [ast.arg(name) for name in (*code.co_freevars, unit.prefix)]
    factory = ast.FunctionDef(unit.prefix, no_arguments(), [node], [], None)
    factory.args.args = free
    module = at(tree, ast.Module([at(tree, factory)], []))
    flags = code.co_flags & _FUTURE
    compiled = compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)
    inner = only_code(only_code(compiled))
    return Converted(renamed(inner, fun, unit.prefix), unit.prefix, Runtime(tuple(unit.sites)))


def check_kind(fun: FunctionType, tree: ast.AST) -> None:
    """Raise for generators and coroutines."""
    flags = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    if not fun.__code__.co_flags & flags:
        return
    body = getattr(tree, "body", [])
    found = has_yield(body if isinstance(body, list) else [body]) or tree
    raise refused(
        fun.__code__.co_filename, getattr(found, "lineno", fun.__code__.co_firstlineno),
        fun.__name__, "generators and async functions cannot be converted.",
        "Return the values, or decorate the functions that it calls.",
    )  # fmt: skip


def definition(tree: ast.FunctionDef | ast.Lambda, name: str) -> ast.FunctionDef:
    """Return a function's definition without what was evaluated when it was defined."""
    if isinstance(tree, ast.Lambda):
        body: list[ast.stmt] = [at(tree.body, ast.Return(tree.body))]
        tree = at(tree, ast.FunctionDef(name, tree.args, body, [], None))
    a = tree.args
    a.defaults, a.kw_defaults = [], [None] * len(a.kwonlyargs)
    for parameter in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg):
        if parameter is not None:
            parameter.annotation = None
    tree.decorator_list, tree.returns = [], None
    return tree


def only_code(code: CodeType) -> CodeType:
    """Return the code of the one function that code defines."""
    return next(c for c in code.co_consts if isinstance(c, CodeType))


def renamed(code: CodeType, fun: FunctionType, prefix: str) -> CodeType:
    """Give code, and the functions that stand for its parts, the name that the user gave it."""

    def visit(inner: CodeType, name: str, qualname: str) -> CodeType:
        constants = []
        for constant in inner.co_consts:
            if isinstance(constant, CodeType):
                is_thunk = f"{prefix}part" in constant.co_varnames
                is_part = is_thunk or constant.co_name.startswith(prefix)
                own = name if is_part else constant.co_name
                path = qualname if is_part else f"{qualname}.<locals>.{own}"
                constant = visit(constant, own, path)
            constants.append(constant)
        return inner.replace(co_name=name, co_qualname=qualname, co_consts=tuple(constants))

    return visit(code, fun.__name__, fun.__qualname__)
