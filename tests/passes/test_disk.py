"""Determinism, fingerprints, and the cache on disk: damaged entries are compiled anew."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradax
from gradax import lax
from gradax.compiler import improve, program
from gradax.compiler.fingerprint import fingerprint
from gradax.compiler.llvm import machine_code
from gradax.compiler.options import Options
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import Op, operation
from gradax.core.value import as_value
from gradax.errors import InternalError
from gradax.runtime import cache

from .levels import program_of
from .programs import Generator

ROOT = Path(__file__).resolve().parent.parent.parent
X = np.arange(24, dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Keep the cache in a folder of the test; code is of level FAST from the start."""
    before = gradax.config.current.compilation_cache_dir
    gradax.config.update("compilation_cache_dir", str(tmp_path))
    gradax.config.update("compile_level", "fast")
    yield tmp_path
    gradax.config.update("compilation_cache_dir", before)
    gradax.config.update("compile_level", "auto")


def double() -> Jaxpr:
    """Return a program, a new one each time."""
    return program_of(lambda x: [lax.add(x, x)], X)


def run(jaxpr: Jaxpr) -> None:
    """Compile, by way of the cache on disk alone, and check the result."""
    program.recent.clear()
    (out,) = program.compile_program(jaxpr).execute([as_value(X)])
    np.testing.assert_array_equal(np.asarray(out), X + X)
    improve.wait()


def entries(folder: Path) -> list[Path]:
    """Return the files of the cache."""
    return sorted(folder.iterdir())


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each compilation."""
    improve.wait()  # what earlier tests left to do
    real: Callable[[str, int], bytes] = machine_code.compile_text
    seen: list[int] = []

    def counted(text: str, level: int) -> bytes:
        seen.append(level)
        return real(text, level)

    monkeypatch.setattr(machine_code, "compile_text", counted)
    return seen


def test_second_compilation_is_loaded(folder: Path, compilations: list[int]) -> None:
    run(double())
    run(double())
    assert len(compilations) == 1 and len(entries(folder)) == 1


def test_quick_code_is_improved(folder: Path, compilations: list[int]) -> None:
    """Better code takes its place, in memory and on the disk; nothing is compiled a third time."""
    gradax.config.update("compile_level", "auto")
    jaxpr = double()
    program.recent.clear()
    executable = program.compile_program(jaxpr)
    (before,) = executable.execute([as_value(X)])
    improve.wait()
    (after,) = executable.execute([as_value(X)])
    assert compilations == [machine_code.QUICK, machine_code.FAST]
    assert bytes(np.asarray(before)) == bytes(np.asarray(after)) == bytes(X + X)
    (path,) = entries(folder)
    entry = cache.decode(path.read_bytes())
    assert entry is not None and not entry.text
    run(double())
    assert len(compilations) == 2


def test_quick_code_is_kept_as_it_is_at_the_end(folder: Path, compilations: list[int]) -> None:
    """A process that ends soon leaves quick code and its text, which another improves."""
    code = machine_code.compile_text(TEXT, machine_code.QUICK)
    entry = cache.Entry(cache.Facts(0, -1.0, ()), code, TEXT)
    linked = improve.link(code, [])
    improve.perform(improve.Job("name", linked, entry, str(folder), True), has_time=False)
    (path,) = entries(folder)
    assert cache.decode(path.read_bytes()) == entry
    assert compilations == [machine_code.QUICK]


TEXT = "define void @entry(ptr %c, ptr %a, ptr %o, ptr %s) {\n  ret void\n}\n"


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "short": lambda data: data[:20],
    "truncated": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0",
    "magic": lambda data: b"X" + data[1:],
    "checksum": lambda data: data[:12] + bytes([data[12] ^ 1]) + data[13:],
    "facts": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "code": lambda data: data[:-9] + bytes([data[-9] ^ 128]) + data[-8:],
    "text": lambda data: b"not an entry at all, but long enough to be one" * 10,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_entry_is_compiled_anew(folder: Path, compilations: list[int], damage: str) -> None:
    run(double())
    (path,) = entries(folder)
    good = path.read_bytes()
    path.write_bytes(DAMAGE[damage](good))
    run(double())
    assert len(compilations) == 2
    assert path.read_bytes() == good, "the entry is whole again"


def test_entry_of_another_program_under_the_name(folder: Path, compilations: list[int]) -> None:
    """An entry is found by its name alone: names differ wherever programs do."""
    names = set()
    for text in (lax.add, lax.sub, lax.mul):
        names.add(fingerprint(program_of(lambda x, f=text: [f(x, x)], X), Options(), []))
    for number in (1.0, 1.0000001, -0.0, 0.0, np.nan):
        names.add(fingerprint(program_of(lambda x, n=number: [lax.add(x, np.float32(n))], X),
                              Options(), []))  # fmt: skip
    for axes in ((0,), ()):
        total = program_of(lambda x, a=axes: [lax.reduce_sum(x, a)], X)
        names.add(fingerprint(total, Options(), []))
    one = program_of(lambda x: [x], X)
    names |= {
        fingerprint(one, Options(), []),
        fingerprint(one, Options(unroll=2), []),
        fingerprint(one, Options(), [(0, -1)]),
        fingerprint(program_of(lambda x: [x], X.reshape(4, 6)), Options(), []),
        fingerprint(program_of(lambda x: [x], X.astype(np.float64)), Options(), []),
    }
    assert len(names) == 15


@pytest.mark.parametrize("what", ["replace", "open", "makedirs", "write"])
def test_disk_that_refuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, compilations: list[int], what: str
) -> None:
    """Where nothing can be written, nothing is kept, nothing is said and nothing is left behind."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    if what == "makedirs":
        (folder / "file").write_text("")
        gradax.config.update("compilation_cache_dir", str(folder / "file" / "cache"))
    elif what == "write":
        monkeypatch.setattr(cache, "open", full_disk, raising=False)
    else:
        monkeypatch.setattr(os if what == "replace" else cache, what, refuse, raising=False)
    run(double())
    run(double())
    assert len(compilations) == 2
    assert [p.name for p in entries(folder)] == (["file"] if what == "makedirs" else [])


