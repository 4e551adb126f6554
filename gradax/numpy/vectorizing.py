"""Functions of vectors applied to arrays: vectorize, apply_along_axis, apply_over_axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any

from gradax.api.vmap import vmap
from gradax.errors import ArgumentError, at_user_line
from gradax.numpy.axes import canonical_axes, canonical_axis
from gradax.numpy.promotion import operand
from gradax.numpy.shaping import broadcast_shapes, expand_dims

_ARGUMENT = r"\((?:\s*\w+\s*(?:,\s*\w+\s*)*)?\)"
_SIGNATURE = re.compile(rf"^\s*{_ARGUMENT}(?:\s*,\s*{_ARGUMENT})*\s*->\s*{_ARGUMENT}"
                        rf"(?:\s*,\s*{_ARGUMENT})*\s*$")  # fmt: skip

Dims = tuple[str, ...]


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Collection[int | str] = frozenset(),
    signature: str | None = None,
) -> Callable[..., Any]:
    """Return a function that maps `pyfunc` over leading axes, which broadcast.

    signature: the axes that it takes whole, "(n),(n,m)->(m)"; without one it takes numbers.
    excluded: arguments, by place or name, that are passed as they are.
    """
    if any(not isinstance(e, (int, str)) for e in excluded):
        raise TypeError(f"vectorize: excluded holds places and names, got {excluded!r}")
    given = None if signature is None else parsed(signature)

    @wraps(pyfunc)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        names = [k for k in kwargs if k not in excluded]
        fixed_names = {k: v for k, v in kwargs.items() if k in excluded}
        free = [i for i in range(len(args)) if i not in excluded]
        arrays = [args[i] for i in free] + [kwargs[k] for k in names]
        skipped = [i for i, x in enumerate(arrays) if x is None and given is None]

        def call(*values: Any) -> Any:
            full = list(args)
            for i, v in zip(free, values[: len(free)], strict=True):
                full[i] = v
            named = dict(zip(names, values[len(free) :], strict=True))
            return pyfunc(*full, **fixed_names, **named)

        return map_over(call, arrays, skipped, given, signature)

    return mapped


def map_over(
    call: Callable[..., Any],
    arrays: list[Any],
    skipped: list[int],
    given: tuple[list[Dims], list[Dims]] | None,
    signature: str | None,
) -> Any:
    """Map a function of whole core axes over the others."""
    taken = [i for i in range(len(arrays)) if i not in skipped]
    found = [operand("vectorize", arrays[i], i) for i in taken]
    inputs = [() for _ in taken] if given is None else given[0]
    if len(inputs) != len(found):
        raise TypeError(
            f"vectorize: the signature {signature!r} names {len(inputs)} arguments, got"
            f" {len(found)}{at_user_line()}"
        )
    batches = core_sizes(found, inputs, signature)
    batch = broadcast_shapes(*batches)

    def inner(*values: Any) -> Any:
        full = [None] * len(arrays)
        for i, v in zip(taken, values, strict=True):
            full[i] = v
        out = call(*full)
        if given is not None:
            check_results(out, given[1], signature)
        return out

    # Each leading axis is one vmap, from the last; an argument without it is passed whole.
    function = inner
    for k in range(1, len(batch) + 1):
        axes = tuple(0 if len(b) >= k and (b[-k] != 1 or batch[-k] == 1) else None for b in batches)
        function = vmap(function, in_axes=axes)
    squeezed = [without_ones(x, b, batch) for x, b in zip(found, batches, strict=True)]
    return function(*squeezed)


def without_ones(x: Any, own: tuple[int, ...], batch: tuple[int, ...]) -> Any:
    """Drop the leading axes of size 1 that others make longer."""
    n = len(batch) - len(own)
    kept = [i for i, m in enumerate(own) if not (m == 1 and batch[n + i] != 1)]
    shape = (*(own[i] for i in kept), *x.shape[len(own) :])
    return x if shape == x.shape else x.reshape(shape)


def core_sizes(
    found: list[Any], inputs: list[Dims], signature: str | None
) -> list[tuple[int, ...]]:
    """Return the leading shape of each argument; the core axes must agree."""
    sizes: dict[str, int] = {}
    batches: list[tuple[int, ...]] = []
    for i, (x, dims) in enumerate(zip(found, inputs, strict=True)):
        if x.ndim < len(dims):
            raise ArgumentError(
                f"vectorize: argument {i} of shape {x.shape} has fewer axes than {dims} in"
                f" {signature!r}{at_user_line()}"
            )
        n_batch = x.ndim - len(dims)
        batches.append(x.shape[:n_batch])
        for name, n in zip(dims, x.shape[n_batch:], strict=True):
            if sizes.setdefault(name, n) != n:
                raise ArgumentError(
                    f"vectorize: {name!r} in {signature!r} is {sizes[name]} and {n}{at_user_line()}"
                )
    return batches


def check_results(out: Any, outputs: list[Dims], signature: str | None) -> None:
    """Raise unless a function's results have the axes that the signature says."""
    results = out if isinstance(out, tuple) else (out,)
    if len(results) != len(outputs):
        raise TypeError(
            f"vectorize: the function returned {len(results)} results, {signature!r} names"
            f" {len(outputs)}{at_user_line()}"
        )
    for x, dims in zip(results, outputs, strict=True):
        ndim = operand("vectorize", x).ndim
        if ndim != len(dims):
            raise ArgumentError(
                f"vectorize: a result has {ndim} axes, {signature!r} names {dims}{at_user_line()}"
            )


def parsed(signature: str) -> tuple[list[Dims], list[Dims]]:
    """Return the names of the core axes of arguments and results."""
    if not _SIGNATURE.match(signature):
        raise ArgumentError(
            f"vectorize: {signature!r} is no signature; one is '(n),(n,m)->(m)'{at_user_line()}"
        )
    left, right = signature.split("->")
    return core_dims(left), core_dims(right)


def core_dims(text: str) -> list[Dims]:
    """Return the names in each pair of brackets."""
    return [tuple(re.findall(r"\w+", part)) for part in re.findall(_ARGUMENT, text)]


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    """Apply a function of vectors along an axis; its result takes the axis' place."""
    x = operand("apply_along_axis", arr, 2)
    axis = canonical_axis("apply_along_axis", axis, x.ndim)

    def call(vector: Any) -> Any:
        return func1d(vector, *args, **kwargs)

    function = call
    for _ in range(x.ndim - axis - 1):
        function = vmap(function, in_axes=1, out_axes=-1)
    for _ in range(axis):
        function = vmap(function, in_axes=0, out_axes=0)
    return function(x)


def apply_over_axes(func: Callable[..., Any], a: Any, axes: int | Sequence[int]) -> Any:
    """Apply func(array, axis) for one axis after another; axes that it drops are kept as 1."""
    x = operand("apply_over_axes", a)
    for axis in canonical_axes("apply_over_axes", axes, x.ndim):
        out = func(x, axis)
        if out.ndim == x.ndim - 1:
            out = expand_dims(out, axis)
        if out.ndim != x.ndim:
            raise ArgumentError(
                f"apply_over_axes: the function returned {out.ndim} axes for {x.ndim}"
            )
        x = out
    return x
