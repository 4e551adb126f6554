"""Rewrite scalars to what the machine computes: flat loads of slots, no complex numbers, no short
floats but in memory, no approximated functions.

Pre:  scalars of a graph's item.
Post: every load is of a slot at one flat offset; every function is basic, or one that the kernel
      applies so often that it is called instead of written out; dtypes are bool, integers, float32
      and float64, and short floats only under `convert` and in loads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from gradax.compiler.graph.rewrite import parts_of
from gradax.errors import CompileError
from gradax.kernel import Apply, Const, Index, Load, Scalar, Slot, Tensor, const, load, slot
from gradax.kernel.build import apply, bitcast, convert, flat_index, select
from gradax.kernel.functions import (
    APPROXIMATED,
    BASIC,
    COMPARISONS,
    is_complex,
    is_float,
    real_dtype,
)
from gradax.kernel.ir import interned
from gradax.kernel.math import expand, expand_complex

F32 = np.dtype(np.float32)
Pair = tuple[Scalar, Scalar]
Machine = Scalar | Pair
# A function applied oftener than this in one kernel is called: its text is there once.
MOST_WRITTEN_OUT = 6


class Lowering:
    """Rewrites the scalars of one kernel; `slot_of` numbers the tensors that it reads.

    `folded` are the dtypes of what a kernel combines, `called` the functions not to write out.
    """

    def __init__(
        self,
        slot_of: Callable[[Tensor], Tensor],
        folded: Sequence[np.dtype[Any]] = (),
        called: frozenset[str] = frozenset(),
    ) -> None:
        self.slot_of, self.called = slot_of, called
        # Where the parts of each operand of a combining function begin.
        widths = [2 if is_complex(d) else 1 for d in (*folded, *folded)]
        self.starts = list(accumulate(widths, initial=0))
        self.memo: dict[Scalar, Machine] = {}

    def __call__(self, root: Scalar) -> Machine:
        """Return the machine scalar of `root`; a pair when it is complex."""
        memo, stack = self.memo, [root]
        while stack:
            node = stack[-1]
            pending = () if node in memo else [p for p in parts_of(node) if p not in memo]
            if pending:
                stack.extend(pending)
                continue
            stack.pop()
            if node not in memo:
                memo[node] = self.lower(node)
        return memo[root]

    def one(self, node: Scalar) -> Scalar:
        """Return the machine scalar of a node that is not complex."""
        out = self.memo[node]
        assert isinstance(out, Scalar)
        return out

    def lower(self, node: Scalar) -> Machine:
        """Lower a node whose parts have been."""
        if isinstance(node, Const):
            return lower_const(node)
        if isinstance(node, Index):
            return node
        if isinstance(node, Slot):
            return lower_slot(node, self.starts[node.position])
        if isinstance(node, Load):
            return self.lower_load(node)
        assert isinstance(node, Apply)
        args = tuple(self.memo[a] for a in node.args)
        real = tuple(a for a in args if isinstance(a, Scalar))
        if len(real) < len(args) or is_complex(node.dtype):
            return lower_complex(node, args)
        if node.fn in self.called and not any(isinstance(a, Const) for a in real):
            return apply(node.fn, *real)
        return lower_apply(node, real)

    def lower_load(self, node: Load) -> Machine:
        """Make a load flat."""
        source = self.slot_of(node.source)
        indices = [self.one(i) for i in node.indices]
        offset = flat_index(indices, node.source.shape)
        guard = None if node.guard is None else self.one(node.guard)
        if is_complex(node.dtype):
            double = apply("mul", offset, 2)
            return load(source, (double,), guard), load(source, (apply("add", double, 1),), guard)
        return widen(load(source, (offset,), guard))


def called_functions(roots: Iterable[Scalar]) -> frozenset[str]:
    """Return the approximated functions that scalars apply so often that they are called."""
    counts: Counter[str] = Counter()
    seen: set[Scalar] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen or node.cost <= 1:
            continue
        seen.add(node)
        if isinstance(node, Apply) and node.fn in APPROXIMATED:
            counts[node.fn] += 1
        stack.extend(parts_of(node))
    return frozenset(fn for fn, n in counts.items() if n > MOST_WRITTEN_OUT)


def is_short(dtype: np.dtype[Any]) -> bool:
    """Tell a float shorter than float32."""
    return is_float(dtype) and dtype.itemsize < 4


def widen(x: Scalar) -> Scalar:
    """Return a short float as float32."""
    return convert(x, F32) if is_short(x.dtype) else x


def lower_const(node: Const) -> Machine:
    """Lower a constant."""
    if is_complex(node.dtype):
        part = real_dtype(node.dtype)
        return const(node.value.real, part), const(node.value.imag, part)
    return const(node.value, F32) if is_short(node.dtype) else node


def lower_slot(node: Slot, start: int) -> Machine:
    """Lower a combining function's operand, which is slot `start`; a complex one takes two."""
    if is_complex(node.dtype):
        part = real_dtype(node.dtype)
        return slot(start, part), slot(start + 1, part)
    return slot(start, F32 if is_short(node.dtype) else node.dtype)


