"""`jit(f, dynamic_dims=…)` at its edges: what an attack on it found."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax.errors import ArgumentError, StaticSizeError


class Counted:
    """A function that counts how often it is traced."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.traces = function, 0

    def __call__(self, *args: Any) -> Any:
        self.traces += 1
        return self.function(*args)


def opened(function: Callable[..., Any], dims: Any = 0) -> Any:
    return gradax.jit(function, dynamic_dims=dims)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum() / (x.shape[0] * (x.shape[0] - 1)),
        lambda x: x.sum() / x.shape[0] ** 3,
        lambda x: x * (x.shape[0] * 10.0**7),
        lambda x: gnp.sqrt(x.shape[0]) * (1 / x.shape[0]) + 2.5 * x.shape[0],
    ],
)
def test_sizes_are_exact_as_numbers(function: Any):
    run = opened(function)
    for n in (5, 2000, 70_000):
        np.testing.assert_allclose(run(gnp.ones(n)), function(gnp.ones(n)), rtol=1e-6)


def test_integers_that_do_not_fit_are_refused_as_numbers_are():
    run = opened(lambda x: x.astype(int).sum() + x.shape[0] * 1_000_000)
    assert run(gnp.ones(3)) == 3_000_003
    with pytest.raises(OverflowError, match="does not fit int32"):
        run(gnp.ones(3000))
    with pytest.raises(OverflowError):
        opened(lambda x: x * x.shape[0])(gnp.ones(256, np.uint8))


def test_forty_axes_and_masks_have_names_of_their_own():
    def sizes(*xs: Any) -> Any:
        x = xs[0]
        return x[x > 0].sum() + 0 * x[x < 0].shape[0] // 2, xs[39].shape[0] // 2 + 0 * x.sum()

    def counts(*xs: Any) -> Any:
        x = xs[0]
        return x[x > 0].shape[0] * 1, x[x < 0].shape[0] // 2 * 1, xs[39].shape[0] // 2 * 1, x.sum()

    x = gnp.array([1.0, 1, -1, -1, -1, -1, -1])
    others = [gnp.ones(n) for n in range(10, 51)]
    got = opened(lambda *xs: gnp.stack([gnp.asarray(v) * 1.0 for v in counts(*xs)]))(x, *others)
    np.testing.assert_array_equal(got, [2, 2, 24, -3])
    opened(sizes)(x, *others)


def test_what_a_function_catches_is_settled_all_the_same():
    def is_five(x: Any) -> Any:
        try:
            five = x.shape[0] == 5
        except BaseException:
            five = False
        return x.sum() if five else -x.sum()

    run = opened(is_five)
    assert run(gnp.ones(5)) == 5 and run(gnp.ones(6)) == -6 and run(gnp.ones(5)) == 5


def test_a_size_that_escapes_does_no_harm():
    kept: list[Any] = []
    opened(lambda x: (kept.append(x.shape[0]), x)[1])(gnp.ones(5))
    uses = (
        lambda: gradax.jit(lambda x: x * kept[0])(gnp.ones(7)),
        lambda: gradax.jit(lambda x: x + gnp.zeros(kept[0]))(gnp.ones(5)),
        lambda: kept[0] == 5,
        lambda: gnp.ones(3) * kept[0],
        lambda: opened(lambda x: x * kept[0])(gnp.ones(7)),
    )
    for use in uses:
        with pytest.raises(StaticSizeError):
            use()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[x > 0] @ x[x > 0],
        lambda x: x.at[x > 0].set(x[x > 0] * 2),
        lambda x: gnp.concatenate([x[x > 0], x[x <= 0]]) + x,
        lambda x: x[x > 0][x[x > 0] < 0.8],
        lambda x: x[x > 0][1:].sum(),
        lambda x: x[1:][x[1:] > 0],
    ],
)
def test_masks_whose_counts_change(function: Any):
    run = opened(function)
    for values in ([1.0, 2, -1], [1.0, -2, -1], [-1.0, -1, -1], [0.5, 0.6, 0.7], [1.0, 2, 3, 4]):
        x = gnp.array(values)
        for _ in range(2):
            np.testing.assert_allclose(run(x), function(x), rtol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        (lambda x: x[: x.shape[0] // 2].sum(), (3, 4, 9, 2)),
        (lambda x: x[::2].sum() + x[1::2].sum(), (2, 3, 8, 9)),
        (lambda x: x.reshape(-1, 4).sum(0), (4, 8, 40)),
        (lambda x: gnp.where(x[: x.shape[0] // 4] > 0, x[: x.shape[0] // 4], 0), (7, 9, 40, 3)),
    ],
)
def test_computed_sizes_of_one(function: Any, sizes: Any):
    run = opened(function)
    for n in sizes:
        x = gnp.arange(float(n))
        np.testing.assert_allclose(run(x), function(x))


def test_masks_outlive_many_programs():
    def scaled(x: Any) -> Any:
        special = any(x.shape[0] == n for n in (3, 5, 7, 9, 11, 13, 15, 17, 19))
        return x[x > 0].sum() * (1.0 if special else 2.0)

    run = opened(scaled)
    for n in (30, 3, 5, 7, 9, 11, 13, 15, 17, 19, 40):
        assert run(gnp.ones(n)) == (n if n in (3, 5, 7, 9, 11, 13, 15, 17, 19) else 2 * n)


def test_too_many_programs_are_said():
    def bucket(x: Any) -> Any:
        return x.sum() * next(b for b in (2**k for k in range(20)) if x.shape[0] <= b)

    run = opened(bucket)
    with pytest.warns(UserWarning, match="from now on each size is compiled"):
        for k in range(1, 14):
            assert run(gnp.ones(2**k)) == 4**k


def test_arrays_of_past_calls_are_let_go():
    run = opened(lambda x: x[x > 0].sum())
    seen = []
    for n in range(5, 25):
        x = gnp.ones(n)
        seen.append(weakref.ref(x))
        run(x)
        del x
    gc.collect()
    assert not any(ref() is not None for ref in seen)


def test_debug_nans_keeps_axes_open():
    counted = Counted(lambda x: x[x > 0].sum())
    run = opened(counted)
    with gradax.debug_nans(True):
        for n in (9, 10, 11):
            assert run(gnp.ones(n)) == n
    assert counted.traces == 1


def test_a_failure_that_passes():
    state = {"fails": True}

    def sometimes(x: Any) -> Any:
        if state.pop("fails", False):
            raise OSError("not yet")
        return x * 2

    counted = Counted(sometimes)
    run = opened(counted)
    with pytest.raises(OSError, match="not yet"):
        run(gnp.ones(3))
    for n in (3, 4, 5):
        run(gnp.ones(n))
    assert counted.traces == 2


def test_entries_by_name():
    counted = Counted(lambda x, y=1.0: (x * y).sum())

    def total(x: Any, y: Any = 1.0) -> Any:
        return counted(x, y)

    for dims in ({"x": 0, "y": 0}, (0, 0), 0):
        counted.traces = 0
        run = opened(total, dims)
        for n in (3, 4, 5):
            assert run(gnp.ones(n), y=gnp.ones(n)) == n
        assert counted.traces == 1
    assert opened(total, (0, None))(gnp.ones(3)) == 3


@pytest.mark.parametrize("spec", [5, -3, (0, 0, 0)])
def test_axes_that_nothing_has(spec: Any):
    with pytest.raises(ArgumentError, match="dynamic_dims"):
        opened(lambda x, y: x, spec)(gnp.ones((5, 2)), gnp.ones((5, 2)))
