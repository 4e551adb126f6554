"""`jit(f, dynamic_dims=…)`: one trace and one compilation for all sizes of some axes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from dynamic_dims_cases import FEW, OF_SIZES, Case, columns, images, rows, small_ints, vector

import gradax
import gradax.numpy as gnp
from gradax import lax
from gradax.errors import ArgumentError, NonConcreteBooleanIndexError, StaticSizeError


def gaussian_process(x: Any) -> Any:
    k = gnp.exp(-((x[:, None] - x) ** 2)) + gnp.eye(x.shape[0])
    return gnp.linalg.slogdet(k)[1] + x @ gnp.linalg.solve(k, x)


def centred(x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / gnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


CASES = {
    "affine": Case(lambda x: x * 2 + 1, vector),
    "sum": Case(lambda x: x.sum(), vector),
    "variance": Case(lambda x: gnp.var(x, axis=0), rows),
    "functions": Case(lambda x: gnp.sin(x) + gnp.exp(x), vector),
    "softmax": Case(lambda x: gradax.nn.softmax(x), vector),
    "softmax of rows": Case(lambda x: gradax.nn.softmax(x, axis=-1), rows),
    "softmax of long rows": Case(lambda x: gradax.nn.softmax(x, axis=-1), columns, dims=1),
    "sums of columns": Case(lambda x: x.sum(0), rows),
    "sums of rows": Case(lambda x: x.sum(1), columns, dims=1),
    "argmax": Case(lambda x: (x.argmax(), x.max(), x.argmin()), vector),
    "cumulative": Case(lambda x: gnp.cumsum(x, axis=0), rows),
    "cumulative along": Case(lambda x: gnp.cumprod(x, axis=1), columns, dims=1),
    "sorted": Case(lambda x: (gnp.sort(x), gnp.argsort(x)), vector),
    "median": Case(lambda x: (gnp.median(x), gnp.quantile(x, 0.3)), vector),
    "percentiles of rows": Case(lambda x: gnp.percentile(x, 30, axis=1), rows),
    "products": Case(lambda x: x @ gnp.ones((10, 4)), rows),
    "gram": Case(lambda x: x.T @ x, rows),
    "products with itself": Case(lambda x: x @ x.T, rows, sizes=FEW),
    "scalar product": Case(lambda x: gnp.dot(x, x), vector),
    "einsum": Case(lambda x: gnp.einsum("ni,nj->ij", x, x), rows),
    "transposed": Case(lambda x: x.T * 1.0, rows),
    "reshaped": Case(lambda x: x.reshape(x.shape[0], 2, 5).sum(1), rows),
    "flat": Case(lambda x: x.ravel().cumsum(), rows),
    "concatenated": Case(lambda x: gnp.concatenate([x, x * 2]), vector),
    "stacked": Case(lambda x: gnp.stack([x, x * 2]), vector),
    "padded": Case(lambda x: (gnp.pad(x, 1), gnp.pad(x, 2, mode="edge")), vector),
    "rolled": Case(lambda x: gnp.roll(x, 1), vector),
    "differences": Case(lambda x: gnp.diff(x), vector),
    "slices": Case(lambda x: (x[1:] - x[:-1], x[::2], x[::-1], x[:3], x[0] + x[-1]), vector),
    "ranges": Case(lambda x: x * gnp.arange(x.shape[0]) + gnp.linspace(0, 1, x.shape[0]), vector),
    "filled": Case(lambda x: gnp.full((x.shape[0], 2), 3.0) + x[:, None], vector),
    "identity": Case(lambda x: gnp.eye(x.shape[0]) * x, vector, sizes=FEW),
    "size as a number": Case(
        lambda x: x / x.shape[0] + gnp.sqrt(x.shape[0]) + 1.5 * x.size - 2 / x.shape[0], vector
    ),
    "chosen": Case(lambda x: gnp.where(x > 0, x, 0.0).sum() / x.shape[0], vector),
    "gathered": Case(lambda x: x[gnp.argsort(x)] + x[gnp.array([0, -1, 1])].sum(), vector),
    "updated": Case(lambda x: x.at[0].set(5.0).at[gnp.array([0, 1, 1])].add(1.0), vector),
    "updated slice": Case(lambda x: x.at[1:].add(x[:-1]), vector),
    "updated by a mask": Case(lambda x: x.at[x > 0].set(0.0), vector),
    "segments": Case(lambda x: gradax.ops.segment_sum(x, gnp.arange(x.size) % 3, 3), vector),
    "counts": Case(lambda x: gnp.bincount(x, length=5), small_ints, sizes=(7, 100, 33, 4097)),
    "histogram": Case(lambda x: gnp.histogram(x, bins=5, range=(-3, 3))[0], vector),
    "searched": Case(
        lambda x: gnp.searchsorted(gnp.sort(x), gnp.array([0.0, 1.0])), vector, traces=2
    ),
    "gradient": Case(gradax.grad(lambda x: (gnp.sin(x) ** 2).sum()), vector),
    "gradient of a mean": Case(gradax.grad(lambda x: gnp.mean(x**2)), rows),
    "gradient of rows": Case(
        gradax.grad(lambda x: gnp.log(gradax.nn.softmax(x, axis=-1)[:, 0]).sum()), rows
    ),
    "gradient in weights": Case(
        gradax.grad(lambda w, x: ((x @ w) ** 2).mean()),
        lambda n: np.ones((10, 3), np.float32),
        rows,
        dims=(None, 0),
    ),
    "second derivative": Case(
        lambda x: gradax.jvp(gradax.grad(lambda x: (x**3).sum()), (x,), (x,))[1], vector
    ),
    "mapped": Case(lambda x: gradax.vmap(lambda r: r @ r)(x), rows),
    "mapped twice": Case(
        lambda x: gradax.vmap(lambda a: gradax.vmap(lambda b: (a - b) ** 2)(x))(x),
        vector,
        sizes=FEW,
    ),
    "mapped gradient": Case(
        lambda x: gradax.vmap(gradax.grad(lambda r: gnp.sin(r).prod()))(x), rows
    ),
    "scan": Case(lambda x: lax.scan(lambda c, a: (c * 0.9 + a, c), 0.0, x), vector),
    "scan of rows": Case(
        lambda x: lax.scan(lambda c, a: (c * 0.9 + a, c.sum()), gnp.zeros(10), x), rows
    ),
    "scan of open carries": Case(
        lambda x: lax.scan(lambda c, a: (gnp.roll(c, 1) + a, a.sum()), gnp.zeros(x.shape[1]), x),
        columns,
        dims=1,
    ),
    "gradient of a scan": Case(
        gradax.grad(lambda x: lax.scan(lambda c, a: (gnp.tanh(c * 0.9 + a), c), 0.0, x)[0]),
        vector,
    ),
    "loop to the size": Case(
        lambda x: lax.fori_loop(0, x.shape[0], lambda i, c: c + x[i] ** 2, 0.0), vector
    ),
    "loop over all": Case(
        lambda x: lax.fori_loop(0, 5, lambda i, c: c * 0.5 + x, gnp.zeros_like(x)), vector
    ),
    "while": Case(
        lambda x: lax.while_loop(lambda c: (c**2).sum() > 1e-3, lambda c: c * 0.5, x), vector
    ),
    "cond": Case(lambda x: lax.cond(x.sum() > 0, lambda a: a * 2, lambda a: a - 1, x), vector),
    "map": Case(lambda x: lax.map(lambda r: gnp.tanh(r).sum(), x), rows),
    "associative scan": Case(lambda x: lax.associative_scan(gnp.add, x), vector),
    "norms": Case(lambda x: x / gnp.linalg.norm(x, axis=1, keepdims=True), rows),
    "centred": Case(centred, rows),
    "distances": Case(lambda x: ((x[:, None] - x[None]) ** 2).sum(-1), rows, sizes=FEW),
    "density": Case(
        lambda x: gnp.exp(-0.5 * (x[:, None] - gnp.linspace(-1, 1, 9)) ** 2).mean(0), vector
    ),
    "logsumexp": Case(lambda x: gradax.nn.logsumexp(x), vector),
    "convolved": Case(
        lambda x: gnp.convolve(x, gnp.array([1.0, 2.0, 1.0]), mode="same"), vector
    ),
    "two": Case(lambda x, y: x + y, vector, vector),
    "two axes": Case(
        lambda x, y: x[:, None] * y[None], vector, lambda n: vector(n + 3), sizes=FEW
    ),
    "a tree": Case(
        lambda d: d["a"].sum() + d["b"],
        lambda n: {"a": vector(n), "b": vector(n)},
        dims=({"a": 0, "b": (0,)},),
    ),
    "two open axes": Case(lambda x: gnp.cumsum(x.T, axis=1), lambda n: np.ones((n, n + 1)),
                          dims=((0, 1),), sizes=FEW),
    "tiled": Case(lambda x: (gnp.tile(x, 3), gnp.repeat(x, 2)), vector),
    "halves": Case(lambda x: gnp.split(x, 2)[1], lambda n: vector(2 * n)),
    "cholesky": Case(
        lambda x: gnp.linalg.cholesky(x @ x.T + 100 * gnp.eye(x.shape[0])), rows, sizes=FEW
    ),
    "gaussian process": Case(gaussian_process, vector, sizes=FEW),
    "inverse": Case(lambda x: gnp.linalg.inv(x.T @ x + 10 * gnp.eye(10)), rows),
    "normal numbers": Case(
        lambda x: x + gradax.random.normal(gradax.random.key(0), x.shape), vector
    ),
    "keys": Case(
        lambda x: gradax.vmap(gradax.random.normal)(
            gradax.random.split(gradax.random.key(1), x.shape[0])
        ),
        vector,
    ),
    "permutation": Case(
        lambda x: gradax.random.permutation(gradax.random.key(0), x), vector, traces=2
    ),
    "fourier": Case(lambda x: gnp.abs(gnp.fft.fft(x)), vector),
    "batches of images": Case(
        lambda x: lax.conv_general_dilated(x, gnp.ones((4, 1, 3, 3)), (1, 1), "SAME"), images
    ),
    "network": Case(
        lambda x: gradax.nn.relu(x @ gnp.ones((10, 32))) @ gnp.ones((32, 3)), rows
    ),
    "attention": Case(lambda x: gradax.nn.softmax(x @ x.T / 10.0) @ x, rows, sizes=FEW),
    "complex": Case(lambda x: gnp.abs(x + 1j * x).sum(), vector),
    "integers": Case(lambda x: (x * 3 // 2) % 5, small_ints),
    "largest": Case(lambda x: lax.top_k(x, 2), vector),
    "one hot": Case(lambda x: gradax.nn.one_hot(x, 9), small_ints),
    "interpolated": Case(
        lambda x: gnp.interp(x, gnp.array([0.0, 1.0, 2.0]), gnp.array([3.0, 4.0, 1.0])), vector
    ),
    **OF_SIZES,
}  # fmt: skip


def compare(got: Any, want: Any) -> None:
    """Assert that two trees of arrays are alike."""
    a, b = gradax.tree.leaves(got), gradax.tree.leaves(want)
    assert [(x.shape, x.dtype, x.weak_type) for x in a] == [
        (x.shape, x.dtype, x.weak_type) for x in b
    ]
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


class Counted:
    """A function that counts how often it is traced."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.traces = function, 0

    def __call__(self, *args: Any) -> Any:
        self.traces += 1
        return self.function(*args)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CASES)
