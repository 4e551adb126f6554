"""What libraries ask of JAX's backends, keys and test helpers."""

from __future__ import annotations

from functools import cache
from typing import Any, final

import numpy as np

from gradax.runtime.device import default_backend as default_backend
from gradax.runtime.device import device_count as device_count
from gradax.runtime.device import devices as devices
from gradax.runtime.device import local_device_count as local_device_count
from gradax.runtime.device import local_devices as local_devices
from gradax.runtime.device import process_count as process_count
from gradax.runtime.device import process_index as process_index

Shape = tuple[int, ...]
DType = np.dtype
version_str = "0.10.2"


@final
class Backend:
    """The devices of one platform, as JAX's clients show them."""

    def __init__(self, platform: str) -> None:
        self.platform = platform

    def devices(self) -> list[Any]:
        """Return the devices."""
        return devices(self.platform)

    def local_devices(self) -> list[Any]:
        """Return the devices of this process."""
        return local_devices(backend=self.platform)

    def device_count(self) -> int:
        """Return the number of devices."""
        return len(self.devices())

    def process_index(self) -> int:
        """Return the number of this process."""
        return process_index()


@cache
def get_backend(platform: str | None = None) -> Backend:
    """Return the devices of a platform, the default one unless it is named."""
    return Backend(platform or default_backend())


def backends() -> dict[str, Backend]:
    """Return the platforms by name."""
    return {default_backend(): get_backend()}


def __getattr__(name: str) -> Any:
    if name == "_backends":  # those that have been started, in JAX
        return backends()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def check_close(
    xs: Any, ys: Any, atol: float | None = None, rtol: float | None = None, err_msg: str = ""
) -> None:
    """Compare arrays, by the tolerance of the coarser dtype unless one is given."""
    x, y = np.asarray(xs), np.asarray(ys)
    coarse = min((a.dtype.itemsize for a in (x, y)), default=4)
    own = 1e-12 if coarse >= 8 else 1e-5
    np.testing.assert_allclose(
        x, y, own if rtol is None else rtol, own if atol is None else atol, err_msg=err_msg
    )
