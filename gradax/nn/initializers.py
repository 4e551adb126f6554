"""Initializers of parameters: functions (key, shape, dtype) -> array."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Protocol

import numpy as np

from gradax import dtypes, random
from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line

Axes = int | Sequence[int]

# The standard deviations of a standard normal number within -2 … 2, and of a complex one within
# radius 2.
TRUNCATED_DEVIATION = 0.87962566103423978
TRUNCATED_COMPLEX_DEVIATION = 0.95311164380491208


class Initializer(Protocol):
    """What makes a parameter of a key and a shape."""

    def __call__(self, key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        """Make the array."""
        ...


def number_dtype(dtype: Any, default: Any = None) -> Any:
    """Return the dtype asked for, else the default one, else that of Python floats."""
    chosen = dtype if dtype is not None else default
    return dtypes.check_user_dtype(float if chosen is None else chosen, "initializers")


def zeros(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
    """Return zeros."""
    return gnp.zeros(shape, number_dtype(dtype))


def ones(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
    """Return ones."""
    return gnp.ones(shape, number_dtype(dtype))


def constant(value: Any, dtype: Any = None) -> Initializer:
    """Make the initializer of a constant."""
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        return gnp.full(shape, value, number_dtype(dtype, default))

    return init


def uniform(scale: Any = 1e-2, dtype: Any = None) -> Initializer:
    """Make the initializer of uniform numbers in [0, scale)."""
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        return random.uniform(key, shape, kind) * gnp.array(scale, kind)

    return init


def normal(stddev: Any = 1e-2, dtype: Any = None) -> Initializer:
    """Make the initializer of normal numbers of a standard deviation."""
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        return random.normal(key, shape, kind) * gnp.array(stddev, kind)

    return init


def truncated_normal(
    stddev: Any = 1e-2, dtype: Any = None, lower: Any = -2.0, upper: Any = 2.0
) -> Initializer:
    """Make the initializer of standard normal numbers between bounds, times `stddev`."""
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        drawn = random.truncated_normal(key, lower, upper, shape, kind)
        return drawn * gnp.array(stddev, kind)

    return init


def as_axes(axes: Axes) -> tuple[int, ...]:
    """Return one axis or several as a tuple."""
    return (axes,) if isinstance(axes, int) else tuple(axes)


def compute_fans(
    shape: Sequence[int], in_axis: Axes, out_axis: Axes, batch_axis: Axes
) -> tuple[float, float]:
    """Return the numbers of inputs and outputs that a weight connects.

    Errors: ValueError for fewer than two axes.
    """
    if len(shape) <= 1:
        raise ShapeError(
            f"variance_scaling: a weight has at least two axes; got shape {tuple(shape)}."
            f"{at_user_line()}"
        )
    n_in, n_out, n_batch = (
        prod(shape[i] for i in as_axes(axes)) for axes in (in_axis, out_axis, batch_axis)
    )
    field = prod(shape) / n_in / n_out / n_batch
    return n_in * field, n_out * field


# How the variance follows from the numbers of inputs and outputs.
FANS = {
    "fan_in": lambda n_in, n_out: n_in,
    "fan_out": lambda n_in, n_out: n_out,
    "fan_avg": lambda n_in, n_out: (n_in + n_out) / 2,
    "fan_geo_avg": lambda n_in, n_out: (n_in * n_out) ** 0.5,
}


def variance_scaling(
    scale: Any,
    mode: str,
    distribution: str,
    in_axis: Axes = -2,
    out_axis: Axes = -1,
    batch_axis: Axes = (),
    dtype: Any = None,
) -> Initializer:
    """Make the initializer of variance `scale` over the number of connections that `mode` names.

    Errors: ValueError for an unknown mode or distribution.
    Source: He et al., "Delving deep into rectifiers" (2015).
    """
    default = dtype
    if mode not in FANS:
        raise ArgumentError(
            f"variance_scaling: the mode is one of {', '.join(FANS)}; got {mode!r}.{at_user_line()}"
        )
    if distribution not in DRAWS:
        raise ArgumentError(
            f"variance_scaling: the distribution is one of {', '.join(DRAWS)}; got"
            f" {distribution!r}.{at_user_line()}"
        )

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        fans = compute_fans(shape, in_axis, out_axis, batch_axis)
        variance = gnp.array(scale / FANS[mode](*fans), kind)
        return DRAWS[distribution](key, tuple(shape), kind, variance)

    return init


def draw_normal(key: Any, shape: Any, dtype: Any, variance: Any) -> Any:
    """Return normal numbers."""
    return random.normal(key, shape, dtype) * gnp.sqrt(variance)


def draw_uniform(key: Any, shape: Any, dtype: Any, variance: Any) -> Any:
    """Return uniform numbers around 0; complex ones in a disc."""
    if gnp.issubdtype(dtype, np.floating):
        return random.uniform(key, shape, dtype, -1) * gnp.sqrt(3 * variance)
    return disc(key, shape, dtype) * gnp.sqrt(variance)


def draw_truncated(key: Any, shape: Any, dtype: Any, variance: Any) -> Any:
    """Return normal numbers cut at two deviations, rescaled to the variance."""
    if gnp.issubdtype(dtype, np.floating):
        deviation = gnp.sqrt(variance) / gnp.array(TRUNCATED_DEVIATION, dtype)
        return random.truncated_normal(key, -2, 2, shape, dtype) * deviation
    deviation = gnp.sqrt(variance) / gnp.array(TRUNCATED_COMPLEX_DEVIATION, dtype)
    return truncated_disc(key, 2, shape, dtype) * deviation


def disc(key: Any, shape: Any, dtype: Any) -> Any:
    """Return complex numbers uniform in the disc in which their variance is 1."""
    key_r, key_angle = random.split(key)
    part = np.zeros((), dtype).real.dtype
    radius = gnp.sqrt(2 * random.uniform(key_r, shape, part)).astype(dtype)
    angle = (2 * np.pi * random.uniform(key_angle, shape, part)).astype(dtype)
    return radius * gnp.exp(1j * angle)


def truncated_disc(key: Any, upper: Any, shape: Any, dtype: Any) -> Any:
    """Return complex normal numbers within a radius."""
    key_r, key_angle = random.split(key)
    part = np.zeros((), dtype).real.dtype
    top = 1 - gnp.exp(gnp.array(-(upper**2), part))
    squared = -gnp.log(1 - top * random.uniform(key_r, shape, part))
    angle = (2 * np.pi * random.uniform(key_angle, shape, part)).astype(dtype)
    return gnp.sqrt(squared).astype(dtype) * gnp.exp(1j * angle)


DRAWS = {"truncated_normal": draw_truncated, "normal": draw_normal, "uniform": draw_uniform}


def scaled(scale: float, mode: str, distribution: str, name: str, doc: str) -> Any:
    """Make a named case of `variance_scaling`."""

    def make(
        in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = (), dtype: Any = None
    ) -> Initializer:
        return variance_scaling(scale, mode, distribution, in_axis, out_axis, batch_axis, dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = doc
    return make


glorot_uniform = scaled(
    1.0, "fan_avg", "uniform", "glorot_uniform", "Make Glorot's initializer of uniform numbers."
)
glorot_normal = scaled(
    1.0,
    "fan_avg",
    "truncated_normal",
    "glorot_normal",
    "Make Glorot's of truncated normal numbers.",
)
lecun_uniform = scaled(
    1.0, "fan_in", "uniform", "lecun_uniform", "Make LeCun's initializer of uniform numbers."
)
lecun_normal = scaled(
    1.0, "fan_in", "truncated_normal", "lecun_normal", "Make LeCun's of truncated normal numbers."
)
he_uniform = scaled(
    2.0, "fan_in", "uniform", "he_uniform", "Make He's initializer of uniform numbers."
)
he_normal = scaled(
    2.0, "fan_in", "truncated_normal", "he_normal", "Make He's of truncated normal numbers."
)
xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Make the initializer of matrices whose rows or columns are orthonormal, times `scale`.

    Errors: ValueError for fewer than two axes.
    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning" (2013).
    """
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        if len(shape) < 2:
            raise ShapeError(
                f"orthogonal: a weight has at least two axes; got shape {tuple(shape)}."
                f"{at_user_line()}"
            )
        rows = shape[column_axis]
        columns = prod(shape) // rows
        drawn = random.normal(key, (max(rows, columns), min(rows, columns)), kind)
        q, r = gnp.linalg.qr(drawn)
        diagonal = gnp.diagonal(r)
        q = q * (diagonal / abs(diagonal))
        q = q.T if rows < columns else q
        others = [n for i, n in enumerate(shape) if i != column_axis % len(shape)]
        return gnp.array(scale, kind) * gnp.moveaxis(q.reshape(rows, *others), 0, column_axis)

    return init


def delta_orthogonal(scale: Any = 1.0, column_axis: int = -1, dtype: Any = None) -> Initializer:
    """Make the initializer of convolution kernels that are orthogonal in their centre, 0 elsewhere.

    Errors: ValueError unless there are 3 to 5 axes and no more inputs than outputs.
    Source: Xiao et al., "Dynamical isometry and a mean field theory of CNNs" (2018).
    """
    default = dtype

    def init(key: Any, shape: Any, dtype: Any = None, out_sharding: Any = None) -> Any:
        kind = number_dtype(dtype, default)
        if len(shape) not in (3, 4, 5) or shape[-1] < shape[-2]:
            raise ShapeError(
                "delta_orthogonal: a weight has 3 to 5 axes, the last at least as long as the one"
                f" before; got shape {tuple(shape)}.{at_user_line()}"
            )
        matrix = orthogonal(scale, column_axis, kind)(key, shape[-2:])
        centre = tuple((n - 1) // 2 for n in shape[:-2])
        return gnp.zeros(shape, kind).at[centre].set(matrix)

    return init
