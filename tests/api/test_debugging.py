"""Breakpoints, logs and drawings."""

import io
import logging
import os
import subprocess
import sys

import numpy as np
import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import lax


def session(program, commands, *args):
    """Run a program whose breakpoint reads commands; return its result and what was written."""
    stdin, stdout = io.StringIO("\n".join(commands) + "\n"), io.StringIO()
    found = program(*args, stdin, stdout)
    jax.effects_barrier()
    return found, stdout.getvalue()


def stops(x, stdin, stdout):
    half = x / 2
    both = {"half": half, "word": "text", "x": [x, None]}
    jax.debug.breakpoint(stdin=stdin, stdout=stdout)
    return half + both["x"][0]


def called(x, stdin, stdout):
    outer = x + 1
    return jax.jit(stops, static_argnums=(1, 2))(outer, stdin, stdout)


@pytest.mark.parametrize("jitted", [False, True])
def test_values_in_frames(jitted):
    f = jax.jit(stops, static_argnums=(1, 2)) if jitted else stops
    commands = ["p half", "p both['word'], both['x'][0] + 1", "pp both", "p nothing", "p 1 +",
                "", "p np.sqrt(16)", "c"]  # fmt: skip
    found, out = session(f, commands, jnp.float32(4.0))
    assert found == 6.0
    assert "Entering the debugger at" in out and "stops()" in out
    lines = out.replace("(gxdb) ", "").splitlines()
    assert lines[1] == "Array(2., dtype=float32)"
    assert lines[2] == "('text', Array(5., dtype=float32))"
    assert lines[3].startswith("{'half': Array(2., dtype=float32)")
    assert any(line == "*** NameError: name 'nothing' is not defined" for line in lines)
    assert any(line.startswith("*** SyntaxError") for line in lines)
    assert any("4.0" in line for line in lines)


def test_moving_between_frames():
    commands = ["l", "u", "p outer", "l", "d", "d", "bt", "a", "help", "what", "c"]
    found, out = session(called, commands, jnp.float32(3.0))
    assert found == 6.0
    assert "->" in out and "jax.debug.breakpoint(stdin=stdin, stdout=stdout)" in out
    assert "Array(4., dtype=float32)" in out  # outer
    assert "return jax.jit(stops" in out
    assert "*** This is the newest frame." in out
    assert "half = Array(2., dtype=float32)" in out
    assert "Documented commands" in out
    assert "*** There is no command 'what'" in out
    frames = [line for line in out.splitlines() if line.endswith("()") and "test_debugging" in line]
    assert frames and os.sep + "gradax" + os.sep + "api" not in "".join(frames)


def test_quitting_and_the_end_of_input():
    for commands in (["q"], []):
        with pytest.raises(Exception, match="quit in a breakpoint"):
            stdin = io.StringIO("\n".join(commands))
            run = jax.jit(lambda x, stdin=stdin: stops(x, stdin, io.StringIO()))
            run(1.0).block_until_ready()
            jax.effects_barrier()
    assert jax.jit(lambda x: x + 1)(1.0) == 2.0


def test_under_transformations():
    def f(x, stdin, stdout):
        y = jnp.sin(x)
        jax.debug.breakpoint(stdin=stdin, stdout=stdout, num_frames=1)
        return y * 2

    run = lambda x, *files: jax.grad(lambda x: f(x, *files))(x)
    found, out = session(run, ["p y", "u", "c"], 0.5)
    np.testing.assert_allclose(found, 2 * np.cos(0.5), rtol=1e-6)
    assert "Array(0.47942555" in out and "oldest frame" in out
    run = lambda x, *files: jax.vmap(lambda x: f(x, *files))(x)
    found, out = session(run, ["p x", "c", "p x", "c"], jnp.array([1.0, 2.0], jnp.float32))
    assert "Array(1., dtype=float32)" in out and "Array(2., dtype=float32)" in out
    run = lambda x, *files: lax.scan(lambda c, t: (f(c, *files), t), x, jnp.arange(2))[0]
    found, out = session(run, ["p x", "c", "p x", "c"], jnp.float32(0.0))
    assert out.count("Entering") == 2
    run = lambda x, *files: jax.jit(
        lambda x: lax.cond(x > 0, lambda x: f(x, *files), lambda x: x, x)
    )(x)
    assert session(run, [], jnp.float32(-1.0))[1] == ""
    with pytest.raises(ValueError, match="num_frames is at least 1"):
        jax.debug.breakpoint(num_frames=0)


def test_log(caplog):
    with caplog.at_level(logging.INFO, logger="gradax.debug"):
        jax.jit(lambda x: jax.debug.log("x = {x} {}", x + 1, x=x))(1.5)
        jax.effects_barrier()
    assert [r.getMessage() for r in caplog.records if r.name == "gradax.debug"] == ["x = 1.5 2.5"]