def full_disk(name: str, mode: str = "r") -> Any:
    """Open a file of a disk that takes half of what is written."""
    file = open(name, mode)  # noqa: SIM115 (closed by the caller)
    write = file.write

    class Half:
        """A file that refuses the second half."""

        def __enter__(self) -> Half:
            return self

        def __exit__(self, *error: object) -> None:
            file.close()

        def read(self) -> Any:
            return file.read()

        def write(self, data: bytes) -> None:
            write(data[: len(data) // 2])
            raise OSError(28, "No space left on device")

    return Half()


def test_cache_can_be_switched_off(folder: Path, compilations: list[int]) -> None:
    gradax.config.update("enable_compilation_cache", False)
    try:
        run(double())
        run(double())
    finally:
        gradax.config.update("enable_compilation_cache", True)
    assert len(compilations) == 2 and not entries(folder)


def test_oldest_entries_go_first(folder: Path) -> None:
    gradax.config.update("compilation_cache_max_size", 9_000)
    try:
        for k in range(12):
            run_one = program_of(lambda x, k=k: [lax.add(x, np.float32(k))], X)
            program.compile_program(run_one)
        improve.wait()
    finally:
        gradax.config.update("compilation_cache_max_size", 1 << 30)
    found = entries(folder)
    assert 0 < len(found) < 12 and sum(p.stat().st_size for p in found) <= 9_000


SOURCE = """
import sys
import numpy as np
import gradax
from gradax import lax
from gradax.compiler.fingerprint import fingerprint
from gradax.compiler.options import Options
from gradax.compiler.pipeline import program_text
from tests.passes.levels import compiled, program_of
from tests.passes.programs import Generator
import hashlib

gradax.config.update("enable_x64", True)
for seed in range(6):
    g = Generator(seed)
    jaxpr = program_of(lambda *xs: g.run(xs, 8, 5), *g.inputs(3))
    text = "".join(program_text(jaxpr, Options(), v) for v in ("graph", "schedule", "llvm"))
    print(hashlib.sha256(text.encode()).hexdigest(), fingerprint(jaxpr, Options(), []))
x = np.arange(1000, dtype=np.float32)
print(float(np.asarray(gradax.jit(lambda v: lax.reduce_sum(lax.mul(v, v), (0,)))(x))))
"""


def start(folder: Path, hash_seed: int) -> subprocess.Popen[str]:
    """Start a process that compiles programs and prints their texts' and fingerprints' sums."""
    env = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "JAX_COMPILATION_CACHE_DIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", SOURCE], stdout=subprocess.PIPE, text=True,
                            env=env, cwd=ROOT)  # fmt: skip


def test_two_processes_at_once(tmp_path: Path) -> None:
    """They give the same texts and fingerprints, and share the cache without harm."""
    processes = [start(tmp_path, seed) for seed in (1, 2)]
    outputs = [p.communicate(timeout=100)[0] for p in processes]
    assert all(p.returncode == 0 for p in processes)
    assert outputs[0] == outputs[1]
    assert entries(tmp_path) and all(cache.decode(p.read_bytes()) for p in entries(tmp_path))


def test_fingerprint_is_stable() -> None:
    for seed in range(10):
        programs = []
        for _ in range(2):
            g = Generator(seed)
            inputs = g.inputs(3)
            programs.append(program_of(lambda *xs, g=g: g.run(xs, 8, 5), *inputs))
        one, other = (fingerprint(p, Options(), []) for p in programs)
        assert one == other


def make_operation(factor: float) -> type[Op]:
    """Return an operation whose meaning is not in its name."""

    @operation
    class Scaled(Op):
        """Multiply by a number that is known to its class alone."""

        def infer(self, *avals: Any) -> Any:
            return avals[0]

        def lower(self, *operands: Any) -> Any:
            return gradax.kernel.elementwise(lambda x: x * factor, operands[0])

    return Scaled


def test_operations_from_outside_are_told_apart(folder: Path) -> None:
    """Two operations of one name are two programs."""
    for factor in (2.0, 3.0):
        jaxpr = program_of(lambda x, f=factor: [make_operation(f)()(x)], X)
        (out,) = program.compile_program(jaxpr).execute([as_value(X)])
        np.testing.assert_array_equal(np.asarray(out), X * np.float32(factor))


def test_refused_text_is_our_bug() -> None:
    with pytest.raises(InternalError, match="LLVM refuses generated code"):
        machine_code.compile_text("define void @f() { nonsense }", machine_code.FAST)
