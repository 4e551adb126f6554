"""Operands as users pass them, brought to one dtype and one shape.

What a pair of operands needs is found once for each pair of avals (for Python scalars: of types),
then looked up, so that `x + 1` costs a dictionary access more than the operation itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from gradax import dtypes
from gradax.config import current
from gradax.core.aval import Aval, Shape
from gradax.core.op import Op
from gradax.core.tracer import Tracer
from gradax.core.value import as_value, check_fits, conversion
from gradax.errors import DtypeError, RankPromotionError, at_user_line, user_stacklevel
from gradax.lax.convert import ConvertElementType
from gradax.lax.families import incompatible, unequal_axes
from gradax.lax.shapes import BroadcastInDim
from gradax.native import Array
from gradax.sizes import Size, same_shape

ARRAYS: Final = (Array, Tracer)
SCALARS: Final = dtypes.PYTHON_SCALARS
# What is a number without a shape, and the type whose rules it follows.
NUMBERS: Final = {**{kind: kind for kind in SCALARS}, Size: int}
INEXACT: Final = frozenset((*dtypes.FLOATS, *dtypes.COMPLEXES))
COMPLEX: Final = frozenset(dtypes.COMPLEXES)
INTEGERS: Final = frozenset((*dtypes.SIGNED, *dtypes.UNSIGNED))
UNSIGNED: Final = frozenset(dtypes.UNSIGNED)
BOOL: Final = np.dtype(np.bool_)

Fix = Callable[[Any], Any] | None
Plan = tuple[Fix, Fix]

MAX_PLANS: Final = 20_000
MAX_CONSTANTS: Final = 1_000
# For arithmetic, in which two bools are no numbers; for functions of floats; for all others.
_plans: Final[dict[tuple[Any, Any, Any], Plan]] = {}
_inexact_plans: Final[dict[tuple[Any, Any, Any], Plan]] = {}
_any_plans: Final[dict[tuple[Any, Any, Any], Plan]] = {}
_constants: Final[dict[tuple[type, Any, bool], Constants]] = {}


class Constants:
    """Python scalars of one type as rank-0 arrays of one dtype; the last ones are remembered."""

    __slots__ = ("aval", "cache", "is_checked")

    def __init__(self, kind: type, dtype: Any, weak: bool) -> None:
        self.aval = Aval((), dtype, weak)
        self.cache: dict[Any, Any] = {}
        self.is_checked = kind is int and dtype in INTEGERS

    def __call__(self, x: Any) -> Any:
        """Return the array of a scalar, made or remembered."""
        if type(x) is Size:
            return Size.to_number(x, self.aval.dtype, self.aval.weak_type)
        # 0.0 and -0.0 are equal as keys, and so are complex numbers whose zeros differ in sign.
        key = str(x) if type(x) is complex or x == 0 else x
        found = self.cache.get(key)
        if found is None:
            if len(self.cache) >= MAX_CONSTANTS:
                self.cache.clear()
            found = self.cache[key] = self.make(x)
        return found

    def make(self, x: Any) -> Any:
        """Return the array of a scalar."""
        if self.is_checked:
            check_fits(x, self.aval.dtype)
        with np.errstate(all="ignore"):
            return conversion.to_array(np.asarray(x).astype(self.aval.dtype), self.aval)


def constants(kind: type, dtype: Any, weak: bool = False) -> Constants:
    """Return the converter of Python scalars of type `kind` to a dtype."""
    found = _constants.get((kind, dtype, weak))
    if found is None:
        found = _constants[kind, dtype, weak] = Constants(kind, dtype, weak)
    return found


def operand(name: str, x: Any, position: int = 0) -> Any:
    """Return an argument of `name` as an array or tracer.

    Errors: TypeError for lists and whatever else is no array; jnp.asarray converts those.
    """
    if isinstance(x, ARRAYS):
        return x
    if type(x) in SCALARS:
        # A new array, since it may become the user's, who may donate it.
        return constants(type(x), dtypes.dtype_of(x), type(x) is not bool).make(x)
    if isinstance(x, (np.ndarray, np.generic, bool, int, float, complex, Size)):
        return as_value(x)
    if hasattr(x, "__jax_array__") and not isinstance(x, type):
        return operand(name, x.__jax_array__(), position)
    raise DtypeError(
        f"{name} requires arrays or numbers, got a value of type {type(x).__name__} at position"
        f" {position}.{at_user_line()}\nConvert it first, for example with jnp.asarray(x)."
    )


def operands(name: str, *xs: Any) -> list[Any]:
    """Return arguments of `name` as arrays or tracers."""
    return [operand(name, x, i) for i, x in enumerate(xs)]


def is_operand(x: Any) -> bool:
    """Tell whether a Python operator of an array accepts `x`."""
    return (
        isinstance(x, ARRAYS)
        or type(x) in SCALARS
        or isinstance(x, (np.ndarray, np.generic, bool, int, float, complex, Size))
        or (hasattr(x, "__jax_array__") and not isinstance(x, type))
    )


def binary(op: Op, x: Any, y: Any, of_bools: Op | None = None) -> Any:
    """Apply an operation, to two bools another one, in their common dtype and shape."""
    kx = x.aval if isinstance(x, ARRAYS) else type(x)
    ky = y.aval if isinstance(y, ARRAYS) else type(y)
    plan = _plans.get((kx, ky, current.trace_key))
    if plan is None:
        x, y, plan = planned(op.name, x, y, _plans)
        if of_bools is not None and dtypes_are_bool(x, y):
            return binary_any(of_bools, x, y)
    fx, fy = plan
    return op(x if fx is None else fx(x), y if fy is None else fy(y))


def binary_any(op: Op, x: Any, y: Any) -> Any:
    """Apply a comparison or another operation of any dtype to two operands."""
    kx = x.aval if isinstance(x, ARRAYS) else type(x)
    ky = y.aval if isinstance(y, ARRAYS) else type(y)
    plan = _any_plans.get((kx, ky, current.trace_key))
    if plan is None:
        x, y, plan = planned(op.name, x, y, _any_plans)
    fx, fy = plan
    return op(x if fx is None else fx(x), y if fy is None else fy(y))


def dtypes_are_bool(x: Any, y: Any) -> bool:
    """Tell whether two operands are both bools."""
    return pair_of(x)[0] == BOOL and pair_of(y)[0] == BOOL


def binary_inexact(op: Op, x: Any, y: Any) -> Any:
    """Apply an operation to two operands in their common float or complex dtype and shape."""
    kx = x.aval if isinstance(x, ARRAYS) else type(x)
    ky = y.aval if isinstance(y, ARRAYS) else type(y)
    plan = _inexact_plans.get((kx, ky, current.trace_key))
    if plan is None:
        x, y, plan = planned(op.name, x, y, _inexact_plans)
    fx, fy = plan
    return op(x if fx is None else fx(x), y if fy is None else fy(y))


def promoted(name: str, x: Any, y: Any, inexact: bool = False) -> tuple[Any, Any]:
    """Return two operands in their common dtype and shape; rank-0 ones are left rank-0."""
    x, y, (fx, fy) = planned(name, x, y, _inexact_plans if inexact else _any_plans)
    return x if fx is None else fx(x), y if fy is None else fy(y)


def key_of(x: Any) -> Any:
    """Return what plans know an operand by: its aval, or the type of a number."""
    kind = NUMBERS.get(type(x))
    return x.aval if kind is None else kind


def planned(
    name: str, x: Any, y: Any, plans: dict[tuple[Any, Any, Any], Plan]
) -> tuple[Any, Any, Plan]:
    """Return operands as arrays, tracers or Python scalars, with what each of them needs."""
    x = x if type(x) in NUMBERS else operand(name, x, 0)
    y = y if type(y) in NUMBERS else operand(name, y, 1)
    kx, ky = key_of(x), key_of(y)
    key = (kx, ky, current.trace_key)
    plan = plans.get(key)
    if plan is None:
        plan = make_plan(name, kx, ky, plans is _inexact_plans)
        if len(plans) >= MAX_PLANS:
            plans.clear()
        is_bool = plans is _plans and described(kx)[0] == BOOL == described(ky)[0]
        if not is_bool and not is_warned(kx, ky):
            plans[key] = plan
    return x, y, plan


def make_plan(name: str, kx: Any, ky: Any, inexact: bool) -> Plan:
    """Find what two operands need."""
    (dx, wx, sx), (dy, wy, sy) = described(kx), described(ky)
    dtype, weak = dtypes.promote2(dx, wx, dy, wy)
    if inexact:
        dtype = inexact_dtype(name, dtype)
    shape = broadcast_shape(name, sx, sy)
    return fix_for(kx, dtype, weak, shape), fix_for(ky, dtype, weak, shape)


def described(key: Any) -> tuple[Any, bool, Shape]:
    """Return the dtype, the weakness and the shape of an operand."""
    if isinstance(key, Aval):
        return key.dtype, key.weak_type, key.shape
    return dtypes.dtype_of(key), key is not bool, ()


def inexact_dtype(name: str, dtype: Any) -> Any:
    """Return the float or complex dtype in which a function of numbers is computed."""
    if dtypes.is_extended(dtype):
        raise DtypeError(f"{name} accepts numbers; got {dtype.name}{at_user_line()}")
    return dtype if dtype in INEXACT else dtypes.to_inexact_dtype(dtype)


def fix_for(key: Any, dtype: Any, weak: bool, shape: Shape) -> Fix:
    """Return the function that brings one operand to a dtype and shape, None for no change."""
    if not isinstance(key, Aval):
        return constants(key, dtype, weak)
    weak = weak and key.weak_type if key.dtype == dtype else weak
    convert = None if key.dtype == dtype else ConvertElementType(dtype, weak)
    spread = (
        broadcast_op(key.shape, shape) if key.shape and not same_shape(key.shape, shape) else None
    )
    if convert is None or spread is None:
        return convert or spread
    return lambda x: spread(convert(x))


@lru_cache(MAX_CONSTANTS)
def broadcast_op(shape: Shape, to: Shape) -> BroadcastInDim:
    """Return the operation that broadcasts a shape by NumPy's rule."""
    return BroadcastInDim(to, tuple(range(len(to) - len(shape), len(to))))


