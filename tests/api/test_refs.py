"""Mutable references: eager, in jit, in every kind of control flow, under transformations."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import errors, lax


def test_reading_and_writing():
    ref = jax.new_ref(jnp.zeros(3))
    ref[0] = 1
    ref[1:] += 2.0
    np.testing.assert_array_equal(ref[...], [1, 2, 2])
    assert (ref.shape, ref.dtype, ref[0], len(ref)) == ((3,), np.float32, 1, 3)
    ref[...] = 4
    assert repr(ref) == "Ref([4., 4., 4.], dtype=float32)"
    assert jax.ref.swap(ref, 0, 7.0) == 4 and jax.ref.get(ref, 0) == 7
    jax.ref.addupdate(ref, jnp.array([1, 1]), 1.0)
    np.testing.assert_array_equal(jax.freeze(ref), [7, 6, 4])
    with pytest.raises(errors.RefError, match="was freed"):
        ref[0]


def test_an_array_is_not_changed_by_its_reference():
    x = jnp.zeros(3)
    ref = jax.new_ref(x)
    ref[0] = 1
    assert x[0] == 0


def test_as_argument_and_captured_by_jit():
    ref = jax.new_ref(jnp.ones(3))

    @jax.jit
    def f(r, x):
        r[0] = x
        return r[1] * 2

    @jax.jit
    def g(x):
        ref[1] += x
        return ref[...].sum()

    assert f(ref, 9.0) == 2
    assert g(1.0) == 12 and g(1.0) == 13
    np.testing.assert_array_equal(ref[...], [9, 3, 1])
    other = jax.new_ref(jnp.zeros(3))
    f(other, 5.0)
    np.testing.assert_array_equal(other[...], [5, 0, 0])
    np.testing.assert_array_equal(ref[...], [9, 3, 1])


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_control_flow(transform):
    total = jax.new_ref(jnp.zeros(()))

    def scanned(xs):
        def body(c, x):
            total[...] += x
            return c + 1, total[...]

        return lax.scan(body, 0, xs)

    count, sums = transform(scanned)(jnp.arange(4.0))
    np.testing.assert_array_equal(sums, [0, 1, 3, 6])
    assert count == 4 and total[...] == 6

    def looped(n):
        def body(i):
            total[...] = total[...] * 2
            return i + 1

        return lax.while_loop(lambda i: (i < n) & (total[...] < 40), body, 0)

    assert transform(looped)(9) == 3 and total[...] == 48

    def branched(p):
        def write():
            total[...] = 1.0
            return 2.0

        return lax.cond(p, write, lambda: 3.0)

    assert transform(branched)(False) == 3 and total[...] == 48
    assert transform(branched)(True) == 2 and total[...] == 1
    assert transform(lambda n: lax.fori_loop(0, 3, lambda i, s: s + total[...], n))(0.0) == 3


def square_in_place(x):
    ref = jax.new_ref(x)

    def body(i, c):
        ref[i] = ref[i] ** 2
        return c

    lax.fori_loop(0, x.shape[0], body, 0)
    return ref[...].sum()


def test_transformations_of_functions_that_make_references():
    x = jnp.arange(1.0, 4.0)
    np.testing.assert_allclose(jax.grad(square_in_place)(x), 2 * x)
    np.testing.assert_allclose(jax.jit(jax.grad(square_in_place))(x), 2 * x)
    rows = jnp.stack([x, 2 * x])
    np.testing.assert_allclose(jax.vmap(square_in_place)(rows), (rows**2).sum(1))
    np.testing.assert_allclose(jax.vmap(jax.grad(square_in_place))(rows), 2 * rows)
    np.testing.assert_allclose(jax.hessian(square_in_place)(x), 2 * np.eye(3))


def test_refusals():
    ref = jax.new_ref(jnp.zeros(()))
    with pytest.raises(errors.RefError, match="written in a differentiated function"):
        jax.grad(lambda x: (ref.__setitem__(..., x), x)[1])(1.0)
    with pytest.raises(errors.RefError, match="written in a vmapped function"):
        jax.vmap(lambda x: (ref.__setitem__(..., x), x)[1])(jnp.ones(2))
    with pytest.raises(errors.RefError, match="after the function that made it has returned"):
        kept = []
        jax.jit(lambda x: kept.append(jax.new_ref(x)))(1.0)
        kept[0][...]
    with pytest.raises(errors.RefError, match="the condition writes a reference"):
        lax.while_loop(lambda i: (ref.__setitem__(..., 1.0), i < 1)[1], lambda i: i + 1, 0)
    with pytest.raises(ValueError, match="broadcast"):
        ref[...] = jnp.ones(3)
    with pytest.raises(TypeError, match="expected a reference"):
        jax.ref.get(jnp.ones(3), 0)


def test_updates_in_a_loop_touch_what_they_change():
    @jax.jit
    def f(x):
        ref = jax.new_ref(x)

        def body(i, c):
            ref[i % 7] += 1.0
            return c

        lax.fori_loop(0, 10_000, body, 0)
        return ref[...]

    np.testing.assert_array_equal(f(jnp.zeros(100_000))[:7].sum(), 10_000)
