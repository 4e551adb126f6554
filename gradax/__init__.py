"""Gradax: JAX's programming model and API on a compiler and a runtime of its own.

`import gradax as jax` runs programs written for JAX. This page assembles the package: it makes the
two deliberate inversions (the eager evaluator, the operators of arrays) and names what is public.
"""

import os as _os
import typing as _typing

from gradax.runtime import libraries as _libraries  # noqa: F401  LLVM loads meanwhile

# isort: split
from gradax import config as config
from gradax import core as _core
from gradax import dtypes as dtypes
from gradax import errors as errors
from gradax import lax as lax
from gradax import native as _native
from gradax import numpy as numpy
from gradax import sharding as sharding
from gradax import tree as tree
from gradax import tree_util as tree_util
from gradax.api import compiling as _compiling
from gradax.api import concrete as _concrete
from gradax.api import evaluate as _evaluate
from gradax.api import jit as _jit
from gradax.api import settings as _settings
from gradax.lazy import export as _export
from gradax.numpy import operators as _operators
from gradax.numpy import ufunc_methods as _ufunc_methods
from gradax.runtime import placement as _placement

if _typing.TYPE_CHECKING:
    from gradax import custom_derivatives as custom_derivatives
    from gradax import flatten_util as flatten_util
    from gradax import image as image
    from gradax import nn as nn
    from gradax import ops as ops
    from gradax import random as random
    from gradax import scipy as scipy
    from gradax import stages as stages
    from gradax import version as version
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
    from gradax.api.jacobians import jacobian as jacobian
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
    from gradax.runtime.threads import num_threads as num_threads
    from gradax.runtime.threads import set_num_threads as set_num_threads
    from gradax.runtime.threads import threads as threads
    from gradax.version import __version__ as __version__
    from gradax.version import __version_info__ as __version_info__

P = sharding.PartitionSpec
checking_leaks = config.check_tracer_leaks
make_array_from_callback = _placement.from_callback
make_array_from_single_device_arrays = _placement.from_single_device_arrays

_EXPORTS = """
    gradax.api.custom_gradient: closure_convert custom_gradient
    gradax.api.custom_jvp: custom_jvp
    gradax.api.custom_vjp: custom_vjp
    gradax.api.device: block_until_ready device_get device_put
    gradax.api.grad: grad value_and_grad
    gradax.api.inspect: eval_shape make_jaxpr typeof
    gradax.api.jacobians: hessian jacfwd jacrev jacobian
    gradax.api.jit: jit
    gradax.api.jvp: jvp linearize
    gradax.api.scopes: clear_caches ensure_compile_time_eval named_call named_scope
    gradax.api.shapes: ShapeDtypeStruct
    gradax.api.vjp: linear_transpose vjp
    gradax.api.vmap: vmap
    gradax.config: check_tracer_leaks debug_infs debug_key_reuse debug_nans default_device
        default_matmul_precision default_prng_impl disable_jit enable_checks enable_custom_prng
        enable_x64 explain_cache_misses legacy_prng_key log_compiles numpy_dtype_promotion
        numpy_rank_promotion softmax_custom_jvp threefry_partitionable transfer_guard
        transfer_guard_device_to_device transfer_guard_device_to_host transfer_guard_host_to_device
    gradax.core.array: Array
    gradax.environment: print_environment_info
    gradax.runtime.device: Device default_backend device_count devices local_device_count
        local_devices process_count process_index
    gradax.runtime.sharding: NamedSharding make_mesh
    gradax.runtime.threads: num_threads set_num_threads threads
    gradax.version: __version__ __version_info__
"""
_MODULES = "custom_derivatives flatten_util image nn ops random scipy stages version"

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, _MODULES)

_native.set_package_folder(_os.path.dirname(_os.path.abspath(__file__)) + _os.sep)

# The first inversion: core evaluates operations and makes arrays through what stands above it.
_core.conversion.to_array = _native.Array.from_numpy
_core.evaluation.evaluate = _evaluate.evaluate

_placement.install()
_settings.install()
_evaluate.install()
_concrete.install()
_jit.install()

# The second: the operators and methods of arrays and of the tracers that stand for them.
_operators.install(_native.Array, _core.Tracer)
_ufunc_methods.install()

# Last: whoever imports the package seldom compiles at once.
_compiling.load_ahead()
