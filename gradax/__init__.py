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
from gradax import tracebacks as _tracebacks
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
    from gradax import ad as ad
    from gradax import ad_checkpoint as ad_checkpoint
    from gradax import api_util as api_util
    from gradax import as_jax as as_jax
    from gradax import checkpoint_policies as checkpoint_policies
    from gradax import custom_batching as custom_batching
    from gradax import custom_derivatives as custom_derivatives
    from gradax import debug as debug
    from gradax import distributed as distributed
    from gradax import dlpack as dlpack
    from gradax import example_libraries as example_libraries
    from gradax import experimental as experimental
    from gradax import export as export
    from gradax import extend as extend
    from gradax import ffi as ffi
    from gradax import flatten_util as flatten_util
    from gradax import image as image
    from gradax import interpreters as interpreters
    from gradax import memory as memory
    from gradax import monitoring as monitoring
    from gradax import nn as nn
    from gradax import ops as ops
    from gradax import profiler as profiler
    from gradax import random as random
    from gradax import ref as ref
    from gradax import scipy as scipy
    from gradax import stages as stages
    from gradax import test_util as test_util
    from gradax import typing as typing
    from gradax import version as version
    from gradax.api.callbacks import pure_callback as pure_callback
    from gradax.api.checkpoint import checkpoint as checkpoint
    from gradax.api.checkpoint import remat as remat
    from gradax.api.custom_gradient import closure_convert as closure_convert
    from gradax.api.custom_gradient import custom_gradient as custom_gradient
    from gradax.api.custom_jvp import custom_jvp as custom_jvp
    from gradax.api.custom_vjp import custom_vjp as custom_vjp
    from gradax.api.device import block_until_ready as block_until_ready
    from gradax.api.device import copy_to_host_async as copy_to_host_async
    from gradax.api.device import device_get as device_get
    from gradax.api.device import device_put as device_put
    from gradax.api.device import effects_barrier as effects_barrier
    from gradax.api.device import live_arrays as live_arrays
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
    from gradax.api.passes import fwd_and_bwd as fwd_and_bwd
    from gradax.api.pmap import pmap as pmap
    from gradax.api.recompiling import no_retrace as no_retrace
    from gradax.api.resharding import reshard as reshard
    from gradax.api.scopes import clear_caches as clear_caches
    from gradax.api.scopes import ensure_compile_time_eval as ensure_compile_time_eval
    from gradax.api.scopes import named_call as named_call
    from gradax.api.scopes import named_scope as named_scope
    from gradax.api.shapes import ShapeDtypeStruct as ShapeDtypeStruct
    from gradax.api.shard_map import shard_map as shard_map
    from gradax.api.shard_map import smap as smap
    from gradax.api.strict import strict as strict
    from gradax.api.vjp import linear_transpose as linear_transpose
    from gradax.api.vjp import vjp as vjp
    from gradax.api.vmap import vmap as vmap
    from gradax.autographing.decorator import autograph as autograph
    from gradax.config import allow_f16_reductions as allow_f16_reductions
    from gradax.config import auto_pcast as auto_pcast
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
    from gradax.config import (
        jax2tf_associative_scan_reductions as jax2tf_associative_scan_reductions,
    )
    from gradax.config import legacy_prng_key as legacy_prng_key
    from gradax.config import log_compiles as log_compiles
    from gradax.config import make_user_context as make_user_context
    from gradax.config import no_tracing as no_tracing
    from gradax.config import numpy_dtype_promotion as numpy_dtype_promotion
    from gradax.config import numpy_rank_promotion as numpy_rank_promotion
    from gradax.config import (
        remove_size_one_mesh_axis_from_type as remove_size_one_mesh_axis_from_type,
    )
    from gradax.config import softmax_custom_jvp as softmax_custom_jvp
    from gradax.config import threefry_partitionable as threefry_partitionable
    from gradax.config import transfer_guard as transfer_guard
    from gradax.config import transfer_guard_device_to_device as transfer_guard_device_to_device
    from gradax.config import transfer_guard_device_to_host as transfer_guard_device_to_host
    from gradax.config import transfer_guard_host_to_device as transfer_guard_host_to_device
    from gradax.core.array import Array as Array
    from gradax.core.refs import Ref as Ref
    from gradax.dtypes import float0 as float0
    from gradax.environment import print_environment_info as print_environment_info
    from gradax.numpy.dynamic_slices import ds as ds
    from gradax.numpy.references import empty_ref as empty_ref
    from gradax.numpy.references import free_ref as free_ref
    from gradax.numpy.references import freeze as freeze
    from gradax.numpy.references import new_ref as new_ref
    from gradax.runtime.device import Device as Device
    from gradax.runtime.device import default_backend as default_backend
    from gradax.runtime.device import device_count as device_count
    from gradax.runtime.device import devices as devices
    from gradax.runtime.device import host_count as host_count
    from gradax.runtime.device import host_id as host_id
    from gradax.runtime.device import host_ids as host_ids
    from gradax.runtime.device import local_device_count as local_device_count
    from gradax.runtime.device import local_devices as local_devices
    from gradax.runtime.device import process_count as process_count
    from gradax.runtime.device import process_index as process_index
    from gradax.runtime.device import process_indices as process_indices
    from gradax.runtime.mesh import set_mesh as set_mesh
    from gradax.runtime.placement import Shard as Shard
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
make_array_from_process_local_data = _placement.from_process_local_data
make_array_from_single_device_arrays = _placement.from_single_device_arrays

