"""Dirichlet's distribution on a simplex."""

from __future__ import annotations

from typing import Any

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import ShapeError, at_user_line
from gradax.numpy.promotion import operands, promote_dtypes
from gradax.scipy import special


@jit
def logpdf(x: Any, alpha: Any) -> Any:
    """Return the logarithm of the density; -inf off the simplex.

    Shapes: x T[n, ..] or T[n - 1, ..], its last coordinate left out; alpha T[n] -> T[..].
    Errors: ValueError for other shapes.
    """
    x, alpha = promote_dtypes(*operands("dirichlet.logpdf", x, alpha), inexact=True)
    if alpha.ndim != 1 or x.ndim < 1 or x.shape[0] not in (alpha.shape[0], alpha.shape[0] - 1):
        raise ShapeError(
            f"Incompatible shapes for dirichlet.logpdf: got x {x.shape} and alpha {alpha.shape}."
            f"{at_user_line()}"
        )
    if x.shape[0] != alpha.shape[0]:
        x = gnp.concatenate([x, 1 - gnp.sum(x, 0, keepdims=True)])
    norm = gnp.sum(lax.lgamma(alpha)) - lax.lgamma(gnp.sum(alpha))
    columns = alpha.reshape(-1, *(1 for _ in x.shape[1:]))
    density = gnp.sum(special.xlogy(columns - 1, x), 0) - norm
    on_simplex = gnp.all(x >= 0, 0) & (abs(gnp.sum(x, 0) - 1) < 1e-6)
    return gnp.where(on_simplex, density, -gnp.inf)


@jit
def pdf(x: Any, alpha: Any) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, alpha))
