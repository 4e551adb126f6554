"""Python's control flow on traced values: `gradax.autograph`."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.autographing.decorator import autograph as autograph

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, "gradax.autographing.decorator: autograph")