def test_agrees_with_fixed_sizes(name: str):
    case = CASES[name]
    counted = Counted(case.function)
    run = gradax.jit(counted, dynamic_dims=case.dims)
    for n in case.sizes:
        args = [make(n) for make in case.arguments]
        compare(run(*args), gradax.jit(case.function)(*args))
    assert counted.traces <= case.traces


def test_unique_places_and_counts():
    def f(x: Any) -> Any:
        return gnp.unique(x, return_index=True, return_inverse=True, return_counts=True)

    run = gradax.jit(f, dynamic_dims=0)
    for n in (7, 100, 33):
        x = small_ints(n)
        for got, want in zip(run(x), np.unique(x, True, True, True), strict=True):
            np.testing.assert_array_equal(got, want)


def test_functions_of_numpy_say_what_to_use():
    with pytest.raises(StaticSizeError, match=r"(?s)np\.sqrt needs a fixed.*gradax\.numpy\.sqrt"):
        gradax.jit(lambda x: x / np.sqrt(x.shape[0]), dynamic_dims=0)(vector(5))
    with pytest.raises(StaticSizeError, match="fixed size"):
        gradax.jit(lambda x: np.add.outer(x.shape[0], 1), dynamic_dims=0)(vector(5))


def test_two_hundred_lengths_compile_once():
    counted = Counted(centred)
    run = gradax.jit(counted, dynamic_dims=0)
    for n in range(3, 203):
        x = rows(n)
        np.testing.assert_allclose(run(x), centred(gnp.asarray(x)), rtol=1e-4, atol=1e-5)
    assert counted.traces == 1
    with gradax.no_retrace():
        assert run(rows(555)).shape == (555, 10)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_short_axes(n: int):
    run = gradax.jit(lambda x: (x.sum(), x[::-1], gnp.concatenate([x, x])), dynamic_dims=0)
    run(vector(9))
    x = vector(n)
    compare(run(x), gradax.jit(lambda x: (x.sum(), x[::-1], gnp.concatenate([x, x])))(x))


