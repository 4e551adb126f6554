"""The primitives of all operations, under JAX's names."""

from __future__ import annotations

from typing import Any

from gradax.core.primitive import Primitive as _Primitive
from gradax.lax import primitives as _primitives

# JAX's own calls, which no equation here has: an inner program is a `jit`.
call_p = _Primitive("call")
closed_call_p = _Primitive("closed_call")
core_call_p = _Primitive("core_call")


def __getattr__(name: str) -> Any:
    return getattr(_primitives, name)


def __dir__() -> list[str]:
    return _primitives.names()
