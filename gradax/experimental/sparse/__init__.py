"""Sparse arrays: `jax.experimental.sparse`'s names.

Products, sums and slices of a `BCOO` whose axes are all sparse cost in proportion to what is
stored. Batch and dense axes are kept by what maps over them; other operations make them sparse.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.experimental.sparse import linalg as linalg
    from gradax.experimental.sparse.base import JAXSparse as JAXSparse
    from gradax.experimental.sparse.bcoo import BCOO as BCOO
    from gradax.experimental.sparse.bcsr import BCSR as BCSR
    from gradax.experimental.sparse.functions import bcoo_broadcast_in_dim as bcoo_broadcast_in_dim
    from gradax.experimental.sparse.functions import bcoo_concatenate as bcoo_concatenate
    from gradax.experimental.sparse.functions import bcoo_dot_general as bcoo_dot_general
    from gradax.experimental.sparse.functions import bcoo_extract as bcoo_extract
    from gradax.experimental.sparse.functions import bcoo_fromdense as bcoo_fromdense
    from gradax.experimental.sparse.functions import bcoo_multiply_dense as bcoo_multiply_dense
    from gradax.experimental.sparse.functions import bcoo_multiply_sparse as bcoo_multiply_sparse
    from gradax.experimental.sparse.functions import bcoo_reduce_sum as bcoo_reduce_sum
    from gradax.experimental.sparse.functions import bcoo_reshape as bcoo_reshape
    from gradax.experimental.sparse.functions import bcoo_slice as bcoo_slice
    from gradax.experimental.sparse.functions import bcoo_sort_indices as bcoo_sort_indices
    from gradax.experimental.sparse.functions import bcoo_squeeze as bcoo_squeeze
    from gradax.experimental.sparse.functions import bcoo_sum_duplicates as bcoo_sum_duplicates
    from gradax.experimental.sparse.functions import bcoo_todense as bcoo_todense
    from gradax.experimental.sparse.functions import bcoo_transpose as bcoo_transpose
    from gradax.experimental.sparse.functions import bcoo_update_layout as bcoo_update_layout
    from gradax.experimental.sparse.functions import bcsr_dot_general as bcsr_dot_general
    from gradax.experimental.sparse.functions import bcsr_fromdense as bcsr_fromdense
    from gradax.experimental.sparse.functions import bcsr_todense as bcsr_todense
    from gradax.experimental.sparse.functions import empty as empty
    from gradax.experimental.sparse.functions import eye as eye
    from gradax.experimental.sparse.functions import grad as grad
    from gradax.experimental.sparse.functions import random_bcoo as random_bcoo
    from gradax.experimental.sparse.functions import todense as todense
    from gradax.experimental.sparse.functions import value_and_grad as value_and_grad
    from gradax.experimental.sparse.sparsify import sparsify as sparsify

_EXPORTS = """
    gradax.experimental.sparse.base: JAXSparse
    gradax.experimental.sparse.bcoo: BCOO
    gradax.experimental.sparse.bcsr: BCSR
    gradax.experimental.sparse.functions: bcoo_broadcast_in_dim bcoo_concatenate bcoo_dot_general
        bcoo_extract bcoo_fromdense bcoo_multiply_dense bcoo_multiply_sparse bcoo_reduce_sum
        bcoo_reshape bcoo_slice bcoo_sort_indices bcoo_squeeze bcoo_sum_duplicates bcoo_todense
        bcoo_transpose bcoo_update_layout bcsr_dot_general bcsr_fromdense bcsr_todense empty eye
        grad random_bcoo todense value_and_grad
    gradax.experimental.sparse.sparsify: sparsify
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, "linalg")
