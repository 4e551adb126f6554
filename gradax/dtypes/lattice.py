"""Which dtype several operands are converted to.

A partial order with three nodes, i*, f* and c*, for weakly typed operands; the result is the least
node above all operands. Every answer is computed once for each trace key and then looked up.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import numpy as np

from gradax import errors
from gradax.config import TraceKey, current
from gradax.dtypes.extended import DType, ExtendedDType
from gradax.dtypes.names import ALL, COMPLEXES, FLOATS, SIGNED, SMALL_FLOATS, UNSIGNED, float0
from gradax.dtypes.parse import canonicalize_dtype, default_dtype, is_wide_dtype, parse_dtype
from gradax.dtypes.values import dtype_of, is_weak

Pair: TypeAlias = tuple[DType, bool]
Node: TypeAlias = np.dtype[Any] | str

_pairwise: Final[dict[tuple[TraceKey, DType, bool, DType, bool], Pair]] = {}
_several: Final[dict[tuple[TraceKey, tuple[Pair, ...]], Pair]] = {}

_WEAK_NODE: Final[dict[np.dtype[Any], str]] = {
    **dict.fromkeys((*SIGNED, *UNSIGNED), "i*"),
    **dict.fromkeys(FLOATS, "f*"),
    **dict.fromkeys(COMPLEXES, "c*"),
}
_WIDE: Final = {
    "i*": np.dtype(np.int64),
    "f*": np.dtype(np.float64),
    "c*": np.dtype(np.complex128),
}
_STEPS: Final = {
    "bool": "i*",
    "i*": "int1 int2 int4 int8 uint1 uint2 uint4 uint8",
    "uint8": "int16 uint16",
    "uint16": "int32 uint32",
    "uint32": "int64 uint64",
    "uint64": "f*",
    "int8": "int16",
    "int16": "int32",
    "int32": "int64",
    "int64": "f*",
    "f*": " ".join((*(dtype.name for dtype in SMALL_FLOATS), "bfloat16 float16 c*")),
    "bfloat16": "float32",
    "float16": "float32",
    "float32": "float64 complex64",
    "float64": "complex128",
    "c*": "complex64",
    "complex64": "complex128",
}


def promote2(a: DType, a_weak: bool, b: DType, b_weak: bool) -> Pair:
    """Return the dtype and the weakness of two operands together; a cached lookup."""
    try:
        return _pairwise[current.trace_key, a, a_weak, b, b_weak]
    except KeyError:
        result = _promote(((a, a_weak), (b, b_weak)))
        _pairwise[current.trace_key, a, a_weak, b, b_weak] = result
        return result


def promote_many(pairs: Iterable[Pair]) -> Pair:
    """Return the dtype and the weakness of (dtype, weak) operands together; a cached lookup."""
    key = (current.trace_key, tuple(pairs))
    found = _several.get(key)
    if found is None:
        found = _several[key] = _promote(key[1])
    return found


def result_type(*args: Any, return_weak: bool = False) -> Any:
    """Return the dtype of operands, dtypes or Python scalar types together.

    Errors: ValueError without arguments; TypePromotionError if no implicit conversion joins them.
    """
    if not args:
        raise ValueError("result_type: expected at least one array or dtype, got none")
    dtype, weak = promote_many([_pair(arg) for arg in args])
    if weak:
        dtype = default_dtype("u") if dtype in UNSIGNED else _dtype_of_node(_node(dtype, weak))
    return (dtype, weak) if return_weak else dtype


def promote_types(a: Any, b: Any) -> Any:
    """Return the dtype that values of dtypes `a` and `b` are converted to, 64-bit ones kept.

    Python's int, float and complex count as weakly typed.
    """
    dtype_a, dtype_b = parse_dtype(a), parse_dtype(b)
    if dtype_a == dtype_b:
        return dtype_a
    weak_a, weak_b = _is_weak_type(a), _is_weak_type(b)
    if weak_a and weak_b:
        return _join(frozenset((dtype_a, dtype_b)), strict=False)
    node = _join(frozenset((_node(dtype_a, weak_a), _node(dtype_b, weak_b))), _is_strict())
    found = _WIDE[node] if isinstance(node, str) else node
    is_wide = is_wide_dtype(dtype_a) or is_wide_dtype(dtype_b)
    return found if is_wide else canonicalize_dtype(found)


def _is_weak_type(x: Any) -> bool:
    return isinstance(x, type) and x in (int, float, complex)


def _pair(x: Any) -> Pair:
    if x is None:
        return default_dtype("f"), False
    if isinstance(x, type):
        return dtype_of(x), _is_weak_type(x)
    return dtype_of(x), is_weak(x)


def _promote(pairs: tuple[Pair, ...]) -> Pair:
    dtypes = {dtype for dtype, _ in pairs}
    all_weak = all(weak for _, weak in pairs)
    if len(dtypes) == 1:
        return dtypes.pop(), all_weak
    if all_weak:
        # Python numbers join even where `strict` keeps arrays apart.
        nodes = frozenset(_node(dtype, False) for dtype in dtypes)
        return _dtype_of_node(_join(nodes, strict=False)), True
    node = _join(frozenset(_node(dtype, weak) for dtype, weak in pairs), _is_strict())
    return _dtype_of_node(node), isinstance(node, str)


def _node(dtype: DType, weak: bool) -> Node:
    if isinstance(dtype, ExtendedDType) or dtype == float0:
        raise errors.DtypeError(
            f"type promotion: {dtype if dtype != float0 else 'float0'} goes with no other dtype;"
            " convert the operands to one dtype first"
        )
    return _WEAK_NODE.get(dtype, dtype) if weak else dtype


def _dtype_of_node(node: Node) -> np.dtype[Any]:
    return default_dtype(node[0]) if isinstance(node, str) else canonicalize_dtype(node)


def _is_strict() -> bool:
    return current.numpy_dtype_promotion == "strict"


def _join(nodes: frozenset[Node], strict: bool) -> Node:
    above = _above(strict)
    common = frozenset[Node].intersection(*(above[node] for node in nodes))
    for node in common:
        if above[node] == common:
            return node
    raise errors.TypePromotionError(_no_path(nodes, strict))


@functools.cache
def _above(strict: bool) -> dict[Node, frozenset[Node]]:
    steps = _strict_steps() if strict else _standard_steps()
    above: dict[Node, frozenset[Node]] = {}

    def climb(node: Node) -> frozenset[Node]:
        if node not in above:
            above[node] = frozenset((node,)).union(*(climb(step) for step in steps.get(node, ())))
        return above[node]

    for node in (*ALL, "i*", "f*", "c*"):
        climb(node)
    return above


def _standard_steps() -> dict[Node, tuple[Node, ...]]:
    def node(name: str) -> Node:
        return name if name.endswith("*") else np.dtype(name)

    return {node(low): tuple(map(node, highs.split())) for low, highs in _STEPS.items()}


def _strict_steps() -> dict[Node, tuple[Node, ...]]:
    return {
        "i*": (*SIGNED, *UNSIGNED, *FLOATS, *COMPLEXES),
        "f*": (*FLOATS, *COMPLEXES),
        "c*": COMPLEXES,
    }


def _no_path(nodes: frozenset[Node], strict: bool) -> str:
    python = {"i*": "Python int", "f*": "Python float", "c*": "Python complex"}
    names = sorted(python[n] if isinstance(n, str) else n.name for n in nodes)
    start = f"type promotion: no implicit conversion joins {', '.join(names)}"
    if strict:
        return (
            f"{start} while numpy_dtype_promotion='strict'; convert the operands with x.astype,"
            " or set numpy_dtype_promotion='standard'"
        )
    small = next((n for n in names if n.startswith(("float4", "float6", "float8"))), None)
    what = "floats of 8 bits or fewer" if small else "integers of 4 bits or fewer"
    example = "float32" if small else "int32"
    return f"{start}: {what} are converted only explicitly, for example x.astype('{example}')"
