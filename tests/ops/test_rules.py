"""Every operation's rules, checked against one another: catalogue × samples × checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import dtypes
from gradax.core.aval import Aval
from gradax.core.op import Op
from gradax.core.tangent import Linear, is_zero
from gradax.kernel import Input
from gradax.kernel.check import check_tensors
from gradax.kernel.interpret import interpret
from tests.ops.catalogue import EXEMPT, operations, samples
from tests.ops.programs import Libraries, run_program
from tests.ops.sample import TOLERANCES, Sample

Array = np.ndarray[Any, Any]

ALL = samples()
STEP = 1e-6


@pytest.fixture(autouse=True)
def with_x64():
    with gradax.enable_x64(True):
        yield


def each(check: str, wanted: Callable[[Sample], Any] = lambda s: True) -> Any:
    """Parametrize a test over the samples that a check applies to."""
    chosen = [s for s in ALL if check not in s.skip and wanted(s)]
    return pytest.mark.parametrize("sample", chosen, ids=list(map(str, chosen)))


def first_dtype(sample: Sample) -> bool:
    """Tell whether this is the dtype in which a check of double precision runs."""
    return any(s is sample for s in FIRST)


def firsts() -> list[Sample]:
    """Return the samples without those that differ from an earlier one in dtype alone."""
    seen: set[Any] = set()
    found: list[Sample] = []
    for s in ALL:
        key = (s.op, s.name, s.args, np.dtype(s.operands()[0].dtype).kind if s.args else "")
        if key not in seen:
            seen.add(key)
            found.append(s)
    return found


FIRST = firsts()


def differentiable(sample: Sample) -> bool:
    """Tell whether derivative checks apply."""
    return first_dtype(sample) and bool(sample.differentiated())


def as_tuple(op: Op, out: Any) -> tuple[Any, ...]:
    """Return an operation's results as a tuple."""
    return tuple(out) if op.multiple_results else (out,)


def reference(op: Op, args: Sequence[Array]) -> tuple[Array, ...]:
    """Run the reference."""
    with np.errstate(all="ignore"):
        return tuple(np.asarray(x) for x in as_tuple(op, op.reference(*args)))