def broadcast_shape(name: str, *shapes: Shape) -> Shape:
    """Return the shape that all shapes broadcast to by NumPy's rule.

    Errors: TypeError naming the operation and the shapes; see also `numpy_rank_promotion`.
    """
    found = joint_shape(shapes)
    if found is None:
        raise incompatible(name, *shapes, mend=unequal_axes(*shapes))
    if current.numpy_rank_promotion != "allow":
        check_ranks(name, *shapes)
    return found


@lru_cache(MAX_CONSTANTS)
def joint_shape(shapes: tuple[Shape, ...]) -> Shape | None:
    """Return the shape that shapes broadcast to, None when there is none."""
    ndim = max(map(len, shapes), default=0)
    out: list[int] = []
    for sizes in zip(*((1,) * (ndim - len(s)) + s for s in shapes), strict=True):
        found = 1
        for n in sizes:
            if n != 1 and found != 1 and n != found:
                return None
            found = n if found == 1 else found
        out.append(found)
    return tuple(out)


def check_ranks(name: str, *shapes: Shape) -> None:
    """Warn or raise, as the setting says, where ranks above 0 differ."""
    if len({len(s) for s in shapes if s}) < 2:
        return
    message = (
        f"Operands of {name} have unlike ranks: {' and '.join(map(str, shapes))}, and the setting"
        f" numpy_rank_promotion is '{current.numpy_rank_promotion}'.{at_user_line()}\n"
        "Add axes with x[None] or jnp.expand_dims."
    )
    if current.numpy_rank_promotion == "raise":
        raise RankPromotionError(message)
    warnings.warn(message, UserWarning, stacklevel=user_stacklevel())


