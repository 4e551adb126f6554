"""The checker of kernel expressions: dtypes, ranks, index axes and shapes.

What it refuses is a bug in a `lower` rule or in a compiler pass, so it raises InternalError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax.errors import InternalError
from gradax.kernel.functions import (
    APPROXIMATED,
    BASIC,
    CHOICES,
    is_complex,
    is_float,
    real_dtype,
    result_dtype,
)
from gradax.kernel.interpret import arguments_of, operands_of
from gradax.kernel.ir import (
    BOOL,
    INT,
    Apply,
    Const,
    Index,
    Input,
    Join,
    Library,
    Load,
    Map,
    Prefix,
    Program,
    Reduce,
    Result,
    Scalar,
    Shape,
    Slot,
    Tensor,
    Update,
    View,
)
from gradax.kernel.meanings import arity

_FLOAT_ONLY = frozenset(APPROXIMATED) | {
    "fma", "sqrt", "floor", "ceil", "trunc", "round_even", "copysign",
}  # fmt: skip
_INTEGER_ONLY = frozenset({"shl", "shr", "sar", "popcount", "clz", "mulhi"})


def check_tensors(outputs: Sequence[Tensor]) -> None:
    """Raise an InternalError unless everything that `outputs` are computed from is well typed."""
    seen: set[Tensor] = set()
    stack = list(outputs)
    while stack:
        tensor = stack.pop()
        if tensor not in seen:
            seen.add(tensor)
            check_tensor(tensor)
            stack.extend(operands_of(tensor))


def expect(condition: bool, what: str, *got: object) -> None:
    """Raise an InternalError that names what was expected."""
    if not condition:
        raise InternalError(f"kernel expression: expected {what}; got {', '.join(map(str, got))}")


def check_tensor(tensor: Tensor) -> None:
    """Check one tensor, given that its operands are right."""
    expect(all(n >= 0 for n in tensor.shape), "a shape of sizes", tensor.shape)
    item = tensor.node if isinstance(tensor, Result) else tensor
    if isinstance(item, Input):
        expect(item.position >= 0, "an input's position", item.position)
    elif isinstance(item, Map):
        check_scalar(item.body, item.shape, item.dtype)
    elif isinstance(item, View):
        expect(item.nbytes == item.operand.nbytes, "a view of as many bytes", item.shape)
    elif isinstance(item, Reduce):
        check_reduce(item)
    elif isinstance(item, Prefix):
        expect(0 <= item.axis < len(item.shape), "an axis of the prefix", item.axis, item.shape)
        check_scalar(item.body, item.shape, item.init.dtype)
        check_combine((item.combine,), (item.init.dtype,))
    elif isinstance(item, Update):
        check_update(item)
    elif isinstance(item, Join):
        check_join(item)
    else:
        expect(isinstance(item, Library | Program), "a known node", type(item).__name__)


def check_reduce(node: Reduce) -> None:
    """Check a reduction."""
    expect(len(node.bodies) == len(node.inits) == len(node.combine), "equally many parts", node)
    dtypes = tuple(i.dtype for i in node.inits)
    for body, dtype in zip(node.bodies, dtypes, strict=True):
        check_scalar(body, node.shape + node.extents, dtype)
    check_combine(node.combine, dtypes)


def check_combine(rules: Sequence[Scalar], dtypes: Sequence[np.dtype[Any]]) -> None:
    """Check combining rules over accumulators and elements of `dtypes`."""
    for rule, dtype in zip(rules, dtypes, strict=True):
        check_scalar(rule, (), dtype, (*dtypes, *dtypes))


def check_update(node: Update) -> None:
    """Check an update."""
    expect(len(node.indices) == node.base.ndim, "an index for each axis", len(node.indices))
    for i in node.indices:
        check_scalar(i, node.space, INT)
    check_scalar(node.value, node.space, node.base.dtype)
    if node.guard is not None:
        check_scalar(node.guard, node.space, BOOL)
    check_combine((node.combine,), (node.base.dtype,))


def check_join(node: Join) -> None:
    """Check a join."""
    first = node.parts[0]
    for part in node.parts:
        expect(part.dtype == first.dtype, f"parts of {first.dtype}", part.dtype)
        same = [n for a, n in enumerate(part.shape) if a != node.axis] == [
            n for a, n in enumerate(first.shape) if a != node.axis
        ]
        expect(same and part.ndim == first.ndim, f"parts like {first.shape}", part.shape)


def check_scalar(
    root: Scalar,
    space: Shape,
    dtype: np.dtype[Any],
    slots: Sequence[np.dtype[Any]] = (),
) -> None:
    """Check a scalar of `dtype` over an index space, with slots of the given dtypes."""
    expect(root.dtype == dtype, f"a scalar of {dtype}", root.dtype)
    expect(root.axes >> len(space) == 0, f"axes of {space}", bin(root.axes))
    seen: set[Scalar] = set()
    stack = [root]
    while stack:
        s = stack.pop()
        if s in seen:
            continue
        seen.add(s)
        stack.extend(arguments_of(s))
        if isinstance(s, Slot):
            fits = s.position < len(slots) and slots[s.position] == s.dtype
            expect(fits, f"a slot of {list(map(str, slots))}", s.position, s.dtype)
        elif isinstance(s, Load):
            check_load(s)
        elif isinstance(s, Apply):
            check_apply(s)
        else:
            expect(isinstance(s, Const | Index), "a known scalar", type(s).__name__)


def check_load(s: Load) -> None:
    """Check a load."""
    expect(len(s.indices) == s.source.ndim, f"indices for {s.source.shape}", len(s.indices))
    expect(all(i.dtype == INT for i in s.indices), "int64 indices", *(i.dtype for i in s.indices))
    expect(s.guard is None or s.guard.dtype == BOOL, "a bool guard", s.guard and s.guard.dtype)


def check_apply(s: Apply) -> None:
    """Check the application of a function."""
    fn, dtypes = s.fn, tuple(a.dtype for a in s.args)
    expect(fn in BASIC or fn in APPROXIMATED, "a kernel function", fn)
    expect(len(s.args) == arity(fn), f"{arity(fn)} operands of {fn}", len(s.args))
    if fn == "bitcast":
        expect(s.dtype.itemsize == dtypes[0].itemsize, f"{dtypes[0]} as wide", s.dtype)
        return
    if fn == "convert":
        return
    first = dtypes[0]
    if fn in CHOICES:
        expect(first == BOOL, "a bool condition", first)
        first, dtypes = dtypes[1], dtypes[1:]
    expect(all(d == first for d in dtypes), f"operands of one dtype for {fn}", *dtypes)
    expect(s.dtype == result_dtype(fn, tuple(a.dtype for a in s.args)), f"{fn}'s dtype", s.dtype)
    inexact = is_float(first) or is_complex(first)
    expect(inexact or fn not in _FLOAT_ONLY, f"an inexact operand of {fn}", first)
    expect(fn not in _INTEGER_ONLY or not inexact, f"an integer operand of {fn}", first)
    if fn == "complex":
        expect(is_float(first) and s.dtype.itemsize == 2 * first.itemsize, "parts", first)
    if fn in ("real", "imag") and is_complex(first):
        expect(s.dtype == real_dtype(first), f"the parts of {first}", s.dtype)
