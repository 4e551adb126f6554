"""Gradax: JAX's programming model and API on a compiler and a runtime of its own.

`import gradax as jax` runs programs written for JAX. This page assembles the package: it makes the
two deliberate inversions (the eager evaluator, the operators of arrays) and names what is public.
"""

import importlib as _importlib
import os as _os
from typing import Any as _Any

from gradax import config as config
from gradax import dtypes as dtypes
from gradax import errors as errors
from gradax import native as _native
from gradax import tree as tree
from gradax import tree_util as tree_util

# The order matters from here on: `lax` before what stands on it.
# isort: off
from gradax import core as _core
from gradax import lax as lax
from gradax import sharding as sharding
from gradax.runtime import placement as _placement
from gradax.api import concrete as _concrete
from gradax.api import evaluate as _evaluate
from gradax.api import jit as _jit
from gradax.api import settings as _settings

from gradax.api.custom_gradient import closure_convert as closure_convert
from gradax.api.custom_gradient import custom_gradient as custom_gradient
from gradax.api.custom_jvp import custom_jvp as custom_jvp
from gradax.api.custom_vjp import custom_vjp as custom_vjp
from gradax.api.device import block_until_ready as block_until_ready
from gradax.api.device import device_get as device_get
from gradax.api.device import device_put as device_put
from gradax.api.grad import grad as grad
from gradax.api.grad import value_and_grad as value_and_grad
from gradax.api.inspect import eval_shape as eval_shape
from gradax.api.inspect import make_jaxpr as make_jaxpr
from gradax.api.inspect import typeof as typeof
from gradax.api.jacobians import hessian as hessian
from gradax.api.jacobians import jacfwd as jacfwd
from gradax.api.jacobians import jacrev as jacrev
from gradax.api.jit import jit as jit
from gradax.api.jvp import jvp as jvp
from gradax.api.jvp import linearize as linearize
from gradax.api.scopes import clear_caches as clear_caches
from gradax.api.scopes import ensure_compile_time_eval as ensure_compile_time_eval
from gradax.api.scopes import named_call as named_call
from gradax.api.scopes import named_scope as named_scope
from gradax.api.shapes import ShapeDtypeStruct as ShapeDtypeStruct
from gradax.api.vjp import linear_transpose as linear_transpose
from gradax.api.vjp import vjp as vjp
from gradax.api.vmap import vmap as vmap
from gradax.config import check_tracer_leaks as check_tracer_leaks
from gradax.config import debug_infs as debug_infs
from gradax.config import debug_key_reuse as debug_key_reuse
from gradax.config import debug_nans as debug_nans
from gradax.config import default_device as default_device
from gradax.config import default_matmul_precision as default_matmul_precision
from gradax.config import default_prng_impl as default_prng_impl
from gradax.config import disable_jit as disable_jit
from gradax.config import enable_checks as enable_checks
from gradax.config import enable_custom_prng as enable_custom_prng
from gradax.config import enable_x64 as enable_x64
from gradax.config import explain_cache_misses as explain_cache_misses
from gradax.config import legacy_prng_key as legacy_prng_key
from gradax.config import log_compiles as log_compiles
from gradax.config import numpy_dtype_promotion as numpy_dtype_promotion
from gradax.config import numpy_rank_promotion as numpy_rank_promotion
from gradax.config import softmax_custom_jvp as softmax_custom_jvp
from gradax.config import threefry_partitionable as threefry_partitionable
from gradax.config import transfer_guard as transfer_guard
from gradax.config import transfer_guard_device_to_device as transfer_guard_device_to_device
from gradax.config import transfer_guard_device_to_host as transfer_guard_device_to_host
from gradax.config import transfer_guard_host_to_device as transfer_guard_host_to_device
from gradax.core.array import Array as Array
from gradax.environment import print_environment_info as print_environment_info
from gradax.runtime.device import Device as Device
from gradax.runtime.device import default_backend as default_backend
from gradax.runtime.device import device_count as device_count
from gradax.runtime.device import devices as devices
from gradax.runtime.device import local_device_count as local_device_count
from gradax.runtime.device import local_devices as local_devices
from gradax.runtime.device import process_count as process_count
from gradax.runtime.device import process_index as process_index
from gradax.runtime.sharding import NamedSharding as NamedSharding
from gradax.runtime.sharding import make_mesh as make_mesh
from gradax.version import __version__ as __version__
from gradax.version import __version_info__ as __version_info__

P = sharding.PartitionSpec
jacobian = jacrev
checking_leaks = check_tracer_leaks
make_array_from_callback = _placement.from_callback
make_array_from_single_device_arrays = _placement.from_single_device_arrays

_native.set_package_folder(_os.path.dirname(_os.path.abspath(__file__)) + _os.sep)

# The first inversion: core evaluates operations and makes arrays through what stands above it.
_core.conversion.to_array = _native.Array.from_numpy
_core.evaluation.evaluate = _evaluate.evaluate

_placement.install()
_settings.install()
_evaluate.install()
_concrete.install()
_jit.install()

from gradax import numpy as numpy  # noqa: E402

from gradax.numpy import operators as _operators  # noqa: E402

# The second: the operators and methods of arrays and of the tracers that stand for them.
_operators.install(_native.Array, _core.Tracer)

_LAZY = (
    *("custom_derivatives", "flatten_util", "image", "nn", "ops", "random", "scipy", "stages"),
)


def __getattr__(name: str) -> _Any:
    """Import a submodule when it is first used."""
    if name in _LAZY:
        return _importlib.import_module(f"gradax.{name}")
    raise AttributeError(f"module 'gradax' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({n for n in globals() if not n.startswith("_")} | {"__version__"})
