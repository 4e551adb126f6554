"""The cache of compiled programs: see `compilation_cache`."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.experimental.compilation_cache import compilation_cache as compilation_cache

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "", "compilation_cache")
