"""`x[idx]` and `x.at[idx]` against NumPy, on random indices, eager and traced."""

import random
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as jnp

N_ROUNDS = 60
OUTSIDE = np.array([10, -10, -1, 4, 5, -5, -6])
V = np.arange(5, dtype=np.float32)


class Drawn:
    """A random array and a random index of NumPy's kinds, inside the array."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.rng = np.random.default_rng(seed)
        self.shape = tuple(
            self.random.choice([1, 2, 3, 5]) for _ in range(self.random.randint(0, 4))
        )
        self.x = self.rng.normal(size=self.shape).astype(np.float32)
        self.common = self.random.choice([(), (3,), (2, 1), (2, 3), (1,)])
        self.parts = self.draw()
        self.index: Any = tuple(self.parts)

    def draw(self) -> list[Any]:
        parts: list[Any] = []
        axis = 0
        while axis < len(self.shape) and self.random.random() < 0.85:
            kind = self.random.choice(["int", "slice", "slice", "new", "dots", "array", "mask"])
            if kind == "dots" and Ellipsis not in [p for p in parts if not hasattr(p, "shape")]:
                parts.append(...)
                axis += self.random.randint(0, len(self.shape) - axis)
            elif kind == "new":
                parts.append(None)
            elif kind == "mask":
                n_axes = self.random.randint(1, len(self.shape) - axis)
                parts.append(self.rng.random(self.shape[axis : axis + n_axes]) < 0.5)
                axis += n_axes
            else:
                parts.append(self.one(kind, self.shape[axis]))
                axis += 1
        return parts

    def one(self, kind: str, n: int) -> Any:
        if kind == "array":
            return self.rng.integers(-n, n, self.common)
        if kind == "int":
            return self.random.randrange(-n, n)
        ends = [self.random.choice([None, self.random.randrange(-n - 2, n + 3)]) for _ in range(2)]
        return slice(*ends, self.random.choice([None, 1, 2, 3, -1, -2]))

    def expected(self) -> Any:
        try:
            return self.x[self.index]
        except IndexError:  # masks whose numbers of elements do not go together
            return None

    def traced(self, f: Any, *arrays: Any) -> Any:
        """Run `f(index, *arrays)` with the integers of the index traced."""
        kinds = [np.ndim(p) > 0 and np.asarray(p).dtype != bool for p in self.parts]

        def run(places: list[Any], *arrays: Any) -> Any:
            given = iter(places)
            parts = [next(given) if k else p for p, k in zip(self.parts, kinds, strict=True)]
            return f(tuple(parts), *arrays)

        places = [p for p, k in zip(self.parts, kinds, strict=True) if k]
        return gradax.jit(run)(places, *arrays)


@pytest.mark.parametrize("seed", range(N_ROUNDS))
def test_get(seed: int):
    drawn = Drawn(seed)
    expected = drawn.expected()
    if expected is None:
        return
    np.testing.assert_array_equal(jnp.asarray(drawn.x)[drawn.index], expected)
    np.testing.assert_array_equal(drawn.traced(lambda i, x: x[i], drawn.x), expected)


@pytest.mark.parametrize("seed", range(N_ROUNDS))
def test_set_and_add(seed: int):
    drawn = Drawn(seed)
    part = drawn.expected()
    if part is None:
        return
    values = np.arange(np.size(part), dtype=np.float32).reshape(np.shape(part))
    put, added = drawn.x.copy(), drawn.x.copy()
    put[drawn.index] = values
    np.add.at(added, drawn.index, values)
    x = jnp.asarray(drawn.x)
    np.testing.assert_array_equal(x.at[drawn.index].set(values), put)
    np.testing.assert_allclose(x.at[drawn.index].add(values), added, rtol=1e-5, atol=1e-5)
    traced = drawn.traced(lambda i, x, v: x.at[i].set(v), drawn.x, values)
    np.testing.assert_array_equal(traced, put)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("fill", [np.nan, np.nan, 4, 4, np.nan, 0, np.nan]),
        ("clip", [4, 0, 4, 4, 4, 0, 0]),
        ("promise_in_bounds", [4, 0, 4, 4, 4, 0, 0]),
        (None, [4, 0, 4, 4, 4, 0, 0]),
    ],
)
def test_reading_outside(mode: str | None, expected: list[float]):
    x = jnp.asarray(V)
    np.testing.assert_array_equal(x.at[OUTSIDE].get(mode=mode), np.float32(expected))
    traced = gradax.jit(lambda x, i: x.at[i].get(mode=mode))(x, OUTSIDE)
    np.testing.assert_array_equal(traced, np.float32(expected))


@pytest.mark.parametrize("mode", ["fill", "drop", "promise_in_bounds", None])
def test_writing_outside(mode: str | None):
    x = jnp.asarray(V)
    expected = np.float32([7, 1, 2, 3, 7])
    np.testing.assert_array_equal(x.at[OUTSIDE].set(7, mode=mode), expected)
    np.testing.assert_array_equal(x.at[10].set(7, mode=mode), V)
    np.testing.assert_array_equal(x.at[-7].set(7, mode=mode), V)


def test_static_indices_outside_are_clipped():
    x = jnp.asarray(V)
    assert float(x[10]) == 4
    assert float(x[-10]) == 0
    assert np.isnan(x.at[10].get(mode="fill"))


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("int32", np.iinfo(np.int32).min), ("uint8", 255), ("bool", True), ("complex64", np.nan)],
)
def test_default_fill_values(dtype: str, fill: Any):
    x = jnp.ones(3, dtype)
    np.testing.assert_array_equal(x.at[jnp.array([5])].get(mode="fill"), np.asarray([fill], dtype))


def test_fill_value():
    assert x_at(mode="fill", fill_value=-3) == -3


def x_at(**options: Any) -> float:
    return float(jnp.asarray(V).at[9].get(**options))


def test_no_wrapping():
    got = jnp.asarray(V).at[OUTSIDE].get(mode="fill", wrap_negative_indices=False)
    np.testing.assert_array_equal(got, np.float32([np.nan] * 3 + [4] + [np.nan] * 3))


def test_repeated_places():
    x, twice = jnp.asarray(V), jnp.array([1, 1])
    assert float(x.at[twice].set(jnp.array([7.0, 8.0]))[1]) == 8
    assert float(x.at[twice].add(2)[1]) == 5
    assert float(x.at[twice].subtract(2)[1]) == -3
    assert float(x.at[twice].multiply(3)[1]) == 9
    assert float(x.at[twice].mul(3)[1]) == 9
    assert float(x.at[twice].divide(2)[1]) == 0.25
    assert float(x.at[jnp.array([2, 2])].power(2)[2]) == 16
    assert float(x.at[twice].min(-2)[1]) == -2
    assert float(x.at[twice].max(jnp.array([5.0, 4.0]))[1]) == 5
    assert float(x.at[twice].apply(lambda a: a * 3)[1]) == 9


def test_apply_once():
    got = jnp.asarray(V).at[1:3].apply(jnp.sin)
    expected = V.copy()
    expected[1:3] = np.sin(V[1:3])
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_masks_of_no_axis():
    x = jnp.ones((3, 4))
    assert x[True].shape == (1, 3, 4)
    assert x[False].shape == (0, 3, 4)
    assert x[None, True].shape == (1, 1, 3, 4)


def test_weak_types_and_dtypes_stay():
    x = jnp.ones(3, jnp.bfloat16)
    assert x.at[0].set(2).dtype == jnp.bfloat16
    assert jnp.full(3, 1.0).at[0].set(2).weak_type == jnp.full(3, 1.0).weak_type


def test_values_that_do_not_fit_warn():
    with pytest.warns(FutureWarning, match="float32 are converted to int32"):
        got = jnp.arange(3).at[0].set(2.5)
    np.testing.assert_array_equal(got, [2, 1, 2])


def test_gradients():
    x = jnp.asarray(V)
    weights = jnp.arange(5.0)
    places = jnp.array([1, 1])
    grad = gradax.grad(lambda x: x[jnp.array([10, 4, 4])].sum())(x)
    np.testing.assert_array_equal(grad, [0, 0, 0, 0, 2])
    grad = gradax.grad(lambda x: (x.at[places].set(x[:2]) * weights).sum())(x)
    np.testing.assert_array_equal(grad, [0, 1, 2, 3, 4])
    grad = gradax.grad(lambda x: (x.at[places].mul(x[2:4]) * weights).sum())(x)
    np.testing.assert_array_equal(grad, [0, 6, 5, 5, 4])


def test_masks_under_grad():
    grad = gradax.grad(lambda x: x[x > 2].sum())(jnp.asarray(V))
    np.testing.assert_array_equal(grad, [0, 0, 0, 1, 1])


def test_vmap_over_indices():
    x = jnp.arange(12.0).reshape(3, 4)
    places = jnp.array([3, -1, 0])
    expected = [3, 7, 8]
    np.testing.assert_array_equal(gradax.vmap(lambda x, i: x[i])(x, places), expected)
    got = gradax.vmap(lambda x, i: x.at[i].set(0.0))(x, places)
    assert [float(got[k, i]) for k, i in enumerate([3, 3, 0])] == [0, 0, 0]


def test_jaxprs():
    x = jnp.zeros((3, 4))
    text = str(gradax.make_jaxpr(lambda x: x[-1])(x))
    assert "slice[limit_indices=(3, 4) start_indices=(2, 0) strides=None]" in text
    assert "squeeze[dimensions=(0,)]" in text
    text = str(gradax.make_jaxpr(lambda x, i: x[i])(x, jnp.int32(1)))
    assert "dynamic_slice[slice_sizes=(1, 4)]" in text
    text = str(gradax.make_jaxpr(lambda x, i: x[i])(x, jnp.array([0, 1])))
    assert "gather[" in text and "offset_dims=(1,), collapsed_slice_dims=(0,)" in text
    assert str(gradax.make_jaxpr(lambda x: x[...])(x)).count("=") == 0
