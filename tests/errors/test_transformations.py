"""What the transformations say of wrong arguments, results and rules."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp

X = jnp.arange(3.0)
F = lambda x: jnp.sin(x)


def f(x, y):
    return x * y


def rule_of(**kwargs):
    """Return a custom_jvp function of a rule."""
    g = jax.custom_jvp(lambda x: x * 2)
    g.defjvp(**kwargs)
    return g


def reverse_rule(forward, backward):
    """Return a custom_vjp function of two arguments."""
    g = jax.custom_vjp(lambda x, y: x.sum() * y)
    g.defvjp(forward, backward)
    return g


def captured(w):
    g = jax.custom_jvp(lambda x: x * w)
    g.defjvp(lambda primals, tangents: (g(*primals), tangents[0] * w))
    return g(3.0)


ROWS = [
    # grad
    (
        TypeError,
        lambda: jax.grad(F)(X),
        "grad: <lambda> must return a scalar to be differentiated; it returned an array of shape",
    ),
    (
        TypeError,
        lambda: jax.value_and_grad(lambda x: (x, x))(1.0),
        "value_and_grad: <lambda> must return one scalar to be differentiated; it returned",
    ),
    (
        TypeError,
        lambda: jax.grad(F)(jnp.arange(3)),
        "grad: the argument x must be a float or complex array; got i32[3].",
    ),
    (
        TypeError,
        lambda: jax.grad(f, 1)(1.0, {"a": jnp.arange(3)}),
        "grad: the argument y['a'] must be a float or complex array; got i32[3].",
    ),
    (
        TypeError,
        lambda: jax.grad(F)("text"),
        "grad: the argument x is 'text' of type str, which is no array.",
    ),
    (
        TypeError,
        lambda: jax.grad(lambda x: 3)(1.0),
        "grad: the result of <lambda> must be a float; got",
    ),
    (
        TypeError,
        lambda: jax.grad(lambda x: x * 1j)(1.0),
        "grad: the result of <lambda> must be real; got c64[].",
    ),
    (
        TypeError,
        lambda: jax.grad(F, holomorphic=True)(1.0),
        "grad: with holomorphic=True the argument x must be complex; got f32[].",
    ),
    (
        ValueError,
        lambda: jax.grad(f, 2)(1.0, 2.0),
        "grad: argnums 2 asks for argument 2, but the call has 2 positional arguments.",
    ),
    (
        ValueError,
        lambda: jax.grad(f, 0)(x=1.0, y=2.0),
        "grad: argnums 0 asks for argument 0, but the call has 0 positional arguments.",
    ),
    (TypeError, lambda: jax.grad(f, "x")(1.0, 2.0), "grad: expected argnums of integers; got 'x'."),
    (TypeError, lambda: jax.grad(3), "grad: expected a function; got int: 3."),
    (
        TypeError,
        lambda: jax.grad(F, has_aux=True)(1.0),
        "grad: with has_aux=True <lambda> must return a pair (result, aux); it returned",
    ),
    # jvp, vjp, linearize
    (
        TypeError,
        lambda: jax.jvp(F, 1.0, 1.0),
        "jvp: expected primals as a tuple or list of arguments",
    ),
    (
        TypeError,
        lambda: jax.jvp(F, (1.0,), (X,)),
        "jvp: the tangent of the argument x, f32[], must be f32[]; got f32[3].",
    ),
    (
        TypeError,
        lambda: jax.jvp(F, (1.0,), (1.0, 2.0)),
        "jvp: primals and tangents must have the same",
    ),
    (
        TypeError,
        lambda: jax.vjp(F, X)[1](1.0),
        "vjp(<lambda>): the cotangent of a result f32[3] must be f32[3]; got f32[].",
    ),
    (
        TypeError,
        lambda: jax.vjp(F, X)[1]((X, X)),
        "vjp(<lambda>): the cotangent must have the tree",
    ),
    (
        TypeError,
        lambda: jax.linearize(F, X)[1](1.0),
        "linearize(<lambda>): expected a tangent f32[3]; got f32[].",
    ),
    # vmap
    (
        ValueError,
        lambda: jax.vmap(f)(X, jnp.ones(4)),
        "vmap: mapped axes must have the same size; got\n  x: size 3 along axis 0, shape (3,)\n"
        "  y: size 4 along axis 0, shape (4,)",
    ),
    (
        ValueError,
        lambda: jax.vmap(F)({"a": X, "b": jnp.ones(2)}),
        "vmap: mapped axes must have the same",
    ),
    (
        ValueError,
        lambda: jax.vmap(F, axis_size=2)(X),
        "vmap: mapped axes must have the same size; got\n  axis_size=2",
    ),
    (
        ValueError,
        lambda: jax.vmap(F)(1.0),
        "vmap: the argument x has shape (), so it cannot be mapped over axis 0.",
    ),
    (
        ValueError,
        lambda: jax.vmap(f, (0, 1))(X, X),
        "vmap: the argument y has shape (3,), so it cannot be mapped over axis 1.",
    ),
    (
        ValueError,
        lambda: jax.vmap(f, (0,))(X, X),
        "vmap: in_axes has 1 entries, but f was called with 2",
    ),
    (
        TypeError,
        lambda: jax.vmap(f, "xy"),
        "vmap: expected in_axes of integers and None; got 'xy'.",
    ),
    (ValueError, lambda: jax.vmap(F, None)(X), "vmap: no argument is mapped, so the size"),
    (
        ValueError,
        lambda: jax.vmap(F, out_axes=None)(X),
        "vmap: a result of <lambda> is mapped, so its",
    ),
    (
        ValueError,
        lambda: jax.vmap(F, out_axes=2)(X),
        "vmap: out_axes 2 is outside a result of 1 axes",
    ),
    (
        ValueError,
        lambda: jax.vmap(F, out_axes=(0, 0))(X),
        "vmap: out_axes must be a prefix of the tree",
    ),
    (
        TypeError,
        lambda: jax.vmap(lambda x: "a")(X),
        "vmap: <lambda> must return arrays and numbers; its result is 'a' of type str.",
    ),
    # jit
    (
        TypeError,
        lambda: jax.jit(F)("a"),
        "jit: the argument x is 'a' of type str, which is no array.",
    ),
    (TypeError, lambda: jax.jit(f)(1.0, [object()]), "jit: the argument y[0] is <object object"),
    (
        TypeError,
        lambda: jax.jit(lambda x: [x, None, "a"])(1.0),
        "jit: <lambda> must return arrays and numbers; its result[2] is 'a' of type str.",
    ),
    (
        ValueError,
        lambda: jax.jit(f, static_argnums=5),
        "jit: static_argnums [5] are not among the 2 positional parameters of f.",
    ),
    (
        ValueError,
        lambda: jax.jit(f, static_argnames="z"),
        "jit: static_argnames ['z'] are no parameters of f, which has ['x', 'y'].",
    ),
    (TypeError, lambda: jax.jit(f, donate_argnums=1.5), "donate_argnums: expected an integer or"),
    (ValueError, lambda: jax.jit(f, static_argnums=1)(1.0, [1]), "jit: a static argument of"),
    # custom rules
    (TypeError, lambda: jax.custom_jvp(F)(1.0), "custom_jvp: <lambda> has no rule yet."),
    (TypeError, lambda: jax.custom_vjp(F)(1.0), "custom_vjp: <lambda> has no rule yet."),
    (
        TypeError,
        lambda: jax.grad(rule_of(jvp=lambda p, t: p[0]))(1.0),
        "custom_jvp: the rule <lambda> of <lambda> must return a pair (result, tangent); it",
    ),
    (
        TypeError,
        lambda: jax.grad(rule_of(jvp=lambda p, t: (p[0], t)))(1.0),
        "custom_jvp: the rule <lambda> of <lambda> must return a result and a tangent of one tree",
    ),
    (
        TypeError,
        lambda: jax.jvp(rule_of(jvp=lambda p, t: (p[0], t[0][:1])), (X,), (X,)),
        "custom_jvp: the rule <lambda> of <lambda> must return tangents like the results; leaf 0",
    ),
    (
        TypeError,
        lambda: jax.grad(jax.jit(rule_of(jvp=lambda p, t: (X, X))))(1.0),
        "custom_jvp: the rule of <lambda> must return the results of <lambda>, f32[]; it returned",
    ),
    (
        TypeError,
        lambda: jax.grad(captured)(2.0),
        "custom_jvp: <lambda> is differentiated with respect to 'w' that it captures from outside",
    ),
    (
        TypeError,
        lambda: jax.jvp(
            reverse_rule(lambda x, y: (x.sum() * y, y), lambda y, ct: (y, y)), (X, 1.0), (X, 1.0)
        ),
        "custom_vjp: <lambda> has a rule for reverse mode only (grad, vjp, jacrev); forward mode",
    ),
    (
        TypeError,
        lambda: jax.grad(reverse_rule(lambda x, y: x, None))(X, 1.0),
        "custom_vjp: expected a",
    ),
    (
        TypeError,
        lambda: jax.grad(reverse_rule(lambda x, y: (x.sum(), y), lambda y, ct: ct))(X, 1.0),
        "custom_vjp: the rule <lambda> of <lambda> must return a tuple with the cotangent of each",
    ),
    (
        TypeError,
        lambda: jax.grad(reverse_rule(lambda x, y: (x.sum(), y), lambda y, ct: (ct, ct)))(X, 1.0),
        "custom_vjp: the rule <lambda> of <lambda> must return for x a cotangent f32[3]; it",
    ),
]


@pytest.mark.parametrize("error, call, start", ROWS, ids=[row[2][:50] for row in ROWS])
def test_refusal(error, call, start):
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert text.startswith(start)
    if "static argument" not in start:
        assert f"{__file__}:" in text, "the user's own line is named"


def test_a_donated_array_cannot_be_used_again():
    x = jnp.ones(4)
    jax.jit(lambda x: x + 1, donate_argnums=0)(x)
    with pytest.raises(RuntimeError, match="Array has been deleted or donated"):
        np.asarray(x)
