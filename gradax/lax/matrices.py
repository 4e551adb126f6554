"""Matrices in stacks: the last two axes; what the rules of factorizations are written with."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, ClassVar

import numpy as np

from gradax import dtypes, kernel
from gradax.core.aval import Aval
from gradax.core.op import Op
from gradax.errors import DtypeError, at_user_line, require
from gradax.kernel.libraries import dtype_code
from gradax.lax.arithmetic import Add, Mul, scalar_like
from gradax.lax.comparison import Eq, Ge, SelectN
from gradax.lax.complex_parts import Complex, Real, conj
from gradax.lax.creation import Iota
from gradax.lax.dot import DotGeneral, permuted
from gradax.lax.shapes import (
    BroadcastInDim,
    ReduceSum,
    Transpose,
    broadcast_batch,
    broadcast_scalar,
    move_batch_axis,
)

I32 = np.dtype(np.int32)
DTYPES = ("float32", "float64", "complex64", "complex128")


class MatrixOp(Op):
    """An operation on stacks of matrices (or vectors), one by one."""

    needs: ClassVar[str] = "a stack of matrices"

    def check(self, x: Aval, square: bool = False) -> None:
        """Raise unless x is a stack of matrices of a dtype that LAPACK takes."""
        if x.dtype.name not in DTYPES:
            raise DtypeError(
                f"{self.name}: expected one of {', '.join(DTYPES)}; got {x.dtype.name}"
                f"{at_user_line()}"
            )
        require(x.ndim >= 2, self, "a stack of matrices (at least two axes)", x)
        fits = not square or x.shape[-1] == x.shape[-2]
        require(fits, self, "square matrices in the last two axes", x)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        outs = self(*mapped_first(args, dims))
        return outs, (0,) * len(outs) if self.multiple_results else 0

    def call(
        self, operands: Any, results: list[tuple[tuple[int, ...], Any]], *params: int
    ) -> tuple[kernel.Tensor, ...]:
        """Call the library's kernel of this operation's name on flattened stacks."""
        x = operands[0]
        stack = x.shape[:-2]
        n = prod(stack)
        flat = [kernel.reshape(o, (n, *o.shape[len(stack) :])) for o in operands]
        types = [((n, *shape), dtype) for shape, dtype in results]
        node = kernel.Library(self.name, flat, types, (dtype_code(x.dtype), n, *params))
        pairs = zip(node.results, results, strict=True)
        return tuple(kernel.reshape(out, (*stack, *shape)) for out, (shape, _) in pairs)


def mapped_first(args: tuple[Any, ...], dims: tuple[int | None, ...]) -> list[Any]:
    """Return all operands with a mapped axis, the first."""
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    return [
        broadcast_batch(x, size) if d is None else move_batch_axis(x, d, 0)
        for x, d in zip(args, dims, strict=True)
    ]


def each_matrix(compute: Callable[..., Any], n_core: tuple[int, ...], *stacks: Any) -> list[Any]:
    """Apply a NumPy function to each entry of stacks; `n_core` counts each one's own last axes."""
    arrays = [np.asarray(x) for x in stacks]
    stack = arrays[0].shape[: arrays[0].ndim - n_core[0]]
    found = [compute(*(x[place] for x in arrays)) for place in np.ndindex(*stack)]
    return [
        np.stack(parts).reshape((*stack, *parts[0].shape)) for parts in zip(*found, strict=True)
    ]


def is_complex(dtype: Any) -> bool:
    """Tell whether a dtype is complex."""
    return dtypes.issubdtype(dtype, np.complexfloating)


def real_dtype(dtype: Any) -> Any:
    """Return the dtype of absolute values."""
    return np.dtype(dtype).type(0).real.dtype


def transposed(x: Any) -> Any:
    """Exchange the last two axes."""
    n = x.ndim
    return Transpose((*range(n - 2), n - 1, n - 2))(x)


def conjugate(x: Any) -> Any:
    """Return the complex conjugate; real arrays as they are."""
    return conj(x) if is_complex(x.dtype) else x


def adjoint(x: Any) -> Any:
    """Return the conjugate transpose."""
    return conjugate(transposed(x))


def matmul(x: Any, y: Any) -> Any:
    """Multiply matrices of two stacks."""
    n = x.ndim
    stack = tuple(range(n - 2))
    return DotGeneral((((n - 1,), (n - 2,)), (stack, stack)))(x, y)


