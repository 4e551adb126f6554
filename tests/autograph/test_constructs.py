"""Every construct, under every transformation: what the plain function gives on known values."""

import functools

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

POINTS = (-2.5, -0.4, 0.3, 1.7, 4.2)


def if_else(x):
    if x > 0:
        y = x * x
    else:
        y = -3 * x
    return y


def if_alone(x):
    y = x
    if x > 1:
        y = y * 2
        y += 1
    return y * x


def elif_chain(x):
    if x < -1:
        y = x + 3
    elif x < 0:
        y = x * 4
    elif x < 1:
        y = jnp.sin(x)
    else:
        y = x**3
    return y


def nested_if(x):
    y = x
    if x > 0:
        z = x + 1
        if z > 2:
            y = z * x
        else:
            y = z - x * x
    return y + 1


def early_return(x):
    if x < 0:
        return x * x
    if x < 1:
        return 3 * x
    y = x + 1
    return y * y


def return_inside_one_branch(x):
    y = x
    if x > 0:
        if x > 1:
            return x * 5
        y = x * 2
    return y - 1


def conditional_expression(x):
    return (x * 2 if x > 0 else x * x) + (1 if x > 1 else 0)


def conjunction(x):
    if x > 0 and x * x < 9 and not x > 2.5:
        return x * 2
    return x * 3


def disjunction(x):
    if x < -1 or x > 3 or (x > 0 and x < 1):
        return x * 2
    return x * 3


def chained_comparison(x):
    return x * 2 if -1 < x <= 1.5 < 2 else x * x


def value_of_or(x):
    return (x > 1 or x < -1) * x


def while_loop(x):
    n = 0
    while x * x < 50:
        x = x * 1.5 + 0.3
        n += 1
    return x * n


def while_break(x):
    s = x
    while s * s < 1000:
        s = s * 2 + 1
        if s > 30:
            break
        s = s + x
    return s


def while_true(x):
    steps = 0
    while True:
        x = x * 2 + 0.1
        steps += 1
        if x * x > 30:
            return x + steps


def while_continue_else(x):
    k, s = 0, x
    while k < 6 and s < 100:
        k += 1
        if s > 3:
            s = s + 1
            continue
        s = s * 1.5 + 1
    else:
        s = s - 7
    return s


def for_static(x):
    s = 0.0
    for i in range(4):
        if x > i:
            s = s + x * i
    return s + x


def for_static_break(x):
    s = x
    for i in range(20):
        s = s * 1.3 + 0.1 * i
        if s > 10:
            break
    return s * i


def for_static_continue(x):
    s = x
    for i in range(5):
        if s > 2 + i:
            continue
        s = s + x * x
    return s


def for_static_return(x):
    for i in range(8):
        x = x * 1.5
        if x * x > 20:
            return x * i
    return x


def for_else(x):
    for i in range(6):  # noqa: B007
        x = x + 0.7
        if x > 5:
            break
    else:
        x = x * 10
    return x + i


def for_long(x):
    for i in range(200):
        x = x * 0.99 + 0.001 * i
    return x


def for_over_array(x):
    s = x
    for w in jnp.arange(1.0, 5.0):
        s = s * 0.5 + w * x
    return s


def for_over_array_break(x):
    s = x
    for w in x * jnp.arange(1.0, 6.0):
        if s > 3.1:
            break
        s = s + w * w
    return s


def for_over_list(x):
    s = x
    for w in [x, 2.0, x * x]:
        if s > 6:
            break
        s = s + w
    return s


def for_pairs(x):
    s, t = x, 0.0
    for k, (a, b) in enumerate([(1.0, 2.0), (3.0, 4.0)]):
        if s > k:
            s, t = t + a, s * b
    return s + t * x


def loops_inside_loops(x):
    s = x
    for i in range(3):
        for j in range(3):
            if s > 8:
                break
            s = s + x * (i + j) if x > 0 else s + 1
        if s < -3:
            return s * x
    return s


