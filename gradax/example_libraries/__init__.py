"""Two small libraries: layers as pairs of functions, and optimizers as triples of them."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.example_libraries import optimizers as optimizers
    from gradax.example_libraries import stax as stax

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "", "optimizers stax")
