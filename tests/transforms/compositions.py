"""Programs of transformations in each other. Each takes the library to run on: gradax, or JAX.

`expected.json` holds what JAX gives; running this file in an environment with JAX writes it again.
"""

import json
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np

EXPECTED = Path(__file__).with_name("expected.json")
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def summary(jax, result):
    """Return the leaves of a result as [shape, dtype, values]."""
    leaves = [np.asarray(x) for x in jax.tree_util.tree_leaves(result)]
    return [[list(x.shape), x.dtype.name, rounded(x)] for x in leaves]


def rounded(x):
    parts = [x.real, x.imag] if x.dtype.kind == "c" else [x]
    return [float(f"{v:.7g}") for part in parts for v in np.ravel(part)]


def damped(jax, c, x):
    c = c + x * jax.numpy.sin(c)
    return c, c * x


def damped_sum(jax):
    step = lambda c, x: damped(jax, c, x)
    return lambda c, x: jax.numpy.sum(jax.lax.scan(step, c, x)[1])


C = np.float32(0.5)


@program
def scan(jax):
    return jax.lax.scan(lambda c, x: damped(jax, c, x), C, some(7))


@program
def scan_grad(jax):
    return jax.grad(damped_sum(jax), (0, 1))(C, some(7))


@program
def scan_jit_of_grad(jax):
    return jax.jit(jax.grad(damped_sum(jax), (0, 1)))(C, some(7))


@program
def scan_grad_of_jit(jax):
    return jax.grad(jax.jit(damped_sum(jax)), (0, 1))(C, some(7))


@program
def scan_reversed(jax):
    step = lambda c, x: damped(jax, c, x)
    return jax.grad(lambda c, x: jax.lax.scan(step, c, x, reverse=True)[0], (0, 1))(C, some(7))


@program
def scan_vmap_of_grad(jax):
    return jax.vmap(jax.grad(damped_sum(jax), (0, 1)), (0, None))(some(3), some(7))


@program
def scan_grad_of_vmap(jax):
    f = jax.vmap(damped_sum(jax), (0, None))
    return jax.grad(lambda c, x: f(c, x).sum(), (0, 1))(some(3), some(7))


@program
def scan_grad_of_jit_of_vmap(jax):
    f = jax.jit(jax.vmap(damped_sum(jax)))
    return jax.grad(lambda c, x: f(c, x).sum(), (0, 1))(some(3), some(3, 7))


@program
def scan_captures(jax):
    def loss(w, x):
        def step(c, x):
            c = jax.numpy.tanh(w @ c + x)
            return c, c.sum()

        return jax.lax.scan(step, np.zeros(4, np.float32), x)[1].sum()

    return jax.value_and_grad(loss, (0, 1))(some(4, 4), some(5, 4))


@program
def scan_second_order(jax):
    step = lambda c, x: (jax.numpy.sin(c + x * x), None)
    loss = lambda x: jax.lax.scan(step, np.float32(0), x)[0]
    orders = [jax.hessian, jax.jacfwd, jax.jacrev]
    functions = [loss, jax.grad(loss), jax.grad(loss)]
    found = [order(f)(some(4)) for order, f in zip(orders, functions, strict=True)]
    return [*found, jax.jit(jax.hessian(loss))(some(4))]


@program
def scan_jvp(jax):
    f = lambda c, x: jax.lax.scan(lambda c, x: damped(jax, c, x), c, x)
    return jax.jvp(f, (C, some(7)), (np.float32(1), some(7, seed=1)))


@program
def scan_in_scan(jax):
    inner = lambda a, b: (a + jax.numpy.sin(a) * b, None)

    def outer(c, x):
        c, _ = jax.lax.scan(inner, c, x)
        return c, c

    f = lambda c, x: jax.lax.scan(outer, c, x)[1].sum()
    return jax.grad(f, (0, 1))(np.float32(0.3), some(3, 4))


@program
def scan_of_trees(jax):
    def step(c, x):
        return {"a": c["a"] + x["u"], "b": c["b"] * c["a"]}, (c["a"], None)

    f = lambda c, x: jax.lax.scan(step, c, x)[0]["b"]
    return jax.value_and_grad(f)({"a": np.float32(1), "b": np.float32(2)}, {"u": some(4)})


@program
def scan_counts(jax):
    def step(c, x):
        i, a = c
        return (i + 1, a * x), i

    f = lambda x: jax.lax.scan(step, (0, np.float32(2)), x)[0][1]
    return jax.grad(f)(some(4)), jax.lax.scan(step, (0, np.float32(2)), some(4))


