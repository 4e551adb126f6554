"""Functions of `lax` beyond single operations, and its primitives."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.extend.core import Literal, Primitive, jaxpr_as_fun
from gradax.lax import RandomAlgorithm as Algorithm
from gradax.test_util import check_grads

# (state, algorithm, dtype, shape), the state after, the bits: recorded from JAX 0.10.2 on a CPU.
MOST = 2**32 - 1
RECORDED = [
    (((1, 2, 3, 4), 2, "uint32", (5,)), [1, 2, 5, 4],
     [512747620, 1298009047, 1267190206, 761827841, 1383286907]),
    (((1, 2, 3, 4), 1, "uint32", (5,)), [1, 2, 6, 4],
     [1576285164, 2249660814, 740599976, 2425682526, 2436392515]),
    (((MOST,) * 4, 2, "uint64", (2,)), [MOST, MOST, 0, 0],
     [4740103540206151533, 7878011797965096902]),
    (((5, 6, MOST - 1, 9), 1, "uint8", (3, 5)), [5, 6, 7, 10],
     [116, 2, 125, 158, 220, 12, 195, 130, 239, 11, 244, 198, 251, 183, 66]),
    (((5, 6, MOST - 1, 9), 2, "uint16", (2, 3)), [5, 6, 0, 10],
     [15754, 48322, 47745, 18558, 18452, 16468]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "after", "bits"), RECORDED)
def test_bits_are_those_of_jax(call, after, bits):
    state, algorithm, dtype, shape = call
    with jax.enable_x64(True):
        key = jnp.array(state, jnp.uint32)
        for draw in (
            lax.rng_bit_generator,
            jax.jit(lax.rng_bit_generator, static_argnums=(1, 2, 3)),
        ):
            new, found = draw(key, shape, dtype, Algorithm(algorithm))
            assert new.tolist() == after and found.ravel().tolist() == bits
            assert found.shape == shape and found.dtype == dtype


def test_rng_uniform_is_within_its_bounds():
    x = lax.rng_uniform(-2.0, 3.0, (1000,))
    assert -2 <= x.min() < -1.9 and 2.9 < x.max() < 3
    assert set(lax.rng_uniform(2, 5, (100,)).tolist()) == {2, 3, 4}


def root(b):
    def newton(f, x):
        return lax.fori_loop(0, 30, lambda i, x: x - f(x) / (2 * x), x)

    return lax.custom_root(lambda x: x**2 - b, 1.0, newton, lambda g, y: y / g(1.0))


def test_custom_root():
    np.testing.assert_allclose(root(2.0), 2**0.5, rtol=1e-6)
    np.testing.assert_allclose(jax.grad(root)(2.0), 0.5 / 2**0.5, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.grad(jax.grad(root)))(2.0), -0.25 * 2**-1.5, rtol=1e-5)
    found = jax.vmap(jax.grad(root))(jnp.array([2.0, 3.0]))
    np.testing.assert_allclose(found, 0.5 / np.sqrt([2.0, 3.0]), rtol=1e-5)
    out, aux = lax.custom_root(
        lambda x: x - 1.0, 0.0, lambda f, x: (x + 1.0, {"n": 3}), lambda g, y: y, has_aux=True
    )
    assert out == 1 and aux["n"] == 3
    with pytest.raises(TypeError, match="tree like initial_guess"):
        lax.custom_root(lambda x: (x,), 1.0, lambda f, x: x, lambda g, y: y)


def test_custom_root_of_a_system():
    def solve_by_jacobian(g, y):
        return jnp.linalg.solve(jax.jacobian(g)(y), y)

    def solution(a, b):
        def solve(f, x):
            return x - solve_by_jacobian(lambda v: f(v) - f(jnp.zeros_like(v)), f(x))

        return lax.custom_root(lambda x: a @ x - b, jnp.zeros(3), solve, solve_by_jacobian)

    a = np.array([[3.0, 1, 0], [0, 2, 1], [1, 0, 4]], np.float32)
    check_grads(solution, (a, np.arange(3, dtype=np.float32)), 2)


def test_ragged_dot_modes():
    rng = np.random.default_rng(0)
    sizes = np.array([[2, 0, 3], [1, 3, 2]], np.int32)
    x = rng.normal(size=(2, 6, 4)).astype(np.float32)
    numbers = lax.RaggedDotDimensionNumbers
    w = rng.normal(size=(3, 2, 4, 5)).astype(np.float32)
    found = lax.ragged_dot_general(x, w, sizes, numbers((((2,), (2,)), ((0,), (1,))), [1], [0]))
    of = np.zeros((2, 6, 5), np.float32)
    y = rng.normal(size=(2, 6, 5)).astype(np.float32)
    sums = np.zeros((3, 2, 4, 5), np.float32)
    for b in range(2):
        ends = np.cumsum(sizes[b])
        for g in range(3):
            at = slice(ends[g] - sizes[b][g], ends[g])
            of[b, at] = x[b, at] @ w[g, b]
            sums[g, b] = x[b, at].T @ y[b, at]
    np.testing.assert_allclose(found, of, rtol=1e-5, atol=1e-5)
    by_terms = lax.ragged_dot_general(x, y, sizes, numbers((((1,), (1,)), ((0,), (0,))), [1], []))
    np.testing.assert_allclose(by_terms, sums, rtol=1e-5, atol=1e-5)
    # A ragged axis behind another free one, and one behind another contracted one.
    v = rng.normal(size=(3, 4, 5)).astype(np.float32)
    outer = lax.ragged_dot_general(x, v, sizes, numbers((((2,), (1,)), ((), ())), [1], [0]))
    each = [lax.ragged_dot(x[b], v, sizes[b]) for b in range(2)]
    np.testing.assert_allclose(outer, np.stack(each), rtol=1e-5, atol=1e-5)
    both = lax.ragged_dot_general(x, y, sizes, numbers((((0, 1), (0, 1)), ((), ())), [1], []))
    np.testing.assert_allclose(both, sums.sum(1), rtol=1e-5, atol=1e-5)
    check_grads(lambda x, v: lax.ragged_dot(x[0], v, sizes[0]), (x, v), 2)
    with pytest.raises(TypeError, match="group_sizes of shape"):
        lax.ragged_dot(x[0], v, sizes)


def test_scaled_dot():
    x = jnp.ones((4, 8), jnp.float8_e4m3fn)
    y = jnp.ones((8, 3), jnp.float8_e4m3fn)
    out = lax.scaled_dot(x, y, lhs_scale=jnp.full((4, 2), 2.0), rhs_scale=jnp.full((2, 3), 0.25))
    assert out.dtype == jnp.bfloat16
    np.testing.assert_array_equal(out.astype(float), 4.0)
    with pytest.raises(ValueError, match="expected scales like"):
        lax.scaled_dot(x, y, lhs_scale=jnp.ones((4, 3)))


def test_composite_and_platforms():
    scaled = lax.composite(lambda x, *, by, not_given=None: x * by, "my.scale", version=2)
    (eqn,) = jax.make_jaxpr(lambda x: scaled(x, by=3))(1.0).eqns
    assert eqn.params["name"] == "my.scale" and eqn.params["attributes"] == (("by", 3),)
    assert jax.grad(lambda x: scaled(x, by=3))(1.0) == 3
    np.testing.assert_array_equal(jax.vmap(lambda x: scaled(x, by=3))(jnp.ones(2)), 3.0)
    assert lax.platform_dependent(1.0, cpu=lambda x: x + 1, default=lambda x: x) == 2
    assert lax.platform_dependent(1.0, tpu=lambda x: x + 1, default=lambda x: x) == 1
    with pytest.raises(NotImplementedError, match="function for 'cpu'"):
        lax.platform_dependent(1.0, tpu=lambda x: x)


def test_lifting():
    assert lax.broadcast_like(jnp.ones((2, 1)), jnp.ones((3, 2, 4))).shape == (3, 2, 4)
    with pytest.raises(TypeError, match="Incompatible"):
        lax.broadcast_like(jnp.ones(2), jnp.ones((2, 3)))
    assert lax.shape_as_value((2, 3)).tolist() == [2, 3] and lax.dtype(1.0) == np.float32
    assert jax.jit(lambda: lax.stage(1.0) + lax.after_all(lax.create_token()).size)() == 1
    is_tracer = []
    jax.jit(lambda: is_tracer.append(type(lax.stage(np.ones(2))).__name__))()
    assert is_tracer == ["StagedTracer"]
    with pytest.raises(ValueError, match="below 0"):
        lax.Tolerance(-1.0)


def evaluate(jaxpr, *args):
    """Evaluate a program as interpreters written for JAX do."""
    env = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom):
        return atom.val if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        out = eqn.primitive.bind(*map(read, eqn.invars), **eqn.params)
        outs = out if eqn.primitive.multiple_results else [out]
        env.update(zip(eqn.outvars, outs, strict=True))
    return list(map(read, jaxpr.outvars))


def test_programs_are_rebuilt_from_their_primitives():
    def f(x):
        y = jnp.linalg.solve(x @ x.T + jnp.eye(3), x)
        z, _ = lax.scan(lambda c, a: (c + a, a), jnp.zeros(3), jnp.cumsum(jnp.sort(y, 0), 1))
        wide = jnp.where(z > 0, z, 0).astype(jnp.float16).sum() + lax.exp(z)[0] ** 3
        return wide + lax.cond(z[0] > 0, lambda: 1.0, lambda: 2.0)

    x = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    closed = jax.make_jaxpr(jax.value_and_grad(f))(x)
    assert not closed.consts
    for found in (evaluate(closed.jaxpr, x), jaxpr_as_fun(closed)(x)):
        for a, b in zip(found, jax.value_and_grad(f)(x), strict=True):
            np.testing.assert_array_equal(a, b)


def test_primitives():
    (eqn,) = jax.make_jaxpr(lambda x: x + 1)(1.0).eqns
    assert eqn.primitive is lax.add_p and repr(lax.add_p) == "add"
    rules = {lax.add_p: 1, lax.linalg.cholesky_p: 2}
    assert rules[eqn.primitive] == 1
    out = lax.dot_general_p.bind(
        jnp.ones((2, 3)), jnp.ones((3, 2)), dimension_numbers=(([1], [0]), ([], [])),
        precision=None, preferred_element_type=np.float32, out_sharding=None,
    )  # fmt: skip
    np.testing.assert_array_equal(out, 3.0)
    assert lax.lt_to_p.bind(np.float32(-0.0), np.float32(0.0))
    assert lax.eq_to_p.bind(np.float32(np.nan), np.float32(np.nan))
    assert not lax.le_to_p.bind(np.float32(-3.0), np.float32(-5.0))
    with pytest.raises(TypeError, match="has the parameters"):
        lax.exp_p.bind(1.0, by=2)
    with pytest.raises(NotImplementedError, match="computes nothing"):
        Primitive("mine").bind(1.0)
