"""Donated arguments: results take over their memory, and they are deleted."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax

X = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
PLACES = np.random.default_rng(1).integers(0, 300, 50)
SQUARE = X[:200]

# Name: function, arguments, and which of them are donated and whose memory is taken over.
IN_PLACE: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]] = {
    "map": (lambda x: x * 2 + 1, (X,), (0,)),
    "complex": (lambda x: x * 2j, (X.astype(np.complex64),), (0,)),
    "parts exchanged": (lambda x: lax.complex(x.imag, x.real), (X * np.complex64(1 + 2j),), (0,)),
    "element set": (lambda x: x.at[3, 4].set(1.0), (X,), (0,)),
    "rows added": (lambda x, i: x.at[i].add(1.0), (X, PLACES), (0,)),
    "loop": (lambda x: lax.fori_loop(0, 5, lambda i, y: y.at[i].set(y[i + 1]), x), (X,), (0,)),
    "step": (lambda p, m, g: (p - 0.1 * (m * 0.9 + g), m * 0.9 + g), (X, X + 1, X + 2), (0, 1)),
    "softmax": (jax.nn.softmax, (np.tile(X, (20, 1)),), (0,)),
    "exchanged": (lambda a, b: (b, a), (X, X + 1), (0, 1)),
    "unchanged": (lambda x: x, (X,), (0,)),
}
APART: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]] = {
    "transposed": (lambda x: x.T + x, (SQUARE,), (0,)),
    "rolled": (lambda x: jnp.roll(x, 1, 0), (X,), (0,)),
    "flipped": (lambda x: x[::-1] + x, (X,), (0,)),
    "read by all steps": (lambda x: lax.fori_loop(0, 5, lambda i, y: y + x, x), (X,), (0,)),
    "product": (lambda x: x @ x, (SQUARE,), (0,)),
    "prefixes": (lambda x: jnp.cumsum(x, 0), (X,), (0,)),
    "read later": (lambda x: (x + 1, x[0] * 2), (X,), (0,)),
}


def address(x: jax.Array) -> int:
    return jax.block_until_ready(x).unsafe_buffer_pointer()


def call(case: tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]) -> tuple[Any, Any]:
    """Return the addresses of donated arguments and those of results, after comparing these."""
    fun, args, donated = case
    expected = jax.tree.leaves(jax.jit(fun)(*args))
    given = [jnp.array(a) for a in args]
    before = [address(given[k]) for k in donated]
    got = jax.tree.leaves(jax.jit(fun, donate_argnums=donated)(*given))
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert [x.is_deleted() for x in given] == [k in donated for k in range(len(given))]
    return before, [address(x) for x in got]


@pytest.mark.parametrize("name", IN_PLACE)
def test_results_take_memory_over(name: str) -> None:
    before, after = call(IN_PLACE[name])
    assert set(before) <= set(after)


@pytest.mark.parametrize("name", APART)
def test_what_is_still_read_is_not_overwritten(name: str) -> None:
    call(APART[name])


def test_code_from_the_disk_takes_memory_over_too() -> None:
    for _ in range(2):
        before, after = call(IN_PLACE["map"])
        assert before == after
        jax.clear_caches()


def test_memory_that_is_seen_elsewhere_is_kept() -> None:
    double = jax.jit(lambda x: x * 2, donate_argnums=0)
    x = jnp.array(X)
    view = np.asarray(x)
    np.testing.assert_array_equal(np.asarray(double(x)), 2 * X)
    np.testing.assert_array_equal(view, X)
    y = jnp.array(X)
    other = np.from_dlpack(y)
    np.testing.assert_array_equal(np.asarray(double(y)), 2 * X)
    np.testing.assert_array_equal(other, X)


def test_donated_arrays_cannot_be_used() -> None:
    x = jnp.array(X)
    jax.jit(lambda x: x * 2, donate_argnums=0)(x)
    with pytest.raises(RuntimeError, match="deleted or donated"):
        x + 1
    with pytest.raises(ValueError, match="argument 0 is donated, but argument 1 is the same"):
        y = jnp.array(X)
        jax.jit(lambda a, b: a + b, donate_argnums=0)(y, y)


def test_useless_donations_are_told() -> None:
    with pytest.warns(UserWarning, match=r"donated buffers were not usable: f32\[300,200\]"):
        jax.jit(lambda x: x.sum(), donate_argnums=0)(jnp.array(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.jit(lambda x, y: (x + y, x.sum()), donate_argnums=0)(jnp.array(X), X)