@program
def scan_without_xs(jax):
    return jax.lax.scan(lambda c, _: (c * 2, c), np.float32(1), None, length=4)


@program
def scan_of_nothing(jax):
    return jax.lax.scan(lambda c, x: damped(jax, c, x), C, np.zeros(0, np.float32))


@program
def scan_with_branches(jax):
    def step(c, x):
        return jax.lax.cond(x > 0, lambda c: jax.numpy.sin(c) * x, lambda c: c + x, c), c

    f = lambda c, x: jax.lax.scan(step, c, x)[0]
    xs = some(6)
    return [
        jax.grad(f, (0, 1))(C, xs),
        jax.jit(jax.grad(f, (0, 1)))(C, xs),
        jax.vmap(jax.grad(f, (0, 1)))(some(3), some(3, 6)),
        jax.hessian(f)(C, xs),
    ]


@program
def while_of_unequal_lengths(jax):
    f = lambda x: jax.lax.while_loop(lambda c: c < 100, lambda c: c * 3, x)
    return f(np.float32(1)), jax.vmap(f)(np.array([1, 50, 200, 0.1], np.float32))


@program
def while_counted_per_lane(jax):
    def f(x, n):
        return jax.lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 3), (0, x))

    return jax.vmap(f)(some(3), np.array([1, 5, 2], np.int32))


@program
def while_jvp(jax):
    def f(x):
        body = lambda c: (c[0] * (c[1] + 1.2), jax.numpy.sin(c[1]))
        return jax.lax.while_loop(lambda c: c[0] < 100, body, (np.float32(1.5), x))

    return jax.jvp(f, (np.float32(3),), (np.float32(1),))


@program
def while_with_branches(jax):
    def f(x):
        def body(c):
            i, a = c
            return i + 1, jax.lax.cond(a > 1, jax.numpy.sin, lambda a: a * x, a)

        return jax.lax.while_loop(lambda c: c[0] < 5, body, (0, x))[1]

    x = np.float32(1.2)
    return jax.jit(lambda x: jax.jvp(f, (x,), (x,)))(x), jax.vmap(f)(some(4)), jax.jacfwd(f)(x)


@program
def fori(jax):
    f = lambda x: jax.lax.fori_loop(0, 5, lambda i, c: jax.numpy.sin(c) * x + i, x)
    g = lambda n, x: jax.lax.fori_loop(0, n, lambda i, c: jax.numpy.sin(c) * x, x)
    x = np.float32(1.3)
    return f(x), jax.grad(f)(x), jax.jit(g)(4, x), jax.jvp(lambda x: g(4, x), (x,), (x,))


@program
def cond_each_side(jax):
    f = lambda x: jax.lax.cond(x > 0, jax.numpy.sin, lambda x: x * x * x, x)
    both = [np.float32(1), np.float32(-2)]
    return [
        [f(x) for x in both],
        [jax.grad(f)(x) for x in both],
        [jax.jit(jax.grad(f))(x) for x in both],
        jax.vmap(f)(some(5)),
        jax.vmap(jax.grad(f))(some(5)),
        jax.hessian(f)(both[1]),
    ]


@program
def cond_captures(jax):
    def f(w, x):
        return jax.lax.cond(x > 0, lambda: w * x, lambda: jax.numpy.sin(w) * x)

    return [jax.grad(f, (0, 1))(np.float32(2), np.float32(x)) for x in (3, -3)]


@program
def switch(jax):
    branches = [jax.numpy.sin, jax.numpy.cos, lambda x: x * x]
    f = lambda i, x: jax.lax.switch(i, branches, x)
    return [
        [jax.grad(f, 1)(i, np.float32(1.5)) for i in (-1, 0, 1, 2, 9)],
        jax.vmap(f)(np.array([0, 1, 2, 5], np.int32), some(4)),
        jax.vmap(f, (None, 0))(2, some(4)),
    ]


@program
def jit_in_jit(jax):
    inner = jax.jit(lambda x, y: jax.numpy.sin(x) * y)
    outer = jax.jit(lambda x, y: inner(x, y) + inner(y, x))
    x, y = np.float32(1), np.float32(2)
    return [
        outer(x, y),
        jax.grad(outer, (0, 1))(x, y),
        jax.hessian(outer, (0, 1))(x, y),
        jax.vmap(outer)(some(3), some(3, seed=2)),
        jax.jit(jax.vmap(jax.grad(outer)))(some(3), some(3, seed=2)),
    ]