def test_a_comparison_is_decided_anew_where_it_comes_out_differently():
    counted = Counted(lambda x: x * 2 if x.shape[0] > 10 else x + 1)
    run = gradax.jit(counted, dynamic_dims=0)
    for n in (5, 7, 12, 10, 11, 300):
        want = np.ones(n) * 2 if n > 10 else np.ones(n) + 1
        np.testing.assert_array_equal(run(gnp.ones(n)), want)
    assert counted.traces == 2
    said = run.why_recompiled()
    assert "traced 2 times" in said and "a < 11" in said and "a=12" in said
    assert "test_dynamic_dims.py" in said


def test_an_axis_that_the_function_fixes():
    run = gradax.jit(lambda x, w: x + w, dynamic_dims=(0, None))
    w = gnp.arange(6.0)
    np.testing.assert_array_equal(run(gnp.ones(6), w), np.arange(6.0) + 1)
    with pytest.raises((TypeError, ValueError), match="Incompatible shapes for add"):
        run(gnp.ones(7), w)
    np.testing.assert_array_equal(run(gnp.ones(6), w), np.arange(6.0) + 1)


def test_equal_axes_may_differ_later():
    counted = Counted(lambda x, y: x.sum() * y.sum())
    run = gradax.jit(counted, dynamic_dims=0)
    assert run(gnp.ones(4), gnp.ones(4)) == 16
    assert run(gnp.ones(5), gnp.ones(6)) == 30
    assert run(gnp.ones(9), gnp.ones(2)) == 18
    assert run(gnp.ones(9), gnp.ones(9)) == 81
    assert counted.traces == 2


