"""Result dtypes are JAX's: tables of what JAX 0.10 gives, `*` marking weak types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

TABLE = Path(__file__).with_name("promotion_table.txt").read_text().splitlines()
BINARY = [line.split() for line in TABLE if line.count(" ") > 2]
UNARY = [line.split() for line in TABLE if line.count(" ") == 2]


def operand(name: str) -> Any:
    special = {"int": 1, "float": 1.5, "complex": 1j, "True": True}
    if name in special:
        return special[name]
    if name.startswith("weak"):
        return jnp.asarray({"weak_int": 1, "weak_float": 1.0}[name])
    return jnp.ones((2,), name)


def result_type(function: Any, *args: Any) -> str:
    try:
        out = jax.eval_shape(lambda: function(*args))
    except (TypeError, ValueError):
        return "error"
    out = out[0] if isinstance(out, (tuple, list)) else out
    return f"{np.dtype(out.dtype).name}{'*' if out.weak_type else ''}"


NAMES = BINARY[0]


@pytest.mark.parametrize("row", BINARY[1:], ids=lambda row: "-".join(row[:2]))
def test_two_operands(row: list[str]) -> None:
    function, first = getattr(jnp, row[0]), operand(row[1])
    got = [result_type(function, first, operand(name)) for name in NAMES]
    assert dict(zip(NAMES, got, strict=True)) == dict(zip(NAMES, row[2:], strict=True))


@pytest.mark.parametrize("row", UNARY, ids=lambda row: "-".join(row[:2]))
def test_one_operand(row: list[str]) -> None:
    function: Any = jnp
    for part in row[0].split("."):
        function = getattr(function, part)
    assert result_type(function, operand(row[1])) == row[2]


def test_strict_promotion_keeps_dtypes_apart() -> None:
    with jax.numpy_dtype_promotion("strict"):
        jnp.ones(2) + 1
        with pytest.raises(jax.errors.TypePromotionError):
            jnp.ones(2) + jnp.ones(2, "int32")


def test_wide_types() -> None:
    with jax.enable_x64(True):
        assert (jnp.arange(3) + 1).dtype == jnp.int64
        assert jnp.sin(1).dtype == jnp.float64
        assert (jnp.ones(2, "float32") + 1.5).dtype == jnp.float32
    assert (jnp.arange(3) + 1).dtype == jnp.int32