@program
def jacobians(jax):
    jnp = jax.numpy
    a, b = some(3), some(2, seed=3)
    product = lambda a, b: a.sum() * jnp.sin(b)
    return [
        jax.hessian(lambda x: jnp.sum(jnp.sin(x) * x * x))(some(2, 3)),
        jax.jacfwd(jnp.sin)(some(2, 3)),
        jax.jacrev(lambda x: {"s": jnp.sin(x), "t": x.sum()})(some(2, 3)),
        jax.jacfwd(product, (0, 1))(a, b),
        jax.jacrev(lambda a, b: product(a, b["q"]), (0, 1))(a, {"q": b}),
        jax.jacfwd(lambda a: (a, np.float32(3)))(b),
        jax.jacrev(lambda a: (a * a, {"n": a}), has_aux=True)(b),
    ]


@program
def linearize_and_vjp(jax):
    f = lambda a, b: (a * jax.numpy.sin(b), b)
    a, b, c, d = (some(3, seed=i) for i in range(4))
    out, linear = jax.linearize(f, a, b)
    again, back = jax.vjp(f, a, b)
    rows = some(2, 3)
    return [out, linear(c, d), jax.vmap(linear)(rows, rows)], [
        again, back((c, d)), jax.vmap(back)((rows, rows)), jax.jit(back)((c, d)),
    ]  # fmt: skip


@program
def linear_transpose(jax):
    matrix = some(2, 3)
    return jax.linear_transpose(lambda x: matrix @ x, some(3))(some(2))


@program
def vmap_axes(jax):
    f = lambda a, b: a * b.sum()
    tree = lambda d: (d["a"], d["b"] * 2)
    return [
        jax.vmap(f, in_axes=(1, None), out_axes=1)(some(2, 3), some(4)),
        jax.vmap(f, in_axes=(-1, 0), out_axes=-1)(some(2, 3), some(3, 4)),
        jax.vmap(tree, in_axes=({"a": 0, "b": None},), out_axes=(0, None))(
            {"a": some(3), "b": some(2)}
        ),
        jax.vmap(lambda: np.float32(3), axis_size=4)(),
        jax.vmap(jax.vmap(f, (0, None)), (None, 0))(some(3), some(4, 2)),
        jax.vmap(lambda x, *, y: x + y)(some(3), y=some(3, seed=1)),
    ]


@program
def aux(jax):
    jnp = jax.numpy
    f = lambda x: (jnp.sin(x).sum(), {"k": jnp.cos(x)})
    x = some(3)
    return [
        jax.value_and_grad(f, has_aux=True)(x),
        jax.grad(f, has_aux=True)(x),
        jax.jit(jax.grad(f, has_aux=True))(x),
        jax.vjp(lambda x: (jnp.sin(x), x), x, has_aux=True)[2],
        jax.jvp(lambda x: (jnp.sin(x), x), (x,), (x,), has_aux=True),
        jax.linearize(lambda x: (jnp.sin(x), x), x, has_aux=True)[2],
    ]


@program
def integers_beside_floats(jax):
    f = lambda x, i: x * i
    x = np.float32(2)
    g = jax.grad(f)
    return g(x, 3), jax.jit(g)(x, 3), jax.vmap(g)(some(2), np.arange(2))


@program
def complex_numbers(jax):
    z = np.complex64(1 + 2j)
    return [
        jax.grad(lambda z: (z * jax.numpy.conj(z)).real)(z),
        jax.grad(lambda z: z * z, holomorphic=True)(z),
        jax.grad(lambda x: jax.numpy.abs(x * (1 + 1j)))(np.float32(3)),
    ]


@program
def derivatives_in_derivatives(jax):
    x = np.float32(3)
    inner = lambda x: jax.grad(lambda y: x * y * y)(np.float32(2))
    forward = lambda x: x * jax.jvp(lambda y: x * y, (np.float32(2),), (np.float32(1),))[1]
    return [
        jax.grad(lambda x: x * inner(x))(x),
        jax.jvp(forward, (x,), (np.float32(1),)),
        jax.grad(jax.grad(jax.grad(lambda x: x**5)))(x),
        jax.vmap(jax.grad(jax.jit(jax.grad(jax.numpy.sin))))(some(3)),
    ]


