"""`gradax.as_jax`: `import jax` gives gradax, and what means nothing here says so."""

import importlib
import subprocess
import sys
import types

import pytest

import gradax
from gradax.as_jax import install, uninstall
from gradax.as_jax.internals import INTERNALS


@pytest.fixture
def jax():
    install()
    yield importlib.import_module("jax")
    uninstall()
    assert "jax" not in sys.modules and "jaxlib" not in sys.modules


# What a library does that reads JAX's internals, all in one.
LIBRARY = """
import jax
import jax.core
import jax.extend.core
import jax.interpreters.ad as ad
import jax.interpreters.batching as batching
import jax.interpreters.mlir as mlir
import jax.numpy as jnp
import jax._src.traceback_util as traceback_util
from jax._src import core as jcore, dtypes
from jax._src.ad_util import stop_gradient_p
from jax._src.core import trace_state_clean
from jax._src.flatten_util import ravel_pytree
from jax._src.util import safe_map, safe_zip, split_list
from jax.extend.core.primitives import call_p, closed_call_p, jit_p
from jax.experimental import checkify, io_callback
from jax.scipy.special import logsumexp
from jaxlib import version

traceback_util.register_exclusion(__file__ if "__file__" in globals() else "here")
ad.primitive_transposes[stop_gradient_p] = lambda ct, x: (ct,)

doubled_p = jax.extend.core.Primitive("doubled")
doubled_p.def_impl(lambda x: 2 * x)
doubled_p.def_abstract_eval(lambda x: jcore.ShapedArray(x.shape, x.dtype))
ad.defjvp(doubled_p, lambda t, x: 2 * t)
batching.primitive_batchers[doubled_p] = lambda xs, dims: (doubled_p.bind(xs[0]), dims[0])
mlir.register_lowering(doubled_p, mlir.lower_fun(lambda x: 2 * x, multiple_results=False))

seen = []

@jax.jit
def loss(x):
    seen.append((trace_state_clean(), isinstance(x, jax.core.Tracer)))
    flat, unravel = ravel_pytree({"a": doubled_p.bind(x)})
    return logsumexp(flat)

slope = jax.grad(loss)(jnp.zeros(4))
mapped = jax.vmap(jax.grad(loss))(jnp.zeros((2, 4)))
aval = jax.core.get_aval(1.0)
tangent = jax.typeof(jnp.ones(2, int)).to_tangent_aval()
complex_dtype = dtypes.to_complex_dtype(jnp.float32)
"""


def test_a_library_that_reads_internals(jax):
    names: dict = {}
    exec(LIBRARY, names)
    assert names["seen"][0] == (False, True)
    assert names["slope"].tolist() == [0.5] * 4 and names["mapped"].shape == (2, 4)
    assert names["aval"].shape == () and names["tangent"].dtype == gradax.float0
    assert names["complex_dtype"] == "complex64"
    assert names["split_list"]([1, 2, 3], [1]) == [[1], [2, 3]]
    with pytest.raises(NotImplementedError, match="computes nothing"):
        names["call_p"].bind(1.0)


def test_modules_are_ours_and_stay_as_they_are(jax):
    import_module = importlib.import_module
    assert import_module("jax.numpy.linalg") is gradax.numpy.linalg
    assert import_module("jax.scipy.stats.norm") is gradax.scipy.stats.norm
    assert jax.Array is gradax.Array and jax.jit is gradax.jit
    assert jax.__version_info__ >= (0, 10) and import_module("jax.version").__version__
    assert import_module("jax.core") is not gradax.core is import_module("gradax.core")
    assert gradax.numpy.__spec__.name == "gradax.numpy"
    assert "grad" in dir(jax)
    assert install() is None  # once more changes nothing


def test_every_internal_name_leads_somewhere(jax):
    for module, places in INTERNALS.items():
        stand_in = importlib.import_module(module)
        for place in places:
            name, named, where = place.partition("=")
            if named:
                assert getattr(stand_in, name) is not None, place
            else:
                importlib.import_module(place)
            del where
    assert importlib.import_module("jax.lib.xla_bridge").get_backend().platform == "cpu"
    assert importlib.import_module("jax._src.xla_bridge").backends()["cpu"].device_count() > 0


def test_what_means_nothing_says_so(jax):
    with pytest.raises(ImportError, match="it is an internal of JAX that"):
        exec("from jax._src.core import nonsense", {})
    with pytest.raises(ImportError, match="gradax linearizes in another way"):
        exec("from jax.interpreters.partial_eval import trace_to_jaxpr_nounits", {})
    with pytest.raises(ModuleNotFoundError, match="kernels in a language for GPUs and TPUs"):
        importlib.import_module("jax.experimental.pallas")
    with pytest.raises(ModuleNotFoundError, match="conversion to TensorFlow"):
        exec("import jax.experimental.jax2tf", {})
    with pytest.raises(AttributeError, match="module 'jax' has no attribute 'nonsense'"):
        _ = jax.nonsense
    assert not hasattr(importlib.import_module("jax._src.core"), "nonsense")


def test_jax_itself_is_not_replaced():
    sys.modules["jax"] = types.ModuleType("jax")
    try:
        with pytest.raises(RuntimeError, match="JAX has been imported already"):
            install()
    finally:
        del sys.modules["jax"]


def test_without_it_nothing_answers_for_jax():
    program = "import gradax, sys; sys.exit(any(n.startswith('jax') for n in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
