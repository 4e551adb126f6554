"""Random programs over JAX's API, written once: `outputs(seed, jax)` runs one on JAX or on gradax.

A program is a function of vectors, composed at random of operations, control flow and
transformations, and differentiated, mapped or compiled at the top. Every choice comes from the
seed; all values stay of the size of one, so that results can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

N = 4  # the length of every vector
Vector = Any
Function = Callable[[Vector], Vector]


class Generator:
    """Composes functions of a vector from one seed, with the modules of JAX or of gradax.

    `reverse` and `forward` say which derivatives will be taken of what is composed: JAX has no
    reverse mode of loops of unknown length, and no forward mode of `custom_vjp`.
    """

    def __init__(self, seed: int, jax: Any) -> None:
        self.rng = np.random.default_rng(seed)
        self.jax, self.jnp, self.lax = jax, jax.numpy, jax.lax

    def pick(self, options: Sequence[Any]) -> Any:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def vector(self, n: int = N) -> Any:
        """Return constants between -1 and 1."""
        return self.rng.uniform(-1, 1, n).astype(np.float32)

    def number(self) -> float:
        """Return a constant of two digits."""
        return round(float(self.rng.uniform(-1, 1)), 2)

    def function(self, depth: int, reverse: bool, forward: bool) -> Function:
        """Return a random function from vectors to vectors."""
        if depth == 0:
            return self.pick(OPERATIONS)(self)
        choices = [*COMPOSED]
        if not reverse:
            choices += [counted_while, bounded_while, dynamic_fori]
        if not forward:
            choices += [own_vjp]
        return self.pick(choices)(self, depth - 1, reverse, forward)


def elementwise(g: Generator) -> Function:
    """An elementary function of each element."""
    jnp, a, b = g.jnp, g.number(), g.number()
    return g.pick([
        lambda x: jnp.sin(x + a), lambda x: jnp.tanh(a * x) + b, lambda x: jnp.exp(-(x**2)) * a,
        lambda x: jnp.log1p(x**2) - b, lambda x: x / (1 + x**2),
        lambda x: jnp.arctan(x * b) + a * x,
        lambda x: g.jax.nn.sigmoid(x) * b, lambda x: jnp.cos(x) * jnp.sqrt(1 + x**2) * 0.5,
        lambda x: jnp.abs(x) * a + b, lambda x: jnp.clip(x, -0.7, 0.9), lambda x: jnp.square(x) * a,
        lambda x: jnp.logaddexp(x, a) * 0.5, lambda x: g.lax.rsqrt(2 + jnp.sin(x)),
        lambda x: x * a - b,
    ])  # fmt: skip


def matrix(g: Generator) -> Function:
    """A product with a constant matrix."""
    jnp, m = g.jnp, g.vector(N * N).reshape(N, N) / 2
    return g.pick([
        lambda x: jnp.dot(m, x), lambda x: x @ m, lambda x: jnp.einsum("i,ij->j", x, m),
        lambda x: (jnp.outer(x, x) * m).sum(0), lambda x: jnp.linalg.solve(m + 3 * np.eye(N), x),
        lambda x: g.lax.dot(m, x), lambda x: jnp.tensordot(m, x, axes=1) - x,
    ])  # fmt: skip


def structural(g: Generator) -> Function:
    """A function that moves elements."""
    jnp, lax, i, v = g.jnp, g.lax, int(g.rng.integers(N)), g.vector()
    return g.pick([
        lambda x: x[::-1], lambda x: jnp.roll(x, i), lambda x: jnp.sort(x),
        lambda x: x.at[i].set(0.5),
        lambda x: jnp.concatenate([x[i:], x[:i]]), lambda x: x.at[np.array([0, i])].add(x[i] * 0.5),
        lambda x: x[np.array([i, 0, 1, i])], lambda x: jnp.where(x > 0, x, v),
        lambda x: x.at[1:3].mul(v[:2]),
        lambda x: jnp.pad(x[1:-1], 1), lambda x: lax.dynamic_slice(jnp.tile(x, 2), (i,), (N,)),
        lambda x: lax.dynamic_update_slice(x, x[:2] * 0.5, (i,)),
        lambda x: jnp.take(x, np.array([3, 3, i, 0])),
        lambda x: x.reshape(2, 2).T.ravel(), lambda x: jnp.stack([x, v]).max(0),
        lambda x: jnp.maximum(x, v),
        lambda x: lax.rev(x, (0,)) * v, lambda x: x[jnp.argsort(v)],
        lambda x: x.at[np.array([2, 0])].max(v[:2]),
    ])  # fmt: skip


def reduction(g: Generator) -> Function:
    """A function in which every element depends on all."""
    jnp, v = g.jnp, g.vector()
    return g.pick([
        lambda x: x - x.mean(), lambda x: g.jax.nn.softmax(x) * 2, lambda x: jnp.cumsum(x) * 0.3,
        lambda x: v * g.jax.nn.logsumexp(x), lambda x: x * jnp.prod(jnp.cos(x)),
        lambda x: v * x.max(),
        lambda x: x / (1 + jnp.linalg.norm(x)), lambda x: v * jnp.var(x),
        lambda x: jnp.cumprod(jnp.cos(x)),
        lambda x: g.lax.cummax(x), lambda x: jnp.convolve(x, v, mode="same") * 0.5,
        lambda x: x.sum() * v,
    ])  # fmt: skip


OPERATIONS = (elementwise, elementwise, matrix, structural, reduction)


def composition(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """One function after another, or the mean of two."""
    a, b = g.function(depth, reverse, forward), g.function(depth, reverse, forward)
    return g.pick([
        lambda x: b(a(x)), lambda x: 0.5 * (a(x) + b(x)), lambda x: g.jnp.sin(a(x)) * b(x),
    ])  # fmt: skip


def compiled(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """An inner jit or checkpoint."""
    return g.pick([g.jax.jit, g.jax.checkpoint, g.jax.jit])(g.function(depth, reverse, forward))


def scan(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A scan with outputs, over rows or over nothing, forwards or backwards."""
    f, jnp, lax = g.function(depth, reverse, forward), g.jnp, g.lax
    rows, backwards = g.vector(3 * N).reshape(3, N), bool(g.rng.integers(2))

    def over_rows(x: Vector) -> Vector:
        def step(carry: Any, row: Any) -> Any:
            new = jnp.tanh(f(carry["x"]) + row)
            return {"x": new, "n": carry["n"] + 1}, (new.sum(), row * new)

        carry, (sums, ys) = lax.scan(step, {"x": x, "n": 0}, rows, reverse=backwards)
        return carry["x"] + ys.mean(0) * sums[0] / carry["n"]

    def over_nothing(x: Vector) -> Vector:
        return lax.scan(lambda c, _: (jnp.sin(f(c)), c[0]), x, None, length=3, unroll=2)[0]

    def over_itself(x: Vector) -> Vector:
        pair = jnp.stack([x, 0.5 * x])
        return lax.scan(lambda c, y: (jnp.cos(c) * f(y), None), x, pair, reverse=backwards)[0]

    return g.pick([over_rows, over_nothing, over_itself])


