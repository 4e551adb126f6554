"""Large updates that accumulate are divided among copies: same values, the same bits each time."""

from typing import Any

import numpy as np
import pytest

import gradax
from gradax import numpy as jnp
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text

Array = np.ndarray[Any, Any]
UFUNCS = {"add": np.add, "min": np.minimum, "max": np.maximum}


def data(n: int, size: int, dtype: Any) -> tuple[Array, Array, Array]:
    """Return a base, indices (some outside), values."""
    rng = np.random.default_rng(n + size)
    shift = 5 if np.dtype(dtype).kind == "u" else 0
    base, values = ((rng.normal(size=k) * 3 + shift).astype(dtype) for k in (size, n))
    return base, rng.integers(-size - 2, size + 2, n), values


@pytest.mark.parametrize("operation", UFUNCS)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.float64, np.uint8])
@pytest.mark.parametrize(("n", "size"), [(1 << 16, 1), (100_003, 10), (70_001, 1000)])
def test_updates(n: int, size: int, dtype: Any, operation: str):
    with gradax.enable_x64(True):
        base, where, values = data(n, size, dtype)
        f = gradax.jit(lambda b, i, v: getattr(b.at[i], operation)(v))
        got = np.asarray(f(base, where, values))
        again = np.asarray(f(base, where, values))
    inside = (where >= -size) & (where < size)
    want = base.astype(np.float64) if base.dtype.kind == "f" else base.copy()
    UFUNCS[operation].at(want, where[inside], values[inside])
    accuracy = {np.float32: 2e-5, np.float64: 1e-11}.get(dtype, 0)
    np.testing.assert_allclose(got.astype(np.float64), want, accuracy, accuracy * 1000)
    assert got.tobytes() == again.tobytes()


def test_rows_and_their_gradient():
    rng = np.random.default_rng(0)
    where, rows = rng.integers(0, 50, 20_000), rng.normal(size=(20_000, 17)).astype(np.float32)
    want = np.zeros((50, 17))
    np.add.at(want, where, rows)
    total = gradax.jit(lambda x: gradax.ops.segment_sum(x, where, num_segments=50))
    np.testing.assert_allclose(total(rows), want, 1e-4, 1e-3)
    gradient = gradax.grad(lambda x: (total(x) ** 2).sum() / 2)(rows)
    np.testing.assert_allclose(gradient, want[where], 1e-4, 1e-3)
    np.testing.assert_array_equal(jnp.bincount(where, length=60), np.bincount(where, minlength=60))


def test_what_is_not_met_keeps_its_sign_and_nan_spreads():
    base = np.full(5, -0.0, np.float32)
    values = np.zeros(1 << 17, np.float32)
    values[77] = np.nan
    where = np.zeros(1 << 17, int)
    where[77] = 2
    got = np.asarray(gradax.jit(lambda b: b.at[where].add(values))(base))
    np.testing.assert_array_equal(np.signbit(got), [False, True, np.signbit(got[2]), True, True])
    np.testing.assert_array_equal(np.isnan(got), [False, False, True, False, False])


def test_small_and_ordered_updates_stay_whole():
    def text(f: Any, n: int) -> str:
        jaxpr = gradax.make_jaxpr(f)(np.zeros(10, np.float32), np.zeros(n, np.int32)).jaxpr
        return program_text(jaxpr, Options(), "schedule")

    assert "i < 8" in text(lambda b, i: b.at[i].add(1), 1 << 17)
    assert "i < 8" not in text(lambda b, i: b.at[i].add(1), 1000)
    assert "i < 8" not in text(lambda b, i: b.at[i].set(1), 1 << 17)
