"""Vector quantization: `jax.scipy.cluster.vq`'s names."""

from __future__ import annotations

from typing import Any

from gradax import numpy as gnp
from gradax.errors import ShapeError, at_user_line
from gradax.numpy.promotion import operands, promote_dtypes


def vq(obs: Any, code_book: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """Return for each observation the place of the nearest code, and the distance to it.

    `check_finite` is accepted, unused.
    Shapes: obs T[n, d] or T[n], code_book T[k, d] or T[k] -> int32[n], float[n].
    Errors: ValueError for other ranks, or sizes that differ.
    """
    obs, codes = promote_dtypes(*operands("vq", obs, code_book), inexact=True)
    if obs.ndim != codes.ndim or obs.ndim not in (1, 2) or obs.shape[1:] != codes.shape[1:]:
        raise ShapeError(
            "vq: observations and codes are both vectors, or matrices with rows of one length;"
            f" got shapes {obs.shape} and {codes.shape}.{at_user_line()}"
        )
    if obs.ndim == 1:
        obs, codes = obs[:, None], codes[:, None]
    distance = gnp.linalg.norm(obs[:, None] - codes[None], axis=-1)
    return gnp.argmin(distance, -1), gnp.min(distance, -1)
