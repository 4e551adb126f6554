"""What derivatives keep and what they compute again: `jax.ad_checkpoint`'s names."""

from gradax import checkpoint_policies as checkpoint_policies
from gradax.api.checkpoint import Offloadable as Offloadable
from gradax.api.checkpoint import Recompute as Recompute
from gradax.api.checkpoint import Saveable as Saveable
from gradax.api.checkpoint import checkpoint as checkpoint
from gradax.api.checkpoint import print_saved_residuals as print_saved_residuals
from gradax.lax.naming import checkpoint_name as checkpoint_name

remat = checkpoint
