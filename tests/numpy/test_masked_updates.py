"""Updates by a mask that is not known while the function is traced."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import errors

X = jnp.arange(12.0).reshape(3, 4) - 5

UPDATES = {
    "set": lambda x, m: x.at[m].set(7),
    "add": lambda x, m: x.at[m].add(2.5),
    "subtract": lambda x, m: x.at[m].subtract(1),
    "multiply": lambda x, m: x.at[m].multiply(3.0),
    "divide": lambda x, m: x.at[m].divide(4.0),
    "power": lambda x, m: x.at[m].power(2),
    "min": lambda x, m: x.at[m].min(0.5),
    "max": lambda x, m: x.at[m].max(-0.5),
    "apply": lambda x, m: x.at[m].apply(jnp.cos),
}


@pytest.mark.parametrize("update", UPDATES.values(), ids=list(UPDATES))
@pytest.mark.parametrize("mask", [X > 1, X[:, 0] > -3, X > 99], ids=["all axes", "rows", "none"])
def test_as_with_a_known_mask(update, mask):
    want = update(X, np.asarray(mask))
    np.testing.assert_allclose(jax.jit(update)(X, mask), want, rtol=1e-6)
    mapped = jax.vmap(update)(jnp.stack([X, X]), jnp.stack([mask, ~mask]))
    np.testing.assert_allclose(mapped[0], want, rtol=1e-6)
    np.testing.assert_allclose(mapped[1], update(X, ~np.asarray(mask)), rtol=1e-6)


def test_values_of_a_row():
    row, mask = jnp.arange(4.0), X[:, 0] > -3
    got = jax.jit(lambda x, m: x.at[m].set(row))(X, mask)
    np.testing.assert_array_equal(got, X.at[np.asarray(mask)].set(row))


def test_gradients():
    f = lambda x: (x.at[x > 1].multiply(3.0) ** 2).sum()
    np.testing.assert_allclose(jax.grad(jax.jit(f))(X), jnp.where(X > 1, 18 * X, 2 * X))


def test_values_that_differ_from_place_to_place_need_a_known_mask():
    with pytest.raises(errors.NonConcreteBooleanIndexError):
        jax.jit(lambda x, m: x.at[m].set(jnp.arange(6.0)))(X, X > 0)
