"""The precision of products: accepted everywhere, and never below the dtype's own on a CPU."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

from gradax.config import current
from gradax.errors import at_user_line


class Precision(enum.Enum):
    """How a device that has faster, coarser products may compute one."""

    DEFAULT = 0
    HIGH = 1
    HIGHEST = 2

    def __repr__(self) -> str:
        return f"Precision.{self.name}"

    __str__ = __repr__


class DotAlgorithmPreset(enum.Enum):
    """Named ways to compute a product, for devices that have several."""

    DEFAULT = 0
    ANY_F8_ANY_F8_F32 = 1
    ANY_F8_ANY_F8_F32_FAST_ACCUM = 2
    ANY_F8_ANY_F8_ANY = 3
    ANY_F8_ANY_F8_ANY_FAST_ACCUM = 4
    F16_F16_F16 = 5
    F16_F16_F32 = 6
    BF16_BF16_BF16 = 7
    BF16_BF16_F32 = 8
    BF16_BF16_F32_X3 = 9
    BF16_BF16_F32_X6 = 10
    BF16_BF16_F32_X9 = 11
    TF32_TF32_F32 = 12
    TF32_TF32_F32_X3 = 13
    F32_F32_F32 = 14
    F64_F64_F64 = 15

    def __repr__(self) -> str:
        return f"DotAlgorithmPreset.{self.name}"

    __str__ = __repr__


class DotAlgorithm(NamedTuple):
    """A way to compute a product, for devices that have several."""

    lhs_precision_type: Any
    rhs_precision_type: Any
    accumulation_type: Any
    lhs_component_count: int = 1
    rhs_component_count: int = 1
    num_primitive_operations: int = 1
    allow_imprecise_accumulation: bool = False


class AccuracyMode(enum.Enum):
    """How exact an elementary function shall be; all are within their stated bounds always."""

    HIGHEST = 1
    DEFAULT = 2


class Tolerance:
    """The errors that an elementary function may have: absolute, relative, in last places.

    Errors: ValueError for less than 0.
    """

    def __init__(self, atol: float = 0.0, rtol: float = 0.0, ulps: int = 0) -> None:
        if atol < 0 or rtol < 0 or ulps < 0:
            raise ValueError(f"Tolerance: expected none below 0; got {atol}, {rtol}, {ulps}")
        self.atol, self.rtol, self.ulps = atol, rtol, ulps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tolerance) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.atol, self.rtol, self.ulps))

    def __repr__(self) -> str:
        return f"Tolerance(atol={self.atol}, rtol={self.rtol}, ulps={self.ulps})"


PrecisionLike = Any  # None, a name, a Precision, a DotAlgorithmPreset, or a pair of them

_NAMES = {
    "default": Precision.DEFAULT, "fastest": Precision.DEFAULT, "bfloat16": Precision.DEFAULT,
    "high": Precision.HIGH, "tensorfloat32": Precision.HIGH, "bfloat16_3x": Precision.HIGH,
    "highest": Precision.HIGHEST, "float32": Precision.HIGHEST,
}  # fmt: skip


def canonical_precision(precision: PrecisionLike) -> Any:
    """Return None, a pair of `Precision`, or a preset; None takes the setting's.

    Errors: ValueError for anything that names no precision.
    """
    if precision is None:
        precision = current.default_matmul_precision
    if precision is None or isinstance(precision, DotAlgorithmPreset | DotAlgorithm):
        return precision
    if isinstance(precision, tuple | list) and len(precision) == 2:
        return tuple(one_precision(p) for p in precision)
    one = one_precision(precision)
    return one if isinstance(one, DotAlgorithmPreset) else (one, one)


def one_precision(precision: Any) -> Any:
    """Return the precision that a name or an enumerator means."""
    if precision is None:
        return Precision.DEFAULT
    if isinstance(precision, Precision):
        return precision
    if isinstance(precision, str):
        if precision.lower() in _NAMES:
            return _NAMES[precision.lower()]
        if precision.upper() in DotAlgorithmPreset.__members__:
            return DotAlgorithmPreset[precision.upper()]
    names = ", ".join(map(repr, _NAMES))
    raise ValueError(
        f"precision: expected None, one of {names}, a lax.Precision or a pair; got {precision!r}"
        f"{at_user_line()}"
    )
