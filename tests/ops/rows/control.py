"""Rows of the operations whose parameters are programs."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradax
from gradax import lax
from gradax import numpy as gnp
from gradax.control.call import Jit
from gradax.control.checkpoint import Checkpoint
from gradax.control.composite import Composite
from gradax.control.cond import Cond
from gradax.control.custom_jvp import CustomJvpCall
from gradax.control.custom_vjp import CustomLin, CustomVjpCall
from gradax.control.custom_vmap import CustomVmapCall
from gradax.control.linear_call import LinearCall, linear_call
from gradax.control.linear_solve import LinearSolve
from gradax.control.pullback import PullBack, PushForward
from gradax.control.scan import Scan
from gradax.control.while_loop import While
from gradax.lax.barriers import StopGradient
from tests.ops.case import DERIVATIVES, DIFFERENCES, SECOND, Case, without

RNG = np.random.default_rng(5)


def some(*shape: int) -> Any:
    """Make random numbers."""
    return RNG.normal(size=shape)


def rows(*shapes: tuple[int, ...]) -> list[list[Any]]:
    """Make two rows of random operands."""
    return [[some(*s) for s in shapes] for _ in range(2)]


def damped(c: Any, x: Any) -> Any:
    """Step from a carry and an input to the next carry and an output."""
    c = c + x * gnp.sin(c)
    return c, c * x


def branching(i: Any, x: Any) -> Any:
    """Choose one of three functions."""
    return lax.switch(i, (gnp.sin, lambda x: x * x, gnp.zeros_like), x)


def doubling(x: Any) -> Any:
    """Loop until a value is large, a number of times that depends on it."""
    return lax.while_loop(
        lambda c: c[0] < 9, lambda c: (c[0] + c[1] ** 2, c[1] * gnp.cos(c[0])), (x, x + 2)
    )


@gradax.custom_jvp
def own_tangent(x: Any, y: Any) -> Any:
    """Multiply a sine; the rule is a function of its own."""
    return gnp.sin(x) * y


@own_tangent.defjvp
def own_tangent_rule(primals: Any, tangents: Any) -> Any:
    """Differentiate `own_tangent`."""
    (x, y), (dx, dy) = primals, tangents
    return own_tangent(x, y), gnp.cos(x) * y * dx + gnp.sin(x) * dy


@gradax.custom_vjp
def own_cotangent(x: Any, y: Any) -> Any:
    """Multiply a sine; the reverse rule is a pair of functions of its own."""
    return gnp.sin(x) * y


def own_forward(x: Any, y: Any) -> Any:
    """Return the result and what the reverse rule needs."""
    return own_cotangent(x, y), (x, y)


def own_backward(kept: Any, ct: Any) -> Any:
    """Return cotangents."""
    x, y = kept
    return gnp.cos(x) * y * ct, gnp.sin(x) * ct


own_cotangent.defvjp(own_forward, own_backward)


@gradax.custom_batching.custom_vmap
def own_mapping(x: Any, y: Any) -> Any:
    """Multiply a sine; mapped, by a rule of its own."""
    return gnp.sin(x) * y


@own_mapping.def_vmap
def own_mapping_rule(size: int, mapped: Any, x: Any, y: Any) -> Any:
    """Do the same to rows."""
    x, y = (
        v if m else gnp.broadcast_to(v, (size, *v.shape))
        for v, m in zip((x, y), mapped, strict=True)
    )
    return gnp.sin(x) * y, True


def solved(a: Any, b: Any) -> Any:
    """Solve a symmetric system whose operator is a function."""
    m = a @ a.T + 4 * gnp.eye(3)
    solve = lambda f, b: gnp.linalg.solve(m, b)
    return lax.custom_linear_solve(lambda x: m @ x, b, solve, symmetric=True)


def rooted(a: Any) -> Any:
    """Find where a function is zero, by Newton's steps."""

    def find(f: Any, x: Any) -> Any:
        return lax.fori_loop(0, 12, lambda _, x: x - f(x) / gradax.grad(f)(x), x)

    return lax.custom_root(
        lambda x: x**3 + x - a, gnp.asarray(1.0), find, lambda g, y: y / g(gnp.asarray(1.0))
    )


