"""Every operation under every nesting of jit, vmap and derivatives: catalogue × NESTINGS.

Derivatives against finite differences in double precision, vmap against a loop, jit against eager.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import dtypes
from gradax import numpy as gnp
from gradax.core.jaxpr import Jaxpr, subprograms
from gradax.core.op import Op
from tests.ops.case import DERIVATIVES, DIFFERENCES, NESTINGS, Case, inexact
from tests.ops.catalogue import CONSTANT, UNREACHED, all_operations
from tests.ops.nestings import CASES
from tests.ops.sample import TOLERANCES

Array = np.ndarray[Any, Any]
STEP = 1e-6
# Between two ways of computing the same in double precision.
LEAST_TOLERANCE = 1e-9
# Relative errors of finite differences.
FIRST_ORDER, SECOND_ORDER = 3e-7, 2e-6


@pytest.fixture(autouse=True)
def with_x64():
    with gradax.enable_x64(True):
        yield


def close(got: Any, want: Any, allowed: float | None, what: str, least: float = 1e-3) -> None:
    """Compare arrays: exactly where they are not inexact, else relative to the largest element."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, expected {want.dtype}"
    if not dtypes.issubdtype(want.dtype, np.inexact):
        np.testing.assert_array_equal(got, want, what)
        return
    if allowed is None:
        allowed = max(TOLERANCES[want.dtype.name], LEAST_TOLERANCE)
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    got, want = got.astype(wide), want.astype(wide)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.isfinite(got), finite, what)
    size = max(float(np.max(np.abs(want), where=finite, initial=0.0)), least)
    gap = np.where(finite, got, 0) - np.where(finite, want, 0)
    error = float(np.max(np.abs(gap), initial=0.0))
    assert error <= allowed * size, f"{what}: error {error:.3g}, largest {size:.3g}"


def directions(xs: Sequence[Any], seed: int) -> list[Array]:
    """Return random tangents of arrays."""
    rng = np.random.default_rng(seed)
    found = []
    for x in xs:
        d = rng.normal(size=np.shape(x))
        if x.dtype.kind == "c":
            d = d + 1j * rng.normal(size=np.shape(x))
        found.append(np.asarray(d).astype(x.dtype))
    return found


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """Return the real part of the sum of products."""
    return sum(gnp.sum(gnp.real(x * y)) for x, y in zip(xs, ys, strict=True))


