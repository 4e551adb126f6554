"""The primitives of all operations, under JAX's names."""

from __future__ import annotations

from typing import Any

from gradax.lax import primitives as _primitives


def __getattr__(name: str) -> Any:
    return getattr(_primitives, name)


def __dir__() -> list[str]:
    return _primitives.names()
