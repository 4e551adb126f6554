"""The workloads, one file a family; importing this package fills the table."""

from . import (
    compiling,
    derivatives,
    dispatch,
    drawing,
    elementwise,
    layout,
    loops,
    networks,
    products,
    reductions,
    sorting,
)
from .registry import WORKLOADS, Workload

__all__ = [
    "WORKLOADS",
    "Workload",
    "compiling",
    "derivatives",
    "dispatch",
    "drawing",
    "elementwise",
    "layout",
    "loops",
    "networks",
    "products",
    "reductions",
    "sorting",
]