def variables_of_the_loop_only(x):
    s = x
    while s < 20 and s > -20:
        t = s * 2
        u = t + x if x > 0 else t - 1
        s = s + u + 0.01
    return s


def containers(x):
    state = {"a": x, "b": (x * 2, [1.0])}
    if x > 0:
        state = {"a": x * x, "b": (x, [3.0])}
    return state["a"] + state["b"][0] * state["b"][1][0]


def items(x):
    d = {"sum": 0.0, "last": x}
    for i in range(4):
        if x > i - 1:
            d["sum"] += x * i
            d["last"] = x + i
    return d["sum"] * d["last"]


def inner_functions(x):
    def square_or_double(y):
        if y > 1:
            return y * y
        return 2 * y

    pick = lambda y: y if y > 0 else -y
    return square_or_double(x) + pick(x)


def with_and_try(x):
    y = x
    try:
        with jax.named_scope("inside"):
            if x > 1:
                return x * 3
            y = x + 2
    finally:
        y = y + 1
    return y * y


def tuple_swaps(x):
    a, b = x, 1.0
    for _ in range(3):
        if a < b:
            a, b = b, a + x
        else:
            a, b = a - b, b
    return a * b + x


CONSTRUCTS = [
    if_else, if_alone, elif_chain, nested_if, early_return, return_inside_one_branch,
    conditional_expression, conjunction, disjunction, chained_comparison, value_of_or, for_static,
    for_static_break, for_static_continue, for_static_return, for_else, for_long, for_over_array,
    for_over_array_break, for_over_list, for_pairs, loops_inside_loops, containers, items,
    inner_functions, with_and_try, tuple_swaps, while_loop, while_break, while_true,
    while_continue_else, variables_of_the_loop_only,
]  # fmt: skip
named = functools.partial(pytest.mark.parametrize, "f", ids=lambda f: f.__name__)


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)


@named(CONSTRUCTS)
def test_known_values_stay_pythons(f):
    for x in POINTS:
        got, expected = jax.autograph(f)(x), f(x)
        assert type(got) is type(expected)
        assert got == expected


@named(CONSTRUCTS)
def test_jit(f):
    jitted = jax.jit(jax.autograph(f))
    close([jitted(x) for x in POINTS], [f(x) for x in POINTS])


@named(CONSTRUCTS)
def test_vmap(f):
    close(jax.vmap(jax.autograph(f))(jnp.array(POINTS)), [f(x) for x in POINTS])


@named(CONSTRUCTS)
def test_jit_of_vmap(f):
    close(jax.jit(jax.vmap(jax.autograph(f)))(jnp.array(POINTS)), [f(x) for x in POINTS])


# The undecorated function, differentiated where all values are known, is the oracle.
@named(CONSTRUCTS)
def test_forward_derivative(f):
    g = jax.jit(jax.jacfwd(jax.autograph(f)))
    close([g(x) for x in POINTS], [jax.grad(f)(x) for x in POINTS])


@named(CONSTRUCTS)
def test_derivative_of_known_values(f):
    close([jax.grad(jax.autograph(f))(x) for x in POINTS], [jax.grad(f)(x) for x in POINTS])


@named(CONSTRUCTS)
def test_grad(f):
    g = jax.jit(jax.grad(jax.autograph(f)))
    close([g(x) for x in POINTS], [jax.grad(f)(x) for x in POINTS])


@named(CONSTRUCTS)
def test_vmap_of_grad(f):
    g = jax.vmap(jax.grad(jax.autograph(f)))
    close(g(jnp.array(POINTS)), [jax.grad(f)(x) for x in POINTS])


@named(CONSTRUCTS)
def test_grad_of_vmap(f):
    g = jax.grad(lambda xs: jax.vmap(jax.jit(jax.autograph(f)))(xs).sum())
    close(g(jnp.array(POINTS)), [jax.grad(f)(x) for x in POINTS])


