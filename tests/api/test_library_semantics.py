"""What libraries written for JAX rely on beyond its documentation."""

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.core.tracer import Tracer
from gradax.experimental import checkify
from gradax.extend import core, linear_util
from gradax.interpreters import ad, batching, mlir


@jax.custom_jvp
def same(x):
    return x * 1.0


same.defjvp(lambda primals, tangents: (same(*primals), same(*tangents)))


@jax.custom_vjp
def sevenfold_in_reverse(x):
    return x * 1.0


sevenfold_in_reverse.defvjp(lambda x: (x * 1.0, None), lambda _, ct: (7 * ct,))


@jax.custom_jvp
def sine(x):
    return jnp.sin(x)


sine.defjvp(lambda p, t: (sine(*p), sevenfold_in_reverse(jnp.cos(p[0]) * t[0])))


@pytest.mark.parametrize(("function", "slope"), [(same, 6.0), (sine, 6 * np.cos(9.0))])
def test_functions_with_rules_of_their_own_are_applied_to_tangents(function, slope):
    f = lambda x: function(x * x)
    for found in (
        jax.grad(f)(3.0),
        jax.jit(jax.grad(f))(3.0),
        jax.linearize(f, 3.0)[1](1.0),
        jax.jvp(f, (3.0,), (1.0,))[1],
        jax.vmap(jax.grad(f))(jnp.full(2, 3.0))[1],
    ):
        np.testing.assert_allclose(found, slope, rtol=1e-6)


def test_python_numbers_among_residuals_stay_what_they_are():
    kinds = []

    @jax.custom_vjp
    def f(x):
        return x * 2

    def backward(kept, ct):
        kinds.append([type(k) for k in kept[:3]])
        return (ct * kept[0] * kept[3],)

    f.defvjp(lambda x: (x * 2, (2.0, True, 3, x)), backward)
    for g in (jax.grad(f), jax.jit(jax.grad(f)), jax.grad(jax.jit(f))):
        assert g(5.0) == 10.0
    np.testing.assert_array_equal(jax.vmap(jax.grad(f))(jnp.arange(2.0)), [0, 2])
    assert all(k == [float, bool, int] for k in kinds)


def test_vmap_passes_what_is_no_array_and_not_mapped():
    apply = jax.vmap(lambda f, x: f(x), in_axes=(None, 0))
    np.testing.assert_array_equal(apply(jnp.negative, jnp.arange(3)), [0, -1, -2])
    np.testing.assert_array_equal(jax.jit(lambda x: apply(jnp.negative, x))(jnp.ones(2)), [-1, -1])
    with pytest.raises(TypeError, match="which is no array"):
        jax.vmap(lambda f, x: f(x))(jnp.negative, jnp.arange(3))


def test_eval_shape_of_types():
    like = jax.ShapeDtypeStruct((2,), np.int32)
    assert jax.eval_shape(lambda x: (like, x + 1), jnp.ones(3))[0] == like


def test_compile_time_evaluation_leaves_traced_values_alone():
    seen = []

    @jax.jit
    def f(x):
        with jax.ensure_compile_time_eval():
            a = jnp.sin(jnp.array(1.0))
            b = jnp.where(x > 0, a, same(x))
        seen.extend([isinstance(a, Tracer), isinstance(b, Tracer)])
        return a + b

    np.testing.assert_allclose(f(1.0), 2 * np.sin(1.0), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(f)(jnp.ones(2)), np.full(2, 2 * np.sin(1.0)), rtol=1e-6)
    assert seen[:2] == [False, True]


def test_zeros_of_a_tree():
    zero = jax.custom_derivatives.zero_from_primal({"a": jnp.ones(2), "b": 3})
    assert zero["a"].shape == (2,) and zero["b"].dtype == jax.float0


def test_the_older_form_of_cond():
    f = lambda p, x, y: lax.cond(p, x, lambda x: x[0] * 2, y, jnp.negative)
    assert f(True, (3.0,), 5.0) == 6.0 and f(False, (3.0,), 5.0) == -5.0
    assert jax.jit(jax.grad(f, 2))(False, (3.0,), 5.0) == -1.0
    assert lax.cond(True, lambda x: x, lambda x: x, operand=None) is None
    assert lax.cond(True, lambda x: x * 2, lambda x: x, operand=3.0) == 6.0


def test_dtypes_are_keys_as_numpys_classes_are():
    assert {np.float32: 1}[jnp.float32] == 1 and {jnp.float16: 1}[np.float16] == 1


def test_a_number_in_every_segment():
    found = jax.ops.segment_max(3.0, jnp.array([0, 2]), 3)
    np.testing.assert_array_equal(found, [3, -np.inf, 3])


def test_a_branch_that_comes_twice_is_traced_once():
    traced = []

    def branch(x):
        traced.append(x)
        return x * 2

    assert lax.switch(1, [branch, branch, jnp.sin], 3.0) == 6.0
    assert lax.cond(True, branch, branch, 3.0) == 6.0
    assert len(traced) == 2


def test_keys_in_checks():
    def f(key):
        checkify.check(False, "{key}", key=key)
        return key

    for g in (f, jax.jit(f)):
        assert "<key>" in checkify.checkify(g)(jax.random.key(0))[0].get()


