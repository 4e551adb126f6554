"""Settings: read as `config.jax_NAME`, changed with `config.update` or a `with`.

Inside the library, `config.current.NAME` is the fast way to read one. Each setting is also an
object, `config.NAME`: calling it gives a context manager that overrides it in this thread. The
environment variables GRADAX_NAME and JAX_NAME give the first value.
"""

from __future__ import annotations

import sys
from types import ModuleType

from gradax.config.ignored import allow_f16_reductions as allow_f16_reductions
from gradax.config.ignored import auto_pcast as auto_pcast
from gradax.config.ignored import (
    jax2tf_associative_scan_reductions as jax2tf_associative_scan_reductions,
)
from gradax.config.ignored import (
    remove_size_one_mesh_axis_from_type as remove_size_one_mesh_axis_from_type,
)
from gradax.config.registry import all_values as all_values
from gradax.config.registry import describe as describe
from gradax.config.registry import override as override
from gradax.config.registry import read as read
from gradax.config.registry import setting as setting
from gradax.config.registry import update as update
from gradax.config.setting import Kind as Kind
from gradax.config.setting import Override as Override
from gradax.config.setting import Setting as Setting
from gradax.config.settings import check_tracer_leaks as check_tracer_leaks
from gradax.config.settings import compilation_cache_dir as compilation_cache_dir
from gradax.config.settings import compilation_cache_max_size as compilation_cache_max_size
from gradax.config.settings import compile_level as compile_level
from gradax.config.settings import debug_infs as debug_infs
from gradax.config.settings import debug_key_reuse as debug_key_reuse
from gradax.config.settings import debug_nans as debug_nans
from gradax.config.settings import default_device as default_device
from gradax.config.settings import default_matmul_precision as default_matmul_precision
from gradax.config.settings import default_prng_impl as default_prng_impl
from gradax.config.settings import disable_jit as disable_jit
from gradax.config.settings import enable_checks as enable_checks
from gradax.config.settings import enable_compilation_cache as enable_compilation_cache
from gradax.config.settings import enable_custom_prng as enable_custom_prng
from gradax.config.settings import enable_x64 as enable_x64
from gradax.config.settings import explain_cache_misses as explain_cache_misses
from gradax.config.settings import legacy_prng_key as legacy_prng_key
from gradax.config.settings import log_compiles as log_compiles
from gradax.config.settings import no_tracing as no_tracing
from gradax.config.settings import num_cpu_devices as num_cpu_devices
from gradax.config.settings import num_threads as num_threads
from gradax.config.settings import numpy_dtype_promotion as numpy_dtype_promotion
from gradax.config.settings import numpy_rank_promotion as numpy_rank_promotion
from gradax.config.settings import platforms as platforms
from gradax.config.settings import random_seed_offset as random_seed_offset
from gradax.config.settings import softmax_custom_jvp as softmax_custom_jvp
from gradax.config.settings import strict as strict
from gradax.config.settings import threefry_partitionable as threefry_partitionable
from gradax.config.settings import traceback_filtering as traceback_filtering
from gradax.config.settings import transfer_guard as transfer_guard
from gradax.config.settings import (
    transfer_guard_device_to_device as transfer_guard_device_to_device,
)
from gradax.config.settings import transfer_guard_device_to_host as transfer_guard_device_to_host
from gradax.config.settings import transfer_guard_host_to_device as transfer_guard_host_to_device
from gradax.config.state import TraceKey as TraceKey
from gradax.config.state import current as current
from gradax.config.state import on_trace_key_change as on_trace_key_change
from gradax.config.state import remove_trace_key_callback as remove_trace_key_callback
from gradax.config.state import trace_key as trace_key
from gradax.config.user_context import make_user_context as make_user_context


class _ConfigModule(ModuleType):
    """Let `config.jax_NAME` be read, and refuse to assign it, which would change nothing."""

    @property
    def values(self) -> dict[str, object]:
        """Every setting's value under its `jax_` name."""
        return all_values()

    def __getattr__(self, name: str) -> object:
        if name.startswith("jax_"):
            return read(name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("jax_"):
            raise AttributeError(
                f"settings are not assigned; use config.update({name!r}, {value!r})"
            )
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _ConfigModule
