"""Products that accumulate: where they do, where they do not, and in place."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gradax
import gradax.numpy
from gradax import lax
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

from .levels import check_levels, program_of

gnp = gradax.numpy

RNG = np.random.default_rng(0)
A = RNG.normal(size=(40, 30)).astype(np.float32)
B = RNG.normal(size=(30, 50)).astype(np.float32)
C = RNG.normal(size=(40, 50)).astype(np.float32)


def close(level: str, got: object, want: object) -> None:
    """Compare results; sums may be in another order."""
    for x, y in zip(got, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4, err_msg=level)


def product(a: object, b: object) -> object:
    return lax.dot_general(a, b, (((1,), (0,)), ((), ())))


PROGRAMS = {
    "left": lambda a, b, c: [lax.add(product(a, b), c)],
    "right": lambda a, b, c: [lax.add(c, product(a, b))],
    "computed": lambda a, b, c: [lax.add(lax.exp(c), product(a, b))],
    "two": lambda a, b, c: [lax.add(lax.add(product(a, b), c), product(lax.neg(a), b))],
    "base is read again": lambda a, b, c: [lax.add(c, product(a, b)), lax.mul(c, c)],
    "reshaped": lambda a, b, c: [
        lax.add(lax.reshape(product(a, b), (2000,)), lax.reshape(c, (2000,)))
    ],
    "own operand": lambda a, b, c: [lax.add(d := lax.sin(gnp.tile(a[:30], (1, 1))), product(d, d))],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_sums(name: str) -> None:
    fun = PROGRAMS[name]
    check_levels(program_of(fun, A, B, C), [A, B, C], close)
    assert "gemm_add" in program_text(program_of(fun, A, B, C), Options(), "schedule")


def test_product_that_is_read_twice_stays() -> None:
    def fun(a: object, b: object, c: object) -> list[object]:
        p = product(a, b)
        return [lax.add(p, c), lax.exp(p)]

    check_levels(program_of(fun, A, B, C), [A, B, C], close)
    assert "gemm_add" not in program_text(program_of(fun, A, B, C), Options(), "schedule")


def test_half_products_stay() -> None:
    fun = lambda a, b, c: [lax.add(product(a, b), c)]
    half = [x.astype(np.float16) for x in (A, B, C)]
    assert "gemm_add" not in program_text(program_of(fun, *half), Options(), "schedule")


def test_sums_in_a_loop_are_in_place() -> None:
    """A carry that products are added to is neither copied nor passed over."""
    w = gnp.asarray(RNG.normal(size=(64, 64)).astype(np.float32) / 8)
    xs = gnp.asarray(RNG.normal(size=(20, 16, 64)).astype(np.float32))

    def loss(w: object, xs: object) -> object:
        return gradax.lax.scan(
            lambda h, x: (gnp.tanh(h @ w + x), None), gnp.zeros((16, 64), "float32"), xs
        )[0]

    grad = gradax.jit(gradax.grad(lambda w: (loss(w, xs) ** 2).sum()))
    text = grad.lower(w).as_text("schedule")
    assert re.search(r"(\w+) <- gemm_add\(.*, \1;", text), text
    with gradax.disable_jit():
        want = gradax.grad(lambda w: (loss(w, xs) ** 2).sum())(w)
    np.testing.assert_allclose(grad(w), want, rtol=2e-4, atol=2e-4)
