"""The errors of array functions: class, message, and the user's line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gradax as jax
import gradax.numpy as jnp

CASES: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: jnp.ones(3) + jnp.ones(4), TypeError, r"for add: got \(3,\) and \(4,\)"),
    (lambda: jnp.ones((2, 3)) * jnp.ones(4), TypeError, r"for mul: got \(2, 3\) and \(4,\)"),
    (
        lambda: jnp.dot(jnp.ones((20, 2)), jnp.ones((5, 2))),
        TypeError,
        r"Incompatible shapes for dot: got \(20, 2\) and \(5, 2\)\.",
    ),
    (
        lambda: jnp.ones(3) @ jnp.ones(4),
        TypeError,
        r"Incompatible shapes for matmul: got \(3,\) and \(4,\)",
    ),
    (
        lambda: jnp.einsum("ij,jk", jnp.ones((2, 3)), jnp.ones((2, 3))),
        ValueError,
        "einsum.*label 'j'",
    ),
    (lambda: jnp.where(jnp.ones(2), jnp.ones(3), 0), TypeError, "Incompatible shapes for where"),
    (
        lambda: jnp.sum([1, 2]),
        TypeError,
        "sum requires arrays or numbers, got a value of type list",
    ),
    (lambda: jnp.sin("a"), TypeError, "sin requires arrays or numbers, got a value of type str"),
    (lambda: jnp.add(1, [2]), TypeError, "at position 1"),
    (
        lambda: jnp.sum(jnp.ones(3), axis=3),
        ValueError,
        "axis 3 is out of bounds for array of dimension 1",
    ),
    (lambda: jnp.sum(jnp.ones(3), axis=-2), IndexError, "axis -2 is out of bounds"),
    (lambda: jnp.sum(jnp.ones(3), axis=(0, 0)), ValueError, "duplicate"),
    (lambda: jnp.sum(jnp.ones(3), axis=0.5), TypeError, "axis must be an integer"),
    (
        lambda: jnp.ones(3).reshape(2),
        TypeError,
        r"Cannot reshape array of shape \(3,\) \(size 3\) into shape \(2,\)",
    ),
    (lambda: jnp.ones(3).reshape(-1, 2), TypeError, "Cannot reshape"),
    (lambda: jnp.transpose(jnp.ones((2, 3)), (0, 0)), TypeError, "permutation"),
    (lambda: jnp.squeeze(jnp.ones(3), 0), ValueError, "size is not 1"),
    (lambda: jnp.expand_dims(jnp.ones(3), 5), ValueError, "axis 5 is out of bounds"),
    (
        lambda: jnp.broadcast_to(jnp.ones(3), (2, 4)),
        ValueError,
        r"\(3,\) and requested shape \(2, 4\)",
    ),
    (lambda: jnp.max(jnp.ones(0)), ValueError, "zero-size array.*max"),
    (lambda: jnp.argmax(jnp.ones(0)), ValueError, "argmax of an empty sequence"),
    (lambda: jnp.concatenate([]), ValueError, "at least one array"),
    (lambda: jnp.concatenate(jnp.ones(())), TypeError, "sequence of arrays"),
    (
        lambda: jnp.concatenate([jnp.ones(2), jnp.ones((2, 2))]),
        TypeError,
        "different numbers of dimensions",
    ),
    (lambda: jnp.concatenate([jnp.ones((2, 3)), jnp.ones((2, 4))]), TypeError, "besides axis 0"),
    (lambda: jnp.stack([jnp.ones(2), jnp.ones(3)]), ValueError, "same shape"),
    (lambda: jnp.split(jnp.ones(5), 2), ValueError, "does not divide into 2 equal parts"),
    (lambda: jnp.array("a"), TypeError, "numbers or booleans"),
    (lambda: jnp.array([None]), ValueError, "None is not a valid value"),
    (lambda: jnp.array([[1, 2], [3]]), ValueError, "inhomogeneous"),
    (lambda: jnp.zeros(-1), TypeError, "negative"),
    (lambda: jnp.zeros(2.5), TypeError, "must be an integer"),
    (lambda: jnp.zeros(3, "flot32"), TypeError, "float32"),
    (lambda: jnp.arange(3) ** -1, TypeError, "negative powers"),
    (lambda: jnp.int8(1) + 300, OverflowError, "300 does not fit int8"),
    (lambda: ~jnp.ones(3), TypeError, "not accepts integer or bool"),
    (lambda: jnp.ones(3) << 1, TypeError, "shift_left accepts integer"),
    (lambda: jnp.ones(3, bool) - jnp.ones(3, bool), TypeError, "sub accepts number"),
    (lambda: jnp.linalg.inv(jnp.ones((2, 3))), ValueError, "square"),
    (
        lambda: jnp.linalg.solve(jnp.ones((2, 2)), jnp.ones(3)),
        ValueError,
        "Incompatible shapes for solve",
    ),
    (lambda: jnp.pad(jnp.ones(3), 1, "edgy"), ValueError, "mode is one of"),
    (lambda: jnp.pad(jnp.ones(3), -1), ValueError, "negative"),
    (lambda: jnp.clip(jnp.ones(2, jnp.complex64), 0, 1), ValueError, "no order"),
    (lambda: jnp.take(jnp.ones(3), jnp.ones(1)), TypeError, "integer indices"),
    (lambda: jnp.put(jnp.ones(3), 0, 1.0), ValueError, "in-place"),
    (lambda: jnp.sum(jnp.ones(3), out=jnp.ones(())), NotImplementedError, "out"),
    (lambda: jnp.searchsorted(jnp.ones((2, 2)), 1.0), ValueError, "vector"),
    (lambda: jnp.linspace(0, 1, -1), ValueError, "not negative"),
    (lambda: jnp.vectorize(lambda x: x, signature="(n->")(jnp.ones(3)), ValueError, "signature"),
]


@pytest.mark.parametrize(("call", "kind", "message"), CASES, ids=range(len(CASES)))
def test_error(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_message_names_the_users_line() -> None:
    with pytest.raises(
        TypeError, match=r"test_errors\.py:\d+ \(test_message_names_the_users_line\)"
    ):
        jnp.ones(3) + jnp.ones(4)


def test_shapes_are_the_users_under_jit_and_vmap() -> None:
    def product(x: Any, y: Any) -> Any:
        return jnp.dot(x, y)

    expected = r"Incompatible shapes for dot: got \(20, 2\) and \(5, 2\)\.\nat .*\(product\)"
    with pytest.raises(TypeError, match=expected):
        jax.jit(product)(jnp.ones((20, 2)), jnp.ones((5, 2)))
    with pytest.raises(TypeError, match=expected):
        jax.vmap(product)(jnp.ones((7, 20, 2)), jnp.ones((7, 5, 2)))


def test_traced_values_where_known_ones_are_needed() -> None:
    with pytest.raises(TypeError, match="size=") as caught:
        jax.jit(lambda mask: jnp.nonzero(mask > 0))(jnp.ones(3))
    assert "test_errors.py" in str(caught.value)
    with pytest.raises(TypeError, match="known while the function is traced"):
        jax.jit(lambda n: jnp.zeros(n))(3)
    with pytest.raises(TypeError, match="limits"):
        jax.jit(lambda n: jnp.arange(n))(3)
    with pytest.raises(TypeError, match="static_argnums"):
        jax.jit(lambda x, i: jnp.sum(x, axis=i))(jnp.ones(3), 0)


def test_rank_promotion_setting() -> None:
    x, y = jnp.ones((2, 3)), jnp.ones(3)
    with jax.numpy_rank_promotion("raise"), pytest.raises(ValueError, match="unlike ranks"):
        x + y
    with jax.numpy_rank_promotion("warn"), pytest.warns(UserWarning, match="unlike ranks"):
        x + y
    with jax.numpy_rank_promotion("raise"):
        x + 1.0


@pytest.mark.parametrize(("values", "dtype"), [([300], "uint8"), ([[-1]], "uint32")])
def test_integers_of_a_sequence_must_fit_the_dtype(values, dtype):
    with pytest.raises(OverflowError, match=f"does not fit {dtype}"):
        jnp.array(values, dtype)
