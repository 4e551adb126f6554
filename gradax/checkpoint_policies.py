"""Policies of `checkpoint`: which values its derivative keeps nevertheless."""

from gradax.api.checkpoint import dots_saveable as dots_saveable
from gradax.api.checkpoint import (
    dots_with_no_batch_dims_saveable as dots_with_no_batch_dims_saveable,
)
from gradax.api.checkpoint import everything_saveable as everything_saveable
from gradax.api.checkpoint import nothing_saveable as nothing_saveable
from gradax.api.checkpoint import offload_dot_with_no_batch_dims as offload_dot_with_no_batch_dims
from gradax.api.checkpoint import (
    save_and_offload_only_these_names as save_and_offload_only_these_names,
)
from gradax.api.checkpoint import save_any_names_but_these as save_any_names_but_these
from gradax.api.checkpoint import (
    save_anything_except_these_names as save_anything_except_these_names,
)
from gradax.api.checkpoint import save_from_both_policies as save_from_both_policies
from gradax.api.checkpoint import save_only_these_names as save_only_these_names

checkpoint_dots = dots_saveable
checkpoint_dots_with_no_batch_dims = dots_with_no_batch_dims_saveable