def linearly(w: Any, r: Any, x: Any) -> Any:
    """Multiply by captured and given residuals; the transpose is a function of its own."""
    f = lambda r, x: {"y": w * x * gnp.sin(r), "z": x.sum()}
    t = lambda r, ct: w * ct["y"] * gnp.sin(r) + ct["z"]
    out = linear_call(f, t, r, x)
    return out["y"] * out["z"]


def sharded_slope(x: Any) -> Any:
    """Differentiate inside a shard_map over one device."""
    mesh = gradax.make_mesh((1,), ("i",), devices=gradax.devices()[:1])
    spec = gradax.P("i")

    def inside(x: Any) -> Any:
        loss = lambda y: lax.psum(gnp.sum(gnp.sin(y) * y), "i")
        return gradax.grad(loss)(x) + gradax.jvp(gradax.grad(loss), (x,), (x * x,))[1]

    return gradax.shard_map(inside, mesh=mesh, in_specs=spec, out_specs=spec)(x)


TWO = rows((3,), (3,))
NO_FORWARD = without(
    [n for n in DERIVATIVES if "jvp" in n or "forward" in n],
    "a custom_vjp has no forward mode: JAX's error, tests/errors",
)
SELECTED = [[np.int32(0), some(3)], [np.int32(1), some(3)]]
WIDE_LOOP = [[np.array(0.7)], [np.array(2.1)]]

CASES = [
    Case("jit", [Jit], gradax.jit(own := lambda x, y: (gnp.sin(x) * y, x + y)), TWO),
    Case("cond", [Cond], branching, SELECTED),
    Case("cond of a predicate", [Cond],
         lambda x: lax.cond(x.sum() > 0, gnp.sin, lambda x: x**3, x),
         [[np.array([1.0, 2.0])], [np.array([-1.0, -2.0])]]),
    Case("scan", [Scan], lambda c, xs: lax.scan(damped, c, xs), rows((), (4,))),
    Case("scan in reverse, of rows", [Scan],
         lambda c, xs: lax.scan(damped, c, xs, reverse=True, unroll=2), rows((2,), (3, 2))),
    Case("while of unknown length", [While], doubling, WIDE_LOOP,
         skip={"jit of reverse over reverse": "its program compiles for five seconds; eagerly the"
               " same loops run compiled, one by one"}),
    Case("fori of known length", [Scan],
         lambda x: lax.fori_loop(0, 3, lambda i, c: gnp.sin(c) * x + i, x), rows((2,))),
    Case("checkpoint", [Checkpoint], gradax.checkpoint(own), TWO),
    Case("custom_jvp", [CustomJvpCall], own_tangent, TWO),
    Case("custom_vjp", [CustomVjpCall, CustomLin], own_cotangent, TWO, skip=NO_FORWARD),
    Case("custom_vmap", [CustomVmapCall], own_mapping, TWO),
    Case("custom_linear_solve", [LinearSolve], solved, rows((3, 3), (3,))),
    Case("linear_call", [LinearCall], linearly, rows((3,), (3,), (3,))),
    Case("custom_root", [CustomJvpCall], rooted, [[np.array(1.5)], [np.array(3.0)]]),
    Case("composite", [Composite], lax.composite(own, "test.own"), TWO),
    Case("stop_gradient", [StopGradient], lambda x: lax.stop_gradient(x) * gnp.sin(x), rows((3,)),
         skip=without([*SECOND, DIFFERENCES], "a difference sees what derivatives are kept from")),
    Case("derivatives in a shard_map", [PullBack, PushForward], sharded_slope, rows((4,))),
]  # fmt: skip
