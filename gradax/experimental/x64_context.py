"""64-bit types for a while, or none: contexts of the setting `enable_x64`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from gradax.config import enable_x64 as enable_x64


def disable_x64() -> AbstractContextManager[Any]:
    """Return a context in which arrays have 32-bit types unless they are asked for."""
    return enable_x64(False)
