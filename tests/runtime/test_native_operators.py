"""Operators that the runtime computes: the same results as the functions that they stand in for."""

from __future__ import annotations

import inspect
import operator
import threading

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax.native import Operator

SPECIAL = [
    0.0,
    -0.0,
    1.5,
    -2.25,
    np.inf,
    -np.inf,
    np.nan,
    1e-45,
    3e38,
    -1e-38,
    7.0,
    0.1,
    1e30,
    -3.0,
]
OPERATORS = ["add", "sub", "mul", "truediv", "eq", "ne", "lt", "le", "gt", "ge"]
FUNCTIONS = [
    *("add", "subtract", "multiply", "true_divide", "maximum", "minimum"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
]
NUMBERS = [0, 1, -3, 2**31 - 1, 0.1, -0.0, 1e300, float("nan"), True]


def operands(dtype: str) -> list[np.ndarray]:
    """Return two arrays whose pairs are all pairs of special values."""
    if dtype.startswith("float"):
        values = np.array(SPECIAL).astype(dtype)
    else:
        info = np.iinfo(dtype)
        values = np.array([0, 1, -1, 7, info.max, info.min, info.max // 2, -12345], dtype)
    return [np.repeat(values, len(values)), np.tile(values, len(values))]


def same(got: object, want: object) -> None:
    """Compare results to the bit, NaN being NaN, and their avals."""
    assert got.aval is want.aval
    left, right = np.asarray(got), np.asarray(want)
    np.testing.assert_array_equal(left, right)
    if left.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(left), np.signbit(right))


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, dtype: str) -> None:
    with gradax.enable_x64(True):
        function = getattr(gnp, name)
        x, y = map(gnp.asarray, operands(dtype))
        for _ in range(2):  # the first comparison tells the aval
            same(function(x, y), function.__wrapped__(x, y))
        for number in NUMBERS:
            if isinstance(number, float) or dtype != "int32" or abs(number) < 2**31:
                same(function(x, number), function.__wrapped__(x, number))
                same(function(number, x), function.__wrapped__(number, x))


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "bool", "bfloat16", "complex64"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str, dtype: str) -> None:
    if dtype == "bool" and name == "sub":
        pytest.skip("bools are not subtracted")
    run = getattr(operator, name)
    x = gnp.asarray([1, 0, 3, 1]).astype(dtype)
    y = gnp.asarray([1, 2, 0, 1]).astype(dtype)
    method = type(x).__dict__[f"__{name}__"]
    for _ in range(2):
        same(run(x, y), method.__wrapped__(x, y))
    for number in (2, 0.5, True, np.float32(2), np.arange(4)):
        same(run(x, number), method.__wrapped__(x, number))
        assert run(number, x).shape == (4,)


def test_reflected_operators_keep_the_order() -> None:
    x = gnp.asarray([1.0, 2.0])
    assert (10 - x).tolist() == [9.0, 8.0]
    assert (10 / x).tolist() == [10.0, 5.0]
    assert (x > 3).tolist() == [False, False]
    assert x.__rsub__(10).tolist() == [9.0, 8.0]


def test_what_is_not_computed_there() -> None:
    x, scalar = gnp.asarray([1.0, 2.0]), gnp.asarray(3.0)
    assert (x + scalar).tolist() == [4.0, 5.0]
    assert (x[:, None] * x).shape == (2, 2)
    assert x.__add__("a") is NotImplemented
    with pytest.raises(TypeError):
        x + "a"
    with pytest.raises(TypeError):
        gnp.add(x)
    with pytest.raises(TypeError, match=r"\(2,\) and \(3,\)"):
        x + gnp.zeros(3)
    with pytest.raises(OverflowError):
        gnp.asarray([1]) + 2**40
    empty = gnp.zeros((0, 3))
    assert (empty + empty).shape == (0, 3) and (empty < 1).shape == (0, 3)


def test_traced_operands() -> None:
    x = gnp.asarray([1.0, 2.0])
    assert gradax.grad(lambda v: (v * v + 1.0).sum())(x).tolist() == [2.0, 4.0]
    assert "add" in str(gradax.make_jaxpr(lambda v: x + 1.0)(x))
    assert gradax.jit(lambda v: gnp.maximum(v, 1.5))(x).tolist() == [1.5, 2.0]


def test_arrays_that_are_still_computed_or_gone() -> None:
    big = gnp.ones((1500, 1500))
    small = gradax.jit(lambda m: (m @ m @ m)[:2, 0])(big)
    assert (small + 1.0).tolist() == [1500.0**2 + 1.0] * 2
    gone = gnp.asarray([1.0, 2.0])
    gone.delete()
    with pytest.raises(RuntimeError, match="deleted"):
        gone + 1.0


def test_checks_of_nans_are_made() -> None:
    x = gnp.asarray([0.0, 1.0])
    assert np.isnan((x / x)[0])
    with gradax.debug_nans(True), pytest.raises(FloatingPointError):
        x / x


def test_it_looks_like_a_function() -> None:
    assert isinstance(gnp.add, Operator)
    assert gnp.add.__name__ == "add" and gnp.add.__doc__.startswith("Add elementwise")
    assert list(inspect.signature(gnp.maximum).parameters) == ["x", "y"]
    with pytest.raises(ValueError, match="not one that is computed here"):
        Operator(len, "cosh")


def test_threads() -> None:
    x = gnp.arange(100.0)
    wrong: list[object] = []

    def work(k: int) -> None:
        for _ in range(2000):
            if (x + k)[3] != 3 + k and not wrong:
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
