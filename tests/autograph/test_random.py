"""Random programs give what Python gives: plain, compiled and mapped."""

import importlib.util
from pathlib import Path

import programs
import pytest

import gradax as jax
import gradax.numpy as jnp

N_PROGRAMS = 30
CASES = [(5, 3, 2), (0, 7, 0), (-4, 2, 3), (11, 11, 1), (60, -9, 4)]


def load(seed: int, folder: Path):
    """Write and import a program: it needs a file, whose source is converted."""
    path = folder / f"program_{seed}.py"
    path.write_text(programs.Generator(seed).source())
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f


@pytest.mark.parametrize("seed", range(N_PROGRAMS))
def test_program(seed: int, tmp_path: Path):
    f = load(seed, tmp_path)
    print(f"programs.Generator({seed})\n{programs.Generator(seed).source()}")
    expected = [f(*case) for case in CASES]
    g = jax.autograph(f)
    plain = [g(*case) for case in CASES]
    assert plain == expected
    assert [type(x) for x in plain] == [type(x) for x in expected]
    jitted = jax.jit(g)
    assert [int(jitted(*case)) for case in CASES] == expected
    columns = [jnp.array(column) for column in zip(*CASES, strict=True)]
    assert jax.vmap(g)(*columns).tolist() == expected
    a, b = jnp.array([5, 0, 11]), jnp.array([3, 7, 2])
    mapped = jax.vmap(jitted, in_axes=(0, 0, None))(a, b, 2)
    assert mapped.tolist() == [f(5, 3, 2), f(0, 7, 2), f(11, 2, 2)]
