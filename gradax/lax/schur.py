"""Schur, Hessenberg and tridiagonal forms, and Sylvester's equation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import operation, unsupported
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value
from gradax.errors import UnsupportedRule, at_user_line, require
from gradax.lax.arithmetic import Add, Mul, Neg, scalar_like
from gradax.lax.factorizations import columns
from gradax.lax.families import check_same_dtype
from gradax.lax.matrices import (
    MatrixOp,
    columns_of,
    diagonal,
    each_matrix,
    matmul,
    real_dtype,
    rows_of,
    transposed,
)
from gradax.lax.shapes import ReduceSum
from gradax.lax.slicing import Pad, Slice
from gradax.lax.spectral import inverse_off_diagonal


@final
@operation
class Schur(MatrixOp):
    """x = Z T Z^H with T upper triangular; real matrices have 2 by 2 blocks on its diagonal.

    Shapes: x: T[.., n, n] -> T[.., n, n] and, with vectors, Z: T[.., n, n].
    """

    compute_schur_vectors: bool

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x, square=True)
        return (x.strip_weak_type(),) * (1 + self.compute_schur_vectors)

    jvp = unsupported("Schur forms have no derivative rule; use those of eig or eigh")
    transpose = unsupported("it is not linear")

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        n = x.shape[-1]
        results: list[Any] = [((n, n), x.dtype)] * (1 + self.compute_schur_vectors)
        return self.call((x,), results, n, int(self.compute_schur_vectors))

    def reference(self, *operands: Any) -> Any:
        from scipy.linalg import schur as decompose

        def one(x: Any) -> tuple[Any, ...]:
            kind = "complex" if np.iscomplexobj(x) else "real"
            if not np.all(np.isfinite(x)):
                return (np.full_like(x, np.nan),) * (1 + self.compute_schur_vectors)
            return tuple(decompose(x, kind))[: 1 + self.compute_schur_vectors]

        return of_each(self, one, *operands)

    def printed_params(self) -> dict[str, Any]:
        return {**self.params, "select_callable": None, "sort_eig_vals": False}


@final
@operation
class Hessenberg(MatrixOp):
    """x = Q H Q^H with H zero below its first subdiagonal, where Q's reflectors are stored.

    Shapes: x: T[.., n, n] -> T[.., n, n], the reflectors' factors T[.., n - 1].
    """

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x, square=True)
        x = x.strip_weak_type()
        return x, Aval((*x.shape[:-2], max(x.shape[-1] - 1, 0)), x.dtype)

    jvp = unsupported("Hessenberg forms have no derivative rule")
    transpose = unsupported("it is not linear")

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        n = x.shape[-1]
        return self.call((x,), [((n, n), x.dtype), ((max(n - 1, 0),), x.dtype)], n)

    def reference(self, *operands: Any) -> Any:
        from scipy.linalg.lapack import get_lapack_funcs

        def one(x: Any) -> tuple[Any, ...]:
            (reduce,) = get_lapack_funcs(("gehrd",), (x,))
            return tuple(reduce(x, lwork=max(1, 64 * len(x)))[:2])

        return of_each(self, one, *operands)


@final
@operation
class Tridiagonal(MatrixOp):
    """x = Q T Q^H with T real and tridiagonal, for Hermitian x of which one triangle is read.

    Shapes: x: T[.., n, n] -> T[.., n, n] with Q's reflectors, real[.., n] (T's diagonal),
        real[.., n - 1] (beside it), the reflectors' factors T[.., n - 1].
    """

    is_lower: bool

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        (x,) = avals
        self.check(x, square=True)
        x = x.strip_weak_type()
        stack, n, real = x.shape[:-2], x.shape[-1], real_dtype(x.dtype)
        beside = (*stack, max(n - 1, 0))
        return x, Aval((*stack, n), real), Aval(beside, real), Aval(beside, x.dtype)

    @property
    def params(self) -> dict[str, Any]:
        """The parameter, `is_lower` (the rule has the shorter name) as `lower`."""
        return {"lower": self.is_lower}

    jvp = unsupported("tridiagonal forms have no derivative rule; use that of eigh")
    transpose = unsupported("it is not linear")

    def lower(self, *operands: kernel.Tensor) -> Any:
        (x,) = operands
        n, real = x.shape[-1], real_dtype(x.dtype)
        beside = (max(n - 1, 0),)
        results = [((n, n), x.dtype), ((n,), real), (beside, real), (beside, x.dtype)]
        return self.call((x,), results, n, int(self.is_lower))

    def reference(self, *operands: Any) -> Any:
        from scipy.linalg.lapack import get_lapack_funcs

        def one(x: Any) -> tuple[Any, ...]:
            name = "hetrd" if np.iscomplexobj(x) else "sytrd"
            (reduce,) = get_lapack_funcs((name,), (x,))
            return tuple(reduce(x, lower=int(self.is_lower), lwork=max(1, 64 * len(x)))[:4])

        return of_each(self, one, *operands)


@final
@operation
class Sylvester(MatrixOp):
    """Solve a x + x b = c.

    Shapes: a: T[.., m, m], b: T[.., n, n], c: T[.., m, n] -> x: T[.., m, n] and real[..], the least
        |sum| of an eigenvalue of a and one of b; where it is zero there is no one solution.
    Source: Bartels and Stewart 1972.
    """

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        a, b, c = avals
        check_same_dtype(self, a, b, c)
        self.check(a, square=True)
        self.check(b, square=True)
        self.check(c)
        fits = c.shape[-2:] == (a.shape[-1], b.shape[-1])
        fits = fits and a.shape[:-2] == b.shape[:-2] == c.shape[:-2]
        require(fits, self, "[.., m, m], [.., n, n] and [.., m, n]", a, b, c)
        return c.strip_weak_type(), Aval(c.shape[:-2], real_dtype(c.dtype))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (a, b, c), (da, db, dc) = primals, tangents
        x, gap = self(a, b, c)
        terms: list[Any] = [] if is_zero(dc) else [dc]
        terms += [] if is_zero(da) else [Neg()(matmul(da, x))]
        terms += [] if is_zero(db) else [Neg()(matmul(x, db))]
        if not terms:
            return (x, gap), (Zero(x.aval), Zero(gap.aval))
        right = terms[0]
        for term in terms[1:]:
            right = Add()(right, term)
        return (x, gap), (self(a, b, right)[0], Zero(gap.aval))

    def transpose(self, ct: Any, *operands: Any) -> Any:
        a, b, _ = operands
        if is_zero(ct[0]):
            return None, None, ct[0]
        return None, None, self(transposed(a), transposed(b), ct[0])[0]

    def lower(self, *operands: kernel.Tensor) -> Any:
        a, b, c = operands
        m, n = c.shape[-2:]
        results = [((m, n), c.dtype), ((), real_dtype(c.dtype))]
        return self.call((a, b, c), results, m, n)

    def reference(self, *operands: Any) -> Any:
        from scipy.linalg import solve_sylvester

        def one(a: Any, b: Any, c: Any) -> tuple[Any, ...]:
            sums = np.add.outer(np.linalg.eigvals(a), np.linalg.eigvals(b))
            return solve_sylvester(a, b, c), np.asarray(np.min(np.abs(sums), initial=np.inf))

        return of_each(self, one, *operands)


@final
@operation
class EighTridiagonal(MatrixOp):
    """Eigenvalues first … first + count - 1 of real symmetric tridiagonal matrices, and vectors.

    Shapes: T[.., n] (the diagonal), T[.., n - 1] (beside it) -> T[.., count] and, with vectors,
        T[.., n, count]: of each the first component of at least half the largest size is positive.
    """

    first: int
    count: int
    with_vectors: bool

    multiple_results = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        d, e = avals
        check_same_dtype(self, d, e)
        fits = d.dtype.name in ("float32", "float64") and d.ndim >= 1 and d.size > 0
        fits = fits and e.shape == (*d.shape[:-1], d.shape[-1] - 1)
        require(fits, self, "float32 or float64 of [.., n] and [.., n - 1]", d, e)
        within = self.first >= 0 and self.first + self.count <= d.shape[-1]
        require(within, self, f"eigenvalues {self.first} … within the matrix", d)
        values = Aval((*d.shape[:-1], self.count), d.dtype)
        vectors = Aval((*d.shape, self.count), d.dtype)
        return (values, vectors)[: 1 + self.with_vectors]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        d, e = primals
        n = d.shape[-1]
        if not self.with_vectors:
            w, v = EighTridiagonal(self.first, self.count, True)(d, e)
            return (w,), (ReduceSum((v.ndim - 2,))(Mul()(v, changed(v, tangents))),)
        w, v = EighTridiagonal(0, n, True)(d, e)
        change = matmul(transposed(v), changed(v, tangents))
        gaps = Add()(rows_of(w, change), Neg()(columns_of(w, change)))
        dw, dv = diagonal(change), matmul(v, Mul()(change, inverse_off_diagonal(gaps)))
        return self.chosen(w, v), self.chosen(dw, dv)

    def chosen(self, w: Any, v: Any) -> tuple[Any, Any]:
        """Return the values and vectors that are asked for, of all."""
        start, stop = (*(0 for _ in w.shape[:-1]), self.first), self.first + self.count
        return Slice(start, (*w.shape[:-1], stop))(w), columns(v, stop, self.first)

    transpose = unsupported("it is not linear")

    def lower(self, *operands: kernel.Tensor) -> Any:
        d, e = operands
        n = d.shape[-1]
        results: list[Any] = [((self.count,), d.dtype), ((n, self.count), d.dtype)]
        params = (n, int(self.with_vectors), self.first, self.count)
        stack = d.shape[:-1]
        rows = [kernel.reshape(x, (*stack, 1, x.shape[-1])) for x in (d, e)]
        return self.call(rows, results[: 1 + self.with_vectors], *params)

    def reference(self, *operands: Any) -> Any:
        def one(d: Any, e: Any) -> tuple[Any, ...]:
            w, v = np.linalg.eigh(np.diag(d) + np.diag(e, 1) + np.diag(e, -1))
            sizes = np.abs(v)
            first = np.argmax(sizes >= sizes.max(axis=0) / 2, axis=0)
            v = v * np.sign(v[first, np.arange(len(d))])
            kept = slice(self.first, self.first + self.count)
            return (w[kept], v[:, kept])[: 1 + self.with_vectors]

        return of_each(self, one, *operands, n_core=1)


def changed(v: Any, tangents: tuple[Any, ...]) -> Any:
    """Return dT V for the tangents of a tridiagonal matrix's diagonal and what is beside it."""
    dd, de = tangents
    axis = v.ndim - 2
    terms: list[Any] = []
    if not is_zero(dd):
        terms.append(Mul()(columns_of(dd, v), v))
    if not is_zero(de):
        zero = scalar_like(v, 0)
        n = v.shape[axis]
        above = rows_between(v, 1, n)
        below = rows_between(v, 0, n - 1)
        for part, at_end in ((above, True), (below, False)):
            product = Mul()(columns_of(de, part), part)
            terms.append(padded_row(product, at_end, zero))
    out = terms[0]
    for term in terms[1:]:
        out = Add()(out, term)
    return out


