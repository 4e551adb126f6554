"""Operations on the bits of integers: logic, shifts, counts, the upper half of a product."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from gradax.core.op import operation
from gradax.core.tangent import Zero
from gradax.core.value import as_value
from gradax.kernel.meanings import meaning
from gradax.lax.families import BITS, INTEGER, Binary, Unary, tangent_like
from gradax.lax.operands import operands


@final
@operation
class Not(Unary):
    """The complement: logical of bools, bitwise of integers."""

    fn = "not"
    numpy = np.invert
    accepts = BITS


@final
@operation
class And(Binary):
    """The conjunction: logical of bools, bitwise of integers."""

    fn = "and"
    numpy = np.bitwise_and
    accepts = BITS


@final
@operation
class Or(Binary):
    """The disjunction: logical of bools, bitwise of integers."""

    fn = "or"
    numpy = np.bitwise_or
    accepts = BITS


@final
@operation
class Xor(Binary):
    """The exclusive disjunction: logical of bools, bitwise of integers."""

    fn = "xor"
    numpy = np.bitwise_xor
    accepts = BITS


@final
@operation
class ShiftLeft(Binary):
    """Bits moved up; 0 where the distance is not within 0 … bits - 1."""

    fn = "shl"
    numpy = meaning("shl")
    accepts = INTEGER


@final
@operation
class ShiftRightLogical(Binary):
    """Bits moved down, zeros coming in; 0 where the distance is not within 0 … bits - 1."""

    fn = "shr"
    numpy = meaning("shr")
    accepts = INTEGER


@final
@operation
class ShiftRightArithmetic(Binary):
    """Bits moved down, the sign coming in; only signs where the distance is out of range."""

    fn = "sar"
    numpy = meaning("sar")
    accepts = INTEGER


@final
@operation
class PopulationCount(Unary):
    """The number of bits that are set."""

    fn = "popcount"
    numpy = meaning("popcount")
    accepts = INTEGER


@final
@operation
class Clz(Unary):
    """The number of leading zeros."""

    fn = "clz"
    numpy = meaning("clz")
    accepts = INTEGER


@final
@operation
class Mulhi(Binary):
    """The upper half of the product of integers of twice the width."""

    fn = "mulhi"
    numpy = meaning("mulhi")
    accepts = INTEGER

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        out = self(*primals)
        return out, Zero(tangent_like(out))


def bitwise_not(x: Any) -> Any:
    """Return ~x elementwise, for integers and bools."""
    return Not()(as_value(x))


def bitwise_and(x: Any, y: Any) -> Any:
    """Return x & y elementwise, for integers and bools."""
    return And()(*operands(x, y))


def bitwise_or(x: Any, y: Any) -> Any:
    """Return x | y elementwise, for integers and bools."""
    return Or()(*operands(x, y))


def bitwise_xor(x: Any, y: Any) -> Any:
    """Return x ^ y elementwise, for integers and bools."""
    return Xor()(*operands(x, y))


def shift_left(x: Any, y: Any) -> Any:
    """Return x << y elementwise; 0 where y is not within 0 … bits - 1."""
    return ShiftLeft()(*operands(x, y))


def shift_right_logical(x: Any, y: Any) -> Any:
    """Return x >> y elementwise, filling with zeros."""
    return ShiftRightLogical()(*operands(x, y))


def shift_right_arithmetic(x: Any, y: Any) -> Any:
    """Return x >> y elementwise, filling with the sign."""
    return ShiftRightArithmetic()(*operands(x, y))


def population_count(x: Any) -> Any:
    """Return the number of set bits elementwise."""
    return PopulationCount()(as_value(x))


def clz(x: Any) -> Any:
    """Return the number of leading zeros elementwise."""
    return Clz()(as_value(x))


def mulhi(x: Any, y: Any, /) -> Any:
    """Return the upper half of the full product elementwise."""
    return Mulhi()(*operands(x, y))
