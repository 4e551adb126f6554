"""Differential equations, against their solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax as jax
from gradax import numpy as jnp
from gradax.experimental.ode import BETWEEN, WEIGHTS, odeint

T = np.linspace(0, 3, 7)


def oscillator(y: Any, t: Any, a: Any) -> Any:
    return {"x": y["v"], "v": -a * y["x"]}


def position(x0: Any, t: Any, a: Any) -> Any:
    return odeint(oscillator, {"x": x0, "v": 0.0}, t, a)["x"]


def test_weights_between_steps_end_in_those_of_the_step():
    np.testing.assert_allclose(BETWEEN.sum(1), WEIGHTS, atol=1e-14)


@pytest.mark.parametrize("jit", [False, True])
def test_values_and_derivatives(jit: bool):
    wrap = jax.jit if jit else lambda f: f
    with jax.enable_x64(True):
        t = jnp.asarray(T)
        np.testing.assert_allclose(wrap(position)(1.0, t, 4.0), np.cos(2 * T), atol=1e-7)
        total = lambda x0, t, a: position(x0, t, a).sum()
        of_x, of_t, of_a = wrap(jax.grad(total, (0, 1, 2)))(1.0, t, 4.0)
        np.testing.assert_allclose(of_x, np.cos(2 * T).sum(), atol=1e-6)
        np.testing.assert_allclose(of_t[1:], -2 * np.sin(2 * T[1:]), atol=1e-6)
        # Beginning later is the same as ending earlier.
        np.testing.assert_allclose(of_t[0], 2 * np.sin(2 * T[1:]).sum(), atol=1e-6)
        np.testing.assert_allclose(of_a, (-np.sin(2 * T) * T / 4).sum(), atol=1e-6)


def test_captured_values_and_further_arguments():
    with jax.enable_x64(True):
        f = lambda b: odeint(lambda y, t: -b * y, 1.0, jnp.asarray(T))[-1]
        np.testing.assert_allclose(jax.grad(f)(0.5), -3 * np.exp(-1.5), atol=1e-7)
        g = lambda y: odeint(lambda y, t, n, p: -p["k"] * n * y, y, T, 2, {"k": 0.25})[-1]
        np.testing.assert_allclose(jax.grad(g)(1.0), np.exp(-1.5), atol=1e-7)
        rates = np.array([0.5, 1.0])
        h = jax.vmap(lambda k: odeint(lambda y, t, k: -k * y, 1.0, jnp.asarray(T), k))
        np.testing.assert_allclose(h(rates), np.exp(-rates[:, None] * T), atol=1e-7)


def test_a_rate_that_depends_on_time_and_single_precision():
    out = odeint(lambda y, t: t * jnp.ones(2), jnp.zeros(2), T, rtol=1e-6, atol=1e-6)
    assert out.dtype == np.float32 and out.shape == (7, 2)
    np.testing.assert_allclose(out, np.stack([T**2 / 2] * 2, 1), atol=1e-5)


def test_complex_values():
    with jax.enable_x64(True):
        out = odeint(lambda y, t: 1j * y, 1 + 0j, jnp.asarray(T))
        np.testing.assert_allclose(out, np.exp(1j * T), atol=1e-7)


def test_a_stiff_step_and_one_time():
    with jax.enable_x64(True):
        out = odeint(lambda y, t: -200 * (y - jnp.cos(t)), 0.0, jnp.array([0.0, 1.0]))
        want = (200**2 * np.cos(1) + 200 * np.sin(1)) / (200**2 + 1)
        np.testing.assert_allclose(out[-1], want, rtol=1e-6)
        alone = lambda y: odeint(lambda y, t: y, y, jnp.array([0.0]))[0]
        assert float(alone(2.0)) == 2 and float(jax.grad(alone)(2.0)) == 1


def test_limits():
    kept = odeint(lambda y, t: y, 1.0, np.array([0.0, 1.0]), hmax=0.01, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(kept[-1], np.e, rtol=1e-5)
    with pytest.raises(TypeError, match="further arguments must be arrays; got 'text'"):
        odeint(lambda y, t, s: y, 1.0, T, "text")
