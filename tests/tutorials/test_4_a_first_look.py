"""The fourth tutorial, "A first look at JAX": every code block, and what it prints."""

import math

import numpy as np
import pytest

import gradax as jax

from .notebook import Notebook

# Slips in the document: the function called is named `outer`, and the branches return nothing.
JIT = """\
import jax
import jax.numpy as jnp

@jax.jit
def inner(x: jax.Array, y: float):
    return x.at[0].add(y)

def outer(x):
    if jnp.all(jnp.greater(x, 0)):
        return inner(x, 7.0)
    else:
        return inner(x, -7.0)

print(outer(jnp.array([1.0, 2.0])))  # prints [8.0, 2.0]
print(outer(jnp.array([1.0, -2.0]))) # prints [-6.0, 2.0]
"""

JIT_AS_WRITTEN = """\
import jax
import jax.numpy as jnp

@jax.jit
def inner(x: jax.Array, y: float):
    return x.at[0].add(y)

def conditional_fn(x):
    if jnp.all(jnp.greater(x, 0)):
        inner(x, 7.0)
    else:
        inner(x, -7.0)

print(outer(jnp.array([1.0, 2.0])))  # prints [8.0, 2.0]
print(outer(jnp.array([1.0, -2.0]))) # prints [-6.0, 2.0]
"""

# Slips in the document: the function reads `a` and `b` instead of its arguments and returns
# nothing; what is shown as printed is the values' repr.
VMAP = """\
import jax
import jax.numpy as jnp

def thing(x, y):
    return x.at[0, 0].multiply(y.at[0, 0].get())

# If we had two 2x2 matrices, this is easy:
a = jnp.array([[1, 2], [3, 4]])
b = jnp.array([[5, 6], [7, 8]])
print(repr(thing(a, b)))

# But if we wanted to compute this for a batch:
c = jnp.tile(a, (3, 1, 1))
d = jnp.tile(b, (3, 1, 1))

# We can vectorize our function:
thing_vec = jax.vmap(thing)
print(repr(thing_vec(c, d)))
"""

VMAP_TEXT = """\
Array([[5, 2],
       [3, 4]], dtype=int32)
Array([[[5, 2],
        [3, 4]],

       [[5, 2],
        [3, 4]],

       [[5, 2],
        [3, 4]]], dtype=int32)
"""

VMAP_AS_WRITTEN = """\
import jax
import jax.numpy as jnp

def thing(x, y):
    a.at[0, 0].multiply(b.at[0, 0].get())

# If we had two 2x2 matrices, this is easy:
a = jnp.array([[1, 2], [3, 4]])
b = jnp.array([[5, 6], [7, 8]])
print(thing(a, b))

# But if we wanted to compute this for a batch:
c = jnp.tile(a, (3, 1, 1))
d = jnp.tile(b, (3, 1, 1))

# We can vectorize our function:
thing_vec = jax.vmap(thing)
print(thing_vec(c, d))
"""

GRAD = """\
import jax

def f(x):
    return x ** 2 + 7 ** x

fp = jax.grad(f)
fpp = jax.grad(fp)

# and so on.
"""


def test_jit_of_a_part(notebook: Notebook):
    # The document's second comment loses the sign of the untouched element.
    assert notebook.run(JIT) == "[8. 2.]\n[-6. -2.]\n"


def test_jit_of_a_part_as_written(notebook: Notebook):
    with pytest.raises(NameError, match="outer"):
        notebook.run(JIT_AS_WRITTEN)
    assert notebook["conditional_fn"](np.ones(2, np.float32)) is None


def test_branch_on_a_traced_value_is_refused(notebook: Notebook):
    notebook.run(JIT)
    with pytest.raises(jax.errors.TracerBoolConversionError, match=r"where|cond"):
        jax.jit(notebook["outer"])(np.ones(2, np.float32))


def test_vectorization(notebook: Notebook):
    assert notebook.run(VMAP) == VMAP_TEXT


def test_vectorization_with_jit(notebook: Notebook):
    notebook.run(VMAP)
    vectorized = jax.jit(jax.vmap(notebook["thing"]))
    np.testing.assert_array_equal(vectorized(notebook["c"], notebook["d"]), [[[5, 2], [3, 4]]] * 3)


def test_vectorization_over_other_axes(notebook: Notebook):
    notebook.run(VMAP)
    c, d = notebook["c"].transpose(1, 0, 2), notebook["d"]
    vectorized = jax.vmap(notebook["thing"], in_axes=(1, 0), out_axes=-1)
    expected = np.broadcast_to(np.array([[5, 2], [3, 4]])[:, :, None], (2, 2, 3))
    np.testing.assert_array_equal(vectorized(c, d), expected)


def test_vectorization_as_written(notebook: Notebook):
    assert notebook.run(VMAP_AS_WRITTEN) == "None\nNone\n"


@pytest.mark.parametrize("x", [0.0, 0.5, 2.0])
def test_autodiff(notebook: Notebook, x: float):
    assert notebook.run(GRAD) == ""
    log7 = math.log(7)
    np.testing.assert_allclose(notebook["f"](x), x**2 + 7**x, rtol=1e-6)
    np.testing.assert_allclose(notebook["fp"](x), 2 * x + 7**x * log7, rtol=1e-5)
    np.testing.assert_allclose(notebook["fpp"](x), 2 + 7**x * log7**2, rtol=1e-5)
