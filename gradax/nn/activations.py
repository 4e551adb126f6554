"""Activation functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.custom_jvp import custom_jvp
from gradax.api.jit import jit
from gradax.errors import ArgumentError, at_user_line
from gradax.numpy import tanh as tanh

# Source: Klambauer et al., "Self-normalizing neural networks" (2017), equation 14.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def floating(x: Any) -> Any:
    """Return `x` as a floating array."""
    x = gnp.asarray(x)
    return x if gnp.issubdtype(x.dtype, np.inexact) else x.astype(gnp.result_type(x, 1.0))


@custom_jvp
@jit
def relu(x: Any) -> Any:
    """Return max(x, 0); its derivative at 0 is 0."""
    return gnp.maximum(x, 0)


@relu.defjvp
def _relu_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return relu(x), gnp.where(x > 0, dx, gnp.zeros_like(dx))


@custom_jvp
@jit
def relu6(x: Any) -> Any:
    """Return min(max(x, 0), 6); its derivative at 0 and at 6 is 0."""
    return gnp.minimum(gnp.maximum(x, 0), 6.0)


@relu6.defjvp
def _relu6_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return relu6(x), gnp.where((x > 0) & (x < 6), dx, gnp.zeros_like(dx))


@jit
def sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x))."""
    return lax.logistic(floating(x))


@jit
def softplus(x: Any) -> Any:
    """Return log(1 + exp(x))."""
    return gnp.logaddexp(x, 0.0)


@jit
def silu(x: Any) -> Any:
    """Return x * sigmoid(x)."""
    x = floating(x)
    return x * sigmoid(x)


swish = silu


@jit
def log_sigmoid(x: Any) -> Any:
    """Return log(sigmoid(x))."""
    return -softplus(-floating(x))


@jit
def elu(x: Any, alpha: Any = 1.0) -> Any:
    """Return x where positive, else alpha * (exp(x) - 1)."""
    x = floating(x)
    safe = gnp.where(x > 0, 0.0, x)
    return gnp.where(x > 0, x, alpha * gnp.expm1(safe))


@jit
def selu(x: Any) -> Any:
    """Return the self-normalizing exponential linear unit."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


@jit
def celu(x: Any, alpha: Any = 1.0) -> Any:
    """Return max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""
    x = floating(x)
    return gnp.maximum(x, 0.0) + alpha * gnp.expm1(gnp.minimum(x, 0.0) / alpha)


@jit
def leaky_relu(x: Any, negative_slope: Any = 1e-2) -> Any:
    """Return x where it is at least 0, else negative_slope * x."""
    x = floating(x)
    return gnp.where(x >= 0, x, negative_slope * x)


@jit
def hard_tanh(x: Any) -> Any:
    """Return x kept within -1 … 1."""
    x = gnp.asarray(x)
    return gnp.where(x > 1, 1, gnp.where(x < -1, -1, x))


@jit
def hard_sigmoid(x: Any) -> Any:
    """Return relu6(x + 3) / 6."""
    return relu6(floating(x) + 3.0) / 6.0


@jit
def hard_silu(x: Any) -> Any:
    """Return x * hard_sigmoid(x)."""
    x = floating(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@jit
def soft_sign(x: Any) -> Any:
    """Return x / (1 + |x|)."""
    x = floating(x)
    return x / (gnp.abs(x) + 1)


@jit
def squareplus(x: Any, b: Any = 4) -> Any:
    """Return (x + sqrt(x² + b)) / 2."""
    x = floating(x)
    return (x + gnp.sqrt(gnp.square(x) + b)) / 2


@jit
def mish(x: Any) -> Any:
    """Return x * tanh(softplus(x))."""
    x = floating(x)
    return x * gnp.tanh(softplus(x))


@jit
def sparse_plus(x: Any) -> Any:
    """Return 0 below -1, x above 1, and (x + 1)² / 4 between them."""
    x = gnp.asarray(x)
    return gnp.where(x <= -1, 0, gnp.where(x >= 1, x, (x + 1) ** 2 / 4))


@jit
def sparse_sigmoid(x: Any) -> Any:
    """Return (x + 1) / 2 kept within 0 … 1, the derivative of sparse_plus."""
    return 0.5 * gnp.clip(gnp.asarray(x) + 1.0, 0.0, 2.0)


@jit
def log1mexp(x: Any) -> Any:
    """Return log(1 - exp(-x)) for x > 0.

    Source: Mächler, "Accurately computing log(1 - exp(-|a|))" (2012), equation 7.
    """
    x = floating(x)
    split = np.log(2)
    small = gnp.where(x < split, x, split)
    large = gnp.where(x < split, split, x)
    return gnp.where(x < split, gnp.log(-gnp.expm1(-small)), gnp.log1p(-gnp.exp(-large)))


@jit(static_argnames="approximate")
def gelu(x: Any, approximate: bool = True) -> Any:
    """Return x * Φ(x), Φ the normal distribution function; by tanh when approximate.

    Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """
    x = floating(x)
    if not approximate:
        return 0.5 * x * lax.erfc(-x * np.sqrt(0.5).astype(x.dtype))
    root = np.sqrt(2 / np.pi).astype(x.dtype)
    return x * (0.5 * (1.0 + gnp.tanh(root * (x + 0.044715 * (x**3)))))


@jit(static_argnames="axis")
def glu(x: Any, axis: int = -1) -> Any:
    """Return the first half along `axis` times the sigmoid of the second.

    Shapes: x: T[…, 2n, …] -> T[…, n, …].
    Errors: ValueError for an odd size.
    """
    x = floating(x)
    size = x.shape[axis]
    if size % 2:
        raise ArgumentError(
            f"glu: the size of axis {axis} must be even; got {size}.{at_user_line()}"
        )
    first, second = gnp.split(x, 2, axis)
    return first * sigmoid(second)


@jit
def identity(x: Any) -> Any:
    """Return x."""
    return gnp.asarray(x)
