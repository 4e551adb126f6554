"""Linking object code: what it calls, what is damaged, and LLVM's own linker."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from gradax import native
from gradax.compiler.llvm import machine_code, portable_link
from gradax.errors import CompileError

TEXT = """
@table = internal constant [4 x double] [double 1.0, double 2.0, double 4.0, double 8.0]
declare double @fmod(double, double)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define internal double @inner(double %x) noinline {
  %y = call double @fmod(double %x, double 3.0)
  ret double %y
}
define void @entry(ptr %ctx, ptr %args, ptr %outs, ptr %arena) {
  %in = load ptr, ptr %args
  %out = load ptr, ptr %outs
  %x = load double, ptr %in
  %y = call double @inner(double %x)
  %i = fptosi double %y to i64
  %p = getelementptr double, ptr @table, i64 %i
  %z = load double, ptr %p
  call void @llvm.memset.p0.i64(ptr %out, i8 0, i64 4096, i1 false)
  store double %z, ptr %out
  ret void
}
"""


def call(code: native.Code, x: float) -> float:
    """Call the entry on one number."""
    argument, result = np.array([x]), np.empty(512)
    pointers = [(ctypes.c_void_p * 1)(a.ctypes.data) for a in (argument, result)]
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)(code.entry)(None, *pointers, None)
    assert not result[1:].any()
    return float(result[0])


@pytest.mark.parametrize("level", [machine_code.QUICK, machine_code.FAST])
def test_code_reaches_tables_functions_and_the_runtime(level: int) -> None:
    code = machine_code.link(machine_code.compile_text(TEXT, level), "entry")
    assert [call(code, x) for x in (3.0, 4.5, 5.0)] == [1.0, 2.0, 4.0]


def test_llvms_linker_does_the_same() -> None:
    code = portable_link.link(machine_code.compile_text(TEXT), "entry")
    assert [call(code, x) for x in (3.0, 4.5, 5.0)] == [1.0, 2.0, 4.0]


def test_code_is_replaced() -> None:
    code = machine_code.link(machine_code.compile_text(TEXT), "entry")
    other = TEXT.replace("double 3.0", "double 2.0")
    code.load(machine_code.compile_text(other), "entry")
    assert call(code, 3.0) == 2.0


def test_what_cannot_be_linked_is_refused() -> None:
    objects = machine_code.compile_text(TEXT)
    with pytest.raises(CompileError, match="no function other"):
        machine_code.link(objects, "other")
    unknown = machine_code.compile_text(TEXT.replace("@fmod", "@gx_never_there"))
    with pytest.raises(CompileError, match="gx_never_there"):
        machine_code.link(unknown, "entry")
    with pytest.raises(CompileError):
        machine_code.link(b"", "entry")


@pytest.mark.skipif(not native.can_link(), reason="LLVM links this machine's object files")
def test_damaged_headers_never_crash() -> None:
    """What the checksum of the cache keeps out is refused, or linked, but never read past."""
    objects = machine_code.compile_text(TEXT)
    for end in range(0, len(objects), 7):
        with pytest.raises(CompileError):
            machine_code.link(objects[:end], "entry")
    rng = random.Random(0)
    start = int.from_bytes(objects[0x28:0x30], "little")  # the table of sections
    for _ in range(2000):
        damaged = bytearray(objects)
        for _ in range(rng.randrange(1, 4)):
            place = rng.choice([rng.randrange(64), rng.randrange(start, len(objects))])
            damaged[place] = rng.randrange(256)
        try:
            machine_code.link(bytes(damaged), "entry")
        except (CompileError, MemoryError):
            continue


CHILD = """
import os, sys
import gradax as jax
import numpy as np
x = np.ones(4, "float32")
assert float(jax.jit(lambda v: (v + 1).sum())(x)) == 8.0
child = os.fork()
value = float(jax.jit(lambda v: (v * 3 + 1).sum())(x))
if child == 0:
    os._exit(0 if value == 16.0 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and value == 16.0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_compiles(tmp_path: object) -> None:
    """A fork right after the import finds neither LLVM half loaded nor a lock held."""
    env = {**os.environ, "GRADAX_COMPILATION_CACHE_DIR": str(tmp_path)}
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", CHILD], env=env, timeout=60, check=False)
        assert done.returncode == 0
