"""Functions for neural networks: `jax.nn`'s names."""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.nn import initializers as initializers
    from gradax.nn.activations import celu as celu
    from gradax.nn.activations import elu as elu
    from gradax.nn.activations import gelu as gelu
    from gradax.nn.activations import glu as glu
    from gradax.nn.activations import hard_sigmoid as hard_sigmoid
    from gradax.nn.activations import hard_silu as hard_silu
    from gradax.nn.activations import hard_swish as hard_swish
    from gradax.nn.activations import hard_tanh as hard_tanh
    from gradax.nn.activations import identity as identity
    from gradax.nn.activations import leaky_relu as leaky_relu
    from gradax.nn.activations import log1mexp as log1mexp
    from gradax.nn.activations import log_sigmoid as log_sigmoid
    from gradax.nn.activations import mish as mish
    from gradax.nn.activations import relu as relu
    from gradax.nn.activations import relu6 as relu6
    from gradax.nn.activations import selu as selu
    from gradax.nn.activations import sigmoid as sigmoid
    from gradax.nn.activations import silu as silu
    from gradax.nn.activations import soft_sign as soft_sign
    from gradax.nn.activations import softplus as softplus
    from gradax.nn.activations import sparse_plus as sparse_plus
    from gradax.nn.activations import sparse_sigmoid as sparse_sigmoid
    from gradax.nn.activations import squareplus as squareplus
    from gradax.nn.activations import swish as swish
    from gradax.nn.activations import tanh as tanh
    from gradax.nn.attention import dot_product_attention as dot_product_attention
    from gradax.nn.normalization import log_softmax as log_softmax
    from gradax.nn.normalization import logmeanexp as logmeanexp
    from gradax.nn.normalization import logsumexp as logsumexp
    from gradax.nn.normalization import one_hot as one_hot
    from gradax.nn.normalization import softmax as softmax
    from gradax.nn.normalization import standardize as standardize
    from gradax.nn.scaled import get_scaled_dot_general_config as get_scaled_dot_general_config
    from gradax.nn.scaled import scaled_dot_general as scaled_dot_general
    from gradax.nn.scaled import scaled_matmul as scaled_matmul

_EXPORTS = """
    gradax.nn.activations: celu elu gelu glu hard_sigmoid hard_silu hard_swish hard_tanh identity
        leaky_relu log1mexp log_sigmoid mish relu relu6 selu sigmoid silu soft_sign softplus
        sparse_plus sparse_sigmoid squareplus swish tanh
    gradax.nn.attention: dot_product_attention
    gradax.nn.normalization: log_softmax logmeanexp logsumexp one_hot softmax standardize
    gradax.nn.scaled: get_scaled_dot_general_config scaled_dot_general scaled_matmul
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, modules="initializers")