def is_warned(kx: Any, ky: Any) -> bool:
    """Tell whether broadcasting these operands warns, so that each call must."""
    ranks = {len(s) for s in (described(kx)[2], described(ky)[2]) if s}
    return len(ranks) > 1 and current.numpy_rank_promotion == "warn"


def inexact(op: Op, x: Any) -> Any:
    """Apply an operation to an operand in a float or complex dtype."""
    if not isinstance(x, ARRAYS):
        x = inexact_scalar(op.name, x)
    return op(x if x.aval.dtype in INEXACT else to_inexact(op.name, x))


def inexact_scalar(name: str, x: Any) -> Any:
    """Return what is no array of ours as an array, an integer as a float at once."""
    if type(x) in SCALARS:
        dtype = dtypes.to_inexact_dtype(dtypes.dtype_of(x))
        return constants(type(x), dtype, type(x) is not bool)(x)
    return operand(name, x)


def to_inexact(name: str, x: Any) -> Any:
    """Convert integers and bools to floats."""
    return convert(x, inexact_dtype(name, x.dtype), x.weak_type)


def convert(x: Any, dtype: Any, weak: bool = False) -> Any:
    """Return a value in `dtype`; nothing happens where it has it."""
    if type(x) in SCALARS:
        return constants(type(x), dtype, weak)(x)
    if type(x) is Size:
        return Size.to_number(x, dtype, weak)
    aval = x.aval
    if aval.dtype == dtype and aval.weak_type == weak:
        return x
    return ConvertElementType(dtype, weak)(x)


def pair_of(x: Any) -> tuple[Any, bool]:
    """Return the dtype and the weakness of a value."""
    kind = NUMBERS.get(type(x))
    if kind is not None:
        return dtypes.dtype_of(kind), kind is not bool
    return x.dtype, x.weak_type


def promote_dtypes(*xs: Any, inexact: bool = False) -> list[Any]:
    """Return values (arrays, tracers, Python scalars) in their common dtype."""
    dtype, weak = dtypes.promote_many([pair_of(x) for x in xs])
    if inexact:
        dtype = inexact_dtype("promotion", dtype)
    return [convert(x, dtype, weak) for x in xs]


def broadcast_operands(name: str, *xs: Any) -> list[Any]:
    """Return arrays broadcast to one shape, rank-0 ones too."""
    shape = broadcast_shape(name, *(x.shape for x in xs))
    return [broadcast(x, shape) for x in xs]


def broadcast(x: Any, shape: Shape) -> Any:
    """Return an array broadcast to `shape`, which its own shape must fit."""
    return x if x.shape == shape else broadcast_op(x.shape, shape)(x)


def result_pair(*xs: Any) -> tuple[Any, bool]:
    """Return the common dtype of values and whether it is weak."""
    return dtypes.promote_many([pair_of(x) for x in xs])


def shapes_text(shapes: Sequence[Shape]) -> str:
    """Return shapes as messages show them."""
    return ", ".join(map(str, shapes))
