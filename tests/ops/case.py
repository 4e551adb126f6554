"""Cases: a function of arrays that binds an operation, tried under nested transformations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gradax import dtypes
from gradax.core.op import Op
from tests.ops.sample import Sample

Array = np.ndarray[Any, Any]

# What the generic tests do with each case; all but the first four differentiate.
NESTINGS = (
    *("jit", "vmap", "jit of vmap", "vmap of vmap"),
    *("jvp", "vjp", "vmap of grad", "grad of vmap", "forward over reverse", "reverse over reverse"),
    *("jit of jvp", "jit of vjp", "jit of vmap of grad", "jit of grad of vmap"),
    *("jit of forward over reverse", "jit of reverse over reverse"),
)
# Skipped where a step crosses a jump: reverse mode is then compared with forward mode.
DIFFERENCES = "differences"
SECOND = tuple(name for name in NESTINGS if "over" in name)
DERIVATIVES = NESTINGS[4:]
MAPPINGS = tuple(name for name in NESTINGS if "vmap" in name)
REVERSE = tuple(n for n in DERIVATIVES if n not in ("jvp", "jit of jvp"))


class Case:
    """A function of arrays, rows of operands for it, and which nestings do not apply, and why.

    `varied` are the positions of the operands that derivatives are taken by.
    `operations` are the classes of the operations that it is about. `tolerance`
    replaces the dtype's default where two ways of computing the same are compared.
    """

    def __init__(
        self,
        name: str,
        operations: Sequence[type[Op]],
        function: Callable[..., Any],
        rows: Sequence[Sequence[Any]],
        varied: Sequence[int] | None = None,
        skip: Mapping[str, str] | None = None,
        tolerance: float | None = None,
    ) -> None:
        assert set(skip or {}) <= {*NESTINGS, DIFFERENCES}, f"{name}: unknown nestings in {skip}"
        self.name = name
        self.operations = tuple(operations)
        self.function = function
        self.rows = [tuple(map(np.asarray, row)) for row in rows]
        self.varied = inexact(self.rows[0]) if varied is None else tuple(varied)
        self.skip = dict(skip or {})
        self.tolerance = tolerance

    def does(self, nesting: str) -> bool:
        """Tell whether a nesting applies."""
        if nesting in self.skip:
            return False
        if nesting in DERIVATIVES and not self.varied:
            return False
        return "vmap" not in nesting or bool(self.rows[0])

    def flat(self, *args: Any) -> tuple[Any, ...]:
        """Call the function; results as a tuple."""
        out = self.function(*args)
        return tuple(out) if isinstance(out, tuple | list) else (out,)

    def __str__(self) -> str:
        return self.name


def inexact(xs: Sequence[Any]) -> tuple[int, ...]:
    """Return the positions of the inexact arrays that have elements."""
    return tuple(i for i, x in enumerate(xs) if dtypes.issubdtype(x.dtype, np.inexact) and x.size)


def without(names: Sequence[str], reason: str) -> dict[str, str]:
    """Make what `skip` takes: the same reason for some nestings."""
    return dict.fromkeys(names, reason)


# What a check of tests/ops/test_rules.py that is skipped says of nestings.
OF_CHECKS = {
    "batch": MAPPINGS,
    "compiled": tuple(n for n in NESTINGS if "jit" in n),
    "jvp": (DIFFERENCES,),
    "vjp": REVERSE,
    "second_order": SECOND,
    "infer": (),
    "interpret": (),
    "transpose": (),
}


def of_sample(sample: Sample) -> Case:
    """Make the case of an operation's sample."""
    skip = {n: why for check, why in sample.skip.items() for n in OF_CHECKS[check]}
    if {"jvp", "vjp"} <= sample.skip.keys():
        skip |= without(DERIVATIVES, sample.skip["jvp"])
    varied = () if set(DERIVATIVES) <= skip.keys() else sample.differentiated()
    made = sample.in_double if varied else sample.operands
    moved = [x * 1.03125 if i in varied else x for i, x in enumerate(made(1))]
    return Case(
        str(sample), (type(sample.op),), sample.op, (made(0), moved), varied, skip, sample.tol
    )
