"""The approximations against exact values: float32 sampled over its whole range, float64 in places.

`make ulp` tries all of float32.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from gradax.kernel import Input, elementwise
from gradax.kernel.check import check_tensors
from gradax.kernel.functions import APPROXIMATED, BASIC
from gradax.kernel.interpret import arguments_of, interpret
from gradax.kernel.ir import Apply, Scalar
from gradax.kernel.math import expand
from gradax.kernel.math.bounds import FLOAT32, FLOAT64
from gradax.kernel.meanings import arity, meaning

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import ulp

mp = pytest.importorskip("mpmath")
mp.mp.dps = 40

Array = np.ndarray[Any, Any]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.0, 1e30, -1e30, np.inf, -np.inf, np.nan]
STRIDE = 65_521  # prime, so that mantissas differ from one binade to the next


def run(fn: str, *xs: Any) -> Array:
    """Compute a function's expansion with the kernel interpreter."""
    arrays = [np.asarray(x) for x in xs]
    inputs = [Input(x.shape, x.dtype, i) for i, x in enumerate(arrays)]
    tensor = elementwise(lambda *a: expand(fn, a), *inputs)
    check_tensors([tensor])
    return interpret([tensor], arrays)[0]


@pytest.mark.parametrize("fn", sorted(ulp.REFERENCES))
def test_float32(fn: str):
    worst = ulp.measure(fn, ulp.interpreted(fn), STRIDE, offset=12_345)
    assert worst.error <= FLOAT32[fn], worst


@pytest.mark.parametrize("fn", sorted(APPROXIMATED))
def test_expansions_are_basic(fn: str):
    for dtype in (np.float32, np.float64):
        operands = [Input((4,), dtype, i) for i in range(arity(fn))]
        stack: list[Scalar] = [elementwise(lambda *a: expand(fn, a), *operands).body]
        seen: set[Scalar] = set()
        while stack:
            node = stack.pop()
            assert not isinstance(node, Apply) or node.fn in BASIC, node
            stack.extend(a for a in arguments_of(node) if a not in seen)
            seen.update(arguments_of(node))


def spread(low: float, high: float, n: int = 60) -> Array:
    """Return numbers of both signs spread over magnitudes between powers of ten."""
    rng = np.random.default_rng(int(1e3 * abs(low) + abs(high)))
    return 10.0 ** rng.uniform(low, high, n) * rng.choice([-1.0, 1.0], n)


EXACT = {
    "exp": (mp.exp, spread(-9, 2.84)),
    "exp2": (lambda x: mp.power(2, x), spread(-9, 3)),
    "expm1": (mp.expm1, spread(-18, 2.8)),
    "log": (mp.log, np.abs(spread(-300, 300))),
    "log1p": (mp.log1p, np.abs(spread(-18, 300))),
    "logistic": (lambda x: 1 / (1 + mp.exp(-x)), spread(-5, 2.5)),
    "tanh": (mp.tanh, spread(-15, 1.5)),
    "sinh": (mp.sinh, spread(-15, 2.8)),
    "cosh": (mp.cosh, spread(-15, 2.8)),
    "asinh": (mp.asinh, spread(-15, 300)),
    "acosh": (mp.acosh, 1 + np.abs(spread(-12, 300))),
    "atanh": (mp.atanh, np.tanh(spread(-9, 0.9))),
    "sin": (mp.sin, np.concatenate([spread(-9, 12), spread(20, 308)])),
    "cos": (mp.cos, np.concatenate([spread(-9, 12), spread(20, 308)])),
    "tan": (mp.tan, np.concatenate([spread(-9, 12), spread(20, 308)])),
    "asin": (mp.asin, np.tanh(spread(-9, 0.9))),
    "acos": (mp.acos, np.tanh(spread(-9, 0.9))),
    "atan": (mp.atan, spread(-15, 300)),
    "cbrt": (mp.cbrt, np.abs(spread(-310, 308))),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), np.abs(spread(-300, 300))),
    "erf": (mp.erf, spread(-15, 0.8)),
    "erfc": (mp.erfc, np.concatenate([spread(-15, 0.8), np.linspace(5, 26, 20)])),
    "erf_inv": (mp.erfinv, np.tanh(spread(-9, 0.9))),
    "lgamma": (mp.loggamma, np.abs(spread(-15, 5))),
    "bessel_i0e": (lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), spread(-5, 3)),
    "bessel_i1e": (lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), spread(-5, 3)),
}


