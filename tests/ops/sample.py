"""Samples: an operation with operands to try it on, made on demand from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import ml_dtypes
import numpy as np

from gradax import dtypes as gx_dtypes
from gradax.core.op import Op

Array = np.ndarray[Any, Any]
Rng = np.random.Generator

CHECKS = frozenset(
    {"infer", "interpret", "compiled", "jvp", "transpose", "vjp", "batch", "second_order"}
)
F32, F64 = ("float32",), ("float64",)
FLOATS = ("float32", "float64", "bfloat16", "float16")
COMPLEXES = ("complex64", "complex128")
INTS = ("int32", "uint8", "int64", "uint32", "int8")
NUMBERS = ("float32", "float64", "bfloat16", "int32", "uint8", "complex64")
# Relative to the largest element of the result.
TOLERANCES = {
    "float64": 1e-11, "complex128": 1e-11, "float32": 3e-6, "complex64": 6e-6, "bfloat16": 2e-2,
    "float16": 3e-3, "float8_e4m3fn": 0.15, "float8_e5m2": 0.3,
}  # fmt: skip
EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.5, np.inf, -np.inf, np.nan)


def uniform(low: float, high: float) -> Callable[[Rng, tuple[int, ...]], Array]:
    """Make a kind of numbers: uniform between two bounds."""
    return lambda rng, shape: rng.uniform(low, high, shape)


# What an argument's numbers are; see `arr`.
KINDS: dict[str, Callable[[Rng, tuple[int, ...]], Array]] = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "positive": uniform(0.3, 3.0),
    "unit": uniform(-0.9, 0.9),
    "probability": uniform(0.05, 0.95),
    "above_one": uniform(1.1, 4.0),
    "wide": lambda rng, shape: rng.normal(0, 1, shape) * 10.0 ** rng.uniform(-6, 6, shape),
    # Away from integers and their halves, where rounding and signs jump.
    "between": lambda rng, shape: rng.integers(-4, 4, shape) + rng.uniform(0.1, 0.4, shape),
    # All different, far apart: no ties for extrema and sorts.
    "distinct": lambda rng, shape: rng.permutation(int(np.prod(shape))).reshape(shape) / 4 - 1,
    "edges": lambda rng, shape: np.resize(np.asarray(EDGES), shape),
}


@dataclass(frozen=True)
class Arg:
    """The description of an operand; `dtype` None: the sample's."""

    shape: tuple[int, ...]
    dtype: str | None = None
    kind: str = "normal"
    low: int = -5
    high: int = 6
    value: Any = None

    def make(self, dtype: str, seed: int) -> Array:
        """Make the operand."""
        target = np.dtype(getattr(ml_dtypes, self.dtype or dtype, self.dtype or dtype))
        if self.value is not None:
            with np.errstate(all="ignore"):
                return np.asarray(self.value).astype(target)
        rng = np.random.default_rng(seed)
        if target == np.bool_:
            return rng.integers(0, 2, self.shape).astype(bool)
        if gx_dtypes.issubdtype(target, np.integer):
            return self.integers(rng, target)
        out = KINDS[self.kind](rng, self.shape)
        if target.kind == "c":
            out = out + 1j * KINDS[self.kind](rng, self.shape)
        return np.asarray(out).astype(target)

    def integers(self, rng: Rng, dtype: Any) -> Array:
        """Make integers from `low` to `high` - 1, or any bits at all for the kind 'bits'."""
        if self.kind == "bits":
            n_bytes = (*self.shape, dtype.itemsize)
            raw = rng.integers(0, 256, n_bytes).astype(np.uint8)
            return raw.reshape(-1).view(dtype).reshape(self.shape)
        if self.kind == "distinct":
            return KINDS["distinct"](rng, self.shape).__mul__(4).__add__(4).astype(dtype)
        low = 0 if dtype.name.startswith("uint") else self.low
        return rng.integers(low, max(self.high, low + 1), self.shape).astype(dtype)


def arr(shape: Sequence[int] = (), dtype: str | None = None, kind: str = "normal") -> Arg:
    """Describe an operand: shape, dtype (None: the sample's), kind of its numbers."""
    return Arg(tuple(shape), dtype, kind)


