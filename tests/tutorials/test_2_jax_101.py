"""The second tutorial, "Jax 101": every code block, and what it prints."""

import re

import numpy as np
import pytest

import gradax as jax

from .notebook import Notebook

ARRAYS = """\
import numpy as np
import jax.numpy as jnp

arange_np = np.arange(5)
arange_jnp = jnp.arange(5)

linspace_np = np.linspace(-3, 3, 100)
linspace_jnp = jnp.linspace(-3, 3, 100)

zeros_np = np.zeros((10, 10), dtype=np.float16)
zeros_jnp = jnp.zeros((10, 10), dtype=jnp.float16)
"""

DTYPES = """\
print(f"NumPy dtype: {arange_np.dtype}")
print(f"Jax dtype: {arange_jnp.dtype}")
"""

PLOT = """\
import matplotlib.pyplot as plt

plt.plot(linspace_jnp)
plt.title("Simple plot of jnp data");
"""

KEY = """\
from jax import random

key = random.key(21)
print(key)
"""

NORMAL = """\
x1 = random.normal(key, 3)
print(x1)
"""

NORMAL_AGAIN = """\
x2 = random.normal(key, 3)
print(x2)
"""

SPLIT = """\
newkey1, newkey2 = random.split(key, 2)
print(newkey1)
print(newkey2)
"""

GRAD = """\
from jax import grad

def relu(x):
    return jnp.maximum(0, x)

relu_grad = grad(relu)
"""

GRAD_OF_EACH = """\
xs = jnp.linspace(-3, 3, 200)
ys_grad = [relu_grad(x) for x in xs]
"""

ARGNUMS = """\
def f(a, b):
    return 2 * a**3 - b**2

f_grad_0 = grad(f, argnums=0) # Derivative wrt `a`
f_grad_1 = grad(f, argnums=1) # Derivative wrt `b`
"""

VMAP = """\
from jax import vmap

relu_vmap_grad = vmap(grad(relu))
ys_grad = relu_vmap_grad(xs) # can handle batches of data now
"""

JIT = """\
from jax import jit

def f(x):
    x = x + 2
    x = x**2 - 4
    return jnp.sum(x)

f_jit = jit(f)
"""

TIMES = """\
xs = jnp.linspace(-10, 10, 1_000_000)
# warm up jitted function (i.e. it compiles 1st time it runs)
_ = f_jit(xs)

%timeit f(xs)
%timeit f_jit(xs).block_until_ready()
"""

JAXPR = """\
from jax import make_jaxpr

make_jaxpr(f)(xs)
"""

# The document shows an older text of literals (`2.0`); today JAX writes their type as well.
JAXPR_TEXT = """\
{ lambda ; a:f32[1000000]. let
    b:f32[1000000] = add a 2.0:f32[]
    c:f32[1000000] = integer_pow[y=2] b
    d:f32[1000000] = sub c 4.0:f32[]
    e:f32[] = reduce_sum[axes=(0,)] d
  in (e,) }"""


def test_arrays(notebook: Notebook):
    assert notebook.run(ARRAYS) == ""
    for name in ("arange", "linspace", "zeros"):
        ours, numpys = notebook[f"{name}_jnp"], notebook[f"{name}_np"]
        assert ours.shape == numpys.shape
        np.testing.assert_allclose(ours, numpys, atol=3e-7)
    assert notebook["zeros_jnp"].dtype == np.float16
    assert notebook["linspace_jnp"].dtype == np.float32


def test_dtypes(notebook: Notebook):
    notebook.run(ARRAYS)
    assert notebook.run(DTYPES) == "NumPy dtype: int64\nJax dtype: int32\n"


def test_plot(notebook: Notebook, monkeypatch: pytest.MonkeyPatch):
    matplotlib = pytest.importorskip("matplotlib", reason="the plot needs matplotlib")
    monkeypatch.setitem(matplotlib.rcParams, "backend", "Agg")
    notebook.run(ARRAYS)
    assert notebook.run(PLOT) == ""
    [line] = notebook.values[0]
    np.testing.assert_array_equal(line.get_ydata(), notebook["linspace_jnp"])
    notebook["plt"].close("all")


def test_randomness(notebook: Notebook):
    assert notebook.run(KEY) == "Array((), dtype=key<fry>) overlaying:\n[ 0 21]\n"
    assert notebook.run(NORMAL) == "[-2.6825788  -0.7566388  -0.29570565]\n"
    assert notebook.run(NORMAL_AGAIN) == "[-2.6825788  -0.7566388  -0.29570565]\n"
    assert notebook.run(SPLIT) == (
        "Array((), dtype=key<fry>) overlaying:\n[  15689208 2943087094]\n"
        "Array((), dtype=key<fry>) overlaying:\n[1648097174  339021355]\n"
    )


def test_newer_stream():
    with jax.threefry_partitionable(True):
        drawn = jax.random.normal(jax.random.key(21), 3)
    assert str(drawn) == "[ 0.5006109   0.37630108 -0.2896132 ]"


def test_grad(notebook: Notebook):
    notebook.run(ARRAYS)
    assert notebook.run(GRAD + GRAD_OF_EACH) == ""
    assert [float(y) for y in notebook["ys_grad"]] == [0.0] * 100 + [1.0] * 100


def test_argnums(notebook: Notebook):
    notebook.run(GRAD.split("\n")[0] + "\n" + ARGNUMS)
    assert notebook["f_grad_0"](3.0, 4.0) == 54
    assert notebook["f_grad_1"](3.0, 4.0) == -8


def test_vmap(notebook: Notebook):
    notebook.run(ARRAYS)
    notebook.run(GRAD)
    notebook.run(GRAD_OF_EACH)
    one_by_one = notebook["ys_grad"]
    assert notebook.run(VMAP) == ""
    np.testing.assert_array_equal(notebook["ys_grad"], one_by_one)


def test_jit(notebook: Notebook):
    notebook.run(ARRAYS)
    notebook.run(JIT)
    line = r"[\d.e+]+ µs ± [\d.e+]+ µs per loop \(mean ± std. dev. of 7 runs, 1 loop each\)\n"
    assert re.fullmatch(line * 2, notebook.run(TIMES))
    expected = np.sum((np.linspace(-10, 10, 1_000_000) + 2) ** 2 - 4)
    np.testing.assert_allclose(notebook["_"], expected, rtol=1e-5)


def test_make_jaxpr(notebook: Notebook):
    notebook.run(ARRAYS)
    notebook.run(JIT)
    notebook.run(TIMES)
    assert notebook.run(JAXPR) == ""
    assert [str(value) for value in notebook.values] == [JAXPR_TEXT]
