"""Products of block-scaled operands: numbers of few bits, with a scale for each block.

Source: the OCP Microscaling formats (2023): mxfp8, and NVIDIA's nvfp4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, lax
from gradax import numpy as gnp
from gradax.api.custom_vjp import custom_vjp
from gradax.errors import ArgumentError, at_user_line
from gradax.records import record


@final
@record(eq=False)
class BlockScaleConfig:
    """How an operand is quantized: blocks of neighbours share a scale."""

    mode: str
    block_size: int
    data_type: Any
    scale_type: Any
    global_scale: Any
    infer_only: bool = False


def get_scaled_dot_general_config(mode: str, global_scale: Any = None) -> BlockScaleConfig:
    """Return how `scaled_dot_general` quantizes: 'mxfp8' or 'nvfp4'.

    Errors: ValueError for another mode.
    """
    if mode == "nvfp4":
        one = gnp.ones((1,), np.float32) if global_scale is None else global_scale
        return BlockScaleConfig(mode, 16, dtypes.float4_e2m1fn, dtypes.float8_e4m3fn, one)
    if mode == "mxfp8":
        return BlockScaleConfig(mode, 32, dtypes.float8_e4m3fn, dtypes.float8_e8m0fnu, None)
    raise ArgumentError(
        f"get_scaled_dot_general_config: mode is 'nvfp4' or 'mxfp8'; got {mode!r}.{at_user_line()}"
    )


def scaled_matmul(
    lhs: Any,
    rhs: Any,
    lhs_scales: Any,
    rhs_scales: Any,
    preferred_element_type: Any = np.float32,
) -> Any:
    """Multiply stacks along their last axes, each block of them times its scale.

    Shapes: [b, m, k], [b, n, k], [b, m, k / block], [b, n, k / block] -> [b, m, n].
    Errors: ValueError for other shapes.
    """
    x, y, s, t = map(gnp.asarray, (lhs, rhs, lhs_scales, rhs_scales))
    shapes = [a.shape for a in (x, y, s, t)]
    fits = all(a.ndim == 3 for a in (x, y, s, t)) and x.shape[::2] == y.shape[::2]
    fits = fits and s.shape[:2] == x.shape[:2] and t.shape[:2] == y.shape[:2]
    fits = fits and s.shape[2] == t.shape[2] > 0 and x.shape[2] % s.shape[2] == 0
    if not fits:
        raise ArgumentError(
            "scaled_matmul: expected [b, m, k], [b, n, k], [b, m, k / block] and [b, n, k / block];"
            f" got {shapes}.{at_user_line()}"
        )
    numbers = (((2,), (2,)), ((0,), (0,)))
    kind = dtypes.canonicalize_dtype(preferred_element_type)
    return lax.scaled_dot(
        x, y, lhs_scale=s, rhs_scale=t, dimension_numbers=numbers, preferred_element_type=kind
    )


def quantized(x: Any, config: BlockScaleConfig) -> tuple[Any, Any]:
    """Return the numbers and the scales of blocks along the last axis, filled up with zeros."""
    rest = -x.shape[-1] % config.block_size
    x = gnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, rest)]) if rest else x
    blocks = x.astype(np.float32).reshape((*x.shape[:-1], -1, config.block_size))
    largest = float(dtypes.finfo(config.data_type).max)
    scale = gnp.max(gnp.abs(blocks), axis=-1) / largest
    if config.mode == "mxfp8":
        # A power of two that keeps the largest of the block in range.
        scale = gnp.exp2(gnp.ceil(gnp.log2(gnp.maximum(scale, 2.0**-126))))
        unit = scale
    else:
        overall = gnp.reshape(gnp.asarray(config.global_scale, np.float32), ())
        bounds = dtypes.finfo(config.scale_type)
        scale = gnp.clip(scale / overall, float(bounds.smallest_normal), float(bounds.max))
        unit = scale.astype(config.scale_type).astype(np.float32) * overall
    numbers = gnp.clip(blocks / unit[..., None], -largest, largest).astype(config.data_type)
    return numbers.reshape(x.shape), scale.astype(config.scale_type)


def as_stack(x: Any, batch: Sequence[int], free: Sequence[int], contracted: Sequence[int]) -> Any:
    """Return an operand as [batch, free, contracted]."""
    order = (*batch, *free, *contracted)
    sizes = [prod(x.shape[i] for i in axes) for axes in (batch, free, contracted)]
    return gnp.transpose(x, order).reshape(sizes)


def product(x: Any, y: Any, left: BlockScaleConfig, right: BlockScaleConfig) -> Any:
    """Multiply [b, m, k] and [b, n, k], both quantized, in float32."""
    (a, s), (b, t) = quantized(x, left), quantized(y, right)
    out = scaled_matmul(a, b, s, t)
    for config in (left, right):
        if config.global_scale is not None:
            out = out * gnp.reshape(gnp.asarray(config.global_scale, np.float32), ())
    return out


@partial(custom_vjp, nondiff_argnums=(2,))
def quantized_product(x: Any, y: Any, configs: tuple[BlockScaleConfig, ...]) -> Any:
    """Multiply with quantized operands; gradients are products of quantized operands too."""
    return product(x, y, configs[0], configs[1])


def _forward(x: Any, y: Any, configs: tuple[BlockScaleConfig, ...]) -> Any:
    return product(x, y, configs[0], configs[1]), (x, y)


def _backward(configs: tuple[BlockScaleConfig, ...], kept: Any, ct: Any) -> Any:
    x, y = kept
    if configs[0].infer_only:
        raise ArgumentError(f"scaled_dot_general: the configs are for inference.{at_user_line()}")
    of_ct = configs[2]
    dx = product(ct, gnp.matrix_transpose(y), of_ct, configs[1])
    dy = product(gnp.matrix_transpose(ct), gnp.matrix_transpose(x), of_ct, configs[0])
    return dx.astype(x.dtype), dy.astype(y.dtype)


quantized_product.defvjp(_forward, _backward)


def scaled_dot_general(
    lhs: Any,
    rhs: Any,
    dimension_numbers: lax.DotDimensionNumbers,
    preferred_element_type: Any = np.float32,
    configs: Sequence[BlockScaleConfig] | None = None,
    implementation: str | None = None,
) -> Any:
    """Multiply as `lax.dot_general` does, operands (and, in gradients, the cotangent) quantized.

    `configs` are those of lhs, rhs and gradients; None quantizes nothing.
    Blocks go along the contracted axes, the last one filled up with zeros.
    """
    del implementation
    kind = dtypes.canonicalize_dtype(preferred_element_type)
    if configs is None:
        return lax.dot_general(lhs, rhs, dimension_numbers, preferred_element_type=kind)
    x, y = gnp.asarray(lhs), gnp.asarray(rhs)
    (cx, cy), (bx, by) = dimension_numbers
    free_x = [i for i in range(x.ndim) if i not in (*cx, *bx)]
    free_y = [i for i in range(y.ndim) if i not in (*cy, *by)]
    pair = as_stack(x, bx, free_x, cx), as_stack(y, by, free_y, cy)
    out = quantized_product(*pair, tuple(configs))
    shape = [x.shape[i] for i in (*bx, *free_x)] + [y.shape[i] for i in free_y]
    return out.reshape(shape).astype(kind)
