"""Comparisons, selection and clamping."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.core.value import as_value
from gradax.core.watch import watch
from gradax.errors import require
from gradax.lax.families import (
    ANY,
    BOOL_DTYPE,
    REAL,
    Comparison,
    aligned,
    batch_elementwise,
    check_same_dtype,
    tangent_like,
)
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar


@final
@operation
class Eq(Comparison):
    """Equality; NaN differs from everything."""

    fn = "eq"
    numpy = np.equal
    accepts = ANY


@final
@operation
class Ne(Comparison):
    """Inequality; NaN differs from everything."""

    fn = "ne"
    numpy = np.not_equal
    accepts = ANY


@final
@operation
class Lt(Comparison):
    """Less than."""

    fn = "lt"
    numpy = np.less
    accepts = REAL


@final
@operation
class Le(Comparison):
    """Less or equal."""

    fn = "le"
    numpy = np.less_equal
    accepts = REAL


@final
@operation
class Gt(Comparison):
    """Greater than."""

    fn = "gt"
    numpy = np.greater
    accepts = REAL


@final
@operation
class Ge(Comparison):
    """Greater or equal."""

    fn = "ge"
    numpy = np.greater_equal
    accepts = REAL


@final
@operation
class SelectN(Op):
    """`cases[which]` element by element.

    Shapes: which: bool or int32 [s] or [], cases: T[s] … -> T[s].
    """

    def infer(self, *avals: Aval) -> Aval:
        which, *cases = avals
        check_same_dtype(self, *cases)
        shapes = {c.shape for c in cases}
        require(len(shapes) == 1, self, "cases of one shape", *cases)
        boolean = which.dtype == BOOL_DTYPE
        require(boolean or which.dtype == np.int32, self, "a bool or int32 selector", which)
        require(not boolean or len(cases) <= 2, self, "at most two cases for a bool", *cases)
        require(which.shape in ((), cases[0].shape), self, "a selector of that shape", which)
        return cases[0].update(weak_type=all(c.weak_type for c in cases))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        dcases = tangents[1:]
        if all(map(is_zero, dcases)):
            return out, Zero(tangent_like(out))
        if watch.selection is not None:
            dcases = watch.selection(primals[0], dcases)
        zero = zeros(out.aval)
        return out, self(primals[0], *(zero if is_zero(d) else d for d in dcases))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        which, *cases = operands
        zero = zeros(ct.aval)
        grads: list[Any] = [None]
        for k, case in enumerate(cases):
            picked = [ct if j == k else zero for j in range(len(cases))]
            grads.append(self(which, *picked) if is_linear(case) else None)
        return tuple(grads)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
        case, dim = args[1], dims[1]
        shape = tuple(n for i, n in enumerate(np.shape(case)) if i != dim)
        out = [aligned(x, d, size, shape) for x, d in zip(args, dims, strict=True)]
        return self(out[0], *(broadcast_scalar(c, (size, *shape)) for c in out[1:])), 0

    def lower(self, *operands: kernel.Tensor) -> Any:
        which, *cases = operands
        shape = cases[0].shape

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            w = which[i] if which.shape else which[()]
            if w.dtype == kernel.BOOL:
                return kernel.select(w, cases[-1][i], cases[0][i])
            out = cases[-1][i]
            for k in reversed(range(len(cases) - 1)):
                out = kernel.select(kernel.apply("le", w, k), cases[k][i], out)
            return out

        return kernel.compute(shape, element)

    def reference(self, *operands: Any) -> Any:
        which, *cases = operands
        if which.dtype == BOOL_DTYPE:
            return np.where(which, cases[-1], cases[0])
        which = np.clip(which, 0, len(cases) - 1)
        return np.select([which == k for k in range(len(cases))], cases, cases[-1])


@final
@operation
class Clamp(Op):
    """`x` kept between `low` and `high`; where low > high, high.

    Shapes: low: T[s] or [], x: T[s], high: T[s] or [] -> T[s].
    """

    def infer(self, *avals: Aval) -> Aval:
        low, x, high = avals
        check_same_dtype(self, *avals)
        require(low.shape in ((), x.shape), self, f"a low bound of shape () or {x.shape}", low)
        require(high.shape in ((), x.shape), self, f"a high bound of shape () or {x.shape}", high)
        return x

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        low, x, high = primals
        out = self(low, x, high)
        if all(map(is_zero, tangents)):
            return out, Zero(tangent_like(out))
        low, high = (broadcast_scalar(b, x.shape) for b in (low, high))
        zero = zeros(out.aval)
        terms = [zero if is_zero(t) else broadcast_scalar(t, x.shape) for t in tangents]
        # At a bound itself the tangent is zero, as it is where the bounds cross for the lower one.
        low_holds = SelectN()(Gt()(low, x), zero, SelectN()(Lt()(low, high), zero, terms[0]))
        inside = SelectN()(Lt()(low, x), low_holds, SelectN()(Lt()(x, high), zero, terms[1]))
        return out, SelectN()(Lt()(high, x), inside, terms[2])

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return batch_elementwise(self, args, dims)

    def lower(self, *operands: kernel.Tensor) -> Any:
        low, x, high = operands

        def element(*i: kernel.Scalar) -> kernel.Scalar:
            least = low[i] if low.shape else low[()]
            most = high[i] if high.shape else high[()]
            return kernel.apply("min", kernel.apply("max", x[i], least), most)

        return kernel.compute(x.shape, element)

    def reference(self, *operands: Any) -> Any:
        low, x, high = operands
        return np.minimum(np.maximum(x, low), high)


def zeros(aval: Aval) -> Any:
    """Return an array of zeros."""
    zero = np.zeros((), aval.dtype if not dtypes.is_extended(aval.dtype) else np.uint64)
    return broadcast_scalar(zero, aval.shape)


def extremum_share(x: Any, y: Any, out: Any) -> Any:
    """Return 1 where `x` alone is `out`, 1/2 where `y` is too, 0 elsewhere."""
    one, half, zero = (np.asarray(v, out.dtype) for v in (1, 0.5, 0))
    shape = out.shape
    one, half, zero = (broadcast_scalar(v, shape) for v in (one, half, zero))
    x, y = broadcast_scalar(x, shape), broadcast_scalar(y, shape)
    tied = SelectN()(Eq()(y, out), one, half)
    return SelectN()(Eq()(x, out), zero, tied)


def eq(x: Any, y: Any) -> Any:
    """Return x == y elementwise."""
    return Eq()(*operands(x, y))


def ne(x: Any, y: Any) -> Any:
    """Return x != y elementwise."""
    return Ne()(*operands(x, y))


def lt(x: Any, y: Any) -> Any:
    """Return x < y elementwise."""
    return Lt()(*operands(x, y))


def le(x: Any, y: Any) -> Any:
    """Return x <= y elementwise."""
    return Le()(*operands(x, y))


def gt(x: Any, y: Any) -> Any:
    """Return x > y elementwise."""
    return Gt()(*operands(x, y))


def ge(x: Any, y: Any) -> Any:
    """Return x >= y elementwise."""
    return Ge()(*operands(x, y))


def select(pred: Any, on_true: Any, on_false: Any) -> Any:
    """Return `on_true` where `pred` holds, `on_false` elsewhere."""
    return SelectN()(as_value(pred), *reversed(operands(on_true, on_false)))


def select_n(which: Any, *cases: Any) -> Any:
    """Return `cases[which]` elementwise.

    Shapes: which: bool or int32 [s] or [], cases: T[s] … -> T[s].
    Errors: TypeError without cases, or when shapes or dtypes differ.
    """
    require(len(cases) > 0, "select_n", "at least one case", "none")
    return SelectN()(as_value(which), *operands(*cases))


def clamp(min: Any, x: Any, max: Any) -> Any:
    """Return `x` kept within `min` … `max`; bounds have x's shape or rank 0."""
    return Clamp()(*operands(min, x, max))
