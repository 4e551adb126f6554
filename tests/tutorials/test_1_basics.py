"""The first tutorial, "Basics": every code block, and what its comments say."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

from .notebook import Notebook

JIT = """\
import jax
import jax.numpy as jnp

def f(x):
    return jnp.mean(x)

f_jit = jax.jit(f)
f_jit(jnp.arange(10)) # function gets compiled here -- some delay
f_jit(jnp.arange(10)) # uses cached JITted function -- no delay
"""

JIT_AGAIN = """\
import jax
import jax.numpy as jnp

def f(x):
    return jnp.mean(x)

f_jit = jax.jit(f)
f_jit(jnp.arange(10)) # function gets compiled here -- some delay
f_jit(jnp.arange(10)) # uses cached JITted function -- no delay
f_jit(jnp.arange(20)) # function gets compiled here again!
"""

# Slips in the document: the annotation stands where the parameter's name belongs (a syntax error),
# the annotations' library is not JAX's, and the two functions are left to the reader.
VMAP = """\
import jax


def f(image):
    return some_computation(image)

data = get_mnist_batch() # 64 x 28 x 28

output = jax.jit(jax.vmap(f))(data) # the JIT is not \
necessary, but you typically shouldn't use vmap outside of JIT
"""

GRAD = """\
import jax

def f(x):
    return x**2

f(8) # 64
f_prime = jax.grad(f)
f_prime(8) # 16

f_prime_prime = jax.grad(f_prime)
f_prime_prime(8) # 2
"""


def test_jit(notebook: Notebook):
    assert notebook.run(JIT) == ""
    assert [str(value) for value in notebook.values] == ["4.5", "4.5"]


def test_jit_of_another_shape(notebook: Notebook):
    assert notebook.run(JIT_AGAIN) == ""
    assert [repr(value) for value in notebook.values] == [
        "Array(4.5, dtype=float32)",
        "Array(4.5, dtype=float32)",
        "Array(9.5, dtype=float32)",
    ]


def test_a_function_is_traced_once_for_each_shape():
    traced = []

    @jax.jit
    def f(x):
        traced.append(x.shape)
        return jnp.mean(x)

    for n in (10, 10, 20):
        f(jnp.arange(n))
    assert traced == [(10,), (20,)]


def test_vmap(notebook: Notebook):
    batch = np.random.default_rng(0).normal(size=(64, 28, 28)).astype(np.float32)
    seen = []

    def some_computation(image):
        seen.append(image.shape)
        return jnp.mean(image)

    notebook.names.update(some_computation=some_computation, get_mnist_batch=lambda: batch)
    assert notebook.run(VMAP) == ""
    assert seen == [(28, 28)]
    np.testing.assert_allclose(notebook["output"], batch.mean(axis=(1, 2)), atol=1e-6)


def test_vmap_as_written_is_no_python():
    written = 'def f(jt.Float[jt.Array, "width height"]):\n    return some_computation()\n'
    with pytest.raises(SyntaxError):
        compile(written, "written", "exec")


def test_grad(notebook: Notebook):
    assert notebook.run(GRAD) == ""
    assert notebook.values == [64, 16, 2]
    assert [str(value) for value in notebook.values] == ["64", "16.0", "2.0"]


def test_grad_at_an_integer_array_is_refused(notebook: Notebook):
    notebook.run(GRAD)
    with pytest.raises(TypeError, match="i32"):
        notebook["f_prime"](jnp.array(8))
