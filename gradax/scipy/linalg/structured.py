"""Matrices of a structure: block-diagonal, Toeplitz and its kin, and named ones."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from gradax import dtypes
from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.sizes import is_open


def floats_of(x: Any) -> Any:
    """Return a NumPy array of numbers as an array of the default float dtype."""
    return gnp.asarray(np.asarray(x, np.float64).astype(dtypes.canonicalize_dtype(np.float64)))


def a_size(name: str, n: Any, least: int = 0) -> int:
    """Return a static size.

    Errors: ValueError for what is no integer from `least`.
    """
    if isinstance(n, (int, np.integer)) and n >= least:
        return int(n)
    raise ArgumentError(f"{name}: n is an integer from {least}; got {n!r}.{at_user_line()}")


def a_vector(name: str, x: Any, least: int = 1) -> Any:
    """Return an argument with an axis, the last one, of at least `least` elements.

    Errors: ValueError otherwise.
    """
    x = gnp.atleast_1d(gnp.asarray(x))
    if x.shape[-1] < least:
        raise ShapeError(
            f"{name}: expected at least {least} elements; got shape {x.shape}.{at_user_line()}"
        )
    return x


def block_diag(*arrs: Any) -> Any:
    """Return the matrix with blocks along its diagonal, zeros elsewhere.

    Errors: ValueError for a block of more than two axes.
    """
    blocks = [gnp.atleast_2d(gnp.asarray(a)) for a in arrs or (gnp.zeros((1, 0)),)]
    wrong = [i for i, b in enumerate(blocks) if b.ndim > 2]
    if wrong:
        raise ShapeError(
            f"block_diag: blocks have at most two axes; got {[blocks[i].shape for i in wrong]} at"
            f" {wrong}.{at_user_line()}"
        )
    dtype = gnp.result_type(*blocks)
    columns = sum(b.shape[1] for b in blocks)
    rows, start = [], 0
    for b in blocks:
        end = columns - start - b.shape[1]
        rows.append(gnp.pad(b.astype(dtype), ((0, 0), (start, end))))
        start += b.shape[1]
    return gnp.concatenate(rows)


def numbers(n: Any) -> Any:
    """Return the numbers below a size, which are computed where it is open."""
    return gnp.arange(n) if is_open(n) else np.arange(n)


def toeplitz(c: Any, r: Any = None) -> Any:
    """Return the matrix of constant diagonals with a first column and row.

    Shapes: c T[.., m], r T[.., n] -> T[.., m, n]; r is conj(c) by default.
    """
    c = a_vector("toeplitz", c, 0)
    r = gnp.conj(c) if r is None else a_vector("toeplitz", r, 0)
    m, n = c.shape[-1], r.shape[-1]
    batch = gnp.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    if not m or not n:
        return gnp.zeros((*batch, m, n), gnp.result_type(c, r))
    c, r = (gnp.broadcast_to(x, (*batch, x.shape[-1])) for x in (c, r))
    both = gnp.concatenate([gnp.flip(r[..., 1:], -1), c], -1)
    return both[..., numbers(m)[:, None] - numbers(n)[None, :] + n - 1]


def hankel(c: Any, r: Any = None) -> Any:
    """Return the matrix of constant antidiagonals with a first column and last row.

    Shapes: c T[.., m], r T[.., n] -> T[.., m, n]; r is zero by default.
    """
    c = a_vector("hankel", c)
    r = gnp.zeros_like(c) if r is None else a_vector("hankel", r)
    both = gnp.concatenate([c, r[..., 1:]], -1)
    return both[..., numbers(c.shape[-1])[:, None] + numbers(r.shape[-1])[None, :]]


def circulant(c: Any) -> Any:
    """Return the matrix whose columns are the rotations of c."""
    c = a_vector("circulant", c)
    n = c.shape[-1]
    return c[..., (numbers(n)[:, None] - numbers(n)[None, :]) % n]


def convolution_matrix(a: Any, n: int, mode: str = "full") -> Any:
    """Return the matrix whose product with a vector of n elements is its convolution with a.

    Errors: ValueError for a mode other than full, same and valid.
    """
    a, n = a_vector("convolution_matrix", a), a_size("convolution_matrix", n, 1)
    if mode not in ("full", "same", "valid"):
        raise ArgumentError(
            f"convolution_matrix: the mode is 'full', 'same' or 'valid'; got {mode!r}."
            f"{at_user_line()}"
        )
    m = a.shape[-1]
    zeros = gnp.zeros((*a.shape[:-1], n - 1), a.dtype)
    full = toeplitz(gnp.concatenate([a, zeros], -1), gnp.concatenate([a[..., :1], zeros], -1))
    if mode == "full":
        return full
    size = max(m, n) if mode == "same" else max(m, n) - min(m, n) + 1
    start = (full.shape[-2] - size + (mode == "valid")) // 2
    return full[..., start : start + size, :]


def companion(a: Any) -> Any:
    """Return the companion matrix of a polynomial, highest power first."""
    a = a_vector("companion", a, 2)
    a = a.astype(gnp.result_type(a, 1.0))
    first = (-a[..., 1:] / a[..., :1])[..., None, :]
    n = a.shape[-1] - 1
    rest = gnp.broadcast_to(gnp.eye(n - 1, n, dtype=a.dtype), (*a.shape[:-1], n - 1, n))
    return gnp.concatenate([first, rest], -2)


def fiedler(a: Any) -> Any:
    """Return the matrix of |a_i - a_j|."""
    a = a_vector("fiedler", a, 0)
    return abs(a[..., :, None] - a[..., None, :])


def fiedler_companion(a: Any) -> Any:
    """Return Fiedler's pentadiagonal companion matrix of a polynomial, highest power first."""
    a = a_vector("fiedler_companion", a, 2)
    a = a.astype(gnp.result_type(a, 1.0))
    a = a / a[..., :1]
    n = a.shape[-1] - 1
    if n == 1:
        return -a[..., 1:, None]
    ones = np.zeros((n, n))
    ones[1, 0] = 1
    ones[np.arange(3, n, 2), np.arange(1, n - 2, 2)] = 1
    ones[np.arange(0, n - 2, 2), np.arange(2, n, 2)] = 1
    out = gnp.broadcast_to(gnp.asarray(ones, a.dtype), (*a.shape[:-1], n, n))
    below, above = np.arange(2, n, 2), np.arange(0, n - 1, 2)
    out = out.at[..., below, below - 1].set(-a[..., below + 1])
    out = out.at[..., above, above + 1].set(-a[..., above + 2])
    return out.at[..., 0, 0].set(-a[..., 1])