@pytest.mark.parametrize("fn", sorted(EXACT))
def test_float64(fn: str):
    exact, x = EXACT[fn]
    got = run(fn, x)
    for a, b in zip(x, got, strict=True):
        want = exact(mp.mpf(float(a)))
        unit = np.spacing(abs(float(want)))
        assert abs(mp.mpf(float(b)) - want) <= (FLOAT64[fn] * unit), (fn, a, b, float(want))


def test_digamma_of_float64():
    x = np.concatenate([np.abs(spread(-6, 4)), -np.abs(spread(-2, 0.8))])
    want = [float(mp.digamma(mp.mpf(float(a)))) for a in x]
    np.testing.assert_allclose(run("digamma", x), want, rtol=2e-14, atol=2e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power(dtype: str):
    rng = np.random.default_rng(1)
    x = np.abs(spread(-20, 20, 400)).astype(dtype)
    y = (rng.uniform(-1, 1, 400) * 0.95 * np.log(np.finfo(dtype).max) / np.abs(np.log(x))).astype(
        dtype
    )
    got = run("pow", x, y)
    for a, b, c in zip(x, y, got, strict=True):
        want = mp.power(mp.mpf(float(a)), mp.mpf(float(b)))
        unit = float(np.spacing(np.dtype(dtype).type(float(want))))
        assert abs(mp.mpf(float(c)) - want) <= 1.0 * unit, (a, b, c, float(want))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", ["pow", "atan2", "nextafter"])
def test_edges_of_two_operands(fn: str, dtype: str):
    x, y = (a.astype(dtype) for a in np.meshgrid(EDGES, EDGES))
    got, want = run(fn, x, y), meaning(fn)(x, y)
    np.testing.assert_allclose(got, want, rtol=4e-7 if dtype == "float32" else 1e-15)
    nonzero = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[nonzero], np.signbit(want)[nonzero])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fn", sorted(set(APPROXIMATED) - {"pow", "atan2", "nextafter"}))
def test_edges(fn: str, dtype: str):
    x = np.asarray(EDGES).astype(dtype)
    got, want = run(fn, x), meaning(fn)(x)
    np.testing.assert_allclose(got, want, rtol=4e-6 if dtype == "float32" else 1e-13)


def test_erf_inv_of_float32_is_giles():
    x = np.linspace(-0.99, 0.99, 2001).astype(np.float32)
    want = np.asarray([float(mp.erfinv(float(a))) for a in x])
    np.testing.assert_allclose(run("erf_inv", x), want, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("fn", ["exp", "log", "sin", "tanh", "erf"])
def test_short_floats_are_rounded_once(fn: str, dtype: Any):
    x = np.linspace(0.1, 5, 200).astype(dtype)
    want = meaning(fn)(x.astype(np.float64)).astype(dtype)
    got = run(fn, x)
    assert got.dtype == x.dtype
    difference = np.abs(got.view(np.int16).astype(int) - want.view(np.int16).astype(int))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02


COMPLEX = [
    "exp", "exp2", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin",
    "acos", "atan", "asinh", "acosh", "atanh", "sqrt", "rsqrt", "logistic", "abs",
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("fn", COMPLEX)
def test_complex(fn: str, dtype: str):
    rng = np.random.default_rng(3)
    x = rng.normal(size=2000) * 3 + 1j * rng.normal(size=2000)
    x = np.concatenate([x, x / 100, np.array([a + 1j * b for a in EDGES[:8] for b in EDGES[:8]])])
    x = x.astype(dtype)
    got, want = run(fn, x), meaning(fn)(x.astype(np.complex128))
    tolerance = 4e-6 if dtype == "complex64" else 1e-13
    finite = np.isfinite(want)
    error = np.abs(got[finite] - want[finite]) / np.maximum(np.abs(want[finite]), 1e-30)
    assert error.max() <= tolerance, x[finite][np.argmax(error)]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("fn", ["add", "sub", "mul", "div", "pow", "min", "max"])
def test_complex_of_two_operands(fn: str, dtype: str):
    rng = np.random.default_rng(4)
    x, y = ((rng.normal(size=500) + 1j * rng.normal(size=500)).astype(dtype) for _ in range(2))
    want = meaning(fn)(x.astype(np.complex128), y.astype(np.complex128))
    tolerance = 2e-6 if dtype == "complex64" else 1e-13
    np.testing.assert_allclose(run(fn, x, y), want, rtol=tolerance)
