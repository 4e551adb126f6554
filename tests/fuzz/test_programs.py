"""Random programs agree with NumPy, under every nesting of jit, vmap and the derivatives.

`GRADAX_FUZZ_PROGRAMS` sets how many programs there are, `GRADAX_FUZZ_SEED` the first seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp

from .programs import FLOATS, Generator, Program, tolerance

N_PROGRAMS = int(os.environ.get("GRADAX_FUZZ_PROGRAMS", "400"))
FIRST_SEED = int(os.environ.get("GRADAX_FUZZ_SEED", "0"))
BATCH = 10


@pytest.fixture(autouse=True)
def wide() -> Any:
    """Run with 64-bit types, so that results are NumPy's."""
    with gradax.enable_x64(True):
        yield


def seeds(part: int) -> range:
    """Return the seeds of one part of the programs."""
    start = FIRST_SEED + part * BATCH
    return range(start, start + BATCH)


def compare(program: Program, got: Any, want: Any, what: str) -> None:
    """Assert that values agree, showing the program when they do not."""
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        where = f"{what}, output {k} of\n{program}"
        assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape} {where}"
        # A float64 that was computed from float32 values is no more exact than they are.
        narrow = b.dtype == np.float64 and "float32" in str(program)
        rtol, atol = tolerance(np.dtype(np.float32) if narrow else b.dtype)
        np.testing.assert_allclose(a, b, rtol, atol, err_msg=where)


def on_arrays(program: Program) -> Callable[..., Any]:
    """Return a program as a function of gradax's arrays."""
    return lambda *xs: program(gnp, *xs)


def calling(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that only calls another."""
    return lambda *xs: inner(*xs)


@pytest.mark.parametrize("part", range(-(-N_PROGRAMS // BATCH)))
def test_values(part: int) -> None:
    """Eager, jitted, and jitted with inner jits."""
    for seed in seeds(part):
        program = Generator(seed).program(3, 12, 4)
        with np.errstate(all="ignore"):
            want = program(np, *program.inputs)
        inputs = [gnp.asarray(x) for x in program.inputs]
        compare(program, program(gnp, *inputs), want, "eager")
        jitted = gradax.jit(on_arrays(program))
        compare(program, jitted(*inputs), want, "jit")
        compare(program, gradax.jit(calling(jitted))(*inputs), want, "jit of jit")


@pytest.mark.parametrize("part", range(-(-N_PROGRAMS // BATCH)))
def test_vmap(part: int) -> None:
    """Mapped programs are stacked programs."""
    for seed in seeds(part):
        program = Generator(seed).program(3, 10, 3)
        rng = np.random.default_rng(seed)
        mapped = [bool(rng.integers(2)) for _ in program.inputs]
        mapped[0] = True
        args = [
            np.stack([x, x[..., ::-1] if x.ndim else x, np.zeros_like(x)]) if m else x
            for x, m in zip(program.inputs, mapped, strict=True)
        ]
        rows = []
        for i in range(3):
            with np.errstate(all="ignore"):
                rows.append(
                    program(np, *(x[i] if m else x for x, m in zip(args, mapped, strict=True)))
                )
        want = [np.stack(parts) for parts in zip(*rows, strict=True)]
        axes = tuple(0 if m else None for m in mapped)
        run = gradax.vmap(on_arrays(program), in_axes=axes)
        inputs = [gnp.asarray(x) for x in args]
        compare(program, run(*inputs), want, "vmap")
        compare(program, gradax.jit(run)(*inputs), want, "jit of vmap")


def smooth_program(seed: int) -> Program:
    """Return a program of differentiable steps on float64."""
    generator = Generator(seed, ("float64",))
    generator.values = [generator.array(generator.shape(), "float64") for _ in range(2)]
    inputs = list(generator.values)
    while len(generator.steps) < 8:
        before = len(generator.steps)
        generator.try_step()
        if len(generator.steps) > before and not generator.steps[-1].smooth:
            generator.steps.pop()
            generator.values.pop()
    return Program(seed, inputs, generator.steps, 2)


@pytest.mark.parametrize("part", range(-(-N_PROGRAMS // BATCH)))
def test_derivatives(part: int) -> None:
    """Reverse mode, forward mode and finite differences agree, jitted and mapped too."""
    for seed in seeds(part):
        program = smooth_program(seed)
        rng = np.random.default_rng(seed)
        inputs = [gnp.asarray(x) for x in program.inputs]
        directions = [rng.normal(size=x.shape) for x in program.inputs]

        def loss(*xs: Any, program: Program = program) -> Any:
            return sum(gnp.sum(gnp.sin(y)) for y in program(gnp, *xs))

        def along(t: float, program: Program = program, directions: Any = directions) -> float:
            moved = [x + t * d for x, d in zip(program.inputs, directions, strict=True)]
            return float(sum(np.sum(np.sin(y)) for y in program(np, *moved)))

        slope, coarser = ((along(h) - along(-h)) / (2 * h) for h in (1e-6, 1e-5))
        every = tuple(range(len(inputs)))
        gradient = gradax.grad(loss, argnums=every)
        tangents = [gnp.asarray(d) for d in directions]
        _, forward = gradax.jvp(loss, tuple(inputs), tuple(tangents))
        scale = 1 + abs(slope)
        of_jit = gradax.grad(gradax.jit(loss), argnums=every)
        for what, run in (
            ("grad", gradient),
            ("jit of grad", gradax.jit(gradient)),
            ("grad of jit", of_jit),
        ):
            found = sum(
                float(np.sum(np.asarray(g) * d))
                for g, d in zip(run(*inputs), directions, strict=True)
            )
            assert abs(found - float(forward)) < 1e-8 * scale, f"{what} against jvp\n{program}"
        if abs(slope - coarser) < 1e-4 * scale:  # else the function is too rough for differences
            assert abs(float(forward) - slope) < 1e-3 * scale, f"jvp {forward}, {slope}\n{program}"
        stacked = [gnp.stack([x, x * 0.5]) for x in inputs]
        mapped = gradax.vmap(gradient)(*stacked)
        for a, b in zip(mapped, gradient(*(x * 0.5 for x in inputs)), strict=True):
            np.testing.assert_allclose(a[1], b, 1e-8, 1e-9, err_msg=f"vmap of grad\n{program}")


@pytest.mark.parametrize("part", range(-(-N_PROGRAMS // (8 * BATCH))))
def test_open_axes(part: int) -> None:
    """A program with all axes open agrees at the sizes that it was traced for, and at others."""
    for seed in seeds(part):
        program = Generator(seed).program(3, 12, 4)
        dims = tuple(tuple(range(x.ndim)) for x in program.inputs)
        run = gradax.jit(on_arrays(program), dynamic_dims=dims)
        rng = np.random.default_rng(seed)
        for trial in range(4):
            sizes = {n: int(rng.integers(2, 70)) for x in program.inputs for n in x.shape if n > 1}
            inputs = [
                rng.choice(x.ravel(), [sizes.get(n, n) for n in x.shape]) if trial else x
                for x in program.inputs
            ]
            try:
                with np.errstate(all="ignore"):
                    want = program(np, *inputs)
            except (ValueError, IndexError):
                continue  # the program is for the sizes that it was made with
            compare(program, run(*map(gnp.asarray, inputs)), want, f"open axes, trial {trial}")


def test_number_of_float_dtypes() -> None:
    """The generator draws from every float dtype that it knows."""
    seen = {str(x.dtype) for seed in range(40) for x in Generator(seed).program(3, 1, 1).inputs}
    assert seen >= set(FLOATS)
