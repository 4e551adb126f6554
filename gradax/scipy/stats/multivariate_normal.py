"""The normal distribution of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import ShapeError, UnsupportedArgumentError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.numpy.promotion import operands, promote_dtypes


def logpdf(x: Any, mean: Any, cov: Any, allow_singular: None = None) -> Any:
    """Return the logarithm of the density.

    Shapes: x T[.., n], mean T[.., n] or T[], cov T[.., n, n], or T[]: times the identity.
    Errors: NotImplementedError for allow_singular; ValueError for shapes that do not go together.
    """
    if allow_singular is not None:
        raise UnsupportedArgumentError(
            f"multivariate_normal.logpdf: allow_singular is not supported.{at_user_line()}"
        )
    return _logpdf(x, mean, cov)


@jit
def _logpdf(x: Any, mean: Any, cov: Any) -> Any:
    given = operands("multivariate_normal.logpdf", x, mean, cov)
    x, mean, cov = promote_dtypes(*given, inexact=True)
    if not mean.shape:
        z = x - mean
        return -0.5 * gnp.square(z) / cov - 0.5 * (np.log(2 * np.pi) + gnp.log(cov))
    n = mean.shape[-1]
    if not cov.shape:
        squares = gnp.sum(gnp.square(x - mean), -1) / cov
        return -0.5 * (squares + n * (np.log(2 * np.pi) + gnp.log(cov)))
    if cov.ndim < 2 or cov.shape[-2:] != (n, n):
        raise ShapeError(
            f"Incompatible shapes for multivariate_normal.logpdf: got mean {mean.shape} and cov"
            f" {cov.shape}.{at_user_line()}"
        )
    factor = lax_linalg.cholesky(cov)
    z = x - mean
    batch = gnp.broadcast_shapes(z.shape[:-1], cov.shape[:-2])
    factors = gnp.broadcast_to(factor, (*batch, n, n))
    columns = gnp.broadcast_to(z, (*batch, n))[..., None]
    y = lax_linalg.triangular_solve(factors, columns, left_side=True, lower=True)[..., 0]
    log_root = gnp.sum(gnp.log(gnp.diagonal(factor, axis1=-1, axis2=-2)), -1)
    return -0.5 * gnp.sum(gnp.square(y), -1) - 0.5 * n * np.log(2 * np.pi) - log_root


def pdf(x: Any, mean: Any, cov: Any) -> Any:
    """Return the density."""
    return gnp.exp(logpdf(x, mean, cov))
