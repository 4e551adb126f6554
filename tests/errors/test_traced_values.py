"""What is said when a traced value is used where a concrete one is needed, or after its trace."""

import inspect
import re

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import errors, lax

FILE = re.escape(__file__)


def refusal(error, f, *args):
    with pytest.raises(error) as caught:
        f(*args)
    return str(caught.value)


def line_of(f, offset):
    return inspect.getsourcelines(f)[1] + offset


@jax.jit
def branches(x, y):
    z = x + 1
    if z > y:
        return x
    return y


def test_a_condition_names_arguments_lines_and_the_mend():
    text = refusal(errors.TracerBoolConversionError, branches, 1.0, 2.0)
    where = f"{__file__}:{line_of(branches.__wrapped__, 3)} (branches)"
    assert text == (
        "A traced array (bool[]) was used as a Python bool, as by if, while, and, or, not or"
        " assert, but it has no value while the function is traced. It depends on the arguments x"
        f" and y of branches and was computed at {where}.\nat {where}\nChoose between values with"
        " jax.numpy.where, between computations with jax.lax.cond, and loop with"
        " jax.lax.while_loop; or decorate the function with @gradax.autograph, which does so; or"
        " mark the argument as static (static_argnums)."
    )


@pytest.mark.parametrize("transform", [
    jax.jit, jax.vmap, lambda f: jax.jit(jax.vmap(f)), lambda f: jax.vmap(jax.jit(f)),
    lambda f: jax.grad(jax.jit(lambda p: f(p).sum())),
    lambda f: jax.jacfwd(lambda p: lax.scan(lambda c, x: (c, f(x)), 0.0, p)[1]),
])  # fmt: skip
def test_a_condition_under_any_transformation(transform):
    f = lambda p: p if p > 0 else -p
    text = refusal(errors.TracerBoolConversionError, transform(f), jnp.ones(3))
    assert f"at {__file__}:{line_of(f, 0)} (<lambda>)" in text


def test_the_path_of_a_leaf_is_named():
    f = jax.jit(lambda p, q: 1 if p["a"][0] > 0 else q)
    assert "the argument p['a'][0] of <lambda>" in refusal(TypeError, f, {"a": [1.0]}, 2.0)


def test_values_that_are_known_are_used():
    assert jax.grad(lambda x: x if x > 0 else -x)(3.0) == 1
    assert jax.grad(lambda x: x * float(x))(3.0) == 3
    assert jax.grad(lambda x: x * range(5)[int(x)])(3.0) == 3


@pytest.mark.parametrize(
    "error, f, start",
    [
        (
            errors.TracerIntegerConversionError,
            lambda n: range(n),
            "A traced array (i32[]) was used as a",
        ),
        (
            errors.TracerIntegerConversionError,
            lambda n: [1, 2][n],
            "A traced array (i32[]) was used as a",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: int(n),
            "int() was called on a traced array (i32[])",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: float(n),
            "float() was called on a traced array",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: complex(n),
            "complex() was called on a traced array",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: n.item(),
            ".item() was called on a traced array",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: n.tolist(),
            ".tolist() was called on a traced array",
        ),
        (
            errors.ConcretizationTypeError,
            lambda n: f"{n:.3f}",
            "format() was called on a traced array",
        ),
        (
            errors.TracerArrayConversionError,
            lambda n: np.sin(n),
            "A traced array (i32[]) was given to NumPy",
        ),
        (
            errors.TracerArrayConversionError,
            lambda n: np.asarray(n),
            "A traced array (i32[]) was given to",
        ),
        (TypeError, lambda n: len(n), "len() of a scalar array has no meaning"),
        (TypeError, lambda n: list(n), "A scalar array (i32[]) cannot be iterated over"),
        (TypeError, lambda n: {n: 1}, "unhashable type"),
    ],
)
def test_conversions(error, f, start):
    text = refusal(error, jax.jit(f), 3)
    assert text.startswith(start)


def test_numpy_is_refused_under_grad_too():
    text = refusal(errors.TracerArrayConversionError, jax.grad(lambda x: np.asarray(x) * 2.0), 1.0)
    assert "It belongs to the differentiated function <lambda>." in text


def leaking(store):
    def keeps(x):
        store.append(x * 2)
        return x

    return keeps


def leak(kind):
    store = []
    keeps = leaking(store)
    {
        "jit": lambda: jax.jit(keeps)(1.0),
        "grad": lambda: jax.grad(keeps)(1.0),
        "vmap": lambda: jax.vmap(keeps)(jnp.ones(3)),
        "scan": lambda: lax.scan(lambda c, x: (keeps(c), x), 1.0, jnp.ones(3)),
    }[kind]()
    return store[0]


@pytest.mark.parametrize("kind", ["jit", "grad", "vmap", "scan"])
@pytest.mark.parametrize("use", [
    lambda x: x + 1, jnp.sin, jax.jit(lambda x: x), lambda x: jax.jit(lambda y: y + x)(1.0),
    lambda x: jax.grad(lambda y: y * x)(1.0), lambda x: jax.vmap(lambda y: y * x)(jnp.ones(2)),
])  # fmt: skip
def test_an_escaped_value_is_named(kind, use):
    text = refusal(errors.UnexpectedTracerError, use, leak(kind))
    function = {
        "jit": "traced function keeps",
        "grad": "differentiated function keeps",
        "vmap": "vmapped function keeps",
        "scan": "traced function <lambda>",
    }[kind]
    assert text.startswith(f"A traced value f32[] escaped from the {function} that made it")
    if kind in ("jit", "scan"):
        assert f"computed at {__file__}:" in text
    assert text.endswith("Return the value from the function instead of storing it.")


def test_shapes_are_those_that_the_user_wrote():
    wanted = "Incompatible shapes for dot: got (20, 2) and (5, 2)."
    a, b = jnp.ones((20, 2)), jnp.ones((5, 2))
    assert refusal(TypeError, jnp.dot, a, b).startswith(wanted)
    assert refusal(TypeError, jax.jit(jnp.dot), a, b).startswith(wanted)
    mapped = jax.jit(jax.vmap(jnp.dot, in_axes=(0, None)))
    assert refusal(TypeError, mapped, jnp.ones((7, 20, 2)), b).startswith(wanted)
    summed = jax.grad(lambda a, b: jnp.dot(a, b).sum())
    assert refusal(TypeError, summed, a, b).startswith(wanted)
