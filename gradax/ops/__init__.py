"""Reductions over segments: `jax.ops`' names."""

from gradax.ops.segments import segment_max as segment_max
from gradax.ops.segments import segment_min as segment_min
from gradax.ops.segments import segment_prod as segment_prod
from gradax.ops.segments import segment_sum as segment_sum
