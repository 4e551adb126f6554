"""Resizing images: `jax.image`'s names.

Source: Keys, "Cubic convolution interpolation for digital image processing" (1981); Duchon,
"Lanczos filtering in one and two dimensions" (1979).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradax import lax
from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax.convert import scalar_of
from gradax.numpy.promotion import operands, promote_dtypes
from gradax.sizes import has_open


class ResizeMethod(enum.Enum):
    """How values between pixels are found."""

    NEAREST = 0
    LINEAR = 1
    LANCZOS3 = 2
    LANCZOS5 = 3
    CUBIC = 4

    @staticmethod
    def from_string(s: str) -> ResizeMethod:
        """Return the method of a name. Errors: ValueError for an unknown one."""
        found = NAMES.get(s)
        if found is None:
            raise ArgumentError(
                f"resize: the method is one of {', '.join(NAMES)}; got {s!r}.{at_user_line()}"
            )
        return found


NAMES = {
    "nearest": ResizeMethod.NEAREST,
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), ResizeMethod.LINEAR),
    "lanczos3": ResizeMethod.LANCZOS3,
    "lanczos5": ResizeMethod.LANCZOS5,
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), ResizeMethod.CUBIC),
}


def triangle(x: Any) -> Any:
    """Return the weight of a pixel at a distance, linear interpolation's."""
    return gnp.maximum(0, 1 - x)


def cubic(x: Any) -> Any:
    """Return the weight of a pixel at a distance, Keys' cubic with a = -1/2."""
    near = ((1.5 * x - 2.5) * x) * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return gnp.where(x >= 2, 0, gnp.where(x >= 1, far, near))


def lanczos(radius: float, x: Any) -> Any:
    """Return the weight of a pixel at a distance, a windowed sinc."""
    is_far = x > 1e-3
    safe = gnp.where(is_far, x, 1)
    waves = radius * gnp.sin(np.pi * safe) * gnp.sin(np.pi * safe / radius)
    value = gnp.where(is_far, waves / (np.pi**2 * safe * safe), 1)
    return gnp.where(x > radius, 0, value)


KERNELS: dict[ResizeMethod, Callable[[Any], Any]] = {
    ResizeMethod.LINEAR: triangle,
    ResizeMethod.CUBIC: cubic,
    ResizeMethod.LANCZOS3: partial(lanczos, 3.0),
    ResizeMethod.LANCZOS5: partial(lanczos, 5.0),
}


def weights(n_in: int, places: Any, stretch: Any, kernel: Callable[[Any], Any]) -> Any:
    """Return how much of each old pixel is in each new one, which is at `places` among the old.

    Shapes: places float[n_out] -> float[n_in, n_out].
    """
    distance = abs(places[None, :] - gnp.arange(n_in, dtype=places.dtype)[:, None]) / stretch
    parts = kernel(distance)
    total = gnp.sum(parts, axis=0, keepdims=True)
    enough = abs(total) > 1000 * float(np.finfo(np.float32).eps)
    parts = gnp.where(enough, parts / gnp.where(total != 0, total, 1), 0)
    inside = (places >= -0.5) & (places <= n_in - 0.5)
    return gnp.where(inside[None, :], parts, 0)


def as_method(method: str | ResizeMethod) -> ResizeMethod:
    """Return a method given by name or as such."""
    return method if isinstance(method, ResizeMethod) else ResizeMethod.from_string(method)


def mix(image: Any, dims: Sequence[int], matrices: Sequence[Any], precision: Any) -> Any:
    """Multiply an image by a matrix along each of some axes."""
    for d, matrix in zip(dims, matrices, strict=True):
        numbers = (((d,), (0,)), ((), ()))
        mixed = lax.dot_general(image, matrix.astype(image.dtype), numbers, precision=precision)
        image = gnp.moveaxis(mixed, -1, d)
    return image


