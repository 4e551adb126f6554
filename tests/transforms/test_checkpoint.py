"""checkpoint: values and derivatives stay, what is kept changes."""

from functools import partial

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.ad_checkpoint import checkpoint_name, print_saved_residuals
from gradax.experimental import io_callback
from gradax.test_util import check_grads

policies = jax.checkpoint_policies

POLICIES = {
    "none": None,
    "everything_saveable": policies.everything_saveable,
    "nothing_saveable": policies.nothing_saveable,
    "dots_saveable": policies.dots_saveable,
    "checkpoint_dots": policies.checkpoint_dots,
    "dots_with_no_batch_dims_saveable": policies.dots_with_no_batch_dims_saveable,
    "checkpoint_dots_with_no_batch_dims": policies.checkpoint_dots_with_no_batch_dims,
    "offload_dot": policies.offload_dot_with_no_batch_dims("device", "pinned_host"),
    "any_names_but": policies.save_any_names_but_these("a"),
    "anything_except": policies.save_anything_except_these_names("a"),
    "only_these": policies.save_only_these_names("a"),
    "offload_names": policies.save_and_offload_only_these_names(
        names_which_can_be_saved=["a"], names_which_can_be_offloaded=["b"],
        offload_src="device", offload_dst="pinned_host",
    ),
    "both": policies.save_from_both_policies(
        policies.dots_saveable, policies.save_only_these_names("a")
    ),
}  # fmt: skip


def layer(x, w):
    y = checkpoint_name(jnp.sin(x @ w), "a")
    z = checkpoint_name(jnp.cos(y * y), "b")
    return jnp.tanh(z @ w) + x