class Nested:
    """A case's function, and what transformations make of it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rows = case.rows
        self.stacked = tuple(map(np.stack, zip(*case.rows, strict=True)))
        self.values = [tuple(map(np.asarray, case.flat(*row))) for row in case.rows]
        self.kept = [
            i for i, x in enumerate(self.values[0]) if dtypes.issubdtype(x.dtype, np.inexact)
        ]
        self.weights = directions([self.values[0][i] for i in self.kept], 11)
        self.tangents = directions(self.chosen(self.rows[0]), 1)
        self.table: dict[str, Callable[..., Any]] = {
            "value": case.flat,
            "jvp": self.jvp,
            "vjp": self.gradient,
            "vmap": gradax.vmap(case.flat),
            "vmap of vmap": gradax.vmap(gradax.vmap(case.flat)),
            "vmap of grad": gradax.vmap(self.gradient),
            "grad of vmap": self.gradient_of_map,
            "forward over reverse": self.forward_over_reverse,
            "reverse over reverse": self.reverse_over_reverse,
        }

    def operands(self, nesting: str) -> tuple[Array, ...]:
        """Return what a nesting is applied to."""
        if nesting == "vmap of vmap":
            return tuple(x[None] for x in self.stacked)
        return self.stacked if "vmap" in nesting else self.rows[0]

    def chosen(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands that derivatives are taken by."""
        return tuple(args[p] for p in self.case.varied)

    def only(self, args: Sequence[Any], function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of the varied operands alone."""

        def of_chosen(*xs: Any) -> Any:
            full = list(args)
            for p, x in zip(self.case.varied, xs, strict=True):
                full[p] = x
            return function(*full)

        return of_chosen

    def total(self, *args: Any) -> Any:
        """Return one number of all inexact results."""
        outs = self.case.flat(*args)
        return inner([outs[i] for i in self.kept], self.weights)

    def jvp(self, *args: Any) -> Any:
        return gradax.jvp(self.only(args, self.case.flat), self.chosen(args), tuple(self.tangents))

    def gradient(self, *args: Any) -> Any:
        pull = gradax.vjp(self.only(args, self.total), *self.chosen(args))[1]
        return pull(np.ones(()))

    def gradient_of_map(self, *args: Any) -> Any:
        def sum_of_rows(*full: Any) -> Any:
            return gnp.sum(gradax.vmap(self.total)(*full))

        numbers = tuple(range(len(self.case.varied)))
        return gradax.grad(self.only(args, sum_of_rows), numbers)(*self.chosen(args))

    def forward_over_reverse(self, *args: Any) -> Any:
        slope = self.only(args, self.gradient)
        return gradax.jvp(slope, self.chosen(args), tuple(self.tangents))[1]

    def reverse_over_reverse(self, *args: Any) -> Any:
        def along(*full: Any) -> Any:
            return inner(self.gradient(*full), self.tangents)

        numbers = tuple(range(len(self.case.varied)))
        return gradax.grad(self.only(args, along), numbers)(*self.chosen(args))

    def difference(self, function: Callable[..., Any]) -> list[Array]:
        """Return central differences of a function's results along the tangents."""
        args, xs = self.rows[0], self.chosen(self.rows[0])
        after, before = (
            self.only(args, function)(
                *(x + step * d for x, d in zip(xs, self.tangents, strict=True))
            )
            for step in (STEP, -STEP)
        )
        # A result that is NaN (a gather's fill) is constant.
        return [
            np.where(np.isnan(a), 0, np.asarray(a) - np.asarray(b)) / (2 * STEP)
            if dtypes.issubdtype(a.dtype, np.inexact)
            else np.zeros(a.shape, dtypes.float0)
            for a, b in zip(after, before, strict=True)
        ]


def check_eager(nested: Nested) -> None:
    """Compare each nesting that runs eagerly with differences, a loop, or a simpler nesting."""
    case, table, does = nested.case, nested.table, nested.case.does
    first, both = nested.rows[0], nested.stacked
    exact = case.tolerance
    if does("vmap"):
        for k, (got, want) in enumerate(
            zip(table["vmap"](*both), map(np.stack, zip(*nested.values, strict=True)), strict=True)
        ):
            close(got, want, exact, f"vmap, result {k}")
    if not case.varied or not nested.kept:
        return
    if DIFFERENCES in case.skip:
        slopes = list(map(np.asarray, nested.jvp(*first)[1]))
    else:
        slopes = nested.difference(case.flat)
    if does("jvp"):
        for k, (got, want) in enumerate(zip(nested.jvp(*first)[1], slopes, strict=True)):
            close(got, want, FIRST_ORDER, f"jvp, result {k}")
    if does("vjp"):
        got = inner(nested.gradient(*first), nested.tangents)
        want = inner([slopes[i] for i in nested.kept], nested.weights)
        size = sum(float(np.sum(np.abs(slopes[i]))) for i in nested.kept)
        assert abs(got - want) <= 1e-6 * max(size, 1e-3), f"vjp: {got}, expected {want}"
    for name in ("vmap of grad", "grad of vmap"):
        if does(name):
            rows = zip(*(nested.gradient(*row) for row in nested.rows), strict=True)
            for k, (got, want) in enumerate(zip(table[name](*both), rows, strict=True)):
                close(got, np.stack(want), exact, f"{name}, operand {k}")
    check_second_order(nested)


def check_second_order(nested: Nested) -> None:
    """Compare second derivatives with differences of the first."""
    names = [n for n in ("forward over reverse", "reverse over reverse") if nested.case.does(n)]
    if not names:
        return
    bends = nested.difference(nested.gradient)
    size = max([float(np.max(np.abs(b), initial=0)) for b in bends] + [1e-3])
    for name in names:
        found = nested.table[name](*nested.rows[0])
        for k, (got, want) in enumerate(zip(found, bends, strict=True)):
            close(got, want.astype(got.dtype), SECOND_ORDER, f"{name}, operand {k}", size)


def check_jitted(nested: Nested) -> None:
    """Compare each nesting inside one compiled program with what it gives eagerly."""
    case = nested.case
    names = [n for n in nested.table if case.does(f"jit of {n}" if n != "value" else "jit")]
    names = [n for n in names if n == "value" or case.does(n)]
    if not nested.kept:
        names = [n for n in names if n in ("value", "vmap", "vmap of vmap")]

    def together(first: Any, both: Any, nested_rows: Any) -> dict[str, Any]:
        given = {"vmap of vmap": nested_rows}
        return {n: nested.table[n](*given.get(n, both if "vmap" in n else first)) for n in names}

    given = (nested.rows[0], nested.stacked, nested.operands("vmap of vmap"))
    found = gradax.jit(together)(*given)
    for n in names:
        want = gradax.tree.leaves(nested.table[n](*nested.operands(n)))
        for k, (got, value) in enumerate(zip(gradax.tree.leaves(found[n]), want, strict=True)):
            close(got, value, case.tolerance, f"jit of {n}, leaf {k}")


@pytest.mark.parametrize("case", CASES, ids=list(map(str, CASES)))
def test_nestings(case: Case):
    nested = Nested(case)
    check_eager(nested)
    check_jitted(nested)


def test_every_operation_has_every_nesting_or_a_reason():
    done: dict[type[Op], set[str]] = defaultdict(set)
    reasons: dict[type[Op], set[str]] = defaultdict(set)
    for case in CASES:
        for op in case.operations:
            done[op] |= {n for n in NESTINGS if case.does(n)}
            reasons[op] |= case.skip.keys()
    operations = {cls for cls in all_operations() if cls.__name__ not in UNREACHED}
    assert not operations - done.keys(), "operations without a case"
    assert not done.keys() - operations, "cases of operations that are exempt, or not there"
    differentiable = {op for op in done if has_derivatives(op)}
    for op, found in done.items():
        missing = set(NESTINGS) - found - reasons[op]
        if op.__name__ in CONSTANT or op not in differentiable:
            missing -= set(DERIVATIVES)
        assert not missing, f"{op}: {missing}"
    names = {op.__name__ for op in differentiable}
    assert CONSTANT.keys() <= names, "exempt, but it declares the reason itself"


def has_derivatives(op: type[Op]) -> bool:
    """Tell whether an operation has inexact operands in some case, and a derivative rule."""
    declared = hasattr(op.jvp, "unsupported_reason")
    return not declared and any(inexact(c.rows[0]) for c in CASES if op in c.operations)


def watch_operations(monkeypatch: pytest.MonkeyPatch) -> set[type[Op]]:
    """Return the set to which the class of each operation is added when it is called."""
    seen: set[type[Op]] = set()
    call = Op.__call__

    def watched(op: Op, *args: Any) -> Any:
        seen.add(type(op))
        return call(op, *args)

    monkeypatch.setattr(Op, "__call__", watched)
    return seen


def inside(jaxpr: Jaxpr) -> Iterator[type[Op]]:
    """Give the class of each operation of a program, and of the programs in it."""
    for eqn in jaxpr.eqns:
        yield type(eqn.op)
        for program in subprograms(eqn.op):
            yield from inside(program)


WITH_FUNCTIONS = [c for c in CASES if len(c.operations) != 1 or "-" not in c.name]


@pytest.mark.parametrize("case", WITH_FUNCTIONS, ids=list(map(str, WITH_FUNCTIONS)))
def test_a_row_binds_the_operations_that_it_names(case: Case, monkeypatch: pytest.MonkeyPatch):
    seen = watch_operations(monkeypatch)
    nested = Nested(case)
    seen |= set(inside(gradax.make_jaxpr(case.flat)(*nested.rows[0]).jaxpr))
    if case.varied:
        gradax.make_jaxpr(nested.gradient)(*nested.rows[0])
    assert set(case.operations) <= seen
