"""Looking into programs while they run: `jax.debug`'s names."""

from gradax.api.callbacks import DebugEffect, OrderedDebugEffect
from gradax.api.callbacks import debug_callback as callback
from gradax.api.debugger import breakpoint
from gradax.api.debugging import debug_log as log
from gradax.api.debugging import debug_print as print
from gradax.api.visualizing import (
    inspect_array_sharding,
    visualize_array_sharding,
    visualize_sharding,
)

__all__ = [
    "DebugEffect", "OrderedDebugEffect", "breakpoint", "callback", "inspect_array_sharding", "log",
    "print", "visualize_array_sharding", "visualize_sharding",
]  # fmt: skip