def leslie(f: Any, s: Any) -> Any:
    """Return Leslie's matrix: fecundities in the first row, survivals below the diagonal.

    Errors: ValueError unless there is one survival less.
    """
    f, s = a_vector("leslie", f, 2), a_vector("leslie", s)
    n = f.shape[-1]
    if s.shape[-1] != n - 1:
        raise ShapeError(f"Incompatible shapes for leslie: got {f.shape} and {s.shape}."
                         f"{at_user_line()}")  # fmt: skip
    out = gnp.zeros((*f.shape[:-1], n, n), gnp.result_type(f, s)).at[..., 0, :].set(f)
    return out.at[..., np.arange(1, n), np.arange(n - 1)].set(s)


def dft(n: int, scale: str | None = None, *, dtype: Any = None) -> Any:
    """Return the matrix of the discrete Fourier transform, scaled by 1/√n ("sqrtn") or 1/n ("n").

    Errors: ValueError for another scale.
    """
    n = a_size("dft", n)
    if scale not in (None, "sqrtn", "n"):
        raise ArgumentError(f"dft: the scale is None, 'sqrtn' or 'n'; got {scale!r}."
                            f"{at_user_line()}")  # fmt: skip
    turns = np.outer(np.arange(n), np.arange(n)) % max(n, 1) / max(n, 1)
    size = {None: 1.0, "sqrtn": np.sqrt(n), "n": n}[scale]
    kind = dtypes.canonicalize_dtype(np.complex128 if dtype is None else dtype)
    return gnp.asarray((np.exp(-2j * np.pi * turns) / size).astype(kind))


def hadamard(n: int, dtype: Any = int) -> Any:
    """Return Hadamard's matrix. Errors: ValueError unless n is a power of 2."""
    n = a_size("hadamard", n, 1)
    if n & (n - 1):
        raise ArgumentError(f"hadamard: n is a power of 2; got {n}.{at_user_line()}")
    out = np.ones((1, 1), int)
    while len(out) < n:
        out = np.block([[out, out], [out, -out]])
    return gnp.asarray(out.astype(dtypes.check_user_dtype(dtype, "hadamard")))


def helmert(n: int, full: bool = False) -> Any:
    """Return Helmert's matrix, without its first row unless `full`."""
    n = a_size("helmert", n, 1)
    rows = np.tril(np.ones((n, n)), -1) - np.diag(np.arange(n))
    squares = np.arange(n) * np.arange(1, n + 1)
    rows[0], squares[0] = 1, n
    rows = rows / np.sqrt(squares)[:, None]
    return floats_of(rows if full else rows[1:])


def hilbert(n: int) -> Any:
    """Return Hilbert's matrix, 1 / (i + j + 1)."""
    places = np.arange(a_size("hilbert", n))
    return floats_of(1 / (places[:, None] + places[None, :] + 1))


def invhilbert(n: int) -> Any:
    """Return the inverse of Hilbert's matrix, rounded from its integers."""
    n = a_size("invhilbert", n)

    def entry(i: int, j: int) -> int:
        signed = (-1) ** (i + j) * (i + j + 1)
        return signed * comb(n + i, n - j - 1) * comb(n + j, n - i - 1) * comb(i + j, i) ** 2

    return floats_of(
        np.array([[float(entry(i, j)) for j in range(n)] for i in range(n)]).reshape(n, n)
    )


def pascal_entries(n: int, kind: str | None, name: str) -> tuple[int, np.ndarray[Any, Any]]:
    """Return the size and the lower triangular matrix of binomial coefficients.

    Errors: ValueError for a kind other than symmetric, lower and upper.
    """
    if kind not in (None, "symmetric", "lower", "upper"):
        raise ArgumentError(
            f"{name}: the kind is 'symmetric', 'lower' or 'upper'; got {kind!r}.{at_user_line()}"
        )
    n = a_size(name, n)
    return n, np.array([[comb(i, j) for j in range(n)] for i in range(n)], object).reshape(n, n)


def pascal(n: int, kind: str | None = None) -> Any:
    """Return Pascal's matrix of binomial coefficients: symmetric, or a triangle."""
    _, lower = pascal_entries(n, kind, "pascal")
    if kind in ("lower", "upper"):
        return floats_of((lower if kind == "lower" else lower.T).astype(float))
    return floats_of(lower.dot(lower.T).astype(float))


def invpascal(n: int, kind: str | None = None) -> Any:
    """Return the inverse of Pascal's matrix."""
    n, lower = pascal_entries(n, kind, "invpascal")
    signs = np.array([[(-1) ** (i + j) for j in range(n)] for i in range(n)], object).reshape(n, n)
    inverse = lower * signs
    if kind in ("lower", "upper"):
        return floats_of((inverse if kind == "lower" else inverse.T).astype(float))
    return floats_of(inverse.T.dot(inverse).astype(float))
