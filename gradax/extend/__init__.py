"""What libraries that extend gradax build on: programs, primitives, wrapped functions."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.extend import core as core
    from gradax.extend import linear_util as linear_util
    from gradax.extend import operation as operation

_MODULES = "core linear_util operation"

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "", _MODULES)
