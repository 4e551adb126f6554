"""Exported programs: what comes back from bytes is the same program."""

import collections
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import export, lax
from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr, subprograms
from gradax.core.staging import stage
from gradax.errors import ExportError
from gradax.export.exported import written
from gradax.export.programs import ProgramReader, portable
from gradax.export.wire import MAGIC, sealed
from tests.ops.catalogue import samples

ALL = samples()


def back(exported, order=0):
    """Return what comes back from the bytes."""
    return export.deserialize(exported.serialize(vjp_order=order))


def same(a, b):
    """Check that two trees of arrays have equal bits."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.aval.strip_weak_type() == y.aval.strip_weak_type()
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def test_every_sample_comes_back():
    """Operations and their parameters are equal after a round trip, and print the same."""
    kinds = set()
    with jax.enable_x64(True):
        for sample in ALL:
            avals = [Aval(x.shape, x.dtype) for x in sample.operands()]
            closed = stage(lambda *xs, op=sample.op: jax.tree.leaves(op(*xs)), avals)
            closed = ClosedJaxpr(portable(closed.jaxpr), closed.consts)
            found = ProgramReader(bytes(written(closed))).reader.value()
            assert [e.op.name for e in found.eqns] == [e.op.name for e in closed.eqns]
            assert str(found) == str(closed)
            if not any(subprograms(e.op) for e in closed.eqns):
                assert [e.op for e in found.eqns] == [e.op for e in closed.eqns]
            assert found.out_avals == closed.out_avals
            kinds.add(type(sample.op))
    assert len(kinds) > 100


FIRST = list({type(s.op): s for s in ALL if s.operands()}.values())


@pytest.mark.parametrize("part", range(4))
def test_every_operation_runs(part):
    """The first sample of each operation computes the same after a round trip."""
    with jax.enable_x64(True):
        for sample in FIRST[part::4]:
            f = jax.jit(sample.op)
            args = sample.operands()
            same(back(export.export(f)(*args)).call(*args), f(*args))


def newton(a):
    return lax.while_loop(lambda x: jnp.abs(x * x - a) > 1e-4, lambda x: 0.5 * (x + a / x), a)


@jax.custom_jvp
def odd(x):
    return x**3


odd.defjvp(lambda p, t: (odd(*p), 10 * t[0]))


@jax.custom_vjp
def strange(x):
    return jnp.sin(x)


strange.defvjp(lambda x: (jnp.sin(x), x), lambda x, ct: (7 * ct,))

W = jnp.arange(6.0).reshape(2, 3)
SMOOTH = {
    "scan": lambda x: lax.scan(lambda c, t: (jnp.sin(c) * t, c), x, jnp.arange(5.0))[0],
    "cond": lambda x: lax.cond(x > 0, jnp.sin, jnp.cos, x),
    "switch": lambda x: lax.switch(jnp.int32(x), [jnp.sin, jnp.cos, jnp.tan], x),
    "while": newton,
    "fori": lambda x: lax.fori_loop(0, 7, lambda i, c: c * 0.9 + i, x),
    "jit": lambda x: jax.jit(lambda x: jax.jit(jnp.sin)(x) * 2)(x),
    "custom_jvp": lambda x: odd(x) + odd(2 * x),
    "custom_vjp": lambda x: strange(x) * 2,
    "relu": lambda x: jax.nn.relu(x) + jax.nn.softmax(jnp.stack([x, 1.0]))[0],
    "checkpoint": jax.checkpoint(
        lambda x: jnp.sin(jnp.sin(x)), policy=jax.checkpoint_policies.dots_saveable
    ),
    "solve": lambda x: jnp.linalg.solve(jnp.eye(3) + x, jnp.ones(3)).sum(),
    "constants": lambda x: (W * x).sum() + np.arange(3).sum(),
    "sort": lambda x: jnp.sort(jnp.stack([x, 0.5, -x]))[1],
    "random": lambda x: jax.random.normal(jax.random.key(0), ()) * x,
    "interp": lambda x: jnp.interp(x, jnp.arange(4.0), jnp.arange(4.0) ** 2),
    "linalg": lambda x: jnp.linalg.det(jnp.eye(3) * x + 0.1),
    "fft": lambda x: jnp.abs(jnp.fft.rfft(jnp.arange(8.0) * x)).sum(),
    "conv": lambda x: jnp.convolve(jnp.arange(5.0) * x, jnp.ones(3)).sum(),
    "grad": lambda x: jax.grad(lambda y: y**3)(x),
    "vmap": lambda x: jax.vmap(lambda t: t * x)(jnp.arange(3.0)).sum(),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_round_trips(name):
    f = jax.jit(SMOOTH[name])
    x = jnp.float32(0.7)
    e = export.export(f)(x)
    found = back(e, 1)
    same(found.call(x), f(x))
    same(jax.jit(found.call)(x), f(x))
    assert found.mlir_module() == e.mlir_module()
    want = jax.grad(f)(x)
    for g in (jax.grad(e.call), jax.grad(found.call), jax.jit(jax.grad(found.call))):
        np.testing.assert_allclose(g(x), want, rtol=1e-5)
    if name not in ("switch",):
        xs = jnp.array([0.7, 1.3])
        np.testing.assert_allclose(jax.vmap(found.call)(xs), jax.vmap(f)(xs), rtol=1e-5)
        np.testing.assert_allclose(
            jax.vmap(jax.grad(found.call))(xs), [jax.grad(f)(v) for v in xs], rtol=1e-4
        )


def test_orders_of_derivatives():
    f = jax.jit(lambda x: jnp.sin(x) * x)
    e = export.export(f)(1.0)
    none, one, two = (back(e, k) for k in range(3))
    assert not none.has_vjp() and one.has_vjp() and e.has_vjp()
    assert not one.vjp().has_vjp() and two.vjp().has_vjp()
    np.testing.assert_allclose(jax.grad(jax.grad(two.call))(0.5), jax.grad(jax.grad(f))(0.5), 1e-5)
    np.testing.assert_allclose(jax.grad(jax.grad(e.call))(0.5), jax.grad(jax.grad(f))(0.5), 1e-5)
    with pytest.raises(TypeError, match=r"do not hold its derivative.*\n.*\n.*vjp_order=1"):
        jax.grad(none.call)(0.5)
    with pytest.raises(TypeError, match="do not hold its derivative"):
        jax.grad(jax.grad(one.call))(0.5)
    with pytest.raises(TypeError, match="do not hold its derivative"):
        none.serialize(vjp_order=1)
    again = export.deserialize(two.serialize(vjp_order=2))
    np.testing.assert_allclose(
        jax.grad(jax.grad(again.call))(0.5), jax.grad(jax.grad(f))(0.5), 1e-5
    )


def test_trees_and_keywords():
    def f(a, *rest, scale, flags):
        return {"sum": a["x"] + rest[0][1], "n": (flags * 2, None, [scale])}

    args = ({"x": jnp.ones(3), "y": None}, (1, jnp.arange(3.0)), collections.OrderedDict(q=2.0))
    named = {"scale": jnp.bfloat16(2), "flags": jnp.array([True, False])}
    e = export.export(jax.jit(f))(*args, **named)
    found = back(e)
    same(found.call(*args, **named), f(*args, **named))
    assert found.in_tree == e.in_tree and found.out_tree == e.out_tree
    assert found.in_avals == e.in_avals and found.out_avals == e.out_avals


def test_fields():
    f = jax.jit(lambda x: x + 1, static_argnames=())
    e = export.export(f, platforms=["cpu", "tpu"])(jax.ShapeDtypeStruct((2,), jnp.int8))
    assert e.fun_name == "<lambda>" and e.nr_devices == 1
    assert e.platforms == ("cpu", "tpu") == back(e).platforms
    assert [str(a) for a in e.in_avals] == ["i8[2]"]
    assert "add" in e.mlir_module() and "Exported(fun_name=<lambda>" in repr(e)
    assert isinstance(e.serialize(), bytearray)
    assert export.default_export_platform() == "cpu"
    lowest = export.minimum_supported_calling_convention_version
    assert lowest <= e.calling_convention_version
    assert e.calling_convention_version <= export.maximum_supported_calling_convention_version
    assert isinstance(back(e), export.Exported)


def test_static_arguments_and_integers():
    f = jax.jit(lambda x, n, i: (x**n, i + 1), static_argnums=1)
    e = export.export(f)(2.0, 3, jnp.int32(4))
    found = back(e, 1)
    same(found.call(2.0, 4), f(2.0, 3, jnp.int32(4)))
    _, pull = jax.vjp(lambda x, i: found.call(x, i), 2.0, jnp.int32(4))
    ct = pull((jnp.float32(1.0), np.zeros((), jax.float0)))
    assert ct[0] == 12.0 and ct[1].dtype == jax.float0


def test_dtypes():
    with jax.enable_x64(True):
        for name in ("float64", "complex128", "bfloat16", "float16", "int4", "uint2", "bool",
                     "float8_e4m3fn", "int64", "complex64", "uint8"):  # fmt: skip
            x = jnp.asarray([0, 1, 1]).astype(name)
            c = jnp.asarray([1, 0, 1]).astype(name)
            f = jax.jit(lambda x, c=c: jnp.where(jnp.array([True, False, True]), x, c))
            same(back(export.export(f)(x)).call(x), f(x))
    key = jax.random.split(jax.random.key(3), 4)
    f = jax.jit(lambda k: (jax.random.fold_in(k, 1), key))
    same(back(export.export(f)(key[0])).call(key[0]), f(key[0]))


def test_wrong_calls():
    e = back(export.export(jax.jit(lambda x, *, n: x * n))(jnp.ones(3), n=1.0))
    with pytest.raises(ValueError, match=r"exported for f32\[3\] as input 0; got f32\[4\]"):
        e.call(jnp.ones(4), n=1.0)
    with pytest.raises(ValueError, match=r"exported for f32\[3\] as input 0; got i32\[3\]"):
        e.call(jnp.arange(3), n=1.0)
    with pytest.raises(ValueError, match="exported for arguments of the tree"):
        e.call(jnp.ones(3))
    with pytest.raises(ValueError, match="expected a function that jit made"):
        export.export(lambda x: x)
    with pytest.raises(ValueError, match="a platform is one of"):
        export.export(jax.jit(jnp.sin), platforms=["abacus"])
    with pytest.raises(TypeError, match="expected bytes"):
        export.deserialize("text")
    other = export.export(jax.jit(jnp.sin), platforms="tpu")(1.0)
    with pytest.raises(ValueError, match=r"for the platforms \('tpu',\); this is 'cpu'"):
        other.call(1.0)
    anywhere = export.export(
        jax.jit(jnp.sin), platforms="tpu", disabled_checks=[export.DisabledSafetyCheck.platform()]
    )(1.0)
    assert back(anywhere).call(0.0) == 0.0


def test_what_has_no_portable_form():
    shape = jax.ShapeDtypeStruct((), jnp.float32)
    for f in (
        lambda x: jax.pure_callback(np.sin, shape, x),
        lambda x: lax.fori_loop(0, 3, lambda i, c: jax.pure_callback(np.sin, shape, c), x),
        lambda x: (jax.debug.print("{}", x), x)[1],
    ):
        e = export.export(jax.jit(f))(1.0)
        e.call(1.0)
        with pytest.raises(ValueError, match=r"Python function .* which has no portable form"):
            e.serialize()
    Point = collections.namedtuple("Point", "x y")
    e = export.export(jax.jit(lambda p: p))(Point(1.0, 2.0))
    with pytest.raises(ValueError, match="register_namedtuple_serialization"):
        e.serialize()
    captured = []

    def outer(x):
        captured.append(export.export(jax.jit(lambda y: y * x)))
        return captured[0](1.0).call(1.0)

    with pytest.raises(ValueError, match="captured while it was traced"):
        jax.jit(outer)(2.0)


def test_damaged_and_foreign_bytes():
    e = export.export(jax.jit(lambda x: jnp.sin(x) + W))(1.0)
    good = bytes(e.serialize())
    for bad in (b"", b"hello", good[:5], MAGIC, good[:30], good[:-1], good + b"x", b"x" + good):
        with pytest.raises(ValueError, match=r"^export: these bytes are"):
            export.deserialize(bad)
    for at in range(len(MAGIC) + 4, len(good), 97):
        bad = bytearray(good)
        bad[at] ^= 1
        with pytest.raises(ValueError, match="damaged: their checksum"):
            export.deserialize(bad)
    newer = MAGIC + b"\x63\0\0\0" + good[len(MAGIC) + 4 :]
    with pytest.raises(ValueError, match="version 99; this gradax reads version 1"):
        export.deserialize(newer)


def test_wrong_bytes_with_a_right_checksum():
    """Whatever the bytes say, nothing but a well-typed program is read, and no code is run."""
    e = export.export(jax.jit(lambda x: lax.fori_loop(0, 3, lambda i, c: jnp.sin(c) + W, x)))(W)
    body = bytes(e.serialize())[44:]
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(400):
        bad = bytearray(body)
        for at in rng.integers(0, len(body), rng.integers(1, 4)):
            bad[at] = rng.integers(0, 256)
        try:
            export.deserialize(sealed(bad))
        except (ValueError, TypeError):
            n_refused += 1
    assert n_refused > 100
    for path in ("os.system", "..os.system", "core.op.Op.infer", "api.jit.jit", "nowhere.Nothing"):
        name = b"lax.trigonometric.Sin"
        assert name in body
        length = len(path).to_bytes(8, "little")
        bad = body.replace(len(name).to_bytes(8, "little") + name, length + path.encode())
        with pytest.raises(ValueError):
            export.deserialize(sealed(bad))
    with pytest.raises(ValueError, match="nested"):
        export.deserialize(sealed(b"(\x01\0\0\0" * 5000))


def test_named_tuples_and_nodes():
    Pair = collections.namedtuple("Pair", "a b")
    assert export.register_namedtuple_serialization(Pair, serialized_name="tests.Pair") is Pair
    with pytest.raises(ValueError, match="registered already"):
        export.register_namedtuple_serialization(Pair, serialized_name="tests.Pair2")

    @jax.tree_util.register_pytree_node_class
    class Box:
        def __init__(self, x, name):
            self.x, self.name = x, name

        def tree_flatten(self):
            return (self.x,), self.name

        @classmethod
        def tree_unflatten(cls, name, children):
            return cls(children[0], name)

    e = export.export(jax.jit(lambda b: Pair(b.x, 2 * b.x)))(Box(1.0, "n"))
    with pytest.raises(ValueError, match="register_pytree_node_serialization"):
        e.serialize()
    export.register_pytree_node_serialization(
        Box, serialized_name="tests.Box", serialize_auxdata=str.encode,
        deserialize_auxdata=bytes.decode,
    )  # fmt: skip
    found = back(e)
    assert found.call(Box(3.0, "n")) == Pair(3.0, 6.0)
    with pytest.raises(ValueError, match="of the tree"):
        found.call(Box(3.0, "other"))
    with pytest.raises(ValueError, match="expected a named tuple"):
        export.register_namedtuple_serialization(dict, serialized_name="tests.dict")


READER = """
import sys
import gradax as jax, gradax.numpy as jnp, numpy as np
from gradax import export
e = export.deserialize(open(sys.argv[1], "rb").read())
x = jnp.linspace(0.0, 1.0, 6).reshape(2, 3)
print(repr(float(e.call(x)["out"])), jax.grad(lambda x: e.call(x)["out"])(x).tolist())
"""


def test_another_process(tmp_path):
    def f(x):
        y = lax.scan(lambda c, w: (jnp.tanh(c @ w), None), x, jnp.ones((3, 3, 3)) * 0.1)[0]
        return {"out": jax.nn.relu(y + W).sum() * odd(x[0, 1])}

    x = jnp.linspace(0.0, 1.0, 6).reshape(2, 3)
    path, exported = tmp_path / "program", export.export(jax.jit(f))(x)
    path.write_bytes(exported.serialize(vjp_order=1))
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    value, gradient = done.stdout.strip().split(" ", 1)
    assert float(value) == float(exported.call(x)["out"])
    want = jax.grad(lambda x: f(x)["out"])(x)
    np.testing.assert_allclose(np.array(eval(gradient)), want, rtol=1e-5)


def test_shared_programs_are_written_once():
    inner = jax.jit(lambda x: jnp.sin(x) * jnp.cos(x) + jnp.tan(x))

    def f(n):
        def run(x):
            for _ in range(n):
                x = inner(x)
            return x

        return len(export.export(jax.jit(run))(1.0).serialize())

    assert f(20) - f(19) == f(3) - f(2) < 500


def test_pickling():
    e = export.export(jax.jit(lambda x: jnp.sin(x)))(1.0)
    assert pickle.loads(pickle.dumps(e)).call(0.0) == 0.0


def double(x, n=2):
    return x * n


decorated = jax.jit(lambda x: x)


@jax.jit
def by_name(x):
    return x + 1


def test_pickling_of_jitted_functions():
    assert pickle.loads(pickle.dumps(by_name)) is by_name
    again = pickle.loads(pickle.dumps(jax.jit(double, static_argnames="n")))
    assert again(3.0, n=4) == 12.0 and again.__name__ == "double"
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(jax.jit(lambda x: x))


def test_closed_programs_hold_constants():
    closed = jax.make_jaxpr(lambda x: x + W)(1.0)
    found = ProgramReader(bytes(written(closed))).reader.value()
    assert isinstance(found, ClosedJaxpr)
    same(list(found.consts), list(closed.consts))


def test_users_operations_are_refused():
    from gradax.core.op import Op, operation

    @operation
    class Mine(Op):
        def infer(self, *avals):
            return avals[0]

    closed = stage(lambda x: [Mine()(x)], [Aval((), np.float32)])
    with pytest.raises(ExportError, match="not one of gradax"):
        written(closed)