def assert_close(
    got: Any, want: Any, tolerance: float | None, what: str, least: float = 1e-30
) -> None:
    """Compare arrays: exactly where they are not inexact, else relative to the largest element."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, expected {want.dtype}"
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    if not dtypes.issubdtype(want.dtype, np.inexact):
        np.testing.assert_array_equal(got, want, what)
        return
    allowed = TOLERANCES[want.dtype.name] if tolerance is None else tolerance
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    got, want = got.astype(wide), want.astype(wide)
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), what)
    np.testing.assert_array_equal(np.isfinite(got), finite, what)
    if wide == np.float64:
        infinite = np.isinf(want)
        np.testing.assert_array_equal(got[infinite], want[infinite], what)
    size = np.max(np.abs(want), where=finite, initial=0.0)
    error = np.max(np.abs(np.where(finite, got - np.where(finite, want, 0), 0)), initial=0.0)
    assert error <= allowed * max(size, least), f"{what}: error {error:.3g}, largest {size:.3g}"


def fill(sample: Sample, args: Sequence[Array], positions: Sequence[int]) -> Callable[..., Any]:
    """Return the operation as a function of the operands at `positions` alone."""

    def function(*chosen: Any) -> Any:
        full = list(args)
        for position, x in zip(positions, chosen, strict=True):
            full[position] = x
        return sample.op(*full)

    return function


def directions(xs: Sequence[Array], seed: int) -> list[Array]:
    """Return random tangents of arrays."""
    rng = np.random.default_rng(seed)
    out = []
    for x in xs:
        d = rng.normal(size=x.shape)
        if x.dtype.kind == "c":
            d = d + 1j * rng.normal(size=x.shape)
        out.append(np.asarray(d).astype(x.dtype))
    return out


def inner(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """Return the real part of the sum of products."""
    pairs = zip(xs, ys, strict=True)
    return float(sum(np.real(np.sum(np.asarray(x) * np.asarray(y))) for x, y in pairs))


def inexact(xs: Sequence[Any]) -> list[int]:
    """Return the positions of the inexact arrays."""
    return [i for i, x in enumerate(xs) if dtypes.issubdtype(x.dtype, np.inexact)]


def test_every_operation_has_a_sample():
    names = {type(s.op).__name__ for s in ALL}
    missing = [c.__name__ for c in operations() if c.__name__ not in names | EXEMPT.keys()]
    stale = [name for name in EXEMPT if name in names]
    assert not missing, f"operations without a sample: {missing}"
    assert not stale, f"exempt, but sampled: {stale}"


@each("infer")
def test_infer_agrees_with_reference(sample: Sample):
    args = sample.operands()
    inferred = as_tuple(sample.op, sample.op.infer(*(Aval(x.shape, x.dtype) for x in args)))
    outs = reference(sample.op, args)
    assert [(a.shape, a.dtype) for a in inferred] == [(x.shape, x.dtype) for x in outs]


@each("interpret")
def test_kernel_expressions_agree_with_reference(sample: Sample):
    args = sample.operands()
    inputs = [Input(x.shape, x.dtype, i) for i, x in enumerate(args)]
    tensors = as_tuple(sample.op, sample.op.lower(*inputs))
    check_tensors(tensors)
    got = interpret(tensors, args, Libraries(), run_program)
    for x, want in zip(got, reference(sample.op, args), strict=True):
        assert_close(x, want, sample.tol, "kernel interpreter")


@each("compiled")
def test_compiled_agrees_with_reference(sample: Sample):
    args = sample.operands()
    got = as_tuple(sample.op, gradax.jit(lambda *xs: sample.op(*xs))(*args))
    for x, want in zip(got, reference(sample.op, args), strict=True):
        assert_close(np.asarray(x), want, sample.tol, "compiled")


@each("jvp", differentiable)
def test_jvp_agrees_with_finite_differences(sample: Sample):
    args, positions = sample.in_double(), sample.differentiated()
    xs = [args[p] for p in positions]
    tangents = directions(xs, 1)
    outs, douts = gradax.jvp(fill(sample, args, positions), tuple(xs), tuple(tangents))

    def moved(step: float) -> tuple[Array, ...]:
        full = list(args)
        for p, x, d in zip(positions, xs, tangents, strict=True):
            full[p] = x + step * d
        return reference(sample.op, full)

    pairs = zip(as_tuple(sample.op, douts), moved(STEP), moved(-STEP), strict=True)
    for k, (got, after, before) in enumerate(pairs):
        if not dtypes.issubdtype(after.dtype, np.inexact):
            assert got.dtype == dtypes.float0
            continue
        # A result that is NaN (a gather's fill) is constant.
        want = np.where(np.isnan(after), 0, after - before) / (2 * STEP)
        assert_close(got, want.astype(after.dtype), 3e-7, f"tangent of result {k}", 1e-3)
    for out, want in zip(as_tuple(sample.op, outs), reference(sample.op, args), strict=True):
        assert_close(out, want, None, "primal result")


@each("vjp", differentiable)
def test_vjp_is_the_transpose_of_jvp(sample: Sample):
    args, positions = sample.in_double(), sample.differentiated()
    xs = [args[p] for p in positions]
    function = fill(sample, args, positions)
    tangents = directions(xs, 2)
    outs, douts = gradax.jvp(function, tuple(xs), tuple(tangents))
    outs, douts = as_tuple(sample.op, outs), as_tuple(sample.op, douts)
    kept = inexact(outs)
    cts = directions([np.asarray(x) for x in outs], 3)
    full = [c if i in kept else np.zeros(c.shape, dtypes.float0) for i, c in enumerate(cts)]
    pull = gradax.vjp(function, *xs)[1]
    grads = pull(tuple(full) if sample.op.multiple_results else full[0])
    left = inner([cts[i] for i in kept], [douts[i] for i in kept])
    right = inner(tangents, grads)
    assert abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1e-3), (left, right)


def linear_sets(sample: Sample) -> list[tuple[int, ...]]:
    """Return sets of operands in which the operation is linear, found by trying."""
    args, positions = sample.in_double(), sample.differentiated()
    candidates = {(p,) for p in positions}
    if all(x.size for x in reference(sample.op, args)):
        candidates.add(tuple(positions))
    found = []
    for chosen in sorted(candidates):
        others = directions([args[p] for p in chosen], 5)

        def at(a: float, b: float, chosen: Any = chosen, others: Any = others) -> Any:
            full = list(args)
            for p, x in zip(chosen, others, strict=True):
                full[p] = (a * args[p] + b * x).astype(args[p].dtype)
            return reference(sample.op, full)

        parts = zip(at(1, 0), at(0, 1), at(2, -3), strict=True)
        if all(np.allclose(2.0 * x - 3.0 * y, z, 1e-9, 1e-12) for x, y, z in parts):
            found.append(chosen)
    return found


def has_transpose(sample: Sample) -> bool:
    """Tell whether the operation has a transposition rule to check."""
    rule = type(sample.op).transpose
    declared = rule is not Op.transpose and not hasattr(rule, "unsupported_reason")
    return declared and differentiable(sample)


@each("transpose", has_transpose)
def test_transpose(sample: Sample):
    args = sample.in_double()
    for chosen in linear_sets(sample):
        outs = reference(sample.op, args)
        cts = [gradax.numpy.asarray(c) for c in directions(outs, 7)]
        operands = [
            Linear(Aval(x.shape, x.dtype)) if i in chosen else gradax.numpy.asarray(x)
            for i, x in enumerate(args)
        ]
        answer = sample.op.transpose(cts if sample.op.multiple_results else cts[0], *operands)
        answer = answer if isinstance(answer, tuple) else (answer,)
        xs = [args[p] for p in chosen]
        grads = [
            np.zeros(args[p].shape) if answer[p] is None or is_zero(answer[p]) else answer[p]
            for p in chosen
        ]
        for grad, x in zip(grads, xs, strict=True):
            assert grad.shape == x.shape, (grad.shape, x.shape, chosen)
        left, right = inner(cts, outs), inner(grads, xs)
        assert abs(left - right) <= 1e-9 * max(abs(left), abs(right), 1e-3), (chosen, left, right)


def batchings(ranks: Sequence[int]) -> list[tuple[int | None, ...]]:
    """Return mapped axes of operands: each subset, with the axis first, last and mixed."""
    n = len(ranks)
    sizes = range(1, n + 1) if n <= 4 else (1, n)
    found: dict[tuple[int | None, ...], None] = {}
    for size in sizes:
        for subset in combinations(range(n), size):
            for kind in range(3):
                places = {p: (0, ranks[p], (p % 2) * ranks[p] // 1)[kind] for p in subset}
                found[tuple(places.get(p) for p in range(n))] = None
            middle = {p: ranks[p] // 2 for p in subset}
            found[tuple(middle.get(p) for p in range(n))] = None
    return list(found)


@each("batch", lambda s: s.args and first_dtype(s))
def test_batch_agrees_with_a_loop(sample: Sample):
    n = 3
    variants = [sample.operands(k) for k in range(n)]
    plain = variants[0]
    for dims in batchings([x.ndim for x in plain]):
        args = [
            plain[p] if d is None else np.stack([v[p] for v in variants], d)
            for p, d in enumerate(dims)
        ]
        rows = [
            reference(sample.op, [x if d is None else v[p] for p, (x, d) in enumerate(
                zip(plain, dims, strict=True))])
            for v in variants
        ]  # fmt: skip
        got = gradax.vmap(lambda *xs: sample.op(*xs), in_axes=dims)(*args)
        for x, *want in zip(as_tuple(sample.op, got), *rows, strict=True):
            assert_close(x, np.stack(want), sample.tol, f"mapped over {dims}")


@each("second_order", differentiable)
def test_second_derivatives(sample: Sample):
    args, positions = sample.in_double(), sample.differentiated()
    xs = [args[p] for p in positions]
    function = fill(sample, args, positions)
    outs = reference(sample.op, args)
    weights = directions(outs, 11)
    kept = inexact(outs)
    if not kept:
        return

    def total(*chosen: Any) -> Any:
        results = as_tuple(sample.op, function(*chosen))
        parts = [gradax.numpy.sum(gradax.numpy.real(results[i] * weights[i])) for i in kept]
        return sum(parts[1:], parts[0])

    gradient = gradax.jit(gradax.grad(total, argnums=tuple(range(len(xs)))))
    tangents = directions(xs, 12)
    got = gradax.jvp(gradient, tuple(xs), tuple(tangents))[1]
    after, before = (
        gradient(*(x + step * d for x, d in zip(xs, tangents, strict=True)))
        for step in (STEP, -STEP)
    )
    scale = max([float(np.max(np.abs(g), initial=0)) for g in after] + [1e-3])
    for k, (x, a, b) in enumerate(zip(got, after, before, strict=True)):
        want = (np.asarray(a) - np.asarray(b)) / (2 * STEP)
        allowed = 1e-6 * max(np.max(np.abs(want), initial=0), scale)
        error = np.max(np.abs(np.asarray(x) - want), initial=0)
        assert error <= allowed, f"second derivative of operand {k}: {error:.3g} > {allowed:.3g}"
