"""What the cases of test_against_numpy.py are made of: operands and calls.

A case is (name, operands, keyword arguments); operands are made by `real`, `whole` … from a seed
that depends on the case, so that a case can be run again alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

Make = Callable[[np.random.Generator], Any]


def real(*shape: int, low: float = -3.0, high: float = 3.0) -> Make:
    return lambda rng: rng.uniform(low, high, shape).astype(np.float32)


def positive(*shape: int) -> Make:
    return real(*shape, low=0.1, high=3.0)


def unit(*shape: int) -> Make:
    return real(*shape, low=-0.95, high=0.95)


def special(*shape: int) -> Make:
    values = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan, 1e10, -1e-10, 3.0]
    return lambda rng: rng.choice(values, shape).astype(np.float32)


def holey(*shape: int) -> Make:
    def make(rng: np.random.Generator) -> Any:
        x = rng.uniform(-3, 3, shape).astype(np.float32)
        return np.where(rng.random(shape) < 0.3, np.float32(np.nan), x)

    return make


def whole(*shape: int, low: int = -9, high: int = 10) -> Make:
    return lambda rng: rng.integers(low, high, shape).astype(np.int32)


def natural(*shape: int) -> Make:
    return lambda rng: rng.integers(0, 10, shape).astype(np.uint8)


def truth(*shape: int) -> Make:
    return lambda rng: rng.random(shape) < 0.5


def cplx(*shape: int) -> Make:
    return lambda rng: (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def rising(n: int) -> Make:
    return lambda rng: np.sort(rng.uniform(-3, 3, n)).astype(np.float32)


def untrimmed_division(u: Any, v: Any) -> Any:
    """Return NumPy's quotient and its remainder at the length of the dividend."""
    quotient, rest = np.polydiv(u, v)
    return quotient, np.concatenate([np.zeros(len(u) - len(rest)), rest])


@dataclass(frozen=True)
class Case:
    """One call, to be compared with NumPy's."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    tol: float = 3e-6  # a few ulp of float32: other polynomials, other orders of summation
    reference: Callable[..., Any] | None = None

    @property
    def label(self) -> str:
        shown = [*self.names, *(f"{k}={v}" for k, v in self.kwargs.items())]
        return f"{self.name}({', '.join(shown)})".replace(" ", "")[:90]

    @property
    def names(self) -> list[str]:
        return [
            "x".join(map(str, np.shape(v))) + getattr(np.asarray(v).dtype, "char", "")
            if isinstance(v, np.ndarray)
            else str(v)[:20]
            for v in self.operands()
        ]

    def operands(self) -> list[Any]:
        rng = np.random.default_rng(crc32(self.name.encode()))
        return [made(a, rng) for a in self.args]


def made(arg: Any, rng: np.random.Generator) -> Any:
    """Return an operand; lists hold descriptions of several."""
    if callable(arg) and getattr(arg, "__qualname__", "").count("<locals>"):
        return arg(rng)
    if isinstance(arg, list):
        return [made(a, rng) for a in arg]
    return arg


def case(name: str, *args: Any, tol: float = 3e-6, reference: Any = None, **kwargs: Any) -> Case:
    return Case(name, args, kwargs, tol, reference)
