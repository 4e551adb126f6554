"""Functions with mapping rules of their own: `jax.custom_batching`'s names."""

from gradax.api.custom_vmap import custom_vmap as custom_vmap
from gradax.api.custom_vmap import sequential_vmap as sequential_vmap
