"""Rotations of space: `jax.scipy.spatial.transform`'s names."""

from gradax.scipy.spatial.transform.rotation import Rotation as Rotation
from gradax.scipy.spatial.transform.slerp import Slerp as Slerp
