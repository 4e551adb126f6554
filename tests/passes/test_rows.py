"""Kernels that are run some rows at a time compute what they compute one after another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import lax, nn
from gradax import numpy as jnp
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

Array = np.ndarray[Any, Any]
SHAPES = [(1024, 256), (333, 1000), (4000, 65), (70, 30, 131)]


def values(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def schedule(f: Callable[..., Any], *args: Any) -> str:
    return program_text(gradax.make_jaxpr(f)(*args).jaxpr, Options(), "schedule")


def softmax(x: Any, p: Any) -> Any:
    y = p.exp(x - x.max(-1, keepdims=True))
    return y / y.sum(-1, keepdims=True)


def normalized(x: Any, p: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    return centred / p.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3)


def both_ways(x: Any, p: Any) -> Any:
    rows = x / p.abs(x).sum(-1, keepdims=True)
    return rows - rows.mean(0), p.cumsum(rows, -1) * rows.max(-1, keepdims=True)


PROGRAMS = [softmax, normalized, both_ways]


def flat(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_programs_of_rows(program: Callable[..., Any], shape: tuple[int, ...]):
    x = values(*shape)
    got = flat(gradax.jit(lambda x: program(x, jnp))(x))
    for a, b in zip(got, flat(program(x.astype(np.float64), np)), strict=True):
        np.testing.assert_allclose(a, b, 1e-3, 1e-4)


def test_they_are_joined():
    text = schedule(lambda x: softmax(x, jnp), values(4096, 1024))
    assert "of 4096 rows at a time" in text
    assert "rows at a time" not in schedule(lambda x: softmax(x, jnp), values(64, 64))
    columns = schedule(lambda x: x - x.mean(0), values(4096, 1024))
    assert "rows at a time" not in columns


def test_what_a_later_row_reads_is_not_joined():
    def f(x: Any, p: Any) -> Any:
        total = p.exp(x).sum(1)
        return x + total[::-1, None], p.roll(total, 1)[:, None] * x

    x = values(2048, 300)
    for a, b in zip(gradax.jit(lambda x: f(x, jnp))(x), f(x, np), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-3)


def test_gradients_loops_and_batches():
    x = values(600, 400)

    def loss(x: Any) -> Any:
        return (nn.softmax(x) ** 3).sum() + (normalized(x, jnp) ** 4).sum()

    whole = gradax.jit(gradax.grad(loss))(x)
    parts = [gradax.jit(gradax.grad(loss))(x[k : k + 20]) for k in range(0, 600, 20)]
    np.testing.assert_allclose(whole, np.concatenate(parts), 1e-4, 1e-4)
    batches = gradax.jit(gradax.vmap(gradax.grad(loss)))(x.reshape(30, 20, 400))
    np.testing.assert_allclose(np.reshape(batches, x.shape), whole, 1e-4, 1e-4)
    got = gradax.jit(lambda x: lax.fori_loop(0, 3, lambda _, v: softmax(v * 4, jnp), x))(x)
    want = x
    for _ in range(3):
        want = softmax(want * 4, np)
    np.testing.assert_allclose(got, want, 1e-3, 1e-6)


def test_results_are_computed_where_they_are_overwritten():
    text = schedule(lambda x: softmax(x, jnp), values(4096, 1024))
    arena = int(text.split("# arena ")[1].split()[0])
    assert arena < 100_000

    def f(x: Any, p: Any) -> Any:
        y = p.exp(x)
        z = y / y.sum()
        return z + z[::-1], z - y.max()

    x = values(300, 200)
    for a, b in zip(gradax.jit(lambda x: f(x, jnp))(x), f(x, np), strict=True):
        np.testing.assert_allclose(a, b, 1e-4, 1e-5)


def test_the_design_shows_what_is_printed():
    def normalize(x: Any) -> Any:
        return x / jnp.sqrt((x * x).sum(axis=1, keepdims=True))

    design = (Path(__file__).parents[2] / "docs" / "design.md").read_text()
    text = schedule(normalize, values(4096, 1024))
    assert text.strip() in design
