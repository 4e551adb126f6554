"""What may still change: `jax.experimental`'s names."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.api.callbacks import io_callback as io_callback
    from gradax.config import enable_x64 as enable_x64
    from gradax.experimental import checkify as checkify
    from gradax.experimental import compilation_cache as compilation_cache
    from gradax.experimental import custom_partitioning as custom_partitioning
    from gradax.experimental import jet as jet
    from gradax.experimental import layout as layout
    from gradax.experimental import mesh_utils as mesh_utils
    from gradax.experimental import multihost_utils as multihost_utils
    from gradax.experimental import ode as ode
    from gradax.experimental import pjit as pjit
    from gradax.experimental import shard_map as shard_map
    from gradax.experimental import sparse as sparse
    from gradax.experimental.x64_context import disable_x64 as disable_x64

_EXPORTS = """
    gradax.api.callbacks: io_callback
    gradax.config: enable_x64
    gradax.experimental.x64_context: disable_x64
"""
_MODULES = """
    checkify compilation_cache custom_partitioning jet layout mesh_utils multihost_utils ode pjit
    shard_map sparse x64_context
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, _MODULES)