def ints(shape: Sequence[int], low: int, high: int, dtype: str = "int32") -> Arg:
    """Describe an operand of integers from `low` to `high` - 1."""
    return Arg(tuple(shape), dtype, low=low, high=high)


def given(value: Any, dtype: str | None = None) -> Arg:
    """Describe an operand of given values."""
    return Arg(np.shape(value), dtype, value=_Values(value))


class _Values:
    """Hashable values of an operand."""

    def __init__(self, value: Any) -> None:
        self.array = np.asarray(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.array if dtype is None else self.array.astype(dtype)

    def __repr__(self) -> str:
        return f"values{self.array.shape}"


@dataclass(frozen=True, init=False)
class Sample:
    """An operation, operands for it, and what is special about checking it.

    `tol` (relative and absolute) replaces the dtype's default in comparisons of values; it needs
    a `reason`. `skip` maps the names of checks (see CHECKS) to the reason why they do not apply.
    `differentiable` lists the positions of the operands to differentiate; True: all inexact ones.
    """

    op: Op
    args: tuple[Arg, ...]
    name: str
    dtypes: tuple[str, ...]
    tol: float | None
    differentiable: bool | tuple[int, ...]
    reason: str
    skip: Mapping[str, str] = field(hash=False)

    def __init__(
        self,
        op: Op,
        *args: Arg,
        name: str = "",
        dtypes: Sequence[str] = F32,
        tol: float | None = None,
        differentiable: bool | Sequence[int] = True,
        reason: str = "",
        skip: Mapping[str, str] | None = None,
    ) -> None:
        assert tol is None or reason, f"{op.name}: a tolerance needs a reason"
        assert set(skip or {}) <= CHECKS, f"{op.name}: unknown checks in {skip}"
        positions = differentiable if isinstance(differentiable, bool) else tuple(differentiable)
        values = (op, args, name, tuple(dtypes), tol, positions, reason, dict(skip or {}))
        names = ("op", "args", "name", "dtypes", "tol", "differentiable", "reason", "skip")
        for key, value in zip(names, values, strict=True):
            object.__setattr__(self, key, value)

    def each_dtype(self) -> list[Sample]:
        """Return one sample for each of its dtypes."""
        return [replace_dtypes(self, (d,)) for d in self.dtypes]

    def operands(self, variant: int = 0) -> tuple[Array, ...]:
        """Make the operands; the same ones each time, others for each variant."""
        seed = crc32(f"{self.op.name} {self.name}".encode()) + 1000 * variant
        return tuple(a.make(self.dtypes[0], seed + i) for i, a in enumerate(self.args))

    def in_double(self, variant: int = 0) -> tuple[Array, ...]:
        """Make the operands with every inexact one in double precision."""
        wide = {"f": np.float64, "V": np.float64, "c": np.complex128}
        return tuple(
            x.astype(wide[x.dtype.kind]) if gx_dtypes.issubdtype(x.dtype, np.inexact) else x
            for x in self.operands(variant)
        )

    def differentiated(self) -> tuple[int, ...]:
        """Return the positions of the operands that derivative checks vary."""
        if self.differentiable is False:
            return ()
        found = [
            i
            for i, x in enumerate(self.operands())
            if gx_dtypes.issubdtype(x.dtype, np.inexact) and x.size
        ]
        if self.differentiable is True:
            return tuple(found)
        return tuple(i for i in found if i in self.differentiable)

    def __str__(self) -> str:
        shapes = "x".join("_".join(map(str, a.shape)) or "s" for a in self.args)
        parts = [self.op.name, self.name, self.dtypes[0], shapes]
        return "-".join(p for p in parts if p)


def replace_dtypes(sample: Sample, dtypes: tuple[str, ...]) -> Sample:
    """Return the sample with other dtypes."""
    keys = ("name", "tol", "differentiable", "reason", "skip")
    return Sample(sample.op, *sample.args, dtypes=dtypes, **{k: getattr(sample, k) for k in keys})
