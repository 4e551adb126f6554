"""Primitives and operations of a user's own."""

import re
from pathlib import Path

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax
from gradax.core.aval import Aval
from gradax.extend.core import Primitive
from gradax.interpreters import ad, batching, mlir, xla

DOCS = Path(__file__).resolve().parents[2] / "docs" / "extending.md"


def test_the_document(capsys):
    """What docs/extending.md says is printed is printed."""
    blocks = re.findall(r"```(python|)\n(.*?)```", DOCS.read_text(), re.S)
    names = {}
    for (kind, code), (_, want) in zip(blocks[::2], blocks[1::2], strict=True):
        assert kind == "python"
        exec(code, names)
        assert capsys.readouterr().out == want


def make_multiply_add(lowered=True, impl=True):
    """The primitive of JAX's tutorial: x * y + z."""
    p = Primitive("multiply_add")
    p.def_abstract_eval(lambda x, y, z: Aval(x.shape, x.dtype))
    if impl:
        p.def_impl(lambda x, y, z: np.add(np.multiply(x, y), z))
    if lowered:
        mlir.register_lowering(p, mlir.lower_fun(lambda x, y, z: x * y + z, multiple_results=False))

    def jvp(primals, tangents):
        x, y, z = primals
        dx, dy, dz = map(ad.instantiate_zeros, tangents)
        return p.bind(x, y, z), p.bind(dx, y, p.bind(x, dy, dz))

    def transpose(ct, x, y, z):
        zero = jnp.zeros(ct.shape, ct.dtype)
        if not ad.is_undefined_primal(x):
            ct_y = p.bind(ct, x, zero) if ad.is_undefined_primal(y) else None
            return None, ct_y, ct if ad.is_undefined_primal(z) else None
        return p.bind(ct, y, zero), None, ct if ad.is_undefined_primal(z) else None

    def batch(args, dims):
        size = batching.mapped_size(args, dims)
        rows = [batching.bdim_at_front(x, d, size) for x, d in zip(args, dims, strict=True)]
        return p.bind(*rows), 0

    ad.primitive_jvps[p] = jvp
    ad.primitive_transposes[p] = transpose
    batching.primitive_batchers[p] = batch
    return p


@pytest.mark.parametrize("lowered, impl", [(True, True), (True, False), (False, True)])
def test_the_tutorials_primitive(lowered, impl):
    p = make_multiply_add(lowered, impl)
    f = lambda x, y: p.bind(x, y, y)
    want = lambda x, y: x * y + y
    for g in (f, jax.jit(f)):
        assert g(2.0, 10.0) == 30.0
        assert jax.jvp(g, (2.0, 10.0), (1.0, 1.0)) == (30.0, 13.0)
        assert jax.grad(g, (0, 1))(2.0, 10.0) == (10.0, 3.0)
        xs, ys = jnp.arange(3.0), jnp.arange(3.0) + 1
        np.testing.assert_array_equal(jax.vmap(g)(xs, ys), want(xs, ys))
        np.testing.assert_array_equal(jax.vmap(g, (0, None))(xs, 2.0), want(xs, 2.0))
        np.testing.assert_array_equal(jax.jit(jax.vmap(jax.grad(g)))(xs, ys), ys)
    h = lambda x: lax.scan(lambda c, t: (f(c, t), c), x, jnp.arange(3.0))[0]
    w = lambda x: lax.scan(lambda c, t: (want(c, t), c), x, jnp.arange(3.0))[0]
    assert h(2.0) == w(2.0) and jax.jit(jax.grad(h))(2.0) == jax.grad(w)(2.0)
    k = lambda x: lax.cond(x > 0, lambda x: f(x, x), jnp.sin, x)
    assert jax.grad(k)(3.0) == 7.0
    n = lambda x: lax.fori_loop(0, 2 + jnp.int32(0), lambda i, c: f(c, x), x)
    assert jax.grad(n)(2.0) == jax.grad(lambda x: want(want(x, x), x))(2.0)
    assert jax.hessian(lambda x: f(x, x))(3.0) == 2.0
    assert jax.jit(jax.checkpoint(f))(2.0, 10.0) == 30.0
    assert "multiply_add a b b" in str(jax.make_jaxpr(f)(1.0, 2.0))