def kept(f, *args):
    """Return the avals of what reverse mode keeps, arguments left out."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print_saved_residuals(f, *args)
    lines = out.getvalue().splitlines()
    return [line for line in lines if "argument" not in line and "constant" not in line]


X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
W = np.cos(np.arange(9, dtype=np.float32)).reshape(3, 3)


@pytest.mark.parametrize("name", POLICIES)
def test_values_and_derivatives_stay(name):
    f = jax.checkpoint(layer, policy=POLICIES[name])
    total = lambda g: lambda x, w: (g(x, w) ** 2).sum()
    want = jax.value_and_grad(total(layer), (0, 1))(X, W)
    for run in (
        jax.value_and_grad(total(f), (0, 1)),
        jax.jit(jax.value_and_grad(total(f), (0, 1))),
    ):
        got = run(X, W)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-5), got, want)
    np.testing.assert_allclose(f(X, W), layer(X, W), rtol=1e-6)
    np.testing.assert_allclose(
        jax.jvp(f, (X, W), (X, W))[1], jax.jvp(layer, (X, W), (X, W))[1], rtol=1e-5
    )
    hess = jax.hessian(total(f), 1)(X, W)
    np.testing.assert_allclose(hess, jax.hessian(total(layer), 1)(X, W), rtol=2e-3, atol=2e-4)
    got = jax.vmap(jax.grad(total(f), 1), (0, None))(X[:, None], W)
    np.testing.assert_allclose(
        got, jax.vmap(jax.grad(total(layer), 1), (0, None))(X[:, None], W), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "name, count",
    [
        ("none", 0), ("nothing_saveable", 0), ("dots_saveable", 2), ("checkpoint_dots", 2),
        ("dots_with_no_batch_dims_saveable", 2), ("offload_dot", 2), ("only_these", 1),
        ("any_names_but", 1), ("offload_names", 2), ("both", 3),
    ],
)  # fmt: skip
def test_what_is_kept(name, count):
    # The last layer's own product is needed by nothing, or by tanh.
    found = kept(jax.checkpoint(layer, policy=POLICIES[name]), X, W)
    assert len(found) == count, found


def test_without_checkpoint_more_is_kept():
    assert len(kept(layer, X, W)) >= 4
    assert kept(jax.checkpoint(layer), X, W) == []
    everything = kept(jax.checkpoint(layer, policy=policies.everything_saveable), X, W)
    assert len(everything) >= 4


def test_batched_products_are_not_kept():
    f = jax.checkpoint(
        lambda x, w: jnp.sin(jnp.einsum("bij,bjk->bik", jnp.sin(x), w)),
        policy=policies.dots_with_no_batch_dims_saveable,
    )
    x = np.ones((2, 3, 3), np.float32)
    assert kept(f, x, x) == []
    g = jax.checkpoint(
        lambda x, w: jnp.sin(jnp.einsum("bij,bjk->bik", jnp.sin(x), w)),
        policy=policies.dots_saveable,
    )
    assert len(kept(g, x, x)) == 1


def test_residuals_in_linearize():
    """The linear part of a vjp holds the arguments and nothing else."""

    def f(x):
        for _ in range(6):
            x = jnp.sin(x)
        return x

    x = jnp.ones(1000)
    plain = jax.vjp(f, x)[1]
    less = jax.vjp(jax.checkpoint(f), x)[1]
    size = lambda pull: sum(a.nbytes for a in jax.tree.leaves(pull) if hasattr(a, "nbytes"))
    assert size(less) == 4000
    assert size(plain) == 6 * 4000
    np.testing.assert_allclose(less(x)[0], plain(x)[0], rtol=1e-6)


def test_computed_again():
    """The compiled gradient has the sines twice, unless what is equal may be merged."""
    f = lambda x: jnp.sin(jnp.sin(jnp.sin(x)))
    text = str(jax.make_jaxpr(jax.grad(jax.checkpoint(f)))(1.0))
    assert text.count("sin ") >= 5
    for prevent in (True, False):
        g = jax.checkpoint(f, prevent_cse=prevent)
        np.testing.assert_allclose(jax.jit(jax.grad(g))(0.3), jax.grad(f)(0.3), rtol=1e-6)


def test_temporary_memory():
    def chain(wrap):
        def block(x):
            for _ in range(8):
                x = jnp.sin(x) @ jnp.eye(256) * 1.01
            return x

        g = wrap(block)

        def f(x):
            for _ in range(4):
                x = g(x)
            return x.sum()

        x = jnp.ones((256, 256))
        compiled = jax.jit(jax.grad(f)).lower(x).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert chain(jax.checkpoint) < 0.7 * chain(lambda g: g)


def test_nesting():
    inner = jax.checkpoint(jnp.sin)
    f = jax.checkpoint(lambda x: inner(jax.checkpoint(lambda y: inner(y) * y)(x)) + inner(x))
    plain = lambda x: jnp.sin(jnp.sin(x) * x) + jnp.sin(x)
    for order in range(1, 4):
        g, h = f, plain
        for _ in range(order):
            g, h = jax.grad(g), jax.grad(h)
        np.testing.assert_allclose(g(0.7), h(0.7), rtol=1e-5)
        np.testing.assert_allclose(jax.jit(g)(0.7), h(0.7), rtol=1e-5)
    check_grads(f, (0.7,), order=2)


@pytest.mark.parametrize("inside", [True, False])
def test_in_control_flow(inside):
    body = lambda c, x: (jnp.sin(c) * x + c, jnp.cos(c))
    wrapped = jax.checkpoint(body)
    xs = jnp.linspace(0.5, 1.5, 9)
    if inside:
        f = lambda c: lax.scan(wrapped, c, xs)
    else:
        f = jax.checkpoint(lambda c: lax.scan(body, c, xs))
    plain = lambda c: lax.scan(body, c, xs)
    loss = lambda g: lambda c: g(c)[0] + g(c)[1].sum()
    np.testing.assert_allclose(jax.grad(loss(f))(0.4), jax.grad(loss(plain))(0.4), rtol=1e-5)
    np.testing.assert_allclose(
        jax.jit(jax.grad(loss(f)))(0.4), jax.grad(loss(plain))(0.4), rtol=1e-5
    )
    cond = lambda x: lax.cond(x > 0, jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), jnp.cos, x)
    np.testing.assert_allclose(jax.grad(cond)(0.5), jax.grad(lambda x: jnp.sin(jnp.sin(x)))(0.5))
    np.testing.assert_allclose(jax.grad(cond)(-0.5), jax.grad(jnp.cos)(-0.5))


@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 20, "auto"])
@pytest.mark.parametrize("reverse", [False, True])
def test_scan_in_segments(every, reverse):
    xs = {"a": jnp.linspace(0.1, 1.0, 10), "b": jnp.arange(20.0).reshape(10, 2) / 20}
    w = jnp.array([0.3, 0.4])

    def f(c, w, xs, **options):
        def body(c, x):
            c = jnp.sin(c * w) + x["b"] * x["a"]
            return c, (c * 2, x["a"] * c[0])

        c, (a, b) = lax.scan(body, c, xs, reverse=reverse, **options)
        return (c**2).sum() + (a * jnp.arange(10.0)[:, None]).sum() + (b * jnp.arange(10.0)).sum()

    c = jnp.array([0.5, 0.6])
    want = jax.value_and_grad(f, (0, 1, 2))(c, w, xs)
    for run in (f, jax.jit(f, static_argnames="checkpoint")):
        got = jax.value_and_grad(run, (0, 1, 2))(c, w, xs, checkpoint=every)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), got, want)


def test_scan_in_segments_takes_little_memory():
    def loss(x, n, option):
        body = lambda c, _: (jnp.sin(c) * 1.0001 + 0.1, None)
        return lax.scan(body, x, None, length=n, **option)[0].sum()

    x, n = jnp.ones(16), 100_000

    def temp(option):
        compiled = jax.jit(jax.grad(lambda x: loss(x, n, option))).lower(x).compile()
        return compiled, compiled.memory_analysis().temp_size_in_bytes

    plain, much = temp({})
    segments, little = temp({"checkpoint": "auto"})
    assert little < 0.05 * much, (little, much)
    np.testing.assert_allclose(segments(x), plain(x), rtol=1e-4)


@pytest.mark.parametrize("bad", [0, -1, True, "all", 2.5, [1]])
def test_segments_of_wrong_length(bad):
    with pytest.raises(ValueError, match="scan: checkpoint is a number of steps"):
        lax.scan(lambda c, x: (c, x), 0.0, jnp.arange(4.0), checkpoint=bad)


def test_segments_of_an_empty_scan():
    f = lambda c: lax.scan(lambda c, _: (c * 2, c), c, None, length=0, checkpoint="auto")[0]
    assert jax.grad(f)(3.0) == 1.0
    f = lambda c: lax.scan(lambda c, _: (c * 2, c), c, None, length=1, checkpoint="auto")[0]
    assert jax.grad(f)(3.0) == 2.0


def test_static_arguments_and_keywords():
    @partial(jax.checkpoint, static_argnums=(1, 2))
    def f(x, deep, name, *, scale=1.0, flags=None):
        assert deep is True and name == "n"
        for _ in range(3 if deep else 1):
            x = jnp.sin(x)
        return x * scale + (flags["b"] if flags else 0.0)

    want = 2 * jax.grad(lambda x: jnp.sin(jnp.sin(jnp.sin(x))))(0.5)
    np.testing.assert_allclose(jax.grad(f)(0.5, True, "n", scale=2.0), want, rtol=1e-6)
    got = jax.grad(lambda s: f(0.5, True, "n", scale=s, flags={"b": s}))(2.0)
    np.testing.assert_allclose(got, np.sin(np.sin(np.sin(0.5))) + 1, rtol=1e-6)
    with pytest.raises((ValueError, TypeError)):
        jax.grad(lambda x: jax.checkpoint(lambda x, n: x, static_argnums=(1,))(x, jnp.ones(2)))(1.0)


def test_trees_and_integers():
    f = jax.checkpoint(lambda d, i: {"out": jnp.sin(d["x"]) * i, "i": i + 1})
    got = jax.grad(lambda d: f(d, 3)["out"])({"x": 0.5})
    np.testing.assert_allclose(got["x"], 3 * np.cos(0.5), rtol=1e-6)
    got = jax.vjp(lambda x, i: f({"x": x}, i)["out"], 0.5, jnp.int32(3))[1](1.0)
    assert got[1].dtype == jax.float0


def test_captured_tracers():
    def f(x, w):
        g = jax.checkpoint(lambda y: jnp.sin(y * w) * x)
        return g(x)

    want = jax.grad(lambda x, w: jnp.sin(x * w) * x, (0, 1))(0.3, 0.4)
    np.testing.assert_allclose(jax.grad(f, (0, 1))(0.3, 0.4), want, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.grad(f, (0, 1)))(0.3, 0.4), want, rtol=1e-6)


def test_forms_of_the_call():
    assert jax.remat is jax.checkpoint
    named = jax.checkpoint(layer)
    assert named.__name__ == "layer"
    assert jax.grad(jax.checkpoint(policy=policies.nothing_saveable)(jnp.sin))(0.0) == 1.0
    with pytest.raises(TypeError, match="checkpoint: expected a policy"):
        jax.checkpoint(jnp.sin, policy=3)
    with pytest.raises(NotImplementedError, match="concrete=True"):
        jax.checkpoint(jnp.sin, concrete=True)
    with pytest.raises(TypeError):
        jax.checkpoint(3)


def test_custom_rules_and_randomness():
    @jax.custom_vjp
    def double(x):
        return 2.0 * x

    double.defvjp(lambda x: (2.0 * x, None), lambda _, ct: (5.0 * ct,))
    f = jax.checkpoint(lambda x: double(jnp.sin(x)))
    np.testing.assert_allclose(jax.grad(f)(0.3), 5 * np.cos(0.3), rtol=1e-6)

    def noisy(x, key):
        return (jnp.sin(x) * jax.random.normal(key, x.shape)).sum()

    key, x = jax.random.key(3), jnp.ones(4)
    got = jax.grad(jax.checkpoint(noisy))(x, key)
    np.testing.assert_allclose(got, jax.grad(noisy)(x, key), rtol=1e-6)


def test_print_saved_residuals(capsys):
    f = jax.checkpoint(layer, policy=policies.save_only_these_names("a"))
    print_saved_residuals(f, X, W)
    out = capsys.readouterr().out
    assert "f32[4,3] from the argument x" in out
    assert "f32[3,3] from the argument w" in out
    assert "f32[4,3] named 'a'" in out
    assert len(out.splitlines()) == 3


@pytest.mark.peer
def test_policies_as_the_peer(peer):
    """The same number of values is kept under each policy."""
    source = """