def rows_between(x: Any, start: int, stop: int) -> Any:
    """Return rows start … stop - 1 of stacked matrices."""
    zeros = (0,) * (x.ndim - 2)
    return Slice((*zeros, start, 0), (*x.shape[:-2], stop, x.shape[-1]))(x)


def padded_row(x: Any, at_end: bool, zero: Any) -> Any:
    """Put a row of zeros after, or before, those of stacked matrices."""
    config = (*((0, 0, 0) for _ in x.shape[:-2]), (0, 1, 0) if at_end else (1, 0, 0), (0, 0, 0))
    return Pad(config)(x, zero)


def of_each(op: MatrixOp, compute: Callable[..., Any], *stacks: Any, n_core: int = 2) -> Any:
    """Compute each matrix of stacks with NumPy, in the dtypes that the operation gives."""
    arrays = [np.asarray(x) for x in stacks]
    avals = op.infer(*(Aval(x.shape, x.dtype) for x in arrays))
    if arrays[0].size == 0:
        return tuple(np.zeros(a.shape, a.dtype) for a in avals)
    found = each_matrix(compute, (n_core,) * len(arrays), *arrays)
    return tuple(f.astype(a.dtype) for f, a in zip(found, avals, strict=True))


def schur(
    x: Any,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
    select_callable: Callable[..., Any] | None = None,
) -> list[Any]:
    """Return T, and Z unless asked otherwise, with x = Z T Z^H and T (quasi-)triangular.

    Shapes: T[.., n, n] -> T[.., n, n], T[.., n, n].
    Errors: NotImplementedError for an order of eigenvalues.
    """
    if sort_eig_vals or select_callable is not None:
        raise UnsupportedRule(f"schur: eigenvalues cannot be ordered.{at_user_line()}")
    return list(Schur(bool(compute_schur_vectors))(as_value(x)))


def hessenberg(a: Any) -> list[Any]:
    """Return the Hessenberg form, with reflectors below it, and the reflectors' factors.

    Shapes: T[.., n, n] -> T[.., n, n], T[.., n - 1]. See `householder_product`.
    """
    return list(Hessenberg()(as_value(a)))


def tridiagonal(a: Any, *, lower: bool = True) -> list[Any]:
    """Reduce Hermitian matrices to tridiagonal ones.

    Shapes: T[.., n, n] -> T[.., n, n] (reflectors), real[.., n], real[.., n - 1], T[.., n - 1].
    """
    return list(Tridiagonal(bool(lower))(as_value(a)))