def test_automatic_mode():
    counted = Counted(lambda x: gnp.cumsum(x))
    run = gradax.jit(counted, dynamic_dims="auto")
    for n in (4, 9, 16, 25, 36, 4, 9):
        np.testing.assert_array_equal(run(gnp.ones(n)), np.arange(1, n + 1))
    assert counted.traces == 3


def test_automatic_mode_leaves_alone_what_needs_fixed_sizes():
    run = gradax.jit(lambda x: sum(x[i] for i in range(x.shape[0])), dynamic_dims="auto")
    for n in (2, 3, 4, 5, 6):
        assert run(gnp.ones(n)) == n


def test_static_and_keyword_arguments():
    def power(x: Any, k: int, *, shift: Any) -> Any:
        return x**k + shift

    run = gradax.jit(power, static_argnums=1, dynamic_dims=(0, None))
    for n in (3, 8):
        np.testing.assert_array_equal(run(gnp.full(n, 2.0), 3, shift=1.0), np.full(n, 9.0))


def test_under_other_transformations():
    run = gradax.jit(lambda x: (x**2).sum(), dynamic_dims=0)
    for n in (3, 4, 3):
        assert run(gnp.ones(n)) == n  # what is open must not be found by what follows
        assert run.lower(gnp.ones(n)).compile()(gnp.ones(n)) == n
        np.testing.assert_array_equal(gradax.grad(run)(gnp.ones(n)), np.full(n, 2.0))
        np.testing.assert_array_equal(gradax.vmap(run)(gnp.ones((2, n))), np.full(2, n))
        assert gradax.jit(lambda x: run(x) + 1)(gnp.ones(n)) == n + 1


