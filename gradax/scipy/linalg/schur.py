"""Schur forms, functions of matrices by them, Sylvester's equation, tridiagonal matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.api.jit import jit
from gradax.errors import (
    ArgumentError,
    ArgumentTypeError,
    ShapeError,
    UnsupportedArgumentError,
    at_user_line,
)
from gradax.lax import linalg as lax_linalg
from gradax.lax.schur import EighTridiagonal, Sylvester
from gradax.numpy.promotion import operands, promote_dtypes
from gradax.scipy.linalg.decompositions import adjoint, matrices


def complex_of(a: Any) -> Any:
    """Return an array as complex numbers of its precision."""
    return a if a.dtype.kind == "c" else a.astype(np.promote_types(a.dtype, np.complex64))


@jit(static_argnums=1)
def _schur(a: Any, output: str) -> Any:
    a = matrices("schur", a, square=True)
    t, z = lax_linalg.schur(complex_of(a) if output == "complex" else a)
    return t, z


def schur(a: Any, output: str = "real") -> tuple[Any, Any]:
    """Return T and Z with a = Z T Z^H; T of real matrices has 2 by 2 blocks on its diagonal.

    With output="complex" T is triangular. Errors: ValueError for another output.
    """
    if output not in ("real", "complex"):
        raise ArgumentError(
            f"schur: output is 'real' or 'complex'; got {output!r}.{at_user_line()}"
        )
    return _schur(a, output)


@jit(static_argnums=(1,))
def _hessenberg(a: Any, calc_q: bool) -> Any:
    a = matrices("hessenberg", a, square=True)
    packed, factors = lax_linalg.hessenberg(a)
    h = gnp.triu(packed, -1)
    if not calc_q:
        return h
    n = a.shape[-1]
    if n < 2:
        return h, gnp.broadcast_to(gnp.eye(n, dtype=a.dtype), a.shape)
    inner = lax_linalg.householder_product(packed[..., 1:, :-1], factors)
    corner = gnp.zeros_like(a).at[..., 0, 0].set(1)
    return h, corner.at[..., 1:, 1:].set(inner)


def hessenberg(
    a: Any, *, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """Return H, and with `calc_q` Q too, with a = Q H Q^H and H zero below its subdiagonal."""
    del overwrite_a, check_finite
    return _hessenberg(a, bool(calc_q))


@jit
def _rsf2csf(T: Any, Z: Any) -> Any:
    t, z = promote_dtypes(*operands("rsf2csf", T, Z), inexact=True)
    t, z = complex_of(t), complex_of(z)
    n = t.shape[0]
    if z.shape != t.shape or t.ndim != 2 or t.shape[1] != n:
        raise ShapeError(
            f"rsf2csf: expected two square matrices of one size; got {t.shape} and {z.shape}."
            f"{at_user_line()}"
        )

    def rotate(k: Any, pair: Any) -> Any:
        t, z = pair
        m = n - 1 - k
        block = lax.dynamic_slice(t, (m - 1, m - 1), (2, 2))
        p, q, r, s = block[0, 0], block[0, 1], block[1, 0], block[1, 1]
        # An eigenvalue of the block, less s; the rotation takes its vector to the first axis.
        half = (p - s) / 2
        mu = half + gnp.where(half.real < 0, -1, 1) * gnp.sqrt(half * half + q * r)
        length = gnp.sqrt(gnp.abs(mu) ** 2 + gnp.abs(r) ** 2)
        c, d = mu / length, r / length
        g = gnp.stack([gnp.stack([gnp.conj(c), d]), gnp.stack([-d, c])])
        rows = g @ lax.dynamic_slice(t, (m - 1, 0), (2, n))
        turned = lax.dynamic_update_slice(t, rows, (m - 1, 0))
        columns = lax.dynamic_slice(turned, (0, m - 1), (n, 2)) @ adjoint(g)
        turned = lax.dynamic_update_slice(turned, columns, (0, m - 1)).at[m, m - 1].set(0)
        columns = lax.dynamic_slice(z, (0, m - 1), (n, 2)) @ adjoint(g)
        moved = lax.dynamic_update_slice(z, columns, (0, m - 1))
        is_block = r != 0
        return gnp.where(is_block, turned, t), gnp.where(is_block, moved, z)

    return lax.fori_loop(0, max(n - 1, 0), rotate, (t, z))


def rsf2csf(T: Any, Z: Any, check_finite: bool = True) -> tuple[Any, Any]:
    """Turn a real Schur form into a complex one, whose T is triangular."""
    del check_finite
    return _rsf2csf(T, Z)


def columns_by_columns(t: Any, diagonal: Any, right: Callable[..., Any], shift: Any) -> Any:
    """Return the triangular F with the given diagonal, each column solved from those before it.

    Column j of F above the diagonal solves (M + s) y = right(F, j), where M, s = shift(F, j).
    """
    n = t.shape[0]
    places = gnp.arange(n)

    def solve_column(j: Any, f: Any) -> Any:
        before = places < j
        matrix, shifted = shift(f, j)
        inside = before[:, None] & before[None, :]
        system = gnp.where(inside, matrix, 0) + gnp.diag(gnp.where(before, shifted, 1))
        on = gnp.diagonal(system)
        system = system + gnp.diag(gnp.where(on == 0, 1, 0))
        y = gnp.where(before, right(f, j), 0)
        found = lax_linalg.triangular_solve(system, y[:, None], left_side=True)[:, 0]
        column = gnp.where(before, found, f[:, j])
        return f.at[:, j].set(column)

    return lax.fori_loop(1, n, solve_column, gnp.diag(diagonal))


@jit
def _sqrtm(a: Any) -> Any:
    a = complex_of(matrices("sqrtm", a, square=True))
    t, z = lax_linalg.schur(a)
    roots = gnp.sqrt(gnp.diagonal(t))

    def shift(r: Any, j: Any) -> Any:
        return r, r[j, j]

    root = columns_by_columns(t, roots, lambda r, j: t[:, j], shift)
    return z @ root @ adjoint(z)


def sqrtm(A: Any, blocksize: int = 1) -> Any:
    """Return the principal square root of a matrix, always complex.

    Source: Björck and Hammarling 1983. Errors: NotImplementedError for blocks.
    """
    if blocksize > 1:
        raise UnsupportedArgumentError(f"sqrtm: only blocksize=1 is supported.{at_user_line()}")
    one_matrix("sqrtm", A)
    return _sqrtm(A)


def one_matrix(name: str, a: Any) -> None:
    """Raise unless an argument is one square matrix."""
    shape = gnp.shape(a)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise ShapeError(f"{name}: expected a square matrix; got shape {shape}.{at_user_line()}")


def funm(A: Any, func: Callable[[Any], Any], disp: bool = True) -> Any:
    """Return the function `func` of numbers, of a matrix; always complex.

    Without `disp`, return an estimate of the relative error as well.
    Source: Parlett's recurrence on the Schur form; eigenvalues that are close lose accuracy.
    """
    one_matrix("funm", A)
    a = complex_of(matrices("funm", A, square=True))
    t, z = lax_linalg.schur(a)
    values = func(gnp.diagonal(t)).astype(t.dtype)

    def shift(f: Any, j: Any) -> Any:
        return t, -t[j, j]

    def right(f: Any, j: Any) -> Any:
        # F T = T F: (T - t_jj) f_j = F t_j - f_jj t_j above the diagonal.
        above = gnp.where(gnp.arange(t.shape[0]) < j, t[:, j], 0)
        return f @ above - f[j, j] * above

    f = columns_by_columns(t, values, right, shift)
    out = z @ f @ adjoint(z)
    if disp:
        return out
    gaps = gnp.abs(gnp.diagonal(t)[:, None] - gnp.diagonal(t)[None, :])
    least = gnp.min(gnp.where(gnp.triu(gnp.ones_like(gaps), 1) > 0, gaps, gnp.inf), initial=gnp.inf)
    eps = gnp.finfo(t.dtype).eps
    size = gnp.linalg.norm(gnp.triu(t, 1), 1)
    error = gnp.minimum(1.0, gnp.maximum(eps, (eps / gnp.where(least == 0, eps, least)) * size))
    is_broken = ~gnp.all(gnp.isfinite(f))
    is_exact = gnp.all(gnp.ravel(gnp.triu(t, 1)) == 0)
    error = gnp.where(is_exact, 0.0, error)
    return out, gnp.where(is_broken, gnp.inf, error)


@jit(static_argnums=(3,))
def _solve_sylvester(A: Any, B: Any, C: Any, method: str, tol: Any) -> Any:
    a, b, c = promote_dtypes(*operands("solve_sylvester", A, B, C), inexact=True)
    stack = gnp.broadcast_shapes(a.shape[:-2], b.shape[:-2], c.shape[:-2])
    a, b, c = (gnp.broadcast_to(x, (*stack, *x.shape[-2:])) for x in (a, b, c))
    if method == "schur":
        x, gap = Sylvester()(a, b, c)
        return gnp.where((gap < tol)[..., None, None], gnp.nan, x)
    (wa, va), (wb, vb) = gnp.linalg.eig(a), gnp.linalg.eig(b)
    sums = wa[..., :, None] + wb[..., None, :]
    inner = gnp.linalg.solve(va, complex_of(c) @ vb) / sums
    x = va @ gnp.matrix_transpose(
        gnp.linalg.solve(gnp.matrix_transpose(vb), gnp.matrix_transpose(inner))
    )
    x = x if c.dtype.kind == "c" else x.real
    is_singular = gnp.any(gnp.abs(sums) < tol, axis=(-2, -1))
    return gnp.where(is_singular[..., None, None], gnp.nan, x).astype(c.dtype)


def solve_sylvester(A: Any, B: Any, C: Any, *, method: str = "schur", tol: float = 1e-8) -> Any:
    """Return X with A X + X B = C; NaN where eigenvalues of A and of B sum to less than `tol`.

    Shapes: [.., m, m], [.., n, n], [.., m, n]; leading axes are broadcast. The method "eigen"
    divides by sums of eigenvalues, "schur" solves triangular systems.
    Errors: ValueError for another method.
    """
    if method not in ("schur", "eigen"):
        raise ArgumentError(
            f"solve_sylvester: method is 'schur' or 'eigen'; got {method!r}.{at_user_line()}"
        )
    return _solve_sylvester(A, B, C, method, tol)


def eigh_tridiagonal(
    d: Any,
    e: Any,
    *,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[int, int] | None = None,
    tol: float | None = None,
    key: Any = None,
) -> Any:
    """Return eigenvalues of a symmetric tridiagonal matrix, ascending, and eigenvectors in columns.

    `select` is "a" for all, or "i" for those numbered select_range[0] … select_range[1]. The
    eigenvalues are exact to rounding, whatever `tol` asks; no random `key` is needed.
    Errors: TypeError for other dtypes than float32 and float64; NotImplementedError for select="v".
    """
    del tol, key
    diagonal, beside = operands("eigh_tridiagonal", d, e)
    if diagonal.dtype != beside.dtype or diagonal.dtype.name not in ("float32", "float64"):
        raise ArgumentTypeError(
            "eigh_tridiagonal: expected the diagonal and what is beside it both float32 or both"
            f" float64; got {diagonal.dtype} and {beside.dtype}.{at_user_line()}"
        )
    n = diagonal.shape[-1]
    first, count = selected(select, select_range, n)
    outs = EighTridiagonal(first, count, not eigvals_only)(diagonal, beside)
    return outs[0] if eigvals_only else outs


def selected(select: str, among: Any, n: int) -> tuple[int, int]:
    """Return the first eigenvalue that is asked for, and how many."""
    if select == "a":
        return 0, n
    if select == "v":
        raise UnsupportedArgumentError(
            f"eigh_tridiagonal: select='v' is not supported, since the number of results would"
            f" depend on values.{at_user_line()}\nUse select='i'."
        )
    if select != "i" or among is None or among[0] > among[1]:
        raise ArgumentError(
            "eigh_tridiagonal: select is 'a', or 'i' with select_range=(first, last); got"
            f" {select!r} and {among}.{at_user_line()}"
        )
    return int(among[0]), int(among[1]) - int(among[0]) + 1
