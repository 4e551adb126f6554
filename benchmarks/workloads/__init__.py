"""The workloads, one file a family; importing this package fills the table."""

from . import (
    compiling,
    convolutions,
    decompositions,
    derivatives,
    dispatch,
    drawing,
    elementwise,
    fourier,
    indexing,
    layout,
    loops,
    networks,
    products,
    reductions,
    scans,
    simulations,
    sorting,
)
from .registry import WORKLOADS, Workload

__all__ = [
    "WORKLOADS",
    "Workload",
    "compiling",
    "convolutions",
    "decompositions",
    "derivatives",
    "dispatch",
    "drawing",
    "elementwise",
    "fourier",
    "indexing",
    "layout",
    "loops",
    "networks",
    "products",
    "reductions",
    "scans",
    "simulations",
    "sorting",
]
