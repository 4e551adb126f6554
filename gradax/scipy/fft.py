"""Cosine transforms: `jax.scipy.fft`'s names.

Source: Makhoul, "A fast cosine transform in one and two dimensions" (1980).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, UnsupportedArgumentError, at_user_line
from gradax.scipy.arguments import a_float

NORMS = (None, "backward", "ortho", "forward")


def check(name: str, kind: int, norm: str | None) -> None:
    """Raise for a type or a normalization that is not served."""
    if kind not in (2, 3):
        raise UnsupportedArgumentError(
            f"{name}: the types 2 and 3 are supported; got {kind!r}.{at_user_line()}"
        )
    if norm not in NORMS:
        raise ArgumentError(
            f"{name}: norm is None, 'backward', 'ortho' or 'forward'; got {norm!r}.{at_user_line()}"
        )


def real(name: str, x: Any) -> Any:
    """Return an argument as real floats. Errors: NotImplementedError for complex ones."""
    x = a_float(name, x)
    if np.issubdtype(x.dtype, np.complexfloating):
        raise UnsupportedArgumentError(
            f"{name}: expected real numbers; got {x.dtype}.{at_user_line()}\nTransform the real"
            " and the imaginary part apart."
        )
    return x


def fitted(x: Any, n: int | None, axis: int) -> Any:
    """Return x cut, or padded with zeros, to n along an axis."""
    size = x.shape[axis]
    if n is None or n == size:
        return x
    if n < 1:
        raise ShapeError(f"cosine transform: n is positive; got {n}.{at_user_line()}")
    if n < size:
        return gnp.take(x, np.arange(n), axis=axis)
    return gnp.pad(x, [(0, n - size) if d == axis else (0, 0) for d in range(x.ndim)])


def turns(n: int, dtype: Any) -> Any:
    """Return exp(-iπk / 2n) for k from 0 to n - 1."""
    wide = np.result_type(dtype, np.complex64)
    return np.exp(-0.5j * np.pi * np.arange(n) / n).astype(wide)


def type_2(x: Any) -> Any:
    """Return 2 Σ x_j cos(πk(2j + 1) / 2n) along the last axis."""
    n = x.shape[-1]
    # Even places, then the odd ones backwards: the real part of one turned spectrum.
    sorted_x = gnp.concatenate([x[..., ::2], gnp.flip(x[..., 1::2], -1)], -1)
    return 2 * gnp.real(gnp.fft.fft(sorted_x) * turns(n, x.dtype)).astype(x.dtype)


def type_3(y: Any) -> Any:
    """Return y_0 + 2 Σ y_k cos(πk(2j + 1) / 2n) along the last axis: 2n times type 2's inverse."""
    n = y.shape[-1]
    mirrored = gnp.concatenate([gnp.zeros_like(y[..., :1]), gnp.flip(y[..., 1:], -1)], -1)
    spectrum = (y - 1j * mirrored) * np.conj(turns(n, y.dtype))
    sorted_x = gnp.real(gnp.fft.ifft(spectrum)).astype(y.dtype) * n
    places = np.empty(n, np.int32)
    places[::2] = np.arange((n + 1) // 2)
    places[1::2] = np.arange(n - 1, (n + 1) // 2 - 1, -1)
    return gnp.take(sorted_x, places, axis=-1)


def transform(x: Any, kind: int, axis: int, norm: str | None, inverse: bool) -> Any:
    """Return the transform along one axis, scaled as `norm` says."""
    x = gnp.moveaxis(x, axis, -1)
    n = x.shape[-1]
    is_2 = (kind == 2) != inverse
    if norm == "ortho":
        # What makes the rows of type 2 unit vectors; the first is longer by the root of 2.
        lengths = np.full(n, np.sqrt(2 * n), x.dtype)
        lengths[0] = np.sqrt(4 * n)
        out = type_2(x) / lengths if is_2 else type_3(x * lengths) / (2 * n)
    else:
        out = type_2(x) if is_2 else type_3(x)
        if (norm == "forward") != inverse:
            out = out / (2 * n)
    return gnp.moveaxis(out, -1, axis)


def along_one(
    name: str, x: Any, kind: int, n: int | None, axis: int, norm: str | None, inverse: bool
) -> Any:
    """Return the transform along one axis."""
    check(name, kind, norm)
    x = real(name, x)
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"{name}: axis {axis} is outside shape {x.shape}.{at_user_line()}")
    return transform(fitted(x, n, axis % x.ndim), kind, axis % x.ndim, norm, inverse)


def along_many(
    name: str, x: Any, kind: int, s: Any, axes: Any, norm: str | None, inverse: bool
) -> Any:
    """Return the transform along several axes."""
    check(name, kind, norm)
    x = real(name, x)
    if axes is None:
        axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
    axes = [d % x.ndim for d in axes]
    sizes = [None] * len(axes) if s is None else list(s)
    if len(sizes) != len(axes):
        raise ShapeError(
            f"{name}: s has a size for each of {len(axes)} axes; got {s}.{at_user_line()}"
        )
    for d, n in zip(axes, sizes, strict=True):
        x = transform(fitted(x, n, d), kind, d, norm, inverse)
    return x


def dct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Any:
    """Return the cosine transform of real numbers along an axis, of type 2 or 3.

    Type 2 is 2 Σ x_j cos(πk(2j + 1) / 2n); x is cut or padded to `n`. `norm` "ortho" makes it
    orthogonal, "forward" divides it by 2n.
    Errors: NotImplementedError for other types and complex x; ValueError for another norm.
    """
    return along_one("dct", x, type, n, axis, norm, False)


def idct(
    x: Any, type: int = 2, n: int | None = None, axis: int = -1, norm: str | None = None
) -> Any:
    """Return the inverse of `dct` with the same arguments; errors are the same."""
    return along_one("idct", x, type, n, axis, norm, True)


def dctn(
    x: Any,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the cosine transform along several axes, by default all; `s` are the sizes there.

    Errors: those of `dct`; ValueError where s and axes differ in length.
    """
    return along_many("dctn", x, type, s, axes, norm, False)


def idctn(
    x: Any,
    type: int = 2,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
) -> Any:
    """Return the inverse of `dctn` with the same arguments; errors are the same."""
    return along_many("idctn", x, type, s, axes, norm, True)