def static_fori(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A loop of known length."""
    f, n = g.function(depth, reverse, forward), int(g.rng.integers(1, 4))
    return lambda x: g.lax.fori_loop(0, n, lambda i, y: g.jnp.tanh(f(y) + 0.1 * i), x)


def dynamic_fori(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A loop whose length depends on the data."""
    f, jnp = g.function(depth, reverse, forward), g.jnp

    def looped(x: Vector) -> Vector:
        n = 1 + (x > 0).sum()
        return g.lax.fori_loop(0, n, lambda i, y: jnp.tanh(f(y)) + x * 0.1, x)

    return looped


def counted_while(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A while loop with a counter and a captured value."""
    f, n = g.function(depth, reverse, forward), int(g.rng.integers(1, 4))

    def looped(x: Vector) -> Vector:
        body = lambda c: (c[0] + 1, g.jnp.sin(f(c[1])) + 0.1 * x)
        return g.lax.while_loop(lambda c: c[0] < n, body, (0, x))[1]

    return looped


def bounded_while(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A while loop that stops by the value it computes."""
    f, jnp = g.function(depth, reverse, forward), g.jnp

    def looped(x: Vector) -> Vector:
        goes_on = lambda c: (c["size"] > 0.3) & (c["n"] < 5)
        body = lambda c: {"y": 0.5 * jnp.tanh(f(c["y"])), "size": c["size"] * 0.6, "n": c["n"] + 1}
        start = {"y": x, "size": 1.0 + x[0] ** 2, "n": 0}
        return g.lax.while_loop(goes_on, body, start)["y"]

    return looped


def branch(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A condition, or one of three branches."""
    a, b = g.function(depth, reverse, forward), g.function(depth, reverse, forward)
    lax, limit = g.lax, g.number() + 0.003
    return g.pick([
        lambda x: lax.cond(x.sum() > limit, a, b, x),
        lambda x: lax.cond(x[0] > limit, lambda y, z: a(y) + z, lambda y, z: b(z) - y, x, 0.5 * x),
        lambda x: lax.switch((x > limit).sum() - 1, [a, b, lambda y: y * 0.5], x),
    ])  # fmt: skip


def mapped(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A vmap or a map of rows, with the axes in different places."""
    f, jnp, jax, v = g.function(depth, reverse, forward), g.jnp, g.jax, g.vector(3)
    return g.pick([
        lambda x: jax.vmap(f)(jnp.outer(v, x)).mean(0),
        lambda x: jax.vmap(f, in_axes=1, out_axes=1)(jnp.outer(x, v)).sum(1) * 0.5,
        lambda x: jax.vmap(lambda a, y: f(a * y), in_axes=(0, None))(v, x)[1],
        lambda x: g.lax.map(f, jnp.stack([x, -x, v[0] * x])).mean(0),
        lambda x: jax.vmap(lambda d: f(d["a"]) * d["b"])({"a": jnp.outer(v, x), "b": v}).sum(0),
    ])  # fmt: skip


def associative(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A prefix by an associative function."""
    f, jnp, lax = g.function(depth, reverse, forward), g.jnp, g.lax
    backwards = bool(g.rng.integers(2))

    def affine(p: Any, q: Any) -> Any:
        return p[0] * q[0], p[1] * q[0] + q[1]

    return lambda x: lax.associative_scan(affine, (jnp.cos(x), f(x)), reverse=backwards)[1] * 0.5


def own_jvp(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A function with a forward rule of its own, twice its derivative."""
    f, jax = g.function(depth, reverse, forward), g.jax

    @jax.custom_jvp
    def own(x: Vector) -> Vector:
        return f(x)

    @own.defjvp
    def own_rule(primals: Any, tangents: Any) -> Any:
        y, dy = jax.jvp(f, primals, tangents)
        return y, 2 * dy

    return own


def own_vjp(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A function with a reverse rule of its own, which keeps its argument."""
    f, jax, jnp = g.function(depth, reverse, forward), g.jax, g.jnp

    @jax.custom_vjp
    def own(x: Vector, scale: Any) -> Vector:
        return scale * f(x)

    def backward(kept: Any, ct: Any) -> Any:
        return jnp.cos(kept["x"]) * ct, (ct * kept["y"]).sum()

    own.defvjp(lambda x, scale: (own(x, scale), {"x": x, "y": f(x)}), backward)
    return lambda x: own(x, 0.5 + 0.1 * x[1])


def forward_derivative(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A derivative by forward mode, as a value."""
    f, jax, v = g.function(depth, reverse, True), g.jax, g.vector()
    return g.pick([
        lambda x: jax.jvp(f, (x,), (v,))[1] * 0.3,
        lambda x: g.jnp.tanh(jax.jacfwd(f)(x) @ v),
        lambda x: jax.linearize(f, x)[1](v) * 0.3,
    ])  # fmt: skip


def reverse_derivative(g: Generator, depth: int, reverse: bool, forward: bool) -> Function:
    """A derivative by reverse mode, as a value."""
    f, jax, jnp, v = g.function(depth, True, forward), g.jax, g.jnp, g.vector()
    return g.pick([
        lambda x: jnp.tanh(jax.grad(lambda y: (f(y) * v).sum())(x)),
        lambda x: jnp.tanh(jax.vjp(f, x)[1](v)[0]),
        lambda x: jnp.sin(jax.jacrev(f)(x).sum(1)),
        lambda x: jnp.tanh(jax.value_and_grad(lambda p: f(p["w"]).sum())({"w": x})[1]["w"]),
    ])  # fmt: skip


COMPOSED = (
    *(composition, composition, compiled, scan, scan, static_fori, branch, mapped, mapped),
    *(associative, own_jvp, forward_derivative, reverse_derivative),
)


# At the top: (name, takes reverse mode, takes forward mode, (jax, f, x, v) → a tree of results).
Top = tuple[str, bool, bool, Callable[[Any, Function, Any, Any], Any]]
TOPS: tuple[Top, ...] = (
    ("value", False, False, lambda jax, f, x, v: f(x)),
    ("jit", False, False, lambda jax, f, x, v: jax.jit(f)(x)),
    ("vmap", False, False, lambda jax, f, x, v: jax.vmap(f)(x * v[:3, None])),
    ("jit of vmap", False, False, lambda jax, f, x, v: jax.jit(jax.vmap(f))(x * v[:3, None])),
    ("grad", True, False, lambda jax, f, x, v: jax.grad(lambda y: f(y) @ v)(x)),
    ("jit of grad", True, False, lambda jax, f, x, v: jax.jit(jax.grad(lambda y: f(y) @ v))(x)),
    ("value and grad", True, False, lambda jax, f, x, v: jax.jit(
        jax.value_and_grad(lambda p: (f(p["a"]) * p["b"][0]).sum()))({"a": x, "b": [v]})),
    ("vmap of grad", True, False, lambda jax, f, x, v: jax.jit(
        jax.vmap(jax.grad(lambda y: f(y).sum())))(x * v[:3, None])),
    ("vjp", True, False, lambda jax, f, x, v: jax.vjp(f, x)[1](v)),
    ("jacrev", True, False, lambda jax, f, x, v: jax.jit(jax.jacrev(f))(x)),
    ("jvp", False, True, lambda jax, f, x, v: jax.jvp(f, (x,), (v,))),
    ("jit of jvp", False, True, lambda jax, f, x, v: jax.jit(
        lambda x, v: jax.jvp(f, (x,), (v,)))(x, v)),
    ("jacfwd", False, True, lambda jax, f, x, v: jax.jit(jax.jacfwd(f))(x)),
    ("linearize", False, True, lambda jax, f, x, v: jax.linearize(f, x)[1](v)),
    ("hessian", True, True, lambda jax, f, x, v: jax.jit(
        jax.hessian(lambda y: f(y) @ v))(x)),
    ("jvp of grad", True, True, lambda jax, f, x, v: jax.jit(
        lambda x, v: jax.jvp(jax.grad(lambda y: f(y).sum()), (x,), (v,)))(x, v)),
)  # fmt: skip


def outputs(seed: int, jax: Any) -> tuple[str, list[np.ndarray]]:
    """Return what the program of a seed is at the top, and its results as NumPy arrays."""
    g = Generator(seed, jax)
    name, reverse, forward, top = g.pick(TOPS)
    f = g.function(int(g.rng.integers(1, 4)), reverse, forward)
    x, v = g.jnp.asarray(g.vector()), g.jnp.asarray(g.vector())
    return name, [np.asarray(leaf) for leaf in jax.tree.leaves(top(jax, f, x, v))]
