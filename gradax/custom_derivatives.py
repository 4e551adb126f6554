"""Functions with derivative rules of their own: `jax.custom_derivatives`' names."""

from gradax.api.custom_arguments import SymbolicZero as SymbolicZero
from gradax.api.custom_gradient import closure_convert as closure_convert
from gradax.api.custom_gradient import custom_gradient as custom_gradient
from gradax.api.custom_jvp import custom_jvp as custom_jvp
from gradax.api.custom_vjp import CustomVJPPrimal as CustomVJPPrimal
from gradax.api.custom_vjp import custom_vjp as custom_vjp
from gradax.api.custom_vjp import custom_vjp_primal_tree_values as custom_vjp_primal_tree_values
from gradax.api.custom_vjp import zero_from_primal as zero_from_primal
from gradax.control.custom_jvp import CustomJvpCall as _CustomJvpCall
from gradax.control.custom_vjp import CustomVjpCall as _CustomVjpCall
from gradax.control.linear_call import linear_call as linear_call
from gradax.core.primitive import primitive_of as _primitive_of

custom_jvp_call_p = _primitive_of(_CustomJvpCall)
custom_vjp_call_p = _primitive_of(_CustomVjpCall)
