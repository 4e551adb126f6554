"""SciPy's functions on arrays of ours: `jax.scipy`'s names, each part imported when first used."""

import importlib as _importlib
from typing import Any as _Any

_PARTS = (
    *("cluster", "fft", "integrate", "interpolate", "linalg", "ndimage", "optimize", "signal"),
    *("sparse", "spatial", "special", "stats"),
)


def __getattr__(name: str) -> _Any:
    """Import a part."""
    if name in _PARTS:
        return _importlib.import_module(f"gradax.scipy.{name}")
    raise AttributeError(f"module 'gradax.scipy' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the parts."""
    return sorted(_PARTS)
