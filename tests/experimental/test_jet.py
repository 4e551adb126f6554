"""Power series through programs, against derivatives taken one after another."""

from __future__ import annotations

from functools import reduce
from math import factorial
from typing import Any

import numpy as np
import pytest

import gradax as jax
from gradax import lax
from gradax import numpy as jnp
from gradax.experimental.jet import jet

ORDER = 4


def nested(f: Any, x: Any, terms: Any) -> list[Any]:
    """Return the derivatives of f along a curve at t = 0 by differentiating again and again."""

    def along(t: Any) -> Any:
        steps = [c * t**k / factorial(k) for k, c in enumerate(terms, 1)]
        return f(reduce(lambda a, b: a + b, steps, x))

    found = [along]
    for _ in terms:
        found.append(lambda t, g=found[-1]: jax.jvp(g, (t,), (1.0,))[1])
    return [g(0.0) for g in found]


X = np.array([0.3, 0.5, 0.7])
TERMS = [np.array([1.0, -0.5, 2.0]), np.array([0.2, 0.3, -0.1]), np.array([1.0, 0.0, 0.5]),
         np.array([-0.3, 0.1, 0.2])]  # fmt: skip

UNARY = [
    jnp.exp, jnp.exp2, jnp.expm1, jnp.log, jnp.log1p, jnp.sin, jnp.cos, jnp.tan, jnp.arcsin,
    jnp.arccos, jnp.arctan, jnp.sinh, jnp.cosh, jnp.tanh, jnp.arcsinh, jnp.arctanh, jnp.sqrt,
    lax.rsqrt, jnp.cbrt, lax.logistic, lax.erf, lax.erfc, lax.erf_inv, lax.lgamma, lax.digamma,
    jnp.abs, jnp.square, lax.neg, jax.nn.softplus, jax.nn.silu, jnp.logaddexp.__call__ and
    (lambda x: jnp.logaddexp(x, 2 * x)),
]  # fmt: skip
OTHERS = {
    "polynomial": lambda x: 3 * x**3 - x**2 + 1 / x,
    "negative power": lambda x: x**-2,
    "power": lambda x: x**1.7,
    "power of both": lambda x: x ** (x + 1),
    "atan2": lambda x: jnp.arctan2(x, 1 + x),
    "quotient of a scalar": lambda x: x[0] / x + x / x[1],
    "dot": lambda x: jnp.sin(x) @ jnp.outer(x, jnp.exp(x)),
    "sums": lambda x: jnp.cumsum(x).sum() * x.mean() + jnp.prod(x),
    "logsumexp": lambda x: jax.nn.logsumexp(x * 3),
    "softmax": lambda x: jax.nn.softmax(x * 2),
    "selection": lambda x: jnp.where(x > 0.4, x**2, jnp.maximum(x, 0.35) * x),
    "indexing": lambda x: x[jnp.array([2, 0])] * x.at[1].set(x[0] ** 2)[1:],
    "shapes": lambda x: jnp.concatenate([x, x[::-1] ** 2]).reshape(2, 3).T.sum(1),
    "complex": lambda x: jnp.abs(jnp.exp(1j * x) + x) ** 2,
    "call": lambda x: jax.jit(lambda y: jnp.sin(y) * x)(x * x),
    "remat": lambda x: jax.checkpoint(lambda y: jnp.sin(y) * y)(x),
    "branch": lambda x: lax.cond(x[0] > 0, lambda y: jnp.sin(y) * x, lambda y: y, x),
    "scan": lambda x: lax.scan(lambda c, a: (jnp.sin(c) * a, c * a), x[0], x * 2),
    "while": lambda x: lax.while_loop(lambda s: s[1] < 3, lambda s: (s[0] * x, s[1] + 1), (x, 0))[
        0
    ],
    "fori": lambda x: lax.fori_loop(0, 3, lambda k, c: jnp.sin(c) + x, x),
    "cholesky": lambda x: jnp.linalg.cholesky(jnp.diag(x + 1) + 0.1 * jnp.outer(x, x)),
    "solve": lambda x: jnp.linalg.solve(jnp.diag(x + 1) + 0.1 * jnp.outer(x, x), x),
    "sort": lambda x: jnp.sort(jnp.sin(5 * x)),
}