_EXPORTS = """
    gradax.autographing.decorator: autograph
    gradax.api.callbacks: pure_callback
    gradax.api.checkpoint: checkpoint remat
    gradax.api.custom_gradient: closure_convert custom_gradient
    gradax.api.custom_jvp: custom_jvp
    gradax.api.custom_vjp: custom_vjp
    gradax.api.device: block_until_ready copy_to_host_async device_get device_put effects_barrier
        live_arrays
    gradax.api.grad: grad value_and_grad
    gradax.api.inspect: eval_shape make_jaxpr typeof
    gradax.api.jacobians: hessian jacfwd jacrev jacobian
    gradax.api.jit: jit
    gradax.api.jvp: jvp linearize
    gradax.api.passes: fwd_and_bwd
    gradax.api.pmap: pmap
    gradax.api.resharding: reshard
    gradax.api.scopes: clear_caches ensure_compile_time_eval named_call named_scope
    gradax.api.shapes: ShapeDtypeStruct
    gradax.api.shard_map: shard_map smap
    gradax.api.vjp: linear_transpose vjp
    gradax.api.recompiling: no_retrace
    gradax.core.refs: Ref
    gradax.numpy.dynamic_slices: ds
    gradax.numpy.references: empty_ref free_ref freeze new_ref
    gradax.api.strict: strict
    gradax.api.vmap: vmap
    gradax.config: allow_f16_reductions auto_pcast check_tracer_leaks debug_infs debug_key_reuse
        debug_nans default_device
        default_matmul_precision default_prng_impl disable_jit enable_checks enable_custom_prng
        enable_x64 explain_cache_misses jax2tf_associative_scan_reductions legacy_prng_key
        log_compiles make_user_context no_tracing remove_size_one_mesh_axis_from_type
        numpy_dtype_promotion
        numpy_rank_promotion softmax_custom_jvp threefry_partitionable transfer_guard
        transfer_guard_device_to_device transfer_guard_device_to_host transfer_guard_host_to_device
    gradax.core.array: Array
    gradax.dtypes: float0
    gradax.environment: print_environment_info
    gradax.runtime.device: Device default_backend device_count devices host_count host_id
        host_ids local_device_count local_devices process_count process_index process_indices
    gradax.runtime.mesh: set_mesh
    gradax.runtime.placement: Shard
    gradax.runtime.sharding: NamedSharding make_mesh
    gradax.runtime.threads: num_threads set_num_threads threads
    gradax.version: __version__ __version_info__
"""
_MODULES = """
    ad ad_checkpoint api_util as_jax checkpoint_policies custom_batching custom_derivatives debug
    distributed dlpack example_libraries experimental export extend ffi flatten_util image
    interpreters memory monitoring nn ops profiler random ref scipy stages test_util typing version
"""

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

_tracebacks.install()

# Last: whoever imports the package seldom compiles at once.
_compiling.load_ahead()
