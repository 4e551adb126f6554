"""QR factors as Householder vectors: `linalg.qr(a, mode="raw")`."""

from __future__ import annotations

from typing import Any

from gradax.control.while_loop import fori_loop
from gradax.lax.dynamic_slicing import dynamic_index_in_dim, dynamic_update_index_in_dim
from gradax.lax.elementary import sqrt
from gradax.numpy.arithmetic import absolute, conjugate, real
from gradax.numpy.creation import zeros
from gradax.numpy.logic import where_select
from gradax.numpy.products import matmul
from gradax.numpy.ranges import arange
from gradax.numpy.reductions import sum
from gradax.numpy.shaping import expand_dims


def geqrf(a: Any) -> tuple[Any, Any]:
    """Return R above the diagonal and Householder vectors below it, and their factors.

    Shapes: T[.., m, n] -> T[.., m, n], T[.., min(m, n)].
    Source: LAPACK's geqr2: H = I - tau v v^H with v[j] = 1; H^H is applied to the columns after j.
    """
    m, n = a.shape[-2:]
    k = min(m, n)
    rows, columns = arange(m), arange(n)

    def step(j: Any, carry: Any) -> Any:
        a, taus = carry
        v, beta, tau = reflector(dynamic_index_in_dim(a, j, -1, keepdims=False), rows, j)
        inner = matmul(conjugate(expand_dims(v, -2)), a)
        scaled = expand_dims(conjugate(tau)[..., None] * v, -1)
        after = where_select(columns > j, a - scaled * inner, a)
        kept = dynamic_index_in_dim(a, j, -1, keepdims=False)
        column = where_select(rows > j, v, where_select(rows == j, beta[..., None], kept))
        after = dynamic_update_index_in_dim(after, column, j, -1)
        return after, dynamic_update_index_in_dim(taus, tau, j, -1)

    return fori_loop(0, k, step, (a, zeros((*a.shape[:-2], k), a.dtype)))


def reflector(column: Any, rows: Any, j: Any) -> tuple[Any, Any, Any]:
    """Return v, beta and tau: the reflection that makes a column [.., beta, 0 ..] from row j on."""
    alpha = dynamic_index_in_dim(column, j, -1, keepdims=False)
    below = where_select(rows > j, column, 0)
    length = sqrt(absolute(alpha) ** 2 + sum(absolute(below) ** 2, axis=-1))
    is_done = (sum(absolute(below), axis=-1) == 0) & (alpha == real(alpha))
    side = where_select(real(alpha) < 0, -1, 1).astype(length.dtype)
    beta = where_select(is_done, alpha, (-side * length).astype(column.dtype))
    tau = where_select(is_done, 0, (beta - alpha) / where_select(is_done, 1, beta))
    gap = where_select(is_done, 1, alpha - beta)
    v = where_select(rows == j, 1, below / gap[..., None])
    return v, beta, tau