@pytest.mark.parametrize(
    "f", [*UNARY, *OTHERS.values()], ids=[*map(str, range(len(UNARY))), *OTHERS]
)
def test_derivatives_along_a_curve(f: Any):
    with jax.enable_x64(True):
        x, terms = jnp.asarray(X), [jnp.asarray(t) for t in TERMS]
        value, series = jet(f, (x,), (terms,))
        want = nested(f, x, terms)
        leaves = jax.tree.leaves(value)
        columns = jax.tree.leaves(series, is_leaf=lambda s: isinstance(s, list))
        for k, w in enumerate(want):
            for leaf, column, each in zip(leaves, columns, jax.tree.leaves(w), strict=True):
                got = leaf if k == 0 else column[k - 1]
                assert got.shape == each.shape
                np.testing.assert_allclose(got, each, rtol=1e-7, atol=1e-8)


def test_a_power_at_zero():
    _, series = jet(lambda x: x**3, (0.0,), ((1.0, 0.0, 0.0),))
    np.testing.assert_array_equal(series, [0, 0, 6])


def test_coefficients_of_powers():
    value, series = jet(jnp.exp, (0.0,), ((1.0, 0.0, 0.0),), factorial_scaled=False)
    np.testing.assert_allclose([value, *series], [1, 1, 1 / 2, 1 / 6], rtol=1e-6)


def test_several_arguments_trees_and_constants():
    def f(p: Any, y: Any, n: Any) -> Any:
        return {"a": p["w"] * y, "n": n, "c": 3.0}

    series = (({"w": 1.0}, {"w": 0.5}), (1.0, 0.0), (0, 0))
    value, out = jet(f, ({"w": 0.5}, 2.0, 4), series)
    assert float(value["a"]) == 1 and int(value["n"]) == 4 and float(value["c"]) == 3
    np.testing.assert_allclose(out["a"], [2.5, 3.0])
    np.testing.assert_array_equal(out["c"], [0, 0])


def test_under_transformations():
    third = lambda x: jet(jnp.sin, (x,), ((1.0, 0.0, 0.0),))[1][2]
    np.testing.assert_allclose(jax.jit(third)(0.5), -np.cos(0.5), rtol=1e-5)
    np.testing.assert_allclose(jax.grad(third)(0.5), np.sin(0.5), rtol=1e-5)
    x = np.linspace(0, 1, 3, dtype=np.float32)
    np.testing.assert_allclose(jax.vmap(third)(x), -np.cos(x), rtol=1e-5)


def test_rules_of_the_user():
    @jax.custom_jvp
    def f(x: Any) -> Any:
        return jnp.sin(x)

    f.defjvp(lambda p, t: (f(p[0]), 2 * jnp.cos(p[0]) * t[0]))
    _, series = jet(f, (0.5,), ((1.0, 0.0),))
    np.testing.assert_allclose(series, [2 * np.cos(0.5), -2 * np.sin(0.5)], rtol=1e-5)

    @jax.custom_vjp
    def g(x: Any) -> Any:
        return jnp.sin(x)

    g.defvjp(lambda x: (g(x), x), lambda x, ct: (ct,))
    _, series = jet(g, (0.5,), ((1.0, 0.0),))
    np.testing.assert_allclose(series, [np.cos(0.5), -np.sin(0.5)], rtol=1e-5)


@pytest.mark.parametrize(
    ("primals", "series", "error", "message"),
    [
        ((1.0, 2.0), ((1.0,), (1.0, 2.0)), ValueError, "series of one length"),
        ((1.0,), ((1.0,), (1.0,)), ValueError, "a series for each of 1 primals; got 2"),
        ((np.ones(2),), ((np.ones(3),),), ValueError, r"must have its shape \(2,\); term 1 has"),
        (("text",), ((1.0,),), TypeError, "the primal x is no array"),
    ],
)
def test_errors(primals: Any, series: Any, error: Any, message: str):
    with pytest.raises(error, match=message):
        jet(lambda x, *rest: x, primals, series)


@pytest.mark.peer
def test_as_jax(peer: Any):
    source = """
from jax.experimental.jet import jet
f = lambda x: jnp.tanh(jnp.dot(x, jnp.sin(x))) * jnp.log(x).sum() / (1 + x)
result = jet(f, (x,), ((a, b, c),))
"""
    given = dict(zip("xabc", (np.float32(t) for t in (X, *TERMS[:3])), strict=True))
    ours: dict[str, Any] = {"jax": jax, "jnp": jnp, **given}
    exec(source.replace("from jax.", "from gradax."), ours)
    for got, want in zip(
        jax.tree.leaves(ours["result"]), jax.tree.leaves(peer(source, **given)), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)