@named([if_else, early_return, for_static_break, loops_inside_loops])
def test_second_derivative(f):
    g = jax.jit(jax.grad(jax.grad(jax.autograph(f))))
    close([g(x) for x in POINTS], [jax.grad(jax.grad(f))(x) for x in POINTS])


@jax.jit
@jax.autograph
def count(n, x):
    s, last = x, -1
    for i in range(n):
        s = s + i * x
        last = i
    return s, last


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_range_with_a_traced_bound(n):
    s, last = count(n, 2.0)
    assert s == 2.0 + 2.0 * sum(range(n))
    assert last == n - 1


@pytest.mark.parametrize("bounds", [(2, 9, 3), (9, 2, -2), (5, 5, 1), (4, 1, 1), (-3, 3, 2)])
@pytest.mark.parametrize("n_static", [0, 1, 2])
def test_ranges_with_traced_bounds_and_steps(bounds, n_static):
    def f(*traced):
        start, stop, step = (*traced, *bounds[len(traced) :])
        s = 0
        for i in range(start, stop, step):
            s = s * 10 + i
        return s

    traced = bounds[: 3 - n_static]
    assert jax.jit(jax.autograph(f))(*traced) == f(*traced)


def test_a_long_range_is_one_loop():
    f = jax.autograph(for_long)
    assert str(jax.make_jaxpr(f)(1.0)).count("scan[") == 1
    assert len(jax.make_jaxpr(f)(1.0).jaxpr.eqns) == 1


def test_a_loop_over_a_traced_array_is_a_scan():
    @jax.autograph
    def f(xs):
        s = 0.0
        for x in xs:
            s = s + x * x
        return s

    eqns = jax.make_jaxpr(f)(jnp.arange(5.0)).jaxpr.eqns
    assert [e.primitive.name for e in eqns] == ["scan"]
    assert jax.jit(f)(jnp.arange(5.0)) == 30


def test_a_loop_that_fills_a_list_is_run_step_by_step():
    @jax.autograph
    def f(xs):
        rows = []
        for x in xs:
            rows.append(x * 2 if x > 1 else x)
        return jnp.stack(rows)

    np.testing.assert_array_equal(jax.jit(f)(jnp.arange(4.0)), [0, 1, 4, 6])


def test_steps_that_need_python_integers_are_run_one_by_one():
    weights = [0.5, 2.0] * 50

    @jax.autograph
    def f(x):
        for i in range(100):
            x = x * weights[i]
        return x

    assert jax.jit(f)(3.0) == 3.0


def test_counters_stay_integers_of_python():
    @jax.autograph
    def f(x):
        n = 0
        for _ in range(100):
            x = x + 1
            n += 1
        return jnp.zeros(n) + x

    assert jax.jit(f)(1.0).shape == (100,)


def test_variables_that_do_not_change_are_not_carried():
    @jax.autograph
    def f(x, w):
        y = x @ w
        while y.sum() < 100:
            t = y * 2
            y = t + w[0]
        return y

    jaxpr = jax.make_jaxpr(f)(jnp.ones(3), jnp.ones((3, 3)))
    (loop,) = [e for e in jaxpr.jaxpr.eqns if e.primitive.name == "while"]
    assert len(loop.outvars) == 1


def test_an_expensive_operand_is_computed_only_where_it_is_needed():
    @jax.autograph
    def endless(x):
        while x > 0:
            x = x + 0.0
        return x

    @jax.jit
    @jax.autograph
    def f(x):
        return x * 2 if x <= 0 or endless(x) > 1 else x

    assert f(-1.0) == -2.0


def test_bools_and_numbers_of_arrays_of_one_element_are_conditions():
    f = jax.jit(jax.autograph(lambda x: 1 if x else 2))
    assert f(jnp.array([3])) == 1
    assert f(jnp.array(0.0)) == 2
