"""`pure_callback`, `io_callback` and `debug.callback`: Python functions called by programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.arguments import check_callable, name_of
from gradax.control.callbacks import DebugCallback, IoCallback, PureCallback
from gradax.core.aval import Aval
from gradax.core.value import as_value, conversion
from gradax.errors import ArgumentError, ArgumentTypeError, CallbackError, at_user_line
from gradax.records import record

METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all")


@record
class FlatCallback:
    """A user's function of trees as a function of flat NumPy arrays.

    Two are equal when they call the same function on the same trees, so that programs traced twice
    are equal too.
    """

    what: str
    function: Callable[..., Any]
    in_tree: Any
    in_avals: tuple[Aval, ...]
    out_tree: Any
    out_avals: tuple[Aval, ...]

    def __call__(self, *flat: Any) -> Sequence[Any]:
        avals = self.in_avals
        leaves = [
            conversion.to_array(x, a if x.shape == a.shape else a.update(shape=x.shape))
            for x, a in zip(flat, avals, strict=True)
        ]
        args, kwargs = tree.unflatten(self.in_tree, leaves)
        result = self.function(*args, **kwargs)
        if self.out_tree is None:
            return ()
        found, structure = tree.flatten(result)
        if structure != self.out_tree:
            raise CallbackError(
                f"{self.what}: {name_of(self.function)} must return the tree {self.out_tree} as"
                f" result_shape_dtypes says; got {structure}."
                f"{defined_at(self.function)}"
            )
        return [
            checked(self.what, self.function, x, aval, flat, avals)
            for x, aval in zip(found, self.out_avals, strict=True)
        ]

    @property
    def __name__(self) -> str:
        return name_of(self.function)

    def __repr__(self) -> str:
        return f"<{self.what} {name_of(self.function)}>"


def checked(
    what: str, function: Any, x: Any, aval: Aval, flat: Sequence[Any], avals: Sequence[Aval]
) -> Any:
    """Return a result as a NumPy array of the type that was announced."""
    found = np.asarray(x)
    # Under vmap with expand_dims or broadcast_all, arguments and results have one more axis.
    extra = next((f.ndim - a.ndim for f, a in zip(flat, avals, strict=True)), 0)
    shape = found.shape[extra:] if extra > 0 else found.shape
    physical = getattr(aval.dtype, "physical", aval.dtype)
    if shape != aval.shape or not np.can_cast(found.dtype, physical, "same_kind"):
        raise CallbackError(
            f"{what}: {name_of(function)} must return {aval.str_short()} as result_shape_dtypes"
            f" says; got dtype {found.dtype}, shape {found.shape}.{defined_at(function)}"
        )
    return found.astype(physical, copy=False)


def defined_at(function: Any) -> str:
    """Return the line of a function that broke its contract, and the mend."""
    code = getattr(function, "__code__", None)
    where = f"\nat {code.co_filename}:{code.co_firstlineno} ({code.co_name})" if code else ""
    return f"{where}\nReturn what was announced, or announce what it returns."


def announced(what: str, shapes: Any) -> tuple[Any, tuple[Aval, ...]]:
    """Return the tree and the types that `result_shape_dtypes` announces."""
    leaves, structure = tree.flatten(shapes)
    for leaf in leaves:
        if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            raise ArgumentTypeError(
                f"{what}: expected result_shape_dtypes of arrays or ShapeDtypeStructs; got"
                f" {leaf!r}.{at_user_line()}"
            )
    avals = tuple(Aval(tuple(x.shape), dtypes.canonicalize_dtype(x.dtype)) for x in leaves)
    return structure, avals


def flatten_call(
    what: str, callback: Any, args: Any, kwargs: Any, shapes: Any
) -> tuple[FlatCallback, list[Any]]:
    """Return the flat function of a call, and its operands."""
    check_callable(what, callback)
    leaves, in_tree = tree.flatten((args, kwargs))
    values = [as_value(x) for x in leaves]
    out_tree, out_avals = (None, ()) if shapes is NOTHING else announced(what, shapes)
    avals = tuple(x.aval for x in values)
    return FlatCallback(what, callback, in_tree, avals, out_tree, out_avals), values


NOTHING: Any = object()


def pure_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    vmap_method: str | None = None,
    **kwargs: Any,
) -> Any:
    """Return `callback(*args, **kwargs)`, a call of Python that programs make when they run.

    The function must have no side effects: it may be called again, or not at all. It gets arrays
    and returns the tree of `result_shape_dtypes`. `vmap_method` says how a mapped call is made:
    "sequential" once an index, "expand_dims" or "broadcast_all" once with a leading axis.
    Errors: NotImplementedError under differentiation, and under vmap without a method.
    """
    if vmap_method is not None and vmap_method not in METHODS:
        raise ArgumentError(
            f"pure_callback: vmap_method is one of {', '.join(METHODS)}; got {vmap_method!r}."
            f"{at_user_line()}"
        )
    flat, values = flatten_call("pure_callback", callback, args, kwargs, result_shape_dtypes)
    outs = PureCallback(flat, flat.out_avals, vmap_method)(*values)
    return tree.unflatten(flat.out_tree, outs)


def io_callback(
    callback: Callable[..., Any],
    result_shape_dtypes: Any,
    *args: Any,
    sharding: Any = None,
    ordered: bool = False,
    **kwargs: Any,
) -> Any:
    """Return `callback(*args, **kwargs)`, a call of Python with side effects: made exactly once.

    Calls of one program run in its order; `ordered` refuses transformations that have none.
    Errors: NotImplementedError under differentiation, and under vmap when ordered.
    """
    flat, values = flatten_call("io_callback", callback, args, kwargs, result_shape_dtypes)
    outs = IoCallback(flat, flat.out_avals, bool(ordered))(*values)
    return tree.unflatten(flat.out_tree, outs)


def debug_callback(
    callback: Callable[..., None],
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    **kwargs: Any,
) -> None:
    """Call `callback(*args, **kwargs)` for its side effects whenever the program runs.

    Differentiation calls it with the primal values, vmap once for each index.
    """
    flat, values = flatten_call("debug.callback", callback, args, kwargs, NOTHING)
    DebugCallback(flat, (), bool(ordered))(*values)


class DebugEffect:
    """What `debug.callback` does: its calls may come in any order."""

    def __repr__(self) -> str:
        return "Debug"


class OrderedDebugEffect:
    """What `debug.callback(…, ordered=True)` does: its calls come in the program's order."""

    def __repr__(self) -> str:
        return "OrderedDebug"
