"""Programs as bytes: traced here, run in another process, on another machine.

`export(jit(f))(*args)` traces `f` for the types of its arguments; `serialize` gives bytes, which
`deserialize` reads anywhere. They hold the program alone, never Python code.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.export import wire as _wire
    from gradax.export.exported import DisabledSafetyCheck as DisabledSafetyCheck
    from gradax.export.exported import Exported as Exported
    from gradax.export.exported import default_export_platform as default_export_platform
    from gradax.export.exported import deserialize as deserialize
    from gradax.export.exported import export as export
    from gradax.export.exported import serialize as serialize
    from gradax.export.symbolic import SymbolicScope as SymbolicScope
    from gradax.export.symbolic import is_symbolic_dim as is_symbolic_dim
    from gradax.export.symbolic import symbolic_args_specs as symbolic_args_specs
    from gradax.export.symbolic import symbolic_shape as symbolic_shape
    from gradax.export.trees import (
        register_namedtuple_serialization as register_namedtuple_serialization,
    )
    from gradax.export.trees import (
        register_pytree_node_serialization as register_pytree_node_serialization,
    )

    maximum_supported_calling_convention_version = _wire.VERSION
    minimum_supported_calling_convention_version = _wire.VERSION

_EXPORTS = """
    gradax.export.exported: DisabledSafetyCheck Exported default_export_platform deserialize export
        serialize
    gradax.export.symbolic: SymbolicScope is_symbolic_dim symbolic_args_specs symbolic_shape
    gradax.export.trees: register_namedtuple_serialization register_pytree_node_serialization
    gradax.export.wire: maximum_supported_calling_convention_version
        minimum_supported_calling_convention_version
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, "")