def test_disable_jit_by_keyword():
    with jax.disable_jit(disable=True):
        assert jax.config.jax_disable_jit
    with pytest.raises(TypeError, match="unexpected keyword enable"):
        jax.disable_jit(enable=True)


def test_stop_gradient_is_linear():
    assert jax.linear_transpose(lambda x: 2 * lax.stop_gradient(x), 1.0)(3.0) == (6.0,)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 3), (1, 1)])
@pytest.mark.parametrize("kind", [np.float64, np.complex128])
def test_raw_qr(shape, kind):
    rng = np.random.default_rng(0)
    a = rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is np.complex128 else 0)
    with jax.enable_x64(True):
        for found, want in zip(
            jax.jit(lambda a: jnp.linalg.qr(a, mode="raw"))(a),
            np.linalg.qr(a, mode="raw"),
            strict=True,
        ):
            np.testing.assert_allclose(found, want, atol=1e-12)


@linear_util.transformation
def doubling(by, *args):
    out = yield tuple(x * by for x in args), {}
    yield out + 1


def test_transformations_as_decorators():
    assert doubling(linear_util.wrap_init(lambda x: x * x), 2).call_wrapped(3) == 37


class Value(core.Trace):
    """Runs operations, and lists them."""

    def __init__(self, parent):
        self.parent, self.seen = parent, []

    def process_primitive(self, primitive, tracers, params):
        self.seen.append(primitive.name)
        values = [t.value if isinstance(t, Boxed) else t for t in tracers]
        out = primitive.bind_with_trace(self.parent, values, params)
        if primitive.multiple_results:
            return [Boxed(self, x) for x in out]
        return Boxed(self, out)


class Boxed(Tracer):
    def __init__(self, trace, value):
        super().__init__(trace, jax.typeof(value))
        self.value = value


def test_an_interpreter_of_the_users_own():
    @jax.jit
    def inner(x):
        return jnp.cos(x)

    def run(x):
        with core.take_current_trace() as parent:
            trace = Value(parent)
            with core.set_current_trace(trace):
                out = inner(jnp.sin(Boxed(trace, x)) * 2)
        return out.value, trace.seen

    found, seen = run(jnp.float32(1.0))
    np.testing.assert_allclose(found, np.cos(2 * np.sin(1.0)), rtol=1e-6)
    assert seen == ["sin", "mul", "jit"]
    np.testing.assert_allclose(jax.jit(lambda x: run(x)[0])(1.0), found, rtol=1e-5)


def test_jvp_tracers_are_told_apart():
    def f(x):
        top = core.find_top_trace((x,))
        assert isinstance(x, ad.JVPTracer) and x._trace.main is top.main
        return x * x

    assert jax.jvp(f, (3.0,), (1.0,))[1] == 6.0


def test_rules_that_are_told_the_axis():
    p = core.Primitive("told")
    p.multiple_results = True
    p.def_impl(lambda x: [x])
    p.def_abstract_eval(lambda x: [x])
    seen = []

    def rule(size, name, trace_type, args, dims):
        seen.append((size, name, dims))
        return p.bind(*args), list(dims)

    batching.axis_primitive_batchers[p] = rule
    np.testing.assert_array_equal(
        jax.vmap(lambda x: p.bind(x)[0], axis_name="i", in_axes=1, out_axes=1)(jnp.ones((2, 3))),
        np.ones((2, 3)),
    )
    batching.fancy_primitive_batchers[p] = lambda axis, args, dims: rule(
        axis.size, axis.name, None, args, dims
    )
    jax.vmap(lambda x: p.bind(x)[0])(jnp.ones(4))
    assert seen == [(3, "i", (1,)), (4, None, (0,))]


def test_a_lowering_in_jaxs_form():
    p = core.Primitive("in_jaxs_form")
    p.def_abstract_eval(lambda x, *, by: x)

    def rule(ctx, x, *, by):
        (y,) = mlir.lower_fun(lambda x: x + 1, multiple_results=False)(ctx, x)
        found, _, keep = mlir.emit_python_callback(
            ctx, lambda y: (np.asarray(y) * by,), None, [y], ctx.avals_in, ctx.avals_out
        )
        ctx.module_context.add_keepalive(keep)
        return found

    mlir.register_lowering(p, rule)
    assert jax.jit(lambda x: p.bind(x, by=3))(2.0) == 9.0
    broken = core.Primitive("writes_mlir")
    broken.def_abstract_eval(lambda x: x)
    mlir.register_lowering(broken, lambda ctx, x: mlir.ir_constant(1))
    with pytest.raises(AttributeError, match="gradax has no MLIR"):
        jax.jit(broken.bind)(1.0)


def test_programs_that_are_parameters_are_their_own_closed_form():
    (eqn,) = jax.make_jaxpr(jax.jit(jnp.sin))(1.0).eqns
    inner = eqn.params["jaxpr"]
    assert eqn.params["name"] == "sin" and inner.jaxpr is inner and inner.consts == ()
    assert core.jaxpr_as_fun(inner)(0.0) == [0.0]
    np.testing.assert_allclose(eqn.primitive.bind(1.0, **eqn.params)[0], np.sin(1.0), rtol=1e-6)
    assert str(eqn.source_info.name_stack) == ""