def lower_apply(node: Apply, args: tuple[Scalar, ...]) -> Scalar:
    """Lower a function of real operands."""
    if node.fn == "convert":
        if is_short(node.dtype):  # rounded to the short type, then computed with as float32
            return widen(convert(args[0], node.dtype))
        return convert(args[0], node.dtype)
    if node.fn == "bitcast":
        operand = args[0]
        if is_short(node.args[0].dtype):
            operand = convert(operand, node.args[0].dtype)
        return widen(bitcast(operand, node.dtype))
    if node.fn in BASIC:
        return apply(node.fn, *args)
    try:
        return interned.get((expand, node.fn, args), lambda: expand(node.fn, args))
    except KeyError:
        raise CompileError(f"no approximation of {node.fn} for {node.dtype}") from None


def lower_complex(node: Apply, args: tuple[Machine, ...]) -> Machine:
    """Lower a function with complex operands or result to real arithmetic."""
    fn = node.fn
    if fn == "complex":
        real, imag = args
        assert isinstance(real, Scalar) and isinstance(imag, Scalar)
        return real, imag
    if fn in ("real", "imag"):
        x = args[0]
        return x[fn == "imag"] if isinstance(x, tuple) else x
    if fn == "convert":
        return convert_complex(args[0], node.dtype)
    if fn == "select":
        condition, yes, no = args
        assert isinstance(condition, Scalar) and isinstance(yes, tuple) and isinstance(no, tuple)
        return select(condition, yes[0], no[0]), select(condition, yes[1], no[1])
    pairs = [a if isinstance(a, tuple) else (a, const(0, a.dtype)) for a in args]
    if fn in ("add", "sub"):
        (a, b), (c, d) = pairs
        return apply(fn, a, c), apply(fn, b, d)
    if fn == "neg":
        return apply("neg", pairs[0][0]), apply("neg", pairs[0][1])
    if fn == "mul":
        return multiply(*pairs)
    if fn in COMPARISONS:
        return compare(fn, *pairs)
    return expand_complex(fn, pairs)


def convert_complex(x: Machine, dtype: np.dtype[Any]) -> Machine:
    """Convert to or from complex."""
    if not is_complex(dtype):
        real = x[0] if isinstance(x, tuple) else x
        if dtype == np.bool_ and isinstance(x, tuple):
            return apply("or", apply("ne", x[0], 0), apply("ne", x[1], 0))
        return widen(convert(real, dtype))
    part = real_dtype(dtype)
    if isinstance(x, tuple):
        return convert(x[0], part), convert(x[1], part)
    return convert(x, part), const(0, part)


def multiply(x: Pair, y: Pair) -> Pair:
    """Multiply complex numbers."""
    (a, b), (c, d) = x, y
    real = apply("sub", apply("mul", a, c), apply("mul", b, d))
    return real, apply("add", apply("mul", a, d), apply("mul", b, c))


def compare(fn: str, x: Pair, y: Pair) -> Scalar:
    """Compare complex numbers: equality of both parts, order lexicographic."""
    (a, b), (c, d) = x, y
    if fn in ("eq", "ne"):
        joined = "and" if fn == "eq" else "or"
        return apply(joined, apply(fn, a, c), apply(fn, b, d))
    strict = "lt" if fn in ("lt", "le") else "gt"
    tie = apply("and", apply("eq", a, c), apply(fn, b, d))
    return apply("or", apply(strict, a, c), tie)
