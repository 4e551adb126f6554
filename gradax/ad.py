"""What `vjp`'s function does with each cotangent: `jax.ad`'s names; see its `with_refs`."""

from gradax.api.accumulating import DidntWant as DidntWant
from gradax.api.accumulating import DontWant as DontWant
from gradax.api.accumulating import GradRef as GradRef
from gradax.api.accumulating import GradValue as GradValue