def test_equations_of_primitives():
    """A user's interpreter finds primitive and parameters as it bound them."""
    p = Primitive("scaled")
    p.def_abstract_eval(lambda x, *, by, note: x)
    p.def_impl(lambda x, *, by, note: x * by)
    table = np.arange(3)  # cannot be hashed
    closed = jax.make_jaxpr(lambda x: p.bind(x, by=3.0, note=table))(jnp.ones(2))
    (eqn,) = closed.eqns
    assert eqn.primitive is p and eqn.primitive.name == "scaled"
    assert set(eqn.params) == {"by", "note"} and eqn.params["note"] is table
    again = eqn.primitive.bind(jnp.ones(2), **eqn.params)
    np.testing.assert_array_equal(again, [3, 3])
    assert isinstance(lax.add_p, Primitive) and isinstance(p, Primitive)

    class Own(Primitive):
        pass

    assert isinstance(Own("own"), Own) and not isinstance(p, Own)


def test_several_results():
    p = Primitive("both")
    p.multiple_results = True
    p.def_abstract_eval(lambda x, *, n: [x] * n)
    p.def_impl(lambda x, *, n: [np.asarray(x) * (i + 1) for i in range(n)])
    ad.deflinear2(p, lambda cts, x, *, n: [sum(c * (i + 1) for i, c in enumerate(cts))])
    batching.defvectorized(p)
    for lowered in (False, True):
        if lowered:
            fun = lambda x, *, n: [x * (i + 1) for i in range(n)]
            mlir.register_lowering(p, mlir.lower_fun(fun, multiple_results=True))
        f = lambda x: p.bind(x, n=3)
        assert [float(v) for v in jax.jit(f)(2.0)] == [2, 4, 6]
        assert [float(v) for v in f(2.0)] == [2, 4, 6]
        assert jax.grad(lambda x, f=f: f(x)[1])(2.0) == 2.0
        assert jax.jit(jax.grad(lambda x, f=f: sum(f(x))))(2.0) == 6.0
        np.testing.assert_array_equal(jax.jit(jax.vmap(f))(jnp.arange(2.0))[2], [0, 3])


def test_linear_and_bilinear():
    double = Primitive("double")
    double.def_abstract_eval(lambda x: x)
    double.def_impl(lambda x: 2 * np.asarray(x))
    ad.deflinear(double, lambda ct: [double.bind(ct)])
    assert jax.grad(double.bind)(3.0) == 2.0
    assert jax.jit(jax.grad(lambda x: double.bind(double.bind(x))))(3.0) == 4.0
    assert jax.linear_transpose(double.bind, 1.0)(3.0)[0] == 6.0

    times = Primitive("times")
    times.def_abstract_eval(lambda x, y: x)
    mlir.register_lowering(times, mlir.lower_fun(lambda x, y: x * y, multiple_results=False))
    ad.defbilinear(times, lambda ct, x, y: times.bind(ct, y), lambda ct, x, y: times.bind(x, ct))
    batching.defbroadcasting(times)
    f = lambda x, y: times.bind(times.bind(x, x), y)
    assert jax.grad(f, (0, 1))(3.0, 4.0) == (24.0, 9.0)
    assert jax.grad(jax.grad(f))(3.0, 4.0) == 8.0
    np.testing.assert_array_equal(jax.vmap(f, (0, None))(jnp.arange(3.0), 2.0), [0, 2, 8])


def test_defjvp2_and_missing_operands():
    p = Primitive("power")
    p.def_abstract_eval(lambda x, n: x)
    mlir.register_lowering(p, mlir.lower_fun(lambda x, n: x**n, multiple_results=False))
    ad.defjvp2(p, lambda g, ans, x, n: g * n * ans / x, None)
    assert jax.grad(p.bind)(2.0, 3.0) == 12.0
    assert jax.grad(p.bind, 1)(2.0, 3.0) == 0.0


