"""Operators and methods of arrays and tracers."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

X = np.array([[1.5, -2.0], [0.25, 4.0]], np.float32)
N = np.array([7, -3, 12], np.int32)

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("other", [2, 2.5, np.float32(2), np.full((2, 2), 3, np.float32)])
def test_binary(op: Any, other: Any) -> None:
    x = jnp.asarray(np.abs(X))
    np.testing.assert_allclose(op(x, other), op(np.abs(X), other), rtol=2e-6)
    np.testing.assert_allclose(op(other, x), op(other, np.abs(X)), rtol=2e-6)
    np.testing.assert_allclose(jax.jit(lambda x: op(x, other))(x), op(x, other), rtol=2e-6)


@pytest.mark.parametrize("op", BITS)
def test_bits(op: Any) -> None:
    x = jnp.asarray(N)
    np.testing.assert_array_equal(op(x, 2), op(N, 2))
    np.testing.assert_array_equal(op(2, jnp.abs(x)), op(2, np.abs(N)))


def test_unary() -> None:
    x = jnp.asarray(X)
    np.testing.assert_array_equal(-x, -X)
    np.testing.assert_array_equal(+x, X)
    np.testing.assert_array_equal(abs(x), abs(X))
    np.testing.assert_array_equal(~jnp.asarray(N), ~N)
    np.testing.assert_array_equal(round(x), np.round(X))
    assert round(jnp.asarray(1.6)).dtype == jnp.int32
    np.testing.assert_array_equal(divmod(jnp.asarray(N), 5)[1], N % 5)


def test_matmul_and_reflection() -> None:
    x = jnp.asarray(X)
    np.testing.assert_allclose(x @ X, X @ X, rtol=1e-6)
    result = X @ x
    assert isinstance(result, jax.Array)
    np.testing.assert_allclose(result, X @ X, rtol=1e-6)
    assert isinstance(X + x, jax.Array)
    assert isinstance(np.float32(2) * x, jax.Array)


def test_operands_that_are_no_arrays() -> None:
    x = jnp.ones(3)
    with pytest.raises(TypeError, match="unsupported operand"):
        operator.add(x, [1, 2, 3])
    with pytest.raises(TypeError):
        "a" * x
    assert (x == None) is False  # noqa: E711
    assert (x == "a") is False
    assert (x != None) is True  # noqa: E711


def test_a_class_with_reflected_operators_has_its_turn() -> None:
    class Other:
        def __radd__(self, x: Any) -> str:
            return "reflected"

    assert jnp.ones(2) + Other() == "reflected"


METHODS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("sum", (), {"axis": 0}),
    ("mean", (1,), {}),
    ("max", (), {}),
    ("min", (0,), {}),
    ("prod", (), {}),
    ("std", (), {}),
    ("var", (), {"ddof": 1}),
    ("all", (), {}),
    ("any", (0,), {}),
    ("argmax", (), {}),
    ("argmin", (1,), {}),
    ("argsort", (), {}),
    ("cumsum", (0,), {}),
    ("cumprod", (), {}),
    ("reshape", (4,), {}),
    ("reshape", ((4, 1),), {}),
    ("reshape", (1, -1), {}),
    ("ravel", (), {}),
    ("flatten", (), {}),
    ("transpose", (), {}),
    ("transpose", (1, 0), {}),
    ("squeeze", (), {}),
    ("swapaxes", (0, 1), {}),
    ("clip", (-1, 1), {}),
    ("round", (1,), {}),
    ("repeat", (2,), {"axis": 0}),
    ("take", (np.array([0, 3]),), {}),
    ("dot", (X,), {}),
    ("diagonal", (), {}),
    ("conj", (), {}),
    ("copy", (), {}),
    ("compress", ([True, False],), {"axis": 0}),
    ("astype", ("int32",), {}),
    ("searchsorted", (np.array(0.3, np.float32),), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), METHODS, ids=[m[0] for m in METHODS])
def test_methods(name: str, args: Any, kwargs: Any) -> None:
    source = X[0] if name == "searchsorted" else X
    ours = tuple(jnp.asarray(a) if isinstance(a, (np.ndarray, list)) else a for a in args)
    want = getattr(source, name)(*args, **kwargs)
    got = getattr(jnp.asarray(source), name)(*ours, **kwargs)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    staged = jax.jit(lambda x: getattr(x, name)(*ours, **kwargs))
    if name != "compress":
        np.testing.assert_allclose(staged(source), want, rtol=1e-6)


def test_sort_returns_a_new_array() -> None:
    np.testing.assert_array_equal(jnp.asarray(X).sort(0), np.sort(X, 0))


def test_properties() -> None:
    x = jnp.asarray(X)
    np.testing.assert_array_equal(x.T, X.T)
    np.testing.assert_array_equal(jnp.ones((2, 3, 4)).mT.shape, (2, 4, 3))
    z = jnp.asarray([1 + 2j])
    assert (z.real.item(), z.imag.item()) == (1.0, 2.0)
    assert (x.ndim, x.size, x.shape, x.nbytes, x.itemsize) == (2, 4, (2, 2), 16, 4)
    with pytest.raises(NotImplementedError):
        x.flat  # noqa: B018


def test_python_conversions() -> None:
    x = jnp.asarray(X)
    assert x.tolist() == X.tolist()
    assert jnp.asarray(1.5).item() == 1.5
    assert x.item(1, 0) == 0.25
    assert (len(x), float(jnp.asarray(2)), int(jnp.asarray(2.7)), bool(jnp.asarray(0))) == (
        2,
        2.0,
        2,
        False,
    )
    assert [float(v) for v in jnp.arange(3)] == [0.0, 1.0, 2.0]
    assert [1, 2][jnp.asarray(1)] == 2
    with pytest.raises(TypeError, match="unsized"):
        len(jnp.asarray(1))
    with pytest.raises(TypeError, match="0-d"):
        iter(jnp.asarray(1))
    with pytest.raises(TypeError):
        hash(x)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)


def test_copies_and_pickles() -> None:
    for x in (jnp.asarray(X), jnp.asarray(1.0), jnp.ones(2, jnp.bfloat16), jax.random.key(3)):
        for y in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x)):
            assert y.aval is x.aval
            assert str(y) == str(x)


def test_views() -> None:
    x = jnp.asarray(X)
    for dtype in ("int32", "uint8", "float16"):
        np.testing.assert_array_equal(x.view(dtype), X.view(dtype))
    np.testing.assert_array_equal(jnp.asarray(X.view("uint8")).view("float32"), X)
    with pytest.raises(ValueError, match="whole number"):
        jnp.ones(3, jnp.int8).view("int16")


def test_arrays_cannot_be_changed() -> None:
    x = jnp.ones(3)
    with pytest.raises(TypeError, match="immutable"):
        x[0] = 1
    y = x
    y += 1
    np.testing.assert_array_equal(x, np.ones(3))


def test_ufunc_methods() -> None:
    x = np.array([[1.0, 2.0], [3.0, 5.0]], np.float32)
    for name in ("add", "multiply", "maximum", "subtract", "divide"):
        ours, theirs = getattr(jnp, name), getattr(np, name)
        np.testing.assert_allclose(
            ours.reduce(jnp.asarray(x), axis=1), theirs.reduce(x, axis=1), rtol=1e-6
        )
        np.testing.assert_allclose(
            ours.accumulate(jnp.asarray(x), 1), theirs.accumulate(x, 1), rtol=1e-6
        )
        np.testing.assert_allclose(
            ours.outer(jnp.asarray(x[0]), jnp.asarray(x[1])), theirs.outer(x[0], x[1]), rtol=1e-6
        )
    places = np.array([0, 1, 0])
    got = jnp.add.at(jnp.zeros(2), places, 1.0, inplace=False)
    np.testing.assert_array_equal(got, [2, 1])
    got = jnp.add.reduceat(jnp.arange(8.0), [0, 4, 1])
    np.testing.assert_allclose(got, np.add.reduceat(np.arange(8.0), [0, 4, 1]))
    assert isinstance(jnp.add, jnp.ufunc)


def test_frompyfunc() -> None:
    weighted = jnp.frompyfunc(lambda x, y: 2 * x + y, 2, 1)
    np.testing.assert_allclose(weighted(jnp.arange(3.0), 1.0), [1, 3, 5])
    np.testing.assert_allclose(weighted.reduce(jnp.asarray([1.0, 2.0, 3.0])), 11)
