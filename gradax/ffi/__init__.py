"""Functions of shared libraries in programs: those written for XLA's foreign function interface.

`register_ffi_target` names a function of a library, `ffi_call` calls it on arrays. The library is
compiled against XLA's headers, as for JAX; on the CPU it runs here without a change.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.ffi.calling import ffi_call as ffi_call
    from gradax.ffi.lowering import build_ffi_lowering_function as build_ffi_lowering_function
    from gradax.ffi.lowering import ffi_lowering as ffi_lowering
    from gradax.ffi.targets import include_dir as include_dir
    from gradax.ffi.targets import pycapsule as pycapsule
    from gradax.ffi.targets import register_ffi_target as register_ffi_target
    from gradax.ffi.targets import (
        register_ffi_target_as_batch_partitionable as register_ffi_target_as_batch_partitionable,
    )
    from gradax.ffi.targets import register_ffi_type as register_ffi_type
    from gradax.ffi.targets import register_ffi_type_id as register_ffi_type_id

_EXPORTS = """
    gradax.ffi.calling: ffi_call
    gradax.ffi.lowering: build_ffi_lowering_function ffi_lowering
    gradax.ffi.targets: include_dir pycapsule register_ffi_target
        register_ffi_target_as_batch_partitionable register_ffi_type register_ffi_type_id
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, "")
