"""The language: avals, operations, jaxprs, tracing."""

from gradax.core.aval import Aval as Aval
from gradax.core.aval import tangent_aval as tangent_aval
from gradax.core.check import check_jaxpr as check_jaxpr
from gradax.core.evaluate import eval_jaxpr as eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr as ClosedJaxpr
from gradax.core.jaxpr import Eqn as Eqn
from gradax.core.jaxpr import Jaxpr as Jaxpr
from gradax.core.jaxpr import Literal as Literal
from gradax.core.jaxpr import Var as Var
from gradax.core.op import Op as Op
from gradax.core.op import evaluation as evaluation
from gradax.core.op import operation as operation
from gradax.core.op import unsupported as unsupported
from gradax.core.staging import stage as stage
from gradax.core.tangent import Linear as Linear
from gradax.core.tangent import Zero as Zero
from gradax.core.text import format_jaxpr
from gradax.core.tracer import Trace as Trace
from gradax.core.tracer import Tracer as Tracer
from gradax.core.value import as_value as as_value
from gradax.core.value import aval_of as aval_of
from gradax.core.value import conversion as conversion

# The text of a program needs its classes, and they need nothing of it but this.
Jaxpr.__str__ = Jaxpr.__repr__ = lambda self: format_jaxpr(self)
