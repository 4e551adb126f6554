"""The small public modules: typing, errors, dlpack, distributed, monitoring, profiler, api_util."""

import glob
import gzip

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import api_util, distributed, monitoring, profiler
from gradax.extend import linear_util as lu


def test_typing():
    assert isinstance(1.0, jax.typing.ArrayLike) and isinstance(jnp.ones(2), jax.typing.ArrayLike)
    assert not isinstance("x", jax.typing.ArrayLike)
    assert np.dtype in jax.typing.DTypeLike.__args__


def test_errors_have_the_classes_that_users_catch():
    e = jax.errors
    assert issubclass(e.TracerBoolConversionError, e.JAXTypeError)
    assert issubclass(e.NonConcreteBooleanIndexError, e.JAXIndexError)
    assert issubclass(e.CompileError, e.JaxRuntimeError)
    assert issubclass(e.OutOfMemoryError, (e.JaxRuntimeError, MemoryError))
    with pytest.raises(e.JaxRuntimeError):
        jnp.zeros((1 << 22, 1 << 22), np.float32).block_until_ready()


def test_dlpack():
    assert jax.dlpack.is_supported_dtype("bfloat16") and not jax.dlpack.is_supported_dtype("int4")
    x = np.arange(3.0, dtype=np.float32)
    np.testing.assert_array_equal(jax.dlpack.from_dlpack(x), x)


def test_distributed_is_one_process():
    assert not distributed.is_initialized()
    distributed.initialize(num_processes=1, process_id=0)
    assert distributed.is_initialized()
    with pytest.raises(RuntimeError, match="called before"):
        distributed.initialize()
    distributed.shutdown()
    with pytest.raises(NotImplementedError, match="one process"):
        distributed.initialize("host:1", num_processes=2, process_id=0)
    assert jax.process_indices() == jax.host_ids() == [0] and jax.host_count() == 1


def test_monitoring():
    heard = []
    kinds = (
        (monitoring.register_event_listener, monitoring.record_event, ()),
        (monitoring.register_event_duration_secs_listener,
         monitoring.record_event_duration_secs, (1.5,)),
        (monitoring.register_event_time_span_listener,
         monitoring.record_event_time_span, (1.0, 2.0)),
        (monitoring.register_scalar_listener, monitoring.record_scalar, (3,)),
    )  # fmt: skip
    for register, record, args in kinds:
        register(lambda *a, **k: heard.append((a, k)))
        record("/x", *args, why="y")
        assert heard[-1] == (("/x", *args), {"why": "y"})

    def listener(name):
        heard.append(name)

    monitoring.register_event_listener(listener)
    monitoring.unregister_event_listener(listener)
    with pytest.raises(AssertionError):
        monitoring.unregister_event_listener(listener)
    monitoring.clear_event_listeners()
    n = len(heard)
    monitoring.record_event("/x")
    assert len(heard) == n


def test_trace_is_written_and_read_back(tmp_path):
    f = jax.jit(lambda x: x @ x + 1)
    with (
        profiler.trace(tmp_path, create_perfetto_trace=True),
        profiler.TraceAnnotation("outer", k=3),
    ):
        f(jnp.ones((8, 8)))
        profiler.annotate_function(f, "named")(jnp.ones((8, 8)))
        with pytest.raises(RuntimeError, match="is being recorded"):
            profiler.start_trace(tmp_path)
    with pytest.raises(RuntimeError, match="no trace"):
        profiler.stop_trace()
    (path,) = glob.glob(f"{tmp_path}/plugins/profile/*/perfetto_trace.json.gz")
    (plane,) = profiler.ProfileData.from_file(path).planes
    events = [e for line in plane.lines for e in line.events]
    names = [e.name for e in events]
    assert {"outer", "named", "<lambda>"} <= set(names) and names.count("<lambda>") == 2
    outer = next(e for e in events if e.name == "outer")
    assert outer.stats == (("k", "3"),)
    assert all(outer.start_ns <= e.start_ns and e.end_ns <= outer.end_ns for e in events)


def test_profile_of_memory(tmp_path):
    x = jnp.ones((123, 7))
    profiler.save_device_memory_profile(tmp_path / "p")
    assert b"f32[123,7]" in gzip.decompress((tmp_path / "p").read_bytes())
    del x
    with pytest.raises(NotImplementedError, match="no server"):
        profiler.start_server(1)


def test_live_arrays():
    before = {id(x) for x in jax.live_arrays()}
    x = jnp.ones((3, 5))
    (new,) = [a for a in jax.live_arrays() if id(a) not in before]
    assert new is x
    del new
    x.delete()
    assert all(a.shape != (3, 5) or id(a) in before for a in jax.live_arrays())
    jax.effects_barrier()
    assert jax.copy_to_host_async([x])[0] is x


def test_flat_functions():
    def f(a, *, b):
        return {"z": a["x"] + b}

    info = api_util.debug_info("test", f, ({"x": 1},), {"b": 2})
    assert info.arg_names == ("a['x']", "b") and info.func_name == "f"
    leaves, in_tree = jax.tree.flatten((({"x": 1},), {"b": 2}))
    flat, out_tree = api_util.flatten_fun(lu.wrap_init(f, debug_info=info), in_tree)
    with pytest.raises(lu.StoreException):
        out_tree()
    assert flat.call_wrapped(*leaves) == [3]
    assert out_tree() == jax.tree.structure({"z": 0})
    g, given = api_util.argnums_partial(lu.wrap_init(lambda a, b, c: (a, b, c)), (0, -1), (1, 2, 3))
    assert given == (1, 3) and g.call_wrapped(5, 6) == (5, 2, 6)
    with pytest.raises(TypeError, match="hashable"):
        api_util.argnums_partial(lu.wrap_init(f), 0, (1, []))


def test_generators_as_transformations():
    def doubled(k, *args):
        out = yield args, {}
        yield out * k, "aux"

    fun, aux = lu.transformation_with_aux(doubled, lu.wrap_init(lambda x: x + 1), 10)
    assert fun.call_wrapped(2) == 30 and aux() == "aux"
    same, _ = lu.transformation_with_aux(doubled, lu.wrap_init(fun.f), 10)
    assert same == fun and hash(same) == hash(fun)


def test_arguments():
    tree = jax.tree.structure(((1, {"a": 2}), {"k": 1}))
    assert api_util.donation_vector((1,), ("k",), tree) == (False, True, True)
    assert api_util.rebase_donate_argnums((2, 3), (0,)) == (1, 2)
    whole = jax.tree.structure({"a": 1, "b": (2, 3)})
    assert api_util.flatten_axes("f", whole, {"a": 0, "b": None}) == [0, None, None]
    with pytest.raises(ValueError, match="tree prefix"):
        api_util.flatten_axes("f", whole, {"a": 0})
    assert api_util.safe_map(lambda a, b: a + b, [1, 2], [3, 4]) == [4, 6]
    assert str(api_util.shaped_abstractify(np.ones(3, np.int8))) == "i8[3]"