def test_donated_arguments():
    run = gradax.jit(lambda x: x * 2, dynamic_dims=0, donate_argnums=0)
    for n in (3, 100_000):
        x = gnp.ones(n)
        np.testing.assert_array_equal(run(x), np.full(n, 2.0))
        assert x.is_deleted()


def test_captured_arrays():
    table = gnp.arange(7.0)
    run = gradax.jit(lambda i: table[i % 7], dynamic_dims=0)
    for n in (3, 20):
        np.testing.assert_array_equal(run(gnp.arange(n)), np.arange(n) % 7)


def test_from_many_threads():
    run = gradax.jit(lambda x: gnp.cumsum(x)[-1], dynamic_dims=0)
    wrong: list[int] = []

    def work(first: int) -> None:
        wrong.extend(n for n in range(first, first + 40) if float(run(gnp.ones(n))) != n)

    threads = [threading.Thread(target=work, args=(2 + 17 * k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_kept_on_the_disk(tmp_path: Any):
    script = """
import os, gradax, gradax.numpy as gnp
from gradax.compiler import improve
f = gradax.jit(lambda x: gnp.sort(gnp.concatenate([x[1:], x[x > 0]])).sum(), dynamic_dims=0)
for n in (3, 50):
    print(float(f(gnp.arange(n) - 1.0)))
improve.wait()
print(len(os.listdir(os.environ["GRADAX_COMPILATION_CACHE_DIR"])))
"""
    environment = {**os.environ, "GRADAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    outs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment
        )
        for _ in range(2)
    ]
    assert [done.stderr for done in outs] == ["", ""]
    assert outs[0].stdout == outs[1].stdout
    assert outs[0].stdout.split()[:2] == ["2.0", "2352.0"]


# Masks.


MASKED = {
    "selected": lambda x: x[x > 0],
    "their sum": lambda x: x[x > 0].sum(),
    "places": lambda x: gnp.nonzero(x > 0)[0],
    "where": lambda x: gnp.where(x > 0)[0] * 2,
    "flat places": lambda x: gnp.flatnonzero(x > 1),
    "two masks": lambda x: (x[x > 0], x[x < 0].cumsum()),
    "one in another": lambda x: (lambda y: y[y < 1] * 2)(x[x > 0]),
    "sorted": lambda x: gnp.sort(x[x > 0])[::-1],
    "derivative": gradax.grad(lambda x: (x[x > 0] ** 2).sum()),
    "outer": lambda x: x[x > 1][:, None] * x[x > 1],
    "argwhere": lambda x: gnp.argwhere(x > 0.5),
    "unique": lambda x: gnp.unique(gnp.round(x)),
    "even number": lambda x: x[gnp.arange(x.shape[0]) < x.shape[0] // 2 * 2].reshape(2, -1),
    "rows": lambda x: gnp.stack([x, x * 2], 1)[x > 0],
    "of a matrix": lambda x: (x[:, None] * x)[(x[:, None] * x) > 0.5],
    "how many": lambda x: x[x > 0].shape[0] * 1.0 + x.sum(),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", MASKED)
def test_masks(name: str):
    function = MASKED[name]
    run = gradax.jit(function, dynamic_dims=0)
    for n in (9, 30, 4, 1, 0, 2, 60, 33, 34):
        x = gnp.asarray(vector(n))
        got, want = run(x), function(x)
        for a, b in zip(gradax.tree.leaves(got), gradax.tree.leaves(want), strict=True):
            assert gnp.shape(a) == gnp.shape(b)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_masks_are_traced_once_for_most_counts():
    counted = Counted(lambda x: x[x > 0].mean())
    run = gradax.jit(counted, dynamic_dims=0)
    for n in range(20, 60):
        x = np.linspace(-1, 1, n).astype(np.float32)
        assert abs(float(run(x)) - x[x > 0].mean()) < 1e-6
    assert counted.traces == 1


def test_masks_without_open_axes_say_so():
    with pytest.raises(NonConcreteBooleanIndexError):
        gradax.jit(lambda x: x[x > 0])(gnp.ones(3))
    with pytest.raises(NonConcreteBooleanIndexError):
        gradax.jit(lambda x: lax.scan(lambda c, a: (c, a[a > 0]), 0.0, x[:, None]), dynamic_dims=0)(
            gnp.ones(3)
        )
    with pytest.raises(StaticSizeError, match="under vmap"):
        gradax.jit(lambda x: gradax.vmap(lambda r: r[r > 0])(x[:, None]), dynamic_dims=0)(
            gnp.ones(3)
        )


# Errors.


@pytest.mark.parametrize(
    "function",
    [
        lambda x: [x[i] for i in range(x.shape[0])],
        lambda x: float(x.shape[0]),
        lambda x: len(x),
        lambda x: np.arange(10)[: x.shape[0]],
    ],
)
def test_what_needs_a_fixed_size_says_so(function: Any):
    with pytest.raises(StaticSizeError, match=r"a is not fixed: it depends on axis 0 of x") as e:
        gradax.jit(function, dynamic_dims=0)(gnp.ones(5))
    assert "test_dynamic_dims.py" in str(e.value)
    assert "Leave that axis out of dynamic_dims" in str(e.value)


def test_callbacks_are_refused():
    with pytest.raises(StaticSizeError, match="calls Python"):
        gradax.jit(lambda x: gradax.debug.print("{}", x), dynamic_dims=0)(gnp.ones(5))


@pytest.mark.parametrize("spec", [((3,),), ((0,), (0,), (0,)), ((0, 1), (0,), None), ({"a": 0},)])
def test_axes_that_do_not_fit(spec: Any):
    with pytest.raises(ArgumentError, match="dynamic_dims"):
        gradax.jit(lambda x: x, dynamic_dims=spec)(gnp.ones(5))


@pytest.mark.parametrize("spec", ["x", 1.5, (0, "a"), True])
def test_what_is_no_axis(spec: Any):
    with pytest.raises(TypeError, match="expected dynamic_dims of axes"):
        gradax.jit(lambda x: x, dynamic_dims=spec)


def test_a_wrong_program_raises_as_it_does_with_fixed_sizes():
    with pytest.raises((TypeError, ValueError), match="Incompatible shapes for add"):
        gradax.jit(lambda x: x + gnp.ones(4), dynamic_dims=0)(gnp.ones(5))
