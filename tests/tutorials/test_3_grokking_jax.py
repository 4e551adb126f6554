"""The third tutorial, "Grokking JAX": every code block, and what it prints."""

import re
import warnings

import numpy as np
import pytest

import gradax as jax
from gradax.errors import StaleGlobalWarning

from .notebook import Notebook

PIES = """\
from jax import jit

n_pies = 0
def add_pies(pies_to_add: int):
    return n_pies + pies_to_add
print(jit(add_pies)(10))
"""

MORE_PIES = """\
n_pies = 20
print(jit(add_pies)(10))
"""

PURE_PIES = """\
from jax import jit

def pure_add_pies(n_pies: int, pies_to_add: int):
    return n_pies + pies_to_add

print(jit(pure_add_pies)(0, 10))
print(jit(pure_add_pies)(20, 10))
"""

ASSIGN = """\
import jax.numpy as jnp
import numpy as np

base = np.array([1, 2, 3, 4, 5])
base[0] = 100
print(base)

base_jax = jnp.array([1, 2, 3, 4, 5])
base_jax[0] = 100
print(base_jax)
"""

AT_SET = """\
import jax.numpy as jnp
import numpy as np

base = np.array([1, 2, 3, 4, 5])
base[0] = 100
print(base)

base_jax = jnp.array([1, 2, 3, 4, 5])
# Notice the square brackets
# and the assignment to the variable updated_base (functional programming:))
updated_base = base_jax.at[0].set(100)
print(updated_base)
"""

SELU = """\
import jax
import jax.numpy as jnp

def selu(x, alpha=1.67, lambda_=1.05):
  return lambda_ * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)

x = jnp.arange(1000000)
%timeit selu(x).block_until_ready()
"""

SELU_JIT = """\
selu_jit = jax.jit(selu)

# Warm up
selu_jit(x).block_until_ready()

%timeit selu_jit(x).block_until_ready()
"""

DOT = """\
from jax import jit, vmap
from jax import random 

keygen = random.PRNGKey(0)
weights = random.normal(keygen, shape=(20, 2)) # hidden layer with 20 neurons and 2 inputs
features = random.normal(keygen, shape=(5, 2)) # batch of 5 samples with two features

def dotproduct(w, x):
    return jnp.dot(w, x) 

# dotproduct works on a single sample, but we want to apply it to all samples in the batch.
dotproduct(10, 20) #works :)
"""  # noqa: W291

DOT_OF_BATCH = """\
# now we want to apply it to all samples in the batch
dotproduct = jit(dotproduct)
dotproduct(weights, features)
"""

VMAP = """\
@jit
def linear_forward(weights, features):
    batch_dim_weights = None
    batch_dim_features = 0
    return vmap(dotproduct, in_axes=(batch_dim_weights, batch_dim_features))(weights, features)



preds = linear_forward(weights, features)
preds.shape
"""

TIME_LINE = r"[\d.e+]+ µs ± [\d.e+]+ µs per loop \(mean ± std. dev. of 7 runs, 1 loop each\)\n"


def test_pies(notebook: Notebook):
    assert notebook.run(PIES) == "10\n"
    with pytest.warns(StaleGlobalWarning) as warned:
        assert notebook.run(MORE_PIES) == "10\n"
    [warning] = warned
    message = str(warning.message)
    for part in ("n_pies", "add_pies", "0", "20", "block_1.py:5"):
        assert re.search(rf"(?<!\w){re.escape(part)}(?!\w)", message), message
    assert warning.filename.endswith("block_2.py")
    assert warning.lineno == 2


def test_pies_warn_once(notebook: Notebook):
    notebook.run(PIES)
    with pytest.warns(StaleGlobalWarning):
        notebook.run(MORE_PIES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert notebook.run(MORE_PIES) == "10\n"
        assert notebook.run("n_pies = 30\nprint(jit(add_pies)(10))") == "10\n"


def test_pies_unchanged_do_not_warn(notebook: Notebook):
    notebook.run(PIES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert notebook.run("n_pies = 0\nprint(jit(add_pies)(10))") == "10\n"


def test_pure_pies(notebook: Notebook):
    assert notebook.run(PURE_PIES) == "10\n30\n"


def test_assignment_is_refused(notebook: Notebook, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(TypeError, match="arrays are immutable") as caught:
        notebook.run(ASSIGN)
    assert re.search(r"\.at\[.+\]\.set\(", str(caught.value))
    # The document writes commas; NumPy prints none.
    assert str(notebook["base"]) == "[100   2   3   4   5]"
    assert str(notebook["base_jax"]) == "[1 2 3 4 5]"


def test_at_set(notebook: Notebook):
    assert notebook.run(AT_SET) == "[100   2   3   4   5]\n[100   2   3   4   5]\n"
    assert str(notebook["base_jax"]) == "[1 2 3 4 5]"


def test_selu(notebook: Notebook):
    assert re.fullmatch(TIME_LINE, notebook.run(SELU))
    assert re.fullmatch(TIME_LINE, notebook.run(SELU_JIT))
    expected = np.float32(1.05) * np.arange(1_000_000, dtype=np.float32)
    np.testing.assert_allclose(notebook.values[0], expected, rtol=1e-6)
    np.testing.assert_allclose(notebook["selu"](notebook["x"]), expected, rtol=1e-6)


def test_dot_of_wrong_shapes(notebook: Notebook):
    notebook.run(AT_SET)
    assert notebook.run(DOT) == ""
    assert notebook.values == [200]
    with pytest.raises(
        TypeError, match=re.escape("Incompatible shapes for dot: got (20, 2) and (5, 2)")
    ):
        notebook.run(DOT_OF_BATCH)


def test_vmap(notebook: Notebook):
    notebook.run(AT_SET)
    notebook.run(DOT)
    with pytest.raises(TypeError):
        notebook.run(DOT_OF_BATCH)
    assert notebook.run(VMAP) == ""
    assert notebook.values == [(5, 20)]
    expected = np.asarray(notebook["features"]) @ np.asarray(notebook["weights"]).T
    np.testing.assert_allclose(notebook["preds"], expected, rtol=1e-5, atol=1e-6)
    assert isinstance(notebook["preds"], jax.Array)