def test_one_device(capsys):
    jax.debug.visualize_array_sharding(jnp.ones((4, 4)))
    assert capsys.readouterr().out == "┌─────────┐\n│  CPU 0  │\n└─────────┘\n"
    jax.jit(lambda x: jax.debug.visualize_array_sharding(x))(jnp.ones(4))
    jax.effects_barrier()
    assert "CPU 0" in capsys.readouterr().out
    seen = []
    jax.debug.inspect_array_sharding({"a": jnp.ones(2), "b": 1.0}, callback=seen.append)
    jax.jit(lambda x: jax.debug.inspect_array_sharding(x, callback=seen.append))(1.0)
    jax.effects_barrier()
    assert len(seen) == 3 and all(s.num_devices == 1 for s in seen)
    with pytest.raises(ValueError, match="one or two axes"):
        jax.debug.visualize_array_sharding(jnp.ones((2, 2, 2)))


MANY = """
import gradax as jax, gradax.numpy as jnp
from gradax.sharding import NamedSharding, PartitionSpec as P
mesh = jax.make_mesh((2, 2), ("a", "b"))
for shape, spec in (
    ((8, 8), P("a", "b")), ((8, 8), P("b")), ((8,), P("a")), ((8, 8), P(None, ("a", "b"))),
):
    jax.debug.visualize_array_sharding(jax.device_put(jnp.ones(shape), NamedSharding(mesh, spec)))
"""

WANTED = """\
┌─────────┬─────────┐
│  CPU 0  │  CPU 1  │
├─────────┼─────────┤
│  CPU 2  │  CPU 3  │
└─────────┴─────────┘
┌─────────┐
│ CPU 0,2 │
├─────────┤
│ CPU 1,3 │
└─────────┘
┌─────────┬─────────┐
│ CPU 0,1 │ CPU 2,3 │
└─────────┴─────────┘
┌─────────┬─────────┬─────────┬─────────┐
│  CPU 0  │  CPU 1  │  CPU 2  │  CPU 3  │
└─────────┴─────────┴─────────┴─────────┘
"""


def test_several_devices():
    env = {**os.environ, "GRADAX_NUM_CPU_DEVICES": "4", "JAX_NUM_CPU_DEVICES": "4"}
    done = subprocess.run(
        [sys.executable, "-c", MANY], capture_output=True, text=True, env=env, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == WANTED


def test_colors():
    from gradax.api.visualizing import painted

    assert painted("x", 0, 2, None).startswith("\x1b[44m")
    assert painted("x", 1, 2, lambda v: (v, 0.0, 0.0, 1.0)).startswith("\x1b[48;2;255;0;0m")


def test_names():
    assert repr(jax.debug.DebugEffect()) == "Debug"
    assert repr(jax.debug.OrderedDebugEffect()) == "OrderedDebug"


def test_debug_print(capfd):
    f = jax.jit(lambda x: jax.debug.print("x = {} {y:.2f} {n}", x, y=x * 2, n="name"))
    f(jnp.float32(1.5))
    jax.effects_barrier()
    assert capfd.readouterr().out == "x = 1.5 3.00 name\n"
    jax.vmap(lambda x: jax.debug.print("{}", x))(jnp.arange(3))
    jax.effects_barrier()
    assert sorted(capfd.readouterr().out.split()) == ["0", "1", "2"]
    jax.grad(lambda x: (jax.debug.print("{}", x), x * x)[1])(2.0)
    jax.effects_barrier()
    assert capfd.readouterr().out == "2.0\n"
    jax.jit(lambda x: jax.debug.print("{d}", d={"a": x, "b": (x, 1)}))(jnp.arange(2))
    jax.effects_barrier()
    assert capfd.readouterr().out.strip()
    with pytest.raises(ValueError, match="shows no field"):
        jax.debug.print("no fields", 1.0)
    with pytest.raises((IndexError, KeyError)):
        jax.debug.print("{} {}", 1.0)


@pytest.mark.peer
def test_debug_print_as_the_peer(peer):
    source = """
import io, contextlib
out = io.StringIO()
with contextlib.redirect_stdout(out):
    jax.debug.print("a {} b {k} c {x.shape}", x, k=x.sum(), x=x)
    jax.debug.print("{t}", t={"q": x, "r": (x[0], [x[1], None])})
    jax.debug.print("{} {!r} {:>5}", 3, 'text', 2.5)
    jax.debug.print("{:.3f}", x[1])
    jax.debug.print("{!r} {}", x, (x, "s"))
    jax.debug.print("{}", x.astype(jnp.bfloat16))
    jax.debug.print("{}", x > 1)
    jax.effects_barrier()
result = out.getvalue()
"""
    x = np.array([0.5, 1.25], np.float32)
    want = peer(source.replace("out = io", "x = jnp.asarray(x); out = io"), x=x)
    names = {"jax": jax, "jnp": jnp, "x": jnp.asarray(x)}
    exec(source, names)
    assert names["result"] == want
