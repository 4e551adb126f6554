"""Scaled dot-product attention.

Source: Vaswani et al., "Attention is all you need" (2017), equation 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.nn.normalization import logsumexp, softmax

IMPLEMENTATIONS = (None, "xla", "cudnn")


def check_shapes(query: Any, key: Any, value: Any) -> None:
    """Raise unless the operands are [B, length, heads, width] and go together.

    Errors: ValueError naming the shapes.
    """
    (batch, _, heads, width), (_, length, key_heads, _) = query.shape, key.shape
    expected = (batch, length, key_heads, width)
    if key.shape != expected or value.shape[:3] != expected[:3] or heads % key_heads:
        raise ShapeError(
            f"Incompatible shapes for dot_product_attention: got query {query.shape}, key"
            f" {key.shape} and value {value.shape}.{at_user_line()}\n"
            "They are [batch, length, heads, width]; the query's heads are a multiple of the"
            " others'."
        )


def window_of(size: int | tuple[int, int] | None, is_causal: bool) -> tuple[int | None, int | None]:
    """Return how far back and ahead of itself a query sees; None: without limit."""
    left, right = (None, None) if size is None else (size, size) if isinstance(size, int) else size
    return left, 0 if is_causal else right


def visible(
    lengths: tuple[int, int],
    window: tuple[int | None, int | None],
    query_seq_lengths: Any,
    key_value_seq_lengths: Any,
) -> Any:
    """Return which keys each query sees, None for all of them.

    Shapes: lengths: those of queries and keys -> bool[B or 1, 1, T, S].
    """
    rows = gnp.arange(lengths[0])[:, None]
    columns = gnp.arange(lengths[1])[None, :]
    parts: list[Any] = []
    left, right = window
    if left is not None:
        parts.append((columns >= rows - left)[None, None])
    if right is not None:
        parts.append((columns <= rows + right)[None, None])
    if query_seq_lengths is not None:
        parts.append(rows[None, None] < gnp.asarray(query_seq_lengths)[:, None, None, None])
    if key_value_seq_lengths is not None:
        parts.append(columns[None, None] < gnp.asarray(key_value_seq_lengths)[:, None, None, None])
    out = None
    for part in parts:
        out = part if out is None else gnp.logical_and(out, part)
    return out


def grouped(x: Any, groups: int, name: str) -> Any:
    """Return a bias or mask [B, N, T, S] with its heads split as [heads of keys, groups]."""
    if x.ndim != 4:
        raise ShapeError(
            f"dot_product_attention: {name} has four axes [B, N, T, S]; got shape {x.shape}."
            f"{at_user_line()}"
        )
    batch, heads, *rest = x.shape
    if heads == 1:
        return x.reshape(batch, 1, 1, *rest)
    return x.reshape(batch, heads // groups, groups, *rest)


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
    query_seq_lengths: Any = None,
    key_value_seq_lengths: Any = None,
    local_window_size: int | tuple[int, int] | None = None,
    implementation: str | None = None,
    return_residual: bool = False,
) -> Any:
    """Return softmax(query · keyᵀ * scale + bias) · value, the softmax over the keys seen.

    `return_residual` adds the logarithm of the softmax's sums, [B, T, N].
    Shapes: query T[B, T, N, H], key and value T[B, S, K, H] with N a multiple of K; also without B;
    bias and mask broadcast to [B, N, T, S].
    Accuracy: the weights are computed in float32 or wider.
    """
    if implementation not in IMPLEMENTATIONS:
        raise ArgumentError(
            f"dot_product_attention: the implementation is one of {IMPLEMENTATIONS}; got"
            f" {implementation!r}.{at_user_line()}"
        )
    query, key, value = map(gnp.asarray, (query, key, value))
    has_batch = query.ndim == 4
    query, key, value = (x if x.ndim == 4 else x[None] for x in (query, key, value))
    check_shapes(query, key, value)
    n_batch, n_queries, n_heads, width = query.shape
    groups = n_heads // key.shape[2]
    factor = 1 / np.sqrt(width) if scale is None else scale
    split = query.reshape(n_batch, n_queries, key.shape[2], groups, width)
    wide = np.promote_types(query.dtype, np.float32) if query.dtype.kind == "f" else np.float32
    logits = gnp.einsum("btkgh,bskh->bkgts", split, key, preferred_element_type=wide) * factor
    if bias is not None:
        logits = logits + grouped(gnp.asarray(bias), groups, "bias")
    window = window_of(local_window_size, is_causal)
    seen = visible((n_queries, key.shape[1]), window, query_seq_lengths, key_value_seq_lengths)
    seen = None if seen is None else seen[:, :, None]
    if mask is not None:
        given = grouped(gnp.asarray(mask), groups, "mask")
        seen = given if seen is None else gnp.logical_and(seen, given)
    low = -0.7 * float(np.finfo(wide).max)
    logits = logits if seen is None else gnp.where(seen, logits, low)
    weights = softmax(logits).astype(key.dtype)
    if query_seq_lengths is not None:
        weights = gnp.where(gnp.any(seen, axis=-1, keepdims=True), weights, 0)
    out = gnp.einsum("bkgts,bskh->btkgh", weights, value)
    out = out.reshape(n_batch, n_queries, n_heads, value.shape[-1])
    sums = gnp.moveaxis(logsumexp(logits, axis=-1), -1, 1).reshape(n_batch, n_queries, n_heads)
    out, sums = (out, sums) if has_batch else (out[0], sums[0])
    return (out, sums) if return_residual else out
