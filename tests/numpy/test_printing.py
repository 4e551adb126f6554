"""Arrays print as NumPy prints them."""

from __future__ import annotations

import pytest

import gradax as jax
import gradax.numpy as jnp

REPR = [
    (lambda: jnp.array([1.0, 2.0]), "Array([1., 2.], dtype=float32)"),
    (lambda: jnp.asarray(1.5), "Array(1.5, dtype=float32, weak_type=True)"),
    (lambda: jnp.asarray(True), "Array(True, dtype=bool)"),
    (lambda: jnp.array([]), "Array([], shape=(0,), dtype=float32)"),
    (lambda: jnp.zeros((0, 3), int), "Array([], shape=(0, 3), dtype=int32)"),
    (lambda: jnp.arange(3) * 2.0, "Array([0., 2., 4.], dtype=float32, weak_type=True)"),
    (lambda: jnp.array([1 + 2j]), "Array([1.+2.j], dtype=complex64)"),
    (lambda: jnp.ones((2, 2), jnp.bfloat16), "Array([[1, 1],\n       [1, 1]], dtype=bfloat16)"),
    (lambda: jnp.arange(2000), "Array([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int32)"),
    (lambda: jnp.array(3, dtype="int8"), "Array(3, dtype=int8)"),
    (lambda: jax.random.key(21), "Array((), dtype=key<fry>) overlaying:\n[ 0 21]"),
    (
        lambda: jax.random.wrap_key_data(jnp.asarray([[1, 2], [3, 4]], "uint32")),
        "Array((2,), dtype=key<fry>) overlaying:\n[[1 2]\n [3 4]]",
    ),
    (
        lambda: jnp.linspace(0, 1, 9),
        "Array([0.   , 0.125, 0.25 , 0.375, 0.5  , 0.625, 0.75 , 0.875, 1.   ],\n"
        "      dtype=float32)",
    ),
]


@pytest.mark.parametrize(("make", "expected"), REPR, ids=range(len(REPR)))
def test_repr(make, expected):
    assert repr(make()) == expected


def test_str_and_format():
    x = jnp.array([[1.0, 2.5], [3.0, 4.0]])
    assert str(x) == "[[1.  2.5]\n [3.  4. ]]"
    assert f"{x[0]}" == "[1.  2.5]"
    assert f"{jnp.asarray(1.2345):.2f}" == "1.23"
    assert f"{jnp.asarray(7):05d}" == "00007"
    assert str(jnp.asarray(1.5)) == "1.5"
    with pytest.raises(TypeError):
        format(x, ".2f")


def test_printoptions():
    x = jnp.array([1.23456789])
    with jnp.printoptions(precision=2):
        assert str(x) == "[1.23]"
    assert jnp.array_repr(x, precision=3) == "Array([1.235], dtype=float32)"
    assert jnp.array_str(x, precision=3) == "[1.235]"


def test_scalars_print_all_their_digits_whatever_the_precision():
    with jnp.printoptions(precision=3):
        assert str(jnp.float32(1.2345678)) == "1.2345678"
        assert str(jnp.array([1.2345678])) == "[1.235]"
