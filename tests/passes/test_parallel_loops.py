"""Loops whose steps need nothing of each other run on several threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax import lax

from .levels import check_exact

F32 = np.float32
ROWS = np.linspace(-1, 1, 24 * 8, dtype=F32).reshape(24, 8)


def settle(v: Any) -> Any:
    """Apply a function until it changes little."""

    def go_on(state: Any) -> Any:
        return lax.bitwise_and(lax.gt(state[1], F32(1e-3)), lax.lt(state[2], np.int32(40)))

    def step(state: Any) -> Any:
        x, _, n = state
        y = lax.mul(x, F32(0.5))
        change = lax.reduce_max(lax.abs(lax.sub(x, y)), (0,))
        return y, change, lax.add(n, np.int32(1))

    return lax.while_loop(go_on, step, (v, F32(1), np.int32(0)))[0]


def inner_loop(v: Any) -> Any:
    return lax.scan(lambda c, a: (lax.add(lax.mul(c, F32(0.5)), a), c), F32(0), v)


def inner_map(v: Any) -> Any:
    return lax.map(lambda a: lax.abs(lax.mul(a, v)), v)


def sorted_(v: Any) -> Any:
    return lax.sort(lax.concatenate([v, lax.neg(v)], 0))


def chosen(v: Any) -> Any:
    return lax.cond(lax.gt(lax.index_in_dim(v, 0, 0, False), F32(0)), settle, lax.neg, v)


def shared_scalar(rows: Any) -> Any:
    """A number computed before the loop, which would be in a register, is read by all steps."""
    total = lax.reduce_max(rows, (0, 1))
    return lax.map(lambda v: lax.mul(settle(v), total), rows)


def two_loops(rows: Any) -> Any:
    first = lax.map(settle, rows)
    return first, lax.map(lambda v: sorted_(lax.add(v, F32(1))), first)


def backwards(rows: Any) -> Any:
    return lax.scan(lambda c, v: (c, settle(v)), None, rows, reverse=True)[1]


PROGRAMS: dict[str, Callable[..., Any]] = {
    "while": lambda rows: lax.map(settle, rows),
    "scan": lambda rows: lax.map(inner_loop, rows),
    "map": lambda rows: lax.map(inner_map, rows),
    "sort": lambda rows: lax.map(sorted_, rows),
    "cond": lambda rows: lax.map(chosen, rows),
    "shared scalar": shared_scalar,
    "two loops": two_loops,
    "backwards": backwards,
    "not read": lambda rows: lax.map(lambda v: (settle(v), lax.neg(v)), rows)[0],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_level_agrees(name: str):
    check_exact(PROGRAMS[name], ROWS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_threads_change_nothing(name: str):
    rows = gnp.asarray(np.tile(ROWS, (40, 1)))
    run = gradax.jit(PROGRAMS[name])
    with gradax.threads(1):
        alone = gradax.tree.leaves(run(rows))
    with gradax.threads(4):
        for _ in range(5):
            for a, b in zip(alone, gradax.tree.leaves(run(rows)), strict=True):
                np.testing.assert_array_equal(a, b)


def schedule_of(function: Callable[..., Any], *args: Any) -> str:
    return gradax.jit(function).lower(*args).as_text("schedule")


def test_steps_are_in_any_order_where_that_pays():
    def heavy(v: Any) -> Any:
        return lax.fori_loop(0, 500, lambda _, x: gnp.tanh(x * 1.1), v)

    rows = gnp.ones((100, 64))
    assert "in any order, upto 100" in schedule_of(lambda x: lax.map(heavy, x), rows)
    assert "in any order" not in schedule_of(lambda x: lax.map(lambda v: v + 1, x), rows)
    assert "in any order" not in schedule_of(lambda x: lax.map(heavy, x), rows[:3])
    carried = schedule_of(lambda x: lax.scan(lambda c, v: (heavy(c) + v, c), x[0], x), rows)
    assert "in any order" not in carried


def test_steps_that_call_python_keep_their_order():
    seen: list[int] = []

    def noted(k: Any) -> Any:
        gradax.debug.callback(lambda k: seen.append(int(k)), k)
        return lax.fori_loop(0, 5000, lambda _, x: gnp.tanh(x * 1.1), k * gnp.ones(64)).sum()

    gradax.block_until_ready(gradax.jit(lambda x: lax.map(noted, x))(gnp.arange(32.0)))
    gradax.effects_barrier()
    assert seen == list(range(32))


def test_lanes_run_on_several_threads():
    matrix = gnp.asarray(np.cos(np.arange(64)).reshape(8, 8) / 5, F32)

    def lane(is_hard: Any, x: Any) -> Any:
        return lax.cond(
            is_hard,
            lambda v: lax.fori_loop(0, 300, lambda _, v: gnp.tanh(matrix @ v), v),
            lambda v: 2 * v,
            x,
        )

    run = gradax.jit(gradax.vmap(lane))
    hard, x = gnp.arange(64) % 3 == 0, gnp.asarray(np.tile(ROWS, (3, 1))[:64])
    assert "in any order" in schedule_of(gradax.vmap(lane), hard, x)
    want = np.stack([lane(h, v) for h, v in zip(hard, x, strict=True)])
    with gradax.threads(4):
        np.testing.assert_allclose(run(hard, x), want, rtol=1e-5, atol=1e-6)
