"""The jaxprs of common functions read as JAX's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

F3 = np.ones(3, np.float32)
F23 = np.ones((2, 3), np.float32)
I3 = np.ones(3, np.int32)


def text(function: Callable[..., Any], *args: Any) -> str:
    """Return the equations of a program, on one line."""
    found = str(jax.make_jaxpr(function)(*args))
    return " ".join(found.split("let", 1)[1].rsplit(" in ", 1)[0].split())


CASES: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (lambda x: x + 2.0, (F3,), "b:f32[3] = add a 2.0:f32[]"),
    (lambda x: 2 * x, (F3,), "b:f32[3] = mul 2.0:f32[] a"),
    (lambda x: x - 1, (I3,), "b:i32[3] = sub a 1:i32[]"),
    (lambda x: 1 / x, (F3,), "b:f32[3] = div 1.0:f32[] a"),
    (lambda x: x**2, (F3,), "b:f32[3] = integer_pow[y=2] a"),
    (lambda x: x**2.0, (F3,), "b:f32[3] = pow a 2.0:f32[]"),
    (lambda x: 2**x, (F3,), "b:f32[3] = pow 2.0:f32[] a"),
    (lambda x: x > 0, (F3,), "b:bool[3] = gt a 0.0:f32[]"),
    (lambda x: ~x, (I3,), "b:i32[3] = not a"),
    (lambda x: x << 1, (I3,), "b:i32[3] = shift_left a 1:i32[]"),
    (lambda x: x >> 1, (I3,), "b:i32[3] = shift_right_arithmetic a 1:i32[]"),
    (
        lambda x: x / 2,
        (I3,),
        "b:f32[3] = convert_element_type[new_dtype=float32 weak_type=False] a"
        " c:f32[3] = div b 2.0:f32[]",
    ),
    (
        lambda x: x * 2.0,
        (I3,),
        "b:f32[3] = convert_element_type[new_dtype=float32 weak_type=True] a"
        " c:f32[3] = mul b 2.0:f32[]",
    ),
    (
        lambda x, y: x + y,
        (F3, F23),
        "c:f32[2,3] = broadcast_in_dim[broadcast_dimensions=(1,)] a d:f32[2,3] = add c b",
    ),
    (jnp.sin, (F3,), "b:f32[3] = sin a"),
    (jnp.square, (F3,), "b:f32[3] = square a"),
    (lambda x: jnp.maximum(x, 0), (F3,), "b:f32[3] = max a 0.0:f32[]"),
    (jnp.sum, (F3,), "b:f32[] = reduce_sum[axes=(0,)] a"),
    (jnp.mean, (F3,), "b:f32[] = reduce_sum[axes=(0,)] a c:f32[] = div b 3.0:f32[]"),
    (jnp.max, (F23,), "b:f32[] = reduce_max[axes=(0, 1)] a"),
    (
        lambda x: jnp.where(x > 0, x, 0.0),
        (F3,),
        "b:bool[3] = gt a 0.0:f32[] c:f32[3] = broadcast_in_dim 0.0:f32[]"
        " d:f32[3] = select_n b c a",
    ),
    (
        lambda x: x @ x.T,
        (F23,),
        "b:f32[3,2] = transpose[permutation=(1, 0)] a c:f32[2,2] = dot_general["
        " dimension_numbers=(([1], [0]), ([], [])) preferred_element_type=float32 ] a b",
    ),
    (lambda x: x.reshape(-1), (F23,), "b:f32[6] = reshape[new_sizes=(6,)] a"),
    (lambda x: x[:, None], (F3,), "b:f32[3,1] = broadcast_in_dim[broadcast_dimensions=(0,)] a"),
    (
        lambda x: jnp.expand_dims(x, 0),
        (F3,),
        "b:f32[1,3] = broadcast_in_dim[broadcast_dimensions=(1,)] a",
    ),
    (lambda x: jnp.concatenate([x, x]), (F3,), "b:f32[6] = concatenate[dimension=0] a a"),
    (lambda x: jnp.zeros_like(x), (F3,), "b:f32[3] = broadcast_in_dim 0.0:f32[]"),
    (
        lambda x: x.astype("int32"),
        (F3,),
        "b:i32[3] = convert_element_type[new_dtype=int32 weak_type=False] a",
    ),
    (lambda x: jnp.argmax(x, 1), (F23,), "b:i32[2] = argmax[axes=(1,) index_dtype=int32] a"),
    (lambda x: jnp.cumsum(x), (F3,), "b:f32[3] = cumsum[axis=0 reverse=False] a"),
    (
        lambda x: (jnp.all(x), jnp.any(x)),
        (np.ones(3, bool),),
        "b:bool[] = reduce_and[axes=(0,)] a c:bool[] = reduce_or[axes=(0,)] a",
    ),
]


@pytest.mark.parametrize(("function", "args", "expected"), CASES, ids=range(len(CASES)))
def test_reads_as_jax(function: Callable[..., Any], args: tuple[Any, ...], expected: str) -> None:
    assert text(function, *args) == expected


def test_whole_text() -> None:
    def selu(x: Any, alpha: float = 1.67, scale: float = 1.05) -> Any:
        return scale * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)

    assert str(jax.make_jaxpr(selu)(F3)).splitlines() == [
        "{ lambda ; a:f32[3]. let",
        "    b:bool[3] = gt a 0.0:f32[]",
        "    c:f32[3] = exp a",
        "    d:f32[3] = mul 1.6699999570846558:f32[] c",
        "    e:f32[3] = sub d 1.6699999570846558:f32[]",
        "    f:f32[3] = select_n b e a",
        "    g:f32[3] = mul 1.0499999523162842:f32[] f",
        "  in (g,) }",
    ]
