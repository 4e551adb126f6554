"""The devices of this process: CPUs, one unless the setting `num_cpu_devices` asks for more."""

from __future__ import annotations

from functools import cache
from typing import Any, final

from gradax import config, native
from gradax.errors import at_user_line


@final
class Device:
    """A device that holds arrays and runs programs, one program after another."""

    __slots__ = ("id",)

    platform = "cpu"
    device_kind = "cpu"
    process_index = 0
    host_id = 0

    def __init__(self, number: int) -> None:
        self.id = number

    @property
    def local_hardware_id(self) -> int:
        """The number of the device among those of this process."""
        return self.id

    def memory_stats(self) -> dict[str, int]:
        """Return the allocator's figures, in bytes; all devices of a process have the same.

        `bytes_in_use` is what arrays and running programs asked for, without memory that NumPy
        owns; `pool_bytes` what the system gave for it, of which `bytes_cached` wait to be used
        again (at most `cache_limit`; `gradax.clear_caches` gives them back). Allocations beyond
        `bytes_limit`, the machine's memory or what a control group grants, raise MemoryError.
        """
        return native.memory_stats()

    def __repr__(self) -> str:
        return f"CpuDevice(id={self.id})"

    def __str__(self) -> str:
        return f"CPU_{self.id}"

    def __reduce__(self) -> tuple[Any, ...]:
        return device_of, (self.id,)


@cache
def all_devices() -> tuple[Device, ...]:
    """Return the devices; their number is fixed on first use."""
    count = config.current.num_cpu_devices
    return tuple(Device(i) for i in range(max(1, int(count or 1))))


def device_of(number: int) -> Device:
    """Return the device of a number.

    Errors: ValueError when there is none.
    """
    found = all_devices()
    if not 0 <= number < len(found):
        raise ValueError(f"there is no device {number}: this process has {len(found)}.")
    return found[number]


def devices(backend: str | None = None) -> list[Device]:
    """Return all devices.

    Errors: RuntimeError for a backend that is not there.
    """
    check_backend(backend)
    return list(all_devices())


def local_devices(
    process_index: int | None = None, backend: str | None = None, host_id: int | None = None
) -> list[Device]:
    """Return the devices of this process."""
    del process_index, host_id
    return devices(backend)


def check_backend(backend: str | None) -> None:
    """Raise a RuntimeError for a backend that is not there."""
    if backend not in (None, "cpu"):
        raise RuntimeError(f"backend {backend!r} is not there; there is 'cpu'.{at_user_line()}")


def device_count(backend: str | None = None) -> int:
    """Return the number of devices."""
    return len(devices(backend))


def local_device_count(backend: str | None = None) -> int:
    """Return the number of this process' devices."""
    return len(devices(backend))


def default_device() -> Device:
    """Return the device that new arrays are placed on."""
    chosen = config.current.default_device
    if isinstance(chosen, Device):
        return chosen
    return all_devices()[0]


def default_backend() -> str:
    """Return the platform of the default device."""
    return "cpu"


def process_index(backend: str | None = None) -> int:
    """Return the number of this process among those that compute together."""
    check_backend(backend)
    return 0


def host_id(backend: str | None = None) -> int:
    """Return the number of this process (an older name of `process_index`)."""
    return process_index(backend)


def host_count(backend: str | None = None) -> int:
    """Return the number of processes (an older name of `process_count`)."""
    return process_count(backend)


def host_ids(backend: str | None = None) -> list[int]:
    """Return the numbers of the processes (an older name of `process_indices`)."""
    return process_indices(backend)


def process_indices(backend: str | None = None) -> list[int]:
    """Return the numbers of the processes that compute together."""
    return list(range(process_count(backend)))


def process_count(backend: str | None = None) -> int:
    """Return the number of processes that compute together."""
    check_backend(backend)
    return 1
