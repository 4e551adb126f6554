"""What a workload is, and the table of all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Make = Callable[[Any, Any, Any], tuple[Callable[..., Any], tuple[Any, ...]]]


@dataclass(frozen=True)
class Workload:
    """One program, written once against the API that both libraries have.

    `make(jax, jnp, np)` returns a function and its arguments. `steady_target` and `first_target`
    are the least ratios, JAX's time over ours, that this project has promised. `tolerance` bounds
    the largest difference of an output, relative to its largest element. `random` outputs are
    drawn from each library's own stream and are compared as distributions.
    """

    name: str
    family: str
    title: str
    make: Make
    steady_target: float | None = None
    first_target: float | None = None
    tolerance: float = 2e-5
    random: bool = False


WORKLOADS: dict[str, Workload] = {}


def workload(title: str, **options: Any) -> Callable[[Make], Make]:
    """Enter the decorated `make` under its own name, in the family its file is named for."""

    def enter(make: Make) -> Make:
        name = make.__name__
        if name in WORKLOADS:
            raise ValueError(f"two workloads are named {name}")
        family = make.__module__.rpartition(".")[2]
        WORKLOADS[name] = Workload(name, family, title, make, **options)
        return make

    return enter