def conjugate_tensor(x: kernel.Tensor) -> kernel.Tensor:
    """Return the complex conjugate of a kernel's tensor; real ones as they are."""
    if not is_complex(x.dtype):
        return x

    def element(a: kernel.Scalar) -> kernel.Scalar:
        imaginary = kernel.apply("neg", kernel.apply("imag", a))
        return kernel.apply("complex", kernel.apply("real", a), imaginary)

    return kernel.elementwise(element, x)


def transposed_tensor(x: kernel.Tensor) -> kernel.Tensor:
    """Exchange the last two axes of a kernel's tensor."""
    n = x.ndim
    return permuted(x, (*range(n - 2), n - 1, n - 2))


def real_part(x: Any) -> Any:
    """Return the real parts; real arrays as they are."""
    return Real()(x) if is_complex(x.dtype) else x


def as_complex(x: Any, dtype: Any) -> Any:
    """Return real numbers as `dtype`, when that is complex."""
    if not is_complex(dtype) or is_complex(x.dtype):
        return x
    return Complex()(x, broadcast_scalar(np.zeros((), x.dtype), x.shape))


def on_stack(mask: Any, x: Any) -> Any:
    """Repeat a matrix for each matrix of the stack x."""
    if mask.shape == x.shape:
        return mask
    return BroadcastInDim(x.shape, (x.ndim - 2, x.ndim - 1))(mask)


def triangle_mask(shape: tuple[int, ...], k: int) -> Any:
    """Return where column <= row + k in a matrix."""
    rows, columns = (Iota(I32, shape[-2:], d)() for d in (0, 1))
    shift = broadcast_scalar(np.asarray(k, I32), shape[-2:])
    return Ge()(Add()(rows, shift), columns)


def diagonal_mask(shape: tuple[int, ...]) -> Any:
    """Return where column == row in a matrix."""
    rows, columns = (Iota(I32, shape[-2:], d)() for d in (0, 1))
    return Eq()(rows, columns)


def where(mask: Any, yes: Any, no: Any) -> Any:
    """Select matrices' elements by a mask of one matrix; `yes` or `no` may be numbers."""
    like = yes if hasattr(yes, "dtype") else no
    yes, no = (
        v if hasattr(v, "dtype") else broadcast_scalar(scalar_like(like, v), like.shape)
        for v in (yes, no)
    )
    return SelectN()(on_stack(mask, like), no, yes)


def lower_triangle(x: Any, k: int = 0) -> Any:
    """Keep the elements with column <= row + k."""
    return where(triangle_mask(x.shape, k), x, 0)


def upper_triangle(x: Any, k: int = 0) -> Any:
    """Keep the elements with column >= row + k."""
    return where(triangle_mask(x.shape, k - 1), 0, x)


def identity_like(x: Any) -> Any:
    """Return a stack of identity matrices of x's shape and dtype."""
    one, zero = (broadcast_scalar(scalar_like(x, v), x.shape) for v in (1, 0))
    return SelectN()(on_stack(diagonal_mask(x.shape), x), zero, one)


def diagonal(x: Any) -> Any:
    """Return the diagonals of square matrices as vectors."""
    return ReduceSum((x.ndim - 1,))(where(diagonal_mask(x.shape), x, 0))


def rows_of(v: Any, x: Any) -> Any:
    """Repeat vectors as the rows of matrices of x's shape: out[i, j] = v[j]."""
    return BroadcastInDim((*v.shape[:-1], *x.shape[-2:]), (*range(v.ndim - 1), v.ndim))(v)


def columns_of(v: Any, x: Any) -> Any:
    """Repeat vectors as the columns of matrices of x's shape: out[i, j] = v[i]."""
    return BroadcastInDim((*v.shape[:-1], *x.shape[-2:]), tuple(range(v.ndim)))(v)


def scale_columns(x: Any, v: Any) -> Any:
    """Multiply column j by v[j]."""
    return Mul()(x, rows_of(as_complex(v, x.dtype), x))


def scale_rows(x: Any, v: Any) -> Any:
    """Multiply row i by v[i]."""
    return Mul()(x, columns_of(as_complex(v, x.dtype), x))


def hermitian(x: Any, lower: bool = True) -> Any:
    """Return the Hermitian matrices that have the given triangle of x."""
    strict = lower_triangle(x, -1) if lower else upper_triangle(x, 1)
    both = Add()(strict, adjoint(strict))
    middle = as_complex(real_part(x), x.dtype)
    return where(diagonal_mask(x.shape), middle, both)
