"""Operations of one's own: a class with its rules, as gradax's own operations are.

See docs/extending.md. `operation` makes a class whose annotated names are its static parameters;
its methods are the rules: infer, jvp, transpose, batch, lower, reference. `Unary` and `Binary` are
families of elementwise operations, `kernel` has what `lower` is written in.
"""

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op as Operation
from gradax.core.op import UnsupportedRule, operation, unsupported
from gradax.core.tangent import Linear, Zero, is_linear, is_zero
from gradax.lax.families import Binary, Unary

__all__ = [
    "Aval", "Binary", "Linear", "Operation", "Unary", "UnsupportedRule", "Zero", "is_linear",
    "is_zero", "kernel", "operation", "unsupported",
]  # fmt: skip
