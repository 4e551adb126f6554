"""Spaces that are split where conditions change, and loops that exchange memory: same values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import lax
from gradax import numpy as jnp
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

Array = np.ndarray[Any, Any]
SHAPE = (61, 83)


def grid(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def stencil(x: Any, np_: Any) -> Any:
    inner = x[1:-1, 1:-1]
    around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
    return np_.pad(inner + np_.float32(0.25) * around, 1)


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "pad": lambda x, p: p.pad(x, ((3, 5), (0, 7))),
    "pad of one side": lambda x, p: p.pad(x, ((0, 0), (9, 0)), constant_values=2),
    "nested pads": lambda x, p: p.pad(p.pad(x, 2) + 1, 3),
    "roll": lambda x, p: p.roll(p.pad(x, 4), (5, -3), (0, 1)),
    "joined": lambda x, p: p.concatenate([p.pad(x, 1), p.roll(p.pad(x, 1), 2, 1)]),
    "joined along the last axis": lambda x, p: p.concatenate([x, p.pad(x, 1)[1:-1], x * 2], 1),
    "reversed": lambda x, p: p.pad(x, 2)[::-1, ::-1] * 3,
    "strided": lambda x, p: p.pad(x, 6)[::2, ::3],
    "two conditions": lambda x, p: p.pad(x, 1)[:-2, 1:-1] + p.pad(x, 1)[2:, 1:-1],
    "triangle": lambda x, p: p.tril(x) + p.triu(x, 3),
    "stencil": stencil,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.complex64])
def test_split_programs(name: str, dtype: Any):
    x = (grid() * 10).astype(dtype)
    program = PROGRAMS[name]
    want = np.asarray(program(x, np))
    got = np.asarray(gradax.jit(lambda x: program(x, jnp))(x))
    if name == "stencil":
        np.testing.assert_allclose(got, want.astype(got.dtype), 1e-4, 1e-4)
    else:
        np.testing.assert_array_equal(got, want.astype(got.dtype))


def test_no_point_of_a_stencil_asks_where_it_is():
    jaxpr = gradax.make_jaxpr(lambda x: stencil(x, jnp))(grid()).jaxpr
    assert "select" not in program_text(jaxpr, Options(), "schedule")


def test_a_triangle_is_not_split():
    jaxpr = gradax.make_jaxpr(lambda x: jnp.where(jnp.tri(80, 80, dtype=bool), x, 0))(
        grid(0, (80, 80))
    ).jaxpr
    assert program_text(jaxpr, Options(), "schedule").count("nest") == 1


def smooth(x: Any, p: Any) -> Any:
    return p.pad(x[1:-1] * p.float32(0.5) + x[2:] * p.float32(0.25), 1)


@pytest.mark.parametrize("length", [0, 1, 2, 5, 8])
def test_a_carry_exchanges_memory(length: int):
    x = grid(1, (700,))
    f = gradax.jit(lambda x: lax.fori_loop(0, length, lambda _, v: smooth(v, jnp), x))
    want = x
    for _ in range(length):
        want = smooth(want, np)
    np.testing.assert_allclose(f(x), want, 1e-6, 1e-6)
    jaxpr = gradax.make_jaxpr(f)(x).jaxpr
    assert ("swap" in program_text(jaxpr, Options(), "schedule")) == (length > 0)


@pytest.mark.parametrize("limit", [0, 1, 2, 7])
def test_a_loop_of_unknown_length_exchanges_memory(limit: int):
    def f(x: Any, n: Any) -> Any:
        def body(state: Any) -> Any:
            k, a, b = state
            return k + 1, smooth(b, jnp), smooth(a, jnp) + b

        return lax.while_loop(lambda s: (s[0] < n) & (s[1][3] < 1e6), body, (0, x, x + 1))

    a, b = grid(1, (700,)), grid(1, (700,)) + 1
    got = gradax.jit(f)(a, limit)
    for _ in range(limit):
        a, b = smooth(b, np), smooth(a, np) + b
    assert int(got[0]) == limit
    np.testing.assert_allclose(got[1], a, 1e-5, 1e-5)
    np.testing.assert_allclose(got[2], b, 1e-5, 1e-5)


def test_nested_loops_slices_and_branches():
    def f(x: Any, ys: Any) -> Any:
        def outer(x: Any, y: Any) -> Any:
            x = lax.fori_loop(0, 3, lambda _, v: smooth(v, jnp) + y, x)
            x = lax.cond(y > 0, lambda v: smooth(v, jnp), lambda v: v * 2, x)
            return smooth(x, jnp), x.sum()

        return lax.scan(outer, x, ys)

    x, ys = grid(2, (300,)), np.array([0.5, -1, 2, -0.25, 1], np.float32)
    got, sums = gradax.jit(f)(x, ys)
    want: list[Any] = []
    for y in ys:
        for _ in range(3):
            x = smooth(x, np) + y
        x = smooth(x, np) if y > 0 else x * 2
        want.append(x.sum())
        x = smooth(x, np)
    np.testing.assert_allclose(got, x, 1e-4, 1e-4)
    np.testing.assert_allclose(sums, want, 1e-4, 1e-3)


def test_two_carries_that_change_places():
    def f(x: Any, y: Any) -> Any:
        return lax.fori_loop(0, 5, lambda _, s: (s[1], smooth(s[0], jnp)), (x, y))

    x, y = grid(3, (300,)), grid(4, (300,))
    got = gradax.jit(f)(x, y)
    for _ in range(5):
        x, y = y, smooth(x, np)
    np.testing.assert_allclose(got[0], x, 1e-5, 1e-6)
    np.testing.assert_allclose(got[1], y, 1e-5, 1e-6)


def grown(x: Any, at: Callable[[Any, Any, Any], Any]) -> dict[str, Any]:
    """Return loops that update what they read, by name; `at(x, index, value)` sets elements."""
    return {
        "element": (900, lambda i, x: at(x, i, x[i - 1] * 0.5 + x[i])),
        "run": (9, lambda i, x: at(x, slice(10, 110), x[12:112] + x[:100])),
        "row and column": (
            9,
            lambda i, x: at(at(x.reshape(20, 50), i, x[:50] * 2), (slice(3, 9), i), 1).reshape(-1),
        ),
        "all": (3, lambda i, x: at(x, slice(0, 1000), x[::-1] + x)),
    }


def set_copy(x: Any, index: Any, value: Any) -> Any:
    out = x.copy()
    out[index] = value
    return out


@pytest.mark.parametrize("name", grown(None, set_copy))
def test_updates_that_read_what_they_change(name: str):
    x = grid(5, (1000,))
    n, step = grown(x, lambda x, i, v: x.at[i].set(v))[name]
    got = gradax.jit(lambda x: lax.fori_loop(1, n, step, x))(x)
    want, step = x, grown(x, set_copy)[name][1]
    for i in range(1, n):
        want = step(i, want).astype(np.float32)
    np.testing.assert_allclose(got, want, 1e-5, 1e-5)


def test_an_update_of_a_carry_copies_nothing():
    def f(x: Any) -> Any:
        return lax.fori_loop(1, 900, lambda i, x: x.at[i].set(0.5 * x[i - 1] + x[i]), x)

    text = program_text(gradax.make_jaxpr(f)(grid(5, (1000,))).jaxpr, Options(), "schedule")
    assert "swap" not in text and text.count("copy") <= 3


def neighbours(x: Any, p: Any) -> Any:
    turns = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return sum(p.roll(x, turn, (0, 1)) for turn in turns)


def test_turned_arrays_are_read_where_they_are():
    x = grid(6, (70, 90))
    f = gradax.jit(lambda x: neighbours(x, jnp) - x)
    np.testing.assert_allclose(f(x), neighbours(x, np) - x, 1e-5, 1e-5)
    text = program_text(gradax.make_jaxpr(f)(x).jaxpr, Options(), "schedule")
    assert "i < 68, j < 88" in text
    inside = text[text.index("i < 68, j < 88") :].split("nest")[0]
    assert "select" not in inside


@pytest.mark.parametrize("n_turns", [3, 20])
def test_many_turns(n_turns: int):
    x = grid(7, (80, 70))
    turns = range(1, n_turns)

    def f(x: Any, p: Any) -> Any:
        return sum(p.roll(x, k, 0) * k + p.roll(x, -3 * k, 1) for k in turns)

    np.testing.assert_allclose(gradax.jit(lambda x: f(x, jnp))(x), f(x, np), 1e-4, 1e-3)
    np.testing.assert_allclose(
        gradax.grad(lambda x: (f(x, jnp) * x).sum())(x),
        gradax.jit(gradax.grad(lambda x: (f(x, jnp) * x).sum()))(x), 1e-4, 1e-3,
    )  # fmt: skip


def test_parts_that_are_computed_and_reduced():
    x = grid(8, (50, 60))

    def f(x: Any, p: Any) -> Any:
        both = p.concatenate([x * 2, p.exp(x), x[:3]], 0)
        return (both + 1).sum(1), both.max(0), p.concatenate([both, both[::-1]], 1) * 3

    for got, want in zip(gradax.jit(lambda x: f(x, jnp))(x), f(x, np), strict=True):
        np.testing.assert_allclose(got, want, 1e-5, 1e-4)
