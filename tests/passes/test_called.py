"""Functions that a kernel applies often are called: same bits, a text that stays short."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import gradax
from gradax import lax
from gradax import numpy as jnp
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

Array = np.ndarray[Any, Any]
N_TIMES = 12
UNARY = ["exp", "log1p", "sin", "tan", "tanh", "erf", "lgamma", "cbrt"]


def repeated(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of x that applies `fn` to many functions of x."""

    def f(x: Any) -> Any:
        return tuple(fn(x * k) for k in range(1, N_TIMES + 1))

    return f


def alone(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the same function, one compilation a value."""
    jitted = [gradax.jit(lambda x, k=k: fn(x * k)) for k in range(1, N_TIMES + 1)]
    return lambda x: tuple(one(x) for one in jitted)


def bits(values: Any) -> list[bytes]:
    return [np.asarray(v).tobytes() for v in values]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", UNARY)
def test_called_functions_compute_what_written_out_ones_do(name: str, dtype: Any):
    fn = getattr(lax, name)
    with gradax.enable_x64(True):
        x = jnp.asarray(np.linspace(-3, 900, 37).astype(dtype))
        assert bits(gradax.jit(repeated(fn))(x)) == bits(alone(fn)(x))


def test_functions_of_two_operands_and_of_constants():
    x = jnp.linspace(0.1, 4, 21)
    for fn in (lambda x: lax.atan2(x, x + 1), lambda x: lax.pow(x, x), lambda x: lax.pow(2.5, x)):
        assert bits(gradax.jit(repeated(fn))(x)) == bits(alone(fn)(x))


def test_scalars_and_reductions():
    def f(x: Any) -> Any:
        total = x
        for _ in range(N_TIMES):
            total = jnp.sin(total) + jnp.cos(total)
        return total, total.sum()

    for x in (jnp.float32(0.3), jnp.linspace(0, 1, 70).reshape(7, 10)):
        together = gradax.jit(f)(x)
        total = x
        for _ in range(N_TIMES):
            total = gradax.jit(lambda t: jnp.sin(t) + jnp.cos(t))(total)
        assert bits(together) == bits((total, gradax.jit(jnp.sum)(total)))


def test_the_text_grows_slowly():
    def f(n: int) -> Callable[[Any], Any]:
        def g(x: Any) -> Any:
            for _ in range(n):
                x = jnp.sin(x)
            return x

        return g

    def length(n: int) -> int:
        jaxpr = gradax.make_jaxpr(f(n))(jnp.zeros(16)).jaxpr
        return len(program_text(jaxpr, Options(), "llvm"))

    assert length(100) < 2 * length(6)