@program
def custom_vjp_in_loops(jax):
    @jax.custom_vjp
    def g(x):
        return jax.numpy.sin(x)

    g.defvjp(lambda x: (jax.numpy.sin(x), x), lambda x, ct: (ct * 2 * jax.numpy.cos(x),))
    f = lambda c, x: jax.lax.scan(lambda c, x: (g(c) * x, g(x)), c, x)[0]
    mapped = jax.vmap(f, (0, None))
    return [
        jax.grad(f, (0, 1))(C, some(5)),
        jax.jit(jax.vmap(jax.grad(f)))(some(2), some(2, 5)),
        jax.grad(lambda c, x: mapped(c, x).sum(), (0, 1))(some(2), some(5)),
        jax.grad(jax.grad(g))(C),
        jax.hessian(lambda x: g(x).sum())(some(2)),
    ]


@program
def custom_jvp_in_branches(jax):
    @jax.custom_jvp
    def g(x):
        return jax.numpy.sin(x)

    g.defjvps(lambda t, out, x: t * 3 * jax.numpy.cos(x))
    f = lambda x: jax.lax.cond(x > 0, g, lambda x: x * g(x), x)
    return [
        [jax.grad(f)(np.float32(x)) for x in (1, -1)],
        jax.vmap(jax.grad(f))(some(4)),
        jax.jit(jax.hessian(f))(np.float32(1)),
        jax.jacfwd(f)(np.float32(2)),
        jax.jvp(jax.vmap(g), (some(3),), (some(3, seed=1),)),
    ]


@program
def custom_rules_of_several_arguments(jax):
    @jax.custom_vjp
    def h(x, y):
        return {"out": jax.numpy.sin(x["a"]) * y, "x": x["a"]}

    def forward(x, y):
        return h(x, y), (x["a"], y)

    def backward(residuals, ct):
        _, y = residuals
        return {"a": ct["out"] * y * 5 + ct["x"]}, None

    h.defvjp(forward, backward)
    f = lambda a, y: h({"a": a}, y)["out"].sum() + h({"a": a}, y)["x"].sum()
    a, y = some(3), some(3, seed=1)
    return [
        jax.grad(f, (0, 1))(a, y),
        jax.jit(jax.grad(f, (0, 1)))(a, y),
        jax.grad(lambda a, y: jax.vmap(f, (0, None))(a, y[0]).sum(), (0, 1))(some(2, 3), y),
    ]


@program
def custom_gradient(jax):
    @jax.custom_gradient
    def f(x, y):
        return x * y, lambda g: (g * 10, g * x * 100)

    x, y = np.float32(2), np.float32(3)
    return [
        f(x, y),
        jax.grad(f, (0, 1))(x, y),
        jax.jit(jax.grad(f, (0, 1)))(x, y),
        jax.vmap(jax.grad(f, (0, 1)))(some(2), some(2)),
    ]


@program
def stopped_gradients(jax):
    stop = jax.lax.stop_gradient
    x = np.float32(3)
    return [
        jax.grad(lambda x: x * stop(x))(x),
        jax.jit(jax.grad(lambda x: x * stop(jax.numpy.sin(x))))(x),
        jax.jvp(lambda x: stop({"a": x * x}), (x,), (x,)),
    ]


@program
def results_that_are_arguments(jax):
    return jax.jit(lambda x, y: (x, y, y * y, x, 3.0, None, y))(np.float32(1), some(2))


@program
def a_training_step(jax):
    jnp = jax.numpy
    sizes = [5, 7, 3]
    params = [(some(m, n), some(n)) for m, n in pairwise(sizes)]

    def predict(params, x):
        for w, b in params[:-1]:
            x = jnp.tanh(x @ w + b)
        w, b = params[-1]
        logits = x @ w + b
        return logits - jnp.log(jnp.exp(logits).sum())

    def loss(params, xs, labels):
        logits = jax.vmap(predict, (None, 0))(params, xs)
        return -jnp.mean(jnp.take_along_axis(logits, labels[:, None], axis=1))

    @jax.jit
    def update(params, xs, labels):
        value, grads = jax.value_and_grad(loss)(params, xs, labels)
        return value, jax.tree_util.tree_map(lambda p, g: p - 0.1 * g, params, grads)

    xs, labels = some(6, 5, seed=4), np.arange(6, dtype=np.int32) % 3
    values = []
    for _ in range(5):
        value, params = update(params, xs, labels)
        values.append(value)
    return values, params


if __name__ == "__main__":
    jax = import_module("jax")
    found = {name: summary(jax, run(jax)) for name, run in PROGRAMS.items()}
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    sys.stdout.write(f"wrote {len(found)} results of JAX {jax.__version__}\n")
