"""Where libraries give their primitives rules: `ad`, `batching`, `mlir`; see docs/extending.md."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.interpreters import ad as ad
    from gradax.interpreters import batching as batching
    from gradax.interpreters import mlir as mlir
    from gradax.interpreters import xla as xla

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "", "ad batching mlir xla")
