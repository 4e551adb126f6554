"""The package: its names, its report, and what programs written for JAX import."""

import subprocess
import sys

import gradax
import gradax as jax

NAMES = """
Array Device NamedSharding P ShapeDtypeStruct block_until_ready check_tracer_leaks checking_leaks
clear_caches closure_convert config custom_derivatives custom_gradient custom_jvp custom_vjp
debug_infs debug_key_reuse debug_nans default_backend default_device default_matmul_precision
default_prng_impl device_count device_get device_put devices disable_jit dtypes enable_checks
enable_custom_prng enable_x64 ensure_compile_time_eval errors eval_shape flatten_util grad hessian
jacfwd jacobian jacrev jit jvp lax legacy_prng_key linear_transpose linearize local_device_count
local_devices log_compiles make_array_from_callback make_array_from_single_device_arrays make_jaxpr
make_mesh named_call named_scope numpy numpy_dtype_promotion numpy_rank_promotion
print_environment_info process_count process_index random sharding softmax_custom_jvp stages
threefry_partitionable transfer_guard tree tree_util typeof value_and_grad version vjp vmap
"""


def test_names():
    assert [n for n in NAMES.split() if not hasattr(jax, n)] == []
    assert set(NAMES.split()) - {"custom_derivatives", "flatten_util", "random", "stages"} <= set(
        dir(jax)
    )
    assert not hasattr(jax, "no_such_name")


def test_imports_as_programs_for_jax_write_them():
    source = (
        "import gradax as jax\n"
        "import gradax.numpy as jnp\n"
        "from gradax import grad, jit, lax, random, vmap\n"
        "from gradax.tree_util import tree_map\n"
        "from gradax.sharding import Mesh, PartitionSpec\n"
        "from gradax.flatten_util import ravel_pytree\n"
        "print(jit(grad(lambda x: jnp.sin(x) * 2))(0.0), jax.stages.Lowered.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "2.0 Lowered\n", done.stderr


def test_importing_compiles_nothing_and_brings_no_compiler():
    source = "import sys, gradax; print([m for m in ('llvmlite', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_report():
    done = subprocess.run([sys.executable, "-m", "gradax"], capture_output=True, text=True)
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[:1])
    assert rows == {"gradax": gradax.__version__}
    for word in ("devices", "threads", "compilation cache", "numpy"):
        assert word in done.stdout
    assert jax.print_environment_info(return_string=True).startswith("gradax")
