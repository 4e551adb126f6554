"""Programs that call Python return when they are done, and fail where they are called."""

import contextlib
import io
import subprocess
import sys

import pytest

import gradax as jax
import gradax.numpy as jnp


def count(n):
    return jax.lax.while_loop(lambda i: i < n, lambda i: i + 1, 0)


def test_what_a_program_prints_is_there_when_it_returns():
    def f(n):
        out = count(n)
        jax.debug.print("counted {}", out)

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        jax.jit(f)(30_000_000)
    assert text.getvalue() == "counted 30000000\n"


def fails(n):
    kind = jax.ShapeDtypeStruct((), jnp.float32)
    return count(n), jax.pure_callback(lambda _: 1 / 0, kind, n)


def test_an_error_is_raised_by_the_call():
    with pytest.raises(ZeroDivisionError):
        jax.jit(fails)(30_000_000)


def test_a_process_ends_well_after_an_error():
    program = """
import gradax as jax
from test_synchronous import fails
try:
    jax.jit(fails)(30_000_000)
except ZeroDivisionError:
    print("caught")
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=__file__.rpartition("/")[0],
    )
    assert (run.returncode, run.stdout) == (0, "caught\n"), run.stderr
