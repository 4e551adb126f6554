"""Globals that a compiled function read: a change is reported once."""

import subprocess
import sys
import warnings

import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax.errors import StaleGlobalWarning

SCALE = 2.0
OFFSET = (1, 2)
TABLE = jnp.arange(3)


def scaled(x):
    return x * SCALE


def outer(x):
    return scaled(x) + 1


def with_tuple(x):
    return x + OFFSET[0]


def with_array(x):
    return x + TABLE


@pytest.fixture
def names(monkeypatch):
    yield lambda name, value: monkeypatch.setitem(globals(), name, value)


def stale(f, *args):
    """Call and return the texts of the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(*args)
    return [str(w.message) for w in caught if issubclass(w.category, StaleGlobalWarning)]


def test_a_change_is_reported_once(names):
    f = jax.jit(scaled)
    assert stale(f, 3.0) == []
    names("SCALE", 5.0)
    (text,) = stale(f, 3.0)
    assert text.startswith("scaled was compiled when the global 'SCALE' was 2.0; it is 5.0 now")
    assert f"{__file__}:" in text and "(scaled)" in text
    assert f(3.0) == 6, "the result stays as it was compiled"
    assert stale(f, 3.0) == []
    f.clear_cache()
    assert f(3.0) == 15


def test_functions_that_are_called_count(names):
    f = jax.jit(outer)
    f(1.0)
    names("SCALE", 7.0)
    assert "'SCALE'" in stale(f, 1.0)[0]


def test_another_jit_of_the_function_reports(names):
    jax.jit(with_tuple)(1.0)
    names("OFFSET", (5, 6))
    assert "'OFFSET' was (1, 2); it is (5, 6) now" in stale(jax.jit(with_tuple), 1.0)[0]


def test_arrays_count(names):
    f = jax.jit(with_array)
    f(1)
    names("TABLE", jnp.arange(3) + 1)
    assert "'TABLE'" in stale(f, 1)[0]


def test_an_equal_value_is_no_change(names):
    f = jax.jit(lambda x: x + OFFSET[0])
    f(1.0)
    names("OFFSET", (OFFSET[0], OFFSET[1]))
    assert stale(f, 1.0) == []
    names("OFFSET", (3, 4))
    assert len(stale(f, 1.0)) == 1


def test_the_warning_names_the_line_of_the_call():
    source = "import gradax as jax\nn = 1\nf = jax.jit(lambda x: x + n)\nf(1)\nn = 2\nf(1)\n"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "<string>:6: StaleGlobalWarning: <lambda> was compiled when the global 'n' was 1" in (
        done.stderr
    )