def test_lowerings_with_constants():
    table = np.array([1.0, 2.0, 4.0], np.float32)
    p = Primitive("look_up")
    p.def_abstract_eval(lambda i: Aval(i.shape, np.float32))
    mlir.register_lowering(
        p, mlir.lower_fun(lambda i: jnp.asarray(table)[i], multiple_results=False)
    )
    batching.defvectorized(p)
    i = jnp.array([2, 0])
    np.testing.assert_array_equal(jax.jit(p.bind)(i), [4, 1])
    np.testing.assert_array_equal(jax.vmap(p.bind)(i), [4, 1])
    np.testing.assert_array_equal(lax.map(p.bind, i), [4, 1])


def test_a_lowering_given_late_counts():
    p = Primitive("late")
    p.def_abstract_eval(lambda x: x)
    p.def_impl(lambda x: np.asarray(x) + 1)
    assert jax.jit(lambda x: p.bind(x))(1.0) == 2.0
    mlir.register_lowering(p, mlir.lower_fun(lambda x: x + 10, multiple_results=False))
    assert jax.jit(lambda x: p.bind(x))(1.0) == 11.0
    assert p.bind(1.0) == 2.0


def test_errors():
    p = Primitive("bare")
    with pytest.raises(NotImplementedError, match="'bare' computes nothing"):
        jax.jit(p.bind)(1.0)
    half = Primitive("half")
    half.def_impl(lambda x: x / 2)
    with pytest.raises(NotImplementedError, match="'half' has no types"):
        jax.jit(half.bind)(1.0)
    p.def_abstract_eval(lambda x: x)
    with pytest.raises(NotImplementedError, match=r"'bare' cannot be run(.|\n)*register_lowering"):
        jax.jit(p.bind)(1.0)
    assert "bare a" in str(jax.make_jaxpr(p.bind)(1.0))
    p.def_impl(lambda x: x)
    with pytest.raises(NotImplementedError, match=r"no derivative rule(.|\n)*primitive_jvps"):
        jax.grad(p.bind)(1.0)
    with pytest.raises(NotImplementedError, match=r"no batching rule(.|\n)*primitive_batchers"):
        jax.vmap(p.bind)(jnp.ones(2))
    ad.primitive_jvps[p] = lambda primals, tangents: (p.bind(*primals), p.bind(*tangents))
    with pytest.raises(NotImplementedError, match=r"no transpose rule(.|\n)*primitive_transposes"):
        jax.grad(p.bind)(1.0)
    with pytest.raises(TypeError, match=r"expected mlir\.lower_fun"):
        mlir.register_lowering(p, 3)
    with pytest.raises(TypeError, match="primitive of your own"):
        ad.primitive_jvps[lax.sin_p] = lambda *_: None
    with pytest.raises(AttributeError, match=r"gradax\.interpreters\.xla has no"):
        _ = xla.backend_specific_translations
    with pytest.raises(AttributeError, match="no MLIR"):
        _ = mlir.ir
    mlir.register_lowering(p, mlir.lower_fun(lambda x: x.astype(int), multiple_results=False))
    with pytest.raises(TypeError, match="its lowering gives"):
        jax.jit(p.bind)(1.0)


def test_rules_of_operations_are_read():
    _, dout = ad.primitive_jvps[lax.sin_p]((jnp.float32(0.5),), (jnp.float32(2.0),))
    np.testing.assert_allclose(dout, 2 * np.cos(0.5), rtol=1e-6)
    rule = batching.primitive_batchers[lax.add_p]
    found, dim = rule((jnp.ones((3, 2)), jnp.ones((3, 2))), (0, 0))
    assert dim == 0 and found.shape == (3, 2)
    assert lax.add_p in ad.primitive_jvps and Primitive("x") not in ad.primitive_jvps


def test_export():
    """What a primitive is lowered to is exported; a Python function is not."""
    p = make_multiply_add()
    exported = jax.export.export(jax.jit(lambda x: p.bind(x, x, x)))(2.0)
    found = jax.export.deserialize(exported.serialize(vjp_order=1))
    assert exported.call(2.0) == found.call(2.0) == 6.0
    assert jax.grad(found.call)(2.0) == 5.0
    p = make_multiply_add(lowered=False)
    exported = jax.export.export(jax.jit(lambda x: p.bind(x, x, x)))(2.0)
    with pytest.raises(ValueError, match="has no portable form"):
        exported.serialize()
