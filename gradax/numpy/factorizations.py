"""Factorizations of matrices: the part of `numpy.linalg` that others are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradax.errors import ArgumentError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.numpy.arithmetic import absolute, conjugate
from gradax.numpy.householder import geqrf
from gradax.numpy.logic import where_select
from gradax.numpy.one_program import one_program
from gradax.numpy.products import matmul as matmul
from gradax.numpy.products import multi_dot as multi_dot
from gradax.numpy.products import tensordot as tensordot
from gradax.numpy.products import vecdot as vecdot
from gradax.numpy.promotion import (
    INEXACT,
    broadcast,
    convert,
    operand,
    to_inexact,
)
from gradax.numpy.shaping import expand_dims, swapaxes
from gradax.numpy.shaping import matrix_transpose as matrix_transpose
from gradax.numpy.taking import take_along_axis


class QRResult(NamedTuple):
    """Q and R."""

    Q: Any
    R: Any


class EighResult(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors in columns."""

    eigenvalues: Any
    eigenvectors: Any


class EigResult(NamedTuple):
    """Complex eigenvalues and eigenvectors in columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """U, the singular values and Vh."""

    U: Any
    S: Any
    Vh: Any


def floats(name: str, x: Any) -> Any:
    """Return an argument as an array of floats or complex numbers."""
    x = operand(name, x)
    return x if x.dtype in INEXACT else to_inexact(name, x)


def matrices(name: str, x: Any, square: bool = False) -> Any:
    """Return an argument as a stack of matrices.

    Errors: ValueError for fewer than 2 axes, or for matrices that are not square where they must.
    """
    x = floats(name, x)
    if x.ndim < 2:
        raise ArgumentError(f"{name}: expected 2 axes or more, got shape {x.shape}{at_user_line()}")
    if square and x.shape[-1] != x.shape[-2]:
        raise ArgumentError(f"{name}: expected square matrices, got {x.shape}{at_user_line()}")
    return x


@one_program("upper", "symmetrize_input")
def cholesky(a: Any, *, upper: bool = False, symmetrize_input: bool = True) -> Any:
    """Return the triangular factor L with L L^H = a, or its adjoint; NaN where there is none."""
    x = matrices("cholesky", a, square=True)
    factor = lax_linalg.cholesky(x, symmetrize_input=symmetrize_input)
    return swapaxes(conjugate(factor), -1, -2) if upper else factor


@one_program("mode")
def qr(a: Any, mode: str = "reduced") -> Any:
    """Return Q and R with a = Q R.

    mode: 'reduced', 'complete', 'r' for R alone, or 'raw' for Householder vectors, transposed as
    NumPy does, and their factors.
    """
    x = matrices("qr", a)
    if mode == "raw":
        vectors, taus = geqrf(x)
        return QRResult(matrix_transpose(vectors), taus)
    if mode not in ("reduced", "complete", "r", "full"):
        raise ArgumentError(f"qr: mode is 'reduced', 'complete', 'r' or 'raw', got {mode!r}")
    q, r = lax_linalg.qr(x, full_matrices=mode in ("complete", "full"))
    return r if mode == "r" else QRResult(q, r)


@one_program("UPLO", "symmetrize_input")
def eigh(a: Any, UPLO: str | None = None, symmetrize_input: bool = True) -> EighResult:
    """Return eigenvalues and eigenvectors of Hermitian matrices, given by one triangle."""
    if UPLO not in (None, "L", "U"):
        raise ArgumentError(f"eigh: UPLO is 'L' or 'U', got {UPLO!r}{at_user_line()}")
    x = matrices("eigh", a, square=True)
    v, w = lax_linalg.eigh(x, lower=UPLO != "U", symmetrize_input=symmetrize_input)
    return EighResult(w, v)


@one_program("UPLO", "symmetrize_input")
def eigvalsh(a: Any, UPLO: str | None = "L", *, symmetrize_input: bool = True) -> Any:
    """Return the ascending eigenvalues of Hermitian matrices."""
    return eigh(a, UPLO, symmetrize_input).eigenvalues


def eig(a: Any) -> EigResult:
    """Return complex eigenvalues and eigenvectors of matrices."""
    x = matrices("eig", a, square=True)
    w, v = lax_linalg.eig(x, compute_left_eigenvectors=False)
    return EigResult(w, v)


def eigvals(a: Any) -> Any:
    """Return the complex eigenvalues of matrices."""
    x = matrices("eigvals", a, square=True)
    return lax_linalg.eig(x, compute_left_eigenvectors=False, compute_right_eigenvectors=False)[0]


@one_program("full_matrices", "compute_uv", "hermitian", "subset_by_index")
def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Any:
    """Return U, singular values S and Vh with a = U diag(S) Vh, or, as asked, S alone."""
    x = matrices("svd", a)
    if hermitian:
        return svd_hermitian(x, compute_uv)
    out = lax_linalg.svd(
        x,
        full_matrices=full_matrices,
        compute_uv=compute_uv,
        subset_by_index=subset_by_index,
    )
    return SVDResult(*out) if compute_uv else out


def svd_hermitian(x: Any, compute_uv: bool) -> Any:
    """Return the singular value decomposition of Hermitian matrices by their eigenvalues."""
    w, v = eigh(x)
    s = absolute(w)
    order = (-s).argsort(-1)
    s = -((-s).sort(-1))
    if not compute_uv:
        return s
    from_order = expand_dims(order, -2)
    u = take_columns(v, from_order)
    signs = expand_dims(convert(where_select(w < 0, -1.0, 1.0), x.dtype), -2)
    vh = swapaxes(conjugate(take_columns(v * signs, from_order)), -1, -2)
    return SVDResult(u, s, vh)


def take_columns(x: Any, order: Any) -> Any:
    """Return the columns of matrices in another order."""
    return take_along_axis(x, broadcast(order, x.shape), -1)


@one_program()
def svdvals(x: Any, /) -> Any:
    """Return the singular values of matrices, descending."""
    return svd(x, compute_uv=False)