from jax._src.ad_checkpoint import saved_residuals
from jax.ad_checkpoint import checkpoint_name
def layer(x, w):
    y = checkpoint_name(jnp.sin(x @ w), "a")
    z = checkpoint_name(jnp.cos(y * y), "b")
    return jnp.tanh(z @ w) + x
P = jax.checkpoint_policies
def n(p):
    kept = saved_residuals(jax.checkpoint(layer, policy=p), x, w)
    return sum("argument" not in d for _, d in kept)

result = [n(P.dots_saveable), n(P.nothing_saveable), n(P.save_only_these_names("a")),
          n(P.save_any_names_but_these("a"))]
"""
    want = peer(source, x=X, w=W)
    chosen = ["dots_saveable", "nothing_saveable", "only_these", "any_names_but"]
    assert [len(kept(jax.checkpoint(layer, policy=POLICIES[n]), X, W)) for n in chosen] == want


def test_policies_see_primitives():
    f = lambda x: jnp.tanh(jnp.exp(jnp.tanh(x)))
    by_primitive = lambda prim, *avals, **params: prim is lax.exp_p
    found = kept(jax.checkpoint(f, policy=by_primitive), 0.7)
    assert len(found) == 1 and "exp" in found[0]
    seen = []

    def looking(prim, *avals, **params):
        seen.append((prim.name, [str(a) for a in avals], sorted(params)))
        return False

    jax.grad(jax.checkpoint(lambda x: (x @ x).sum(), policy=looking))(jnp.ones((2, 2)))
    (dot,) = [s for s in seen if s[0] == "dot_general"]
    assert dot[1] == ["f32[2,2]", "f32[2,2]"] and "dimension_numbers" in dot[2]


def test_side_effects_are_not_repeated():
    seen = []

    def count(x):
        seen.append(float(x))
        return np.float32(2) * np.float32(x)

    def f(x):
        return jnp.sin(x * io_callback(count, jax.ShapeDtypeStruct((), np.float32), 1.0))

    for g in (f, jax.jit(f), lambda x: jnp.sin(jax.jit(f)(jnp.cos(x)))):
        seen.clear()
        got = jax.jit(jax.grad(jax.checkpoint(g)))(0.3)
        jax.effects_barrier()
        assert seen == [1.0]
        np.testing.assert_allclose(got, jax.grad(g)(0.3), rtol=1e-6)