def scale_and_translate(
    image: Any,
    shape: Any,
    spatial_dims: Sequence[int],
    scale: Any,
    translation: Any,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: Any = lax.Precision.HIGHEST,
) -> Any:
    """Return an image in which the old pixel at x is at scale * x + translation; 0 outside the old.

    `antialias` widens the kernel where the image shrinks.
    Shapes: image T[s], scale and translation float[len(spatial_dims)] -> T[shape], which is s
    besides spatial_dims.
    Errors: ValueError for the method "nearest" and for shapes that do not go together.
    """
    shape, dims = tuple(shape), tuple(spatial_dims)
    image = gnp.asarray(image)
    chosen = as_method(method)
    if chosen is ResizeMethod.NEAREST:
        raise ArgumentError(
            f"scale_and_translate: the method 'nearest' is for resize only.{at_user_line()}"
        )
    if len(shape) != image.ndim:
        raise ShapeError(
            f"scale_and_translate: the shape has {image.ndim} axes as the image has; got {shape}."
            f"{at_user_line()}"
        )
    image, scale, translation = promote_dtypes(
        *operands("scale_and_translate", image, scale, translation), inexact=True
    )
    dims = tuple(d % image.ndim for d in dims)
    kept = [i for i in range(image.ndim) if i not in dims and shape[i] != image.shape[i]]
    if kept or scale.shape != (len(dims),) or translation.shape != (len(dims),):
        raise ShapeError(
            f"Incompatible shapes for scale_and_translate: got image {image.shape}, shape {shape},"
            f" spatial_dims {dims}, scale {scale.shape} and translation {translation.shape}."
            f"{at_user_line()}"
        )
    kernel = KERNELS[chosen]
    matrices = []
    for i, d in enumerate(dims):
        inverse = 1.0 / scale[i]
        places = (gnp.arange(shape[d], dtype=scale.dtype) + 0.5 - translation[i]) * inverse - 0.5
        stretch = gnp.maximum(inverse, 1.0) if antialias else 1.0
        matrices.append(weights(image.shape[d], places, stretch, kernel))
    return mix(image, dims, matrices, precision)


def nearest_places(n_in: Any, n_out: Any) -> Any:
    """Return which of n_in pixels lies at the centre of each of n_out."""
    if has_open((n_in, n_out)):
        return halves(n_in, n_out) // (2 * n_out)
    return np.floor((np.arange(n_out) + 0.5) * n_in / n_out).astype(np.int32)


def halves(n_in: Any, n_out: Any) -> Any:
    """Return the odd numbers below 2 n_out times n_in, as int64: they need no rounding."""
    odd = lax.iota(np.dtype(np.int64), n_out) * 2 + 1
    return odd * scalar_of(n_in, np.dtype(np.int64))


def open_centres(n_in: Any, n_out: Any, dtype: Any) -> Any:
    """Return the centres of n_out pixels among n_in, where a size is open.

    Whole parts are split off before anything is rounded.
    """
    total, below = halves(n_in, n_out), scalar_of(n_out, np.dtype(np.int64))
    whole, rest = total // below, total % below
    part = rest.astype(dtype) / below.astype(dtype)
    return (whole.astype(dtype) + part - 1.0) / 2.0


def nearest(image: Any, shape: tuple[int, ...]) -> Any:
    """Return an image of other sizes in which each pixel is the nearest old one."""
    for d, (n_in, n_out) in enumerate(zip(image.shape, shape, strict=True)):
        if n_in != n_out:
            places = nearest_places(n_in, n_out)
            image = gnp.take(image, places, axis=d)
    return image


def resize(
    image: Any,
    shape: Any,
    method: str | ResizeMethod,
    antialias: bool = True,
    precision: Any = lax.Precision.HIGHEST,
) -> Any:
    """Return an image of another size.

    `method` is nearest, linear, cubic, lanczos3 or lanczos5; `antialias` widens the kernel where
    the image shrinks.
    Shapes: image T[s] -> T[shape], with as many axes; integers become floats besides for nearest.
    Errors: ValueError for an unknown method or a shape of other rank.
    """
    shape, chosen = tuple(shape), as_method(method)
    image = gnp.asarray(image)
    if len(shape) != image.ndim:
        raise ShapeError(
            f"resize: the shape has {image.ndim} axes as the image has; got {shape}."
            f"{at_user_line()}"
        )
    if chosen is ResizeMethod.NEAREST:
        return nearest(image, shape)
    (image,) = promote_dtypes(image, inexact=True)
    dims = [d for d in range(image.ndim) if image.shape[d] != shape[d]]
    kernel, dtype = KERNELS[chosen], np.float64 if image.dtype == np.float64 else np.float32
    matrices = []
    for d in dims:
        n_in, n_out = image.shape[d], shape[d]
        inverse = n_in / max(n_out, 1)
        if has_open((n_in, n_out)):
            places = open_centres(n_in, n_out, dtype)
            stretch = gnp.maximum(inverse, 1.0).astype(dtype) if antialias else 1.0
        else:
            # Known now, and so rounded once.
            places = gnp.asarray(((np.arange(n_out) + 0.5) * inverse - 0.5).astype(dtype))
            stretch = max(inverse, 1.0) if antialias else 1.0
        matrices.append(weights(image.shape[d], places, stretch, kernel))
    return mix(image, dims, matrices, precision)
