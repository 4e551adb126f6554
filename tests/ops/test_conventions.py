"""What elementwise operations do where mathematics leaves a choice, compared with JAX.

Derivatives at kinks, ties and poles; dtypes and errors of the public functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax
from gradax import lax
from gradax.errors import DtypeError, ShapeError

POINTS = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, np.inf, -np.inf]
# Functions whose derivative at those points is the same as JAX's, or NaN where JAX's is too.
UNARY = [
    "abs", "sign", "exp", "exp2", "expm1", "log", "log1p", "logistic", "sqrt", "rsqrt", "cbrt",
    "square", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh",
    "atanh", "erf", "erfc", "erf_inv", "lgamma", "bessel_i0e", "bessel_i1e", "floor", "ceil",
    "reciprocal",
]  # fmt: skip
BINARY = ["max", "min", "pow", "atan2", "div", "mul", "sub"]
PAIRS = [(a, b) for a in (0.0, 1.0, -1.0, 2.0, -0.5) for b in (0.0, 1.0, -1.0, 2.0, 0.5)]
BOUNDS = [(0, 0, 1), (0, 1, 1), (0, 0.5, 1), (0, -1, 1), (0, 2, 1), (1, 0.5, 0), (0, 0, 0)]

PROGRAM = """
from jax import lax
f32 = np.float32
result = {}
for name in unary:
    result[name] = [float(jax.grad(getattr(lax, name))(f32(p))) for p in points]
for name in binary:
    slopes = jax.grad(getattr(lax, name), (0, 1))
    result[name] = [tuple(map(float, slopes(f32(a), f32(b)))) for a, b in pairs]
slopes = jax.grad(lax.clamp, (0, 1, 2))
result["clamp"] = [tuple(map(float, slopes(*map(f32, b)))) for b in bounds]
"""


@pytest.mark.peer
def test_derivatives_are_those_of_jax(peer: Any):
    given = {"unary": UNARY, "binary": BINARY, "points": POINTS, "pairs": PAIRS, "bounds": BOUNDS}
    theirs = peer(PROGRAM, **given)
    ours: dict[str, Any] = {"jax": gradax, "np": np, **given}
    exec(PROGRAM.replace("from jax import lax", "lax = jax.lax"), ours)
    for name, want in theirs.items():
        np.testing.assert_allclose(ours["result"][name], want, rtol=2e-5, atol=1e-7, err_msg=name)


def grad_at(function: Any, *args: float) -> Any:
    """Return the derivatives of a function of scalars."""
    operands = tuple(map(np.float32, args))
    slopes = gradax.grad(function, tuple(range(len(args))))(*operands)
    return tuple(map(float, slopes))


@pytest.mark.parametrize(
    ("function", "args", "want"),
    [
        (lax.abs, (0.0,), (1.0,)),
        (lax.max, (2.0, 2.0), (0.5, 0.5)),
        (lax.min, (2.0, 3.0), (1.0, 0.0)),
        (lax.pow, (0.0, 2.0), (0.0, 0.0)),
        (lax.clamp, (0.0, 0.0, 1.0), (0.0, 0.0, 0.0)),
        (lax.sign, (0.0,), (0.0,)),
    ],
)
def test_derivatives_at_kinks(function: Any, args: tuple[float, ...], want: tuple[float, ...]):
    assert grad_at(function, *args) == want


def test_a_power_of_a_whole_number_is_constant_for_zero():
    assert float(gradax.grad(lambda x: lax.pow(x, 0))(np.float32(0))) == 0.0
    assert float(gradax.grad(lambda x: lax.pow(x, 2))(np.float32(-3))) == -6.0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_python_integers_take_an_integer_array_s_dtype(dtype: str):
    out = lax.add(np.ones(3, dtype), 2)
    assert out.dtype == dtype and np.asarray(out).tolist() == [3, 3, 3]


def test_python_floats_take_a_float_array_s_dtype():
    assert lax.mul(np.ones(2, np.float16), 2.0).dtype == np.float16


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lax.add(np.ones(2, np.float32), 1), "add requires operands of one dtype"),
        (lambda: lax.add(np.ones(2, np.float32), np.ones(2, np.int32)), "operands of one dtype"),
        (lambda: lax.sin(np.ones(2, np.int32)), "sin accepts inexact dtypes; got int32"),
        (lambda: lax.bitwise_and(np.ones(2, np.float32), np.ones(2, np.float32)), "and accepts"),
        (lambda: lax.abs(np.ones(2, np.uint8)), "abs accepts signed"),
        (lambda: lax.complex(np.ones(2, np.float16), np.ones(2, np.float16)), "complex: expected"),
        (lambda: lax.pow(np.ones(2, np.int32), 2), "pow: expected an inexact base"),
        (lambda: lax.integer_pow(np.ones(2, np.int32), -1), "integer_pow: expected a power >= 0"),
        (lambda: lax.convert_element_type("a", np.float32), "not a valid array"),
    ],
)
def test_dtype_errors_name_the_operation(call: Any, message: str):
    with pytest.raises(DtypeError, match=message) as caught:
        call()
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lax.add(np.ones(2), np.ones(3)), r"Incompatible shapes for add: got \(2,\) and"),
        (lambda: lax.select_n(np.ones(2, bool)), "select_n: expected at least one case"),
        (lambda: lax.clamp(np.ones(2), np.ones(3), np.ones(3)), "clamp: expected a low bound"),
    ],
)
def test_shape_errors_name_the_operation(call: Any, message: str):
    with pytest.raises(ShapeError, match=message):
        call()


def test_integers_that_do_not_fit_are_refused():
    with pytest.raises(OverflowError, match="300 does not fit int8"):
        lax.add(np.ones(2, np.int8), 300)


def test_discarding_imaginary_parts_warns():
    with pytest.warns(np.exceptions.ComplexWarning, match="discards the imaginary part"):
        lax.convert_element_type(np.ones(2, np.complex64), np.float32)


def test_reduce_precision_refuses_negative_widths():
    with pytest.raises(ValueError, match="reduce_precision: expected exponent_bits >= 1"):
        lax.reduce_precision(np.ones(2, np.float32), 0, 3)
