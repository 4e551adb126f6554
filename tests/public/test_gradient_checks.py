"""`test_util`: what the checks accept and what they find."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax.test_util import check_grads, check_jvp, check_vjp


@jax.custom_jvp
def wrong(x):
    return x * x


wrong.defjvp(lambda p, t: (p[0] ** 2, 3 * p[0] * t[0]))


def test_right_derivatives():
    x = np.ones((3, 3), np.float32)
    check_grads(jnp.sin, (1.0,), 3)
    check_grads(lambda t, y: jnp.sin(t["a"]) @ y, ({"a": x}, x[0]), 2)
    check_grads(lambda z: z * z * jnp.conj(z), (1.0 + 2.0j,), 2)
    check_grads(lambda i, x: x[i] * x.sum(), (1, np.arange(3, dtype=np.float32)), 2)
    with jax.enable_x64(True):
        check_grads(lambda x: jnp.exp(x).sum(), (np.arange(3.0),), 3)


@pytest.mark.parametrize("modes", [["fwd"], ["rev"], "fwd"])
def test_wrong_derivatives(modes):
    with pytest.raises(AssertionError, match=r"JVP tangent|VJP cotangent"):
        check_grads(wrong, (1.0,), 1, modes=modes)


def test_arguments():
    with pytest.raises(ValueError, match="modes are"):
        check_grads(jnp.sin, (1.0,), 1, modes=["backward"])
    check_jvp(jnp.sin, lambda p, t: jax.jvp(jnp.sin, p, t), (1.0,), rtol=0.01)
    check_vjp(jnp.sin, lambda x: jax.vjp(jnp.sin, x), (1.0,), rtol=0.01)
    with pytest.raises(AssertionError, match="JVP primal"):
        check_jvp(jnp.sin, lambda p, t: jax.jvp(jnp.cos, p, t), (1.0,))
