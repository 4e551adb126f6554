"""Functions of matrices.

Source: Higham, "The scaling and squaring method for the matrix exponential revisited" (2005).
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.api.jvp import jvp
from gradax.errors import ShapeError, at_user_line
from gradax.numpy import linalg as gnp_linalg
from gradax.scipy.linalg.decompositions import matrices
from gradax.scipy.linalg.solvers import solve_triangular

# The order of the Padé approximant and the norm up to which it is exact to rounding.
ORDERS = {4: (7, 3.925724783138660), 8: (13, 5.371920351148152)}


def pade_coefficients(order: int) -> list[float]:
    """Return the numerator's coefficients, lowest power first, scaled so that the last one is 1."""
    top = [
        factorial(2 * order - k) // (factorial(order - k) * factorial(k)) for k in range(order + 1)
    ]
    return [float(Fraction(c, top[-1])) for c in top]


def pade(a: Any, order: int) -> tuple[Any, Any]:
    """Return the odd and the even part of the approximant's numerator."""
    c = [np.asarray(v, a.dtype) for v in pade_coefficients(order)]
    square = gnp.matmul(a, a)
    power = broadcast_identity(a)
    odd, even = c[1] * power, c[0] * power
    for k in range(2, order, 2):
        power = gnp.matmul(power, square) if k > 2 else square
        odd, even = odd + c[k + 1] * power, even + c[k] * power
    return gnp.matmul(a, odd), even


def broadcast_identity(a: Any) -> Any:
    """Return identity matrices of the shape of a."""
    return gnp.broadcast_to(gnp.eye(a.shape[-1], dtype=a.dtype), a.shape)


@jit(static_argnums=(1, 2))
def _expm(a: Any, upper_triangular: bool, max_squarings: int) -> Any:
    a = matrices("expm", a, square=True)
    order, limit = ORDERS[np.zeros((), a.dtype).real.dtype.itemsize if a.dtype.kind in "fc" else 4]
    norm = gnp.max(gnp.sum(abs(a), -2), -1, initial=0.0)
    halvings = gnp.maximum(0, gnp.ceil(gnp.log2(gnp.maximum(norm, 1e-30) / limit)))
    scaled = a / gnp.exp2(halvings)[..., None, None].astype(a.dtype)
    odd, even = pade(scaled, order)
    numerator, denominator = even + odd, even - odd
    if upper_triangular:
        out = solve_triangular(denominator, numerator)
    else:
        out = gnp_linalg.solve(denominator, numerator)

    def square(x: Any, k: Any) -> tuple[Any, None]:
        again = (k < halvings)[..., None, None]
        return lax.cond(gnp.any(again), lambda x: gnp.where(again, gnp.matmul(x, x), x),
                        lambda x: x, x), None  # fmt: skip

    out, _ = lax.scan(square, out, gnp.arange(max_squarings, dtype=norm.dtype))
    return gnp.where((halvings > max_squarings)[..., None, None], gnp.nan, out)


def expm(A: Any, *, upper_triangular: bool = False, max_squarings: int = 16) -> Any:
    """Return the exponentials of square matrices.

    NaN where more than `max_squarings` halvings are needed for an accurate result.
    """
    return _expm(A, bool(upper_triangular), int(max_squarings))


def expm_frechet(
    A: Any,
    E: Any,
    *,
    method: str | None = None,
    compute_expm: bool = True,
) -> Any:
    """Return the exponential of A and its derivative in the direction E (that alone if asked for).

    `method` is accepted and ignored.
    Errors: ValueError unless A and E are square matrices of one shape.
    """
    a, e = matrices("expm_frechet", A, square=True), matrices("expm_frechet", E, square=True)
    if a.shape != e.shape:
        raise ShapeError(
            f"Incompatible shapes for expm_frechet: got {a.shape} and {e.shape}.{at_user_line()}"
        )
    dtype = gnp.result_type(a, e)
    value, slope = jvp(expm, (a.astype(dtype),), (e.astype(dtype),))
    return (value, slope) if compute_expm else slope
