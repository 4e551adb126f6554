"""`associative_scan`: prefixes of any associative function, by whichever way is taken."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import lax
from gradax import numpy as jnp
from gradax.errors import AxisError, ShapeError

Array = np.ndarray[Any, Any]
SIZES = [0, 1, 2, 3, 15, 64, 257, 1025, 5000]


def normals(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def affine(p: Any, q: Any) -> Any:
    """Compose x -> a x + b with the next such map."""
    return p[0] * q[0], p[1] * q[0] + q[1]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_linear_recurrence(n: int, reverse: bool):
    x, a = normals(n), np.random.default_rng(1).uniform(0.5, 1, n).astype(np.float32)
    got = gradax.jit(lambda a, x: lax.associative_scan(affine, (a, x), reverse=reverse))(a, x)
    state, want = np.float32(0), np.zeros(n, np.float32)
    for i in reversed(range(n)) if reverse else range(n):
        state = want[i] = a[i] * state + x[i]
    np.testing.assert_allclose(got[1], want, 1e-4, 1e-4)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("fn", "ufunc"),
    [(jnp.add, np.add), (jnp.multiply, np.multiply), (jnp.maximum, np.maximum),
     (lambda a, b: b + a, np.add), (jnp.minimum, np.minimum), (jnp.logaddexp, np.logaddexp)],
)  # fmt: skip
@pytest.mark.parametrize(("shape", "axis"), [((300, 2), 0), ((2, 130, 3), 1), ((3, 70), -1)])
def test_functions_that_numpy_accumulates(
    fn: Callable[..., Any], ufunc: Any, shape: tuple[int, ...], axis: int, reverse: bool
):
    x = normals(*shape) * 0.5 + 1
    got = lax.associative_scan(fn, x, reverse=reverse, axis=axis)
    want = ufunc.accumulate(np.flip(x, axis) if reverse else x, axis)
    want = np.flip(want, axis) if reverse else want
    np.testing.assert_allclose(got, want, 1e-3, 1e-5)


def test_a_known_function_is_a_cumulative_operation():
    text = str(gradax.make_jaxpr(lambda x: lax.associative_scan(jnp.add, x))(normals(100)))
    assert "cumsum" in text and "scan" not in text
    other = gradax.make_jaxpr(lambda x: lax.associative_scan(lambda a, b: a + 2 * b, x))
    assert "cumsum" not in str(other(normals(100)))


def test_products_of_matrices_and_their_transformations():
    m = normals(257, 2, 2) * 0.7

    def f(m: Any) -> Any:
        return lax.associative_scan(lambda a, b: a @ b, m)

    want = [m[0]]
    for x in m[1:]:
        want.append(want[-1] @ x)
    np.testing.assert_allclose(gradax.jit(f)(m), np.stack(want), 1e-3, 1e-3)
    np.testing.assert_allclose(gradax.vmap(f)(np.stack([m, m]))[1], np.stack(want), 1e-3, 1e-3)
    gradient = gradax.grad(lambda m: f(m)[-1].sum())(m[:30])
    by_hand = gradax.grad(lambda m: jnp.linalg.multi_dot(list(m)).sum())(m[:30])
    np.testing.assert_allclose(gradient, by_hand, 1e-3, 1e-5)


def test_a_stranger_leaf_keeps_its_zeros():
    signs = lax.associative_scan(lambda a, b: jnp.copysign(b, b), np.array([-0.0, 0.0, -0.0]))
    np.testing.assert_array_equal(np.signbit(signs), [True, False, True])


def test_the_program_does_not_grow():
    def size(n: int) -> int:
        f = lambda x: lax.associative_scan(affine, (x, x))
        return len(str(gradax.make_jaxpr(f)(normals(n))))

    assert size(1 << 18) < 1.1 * size(1 << 13)


def test_errors():
    with pytest.raises(TypeError, match="fn must be callable"):
        lax.associative_scan(3, normals(3))
    with pytest.raises(ShapeError, match="one size along axis 0"):
        lax.associative_scan(affine, (normals(3), normals(4)))
    with pytest.raises(AxisError, match="axis 2"):
        lax.associative_scan(jnp.add, normals(3), axis=2)
