"""Layers of neural networks as pairs of functions.

A layer is (init_fun, apply_fun): `init_fun(rng, input_shape)` returns the shape of the result and
the parameters, `apply_fun(params, inputs, **kwargs)` the result. Layers that draw random numbers
take them from the keyword `rng`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np

from gradax import lax, random
from gradax import numpy as jnp
from gradax.errors import ArgumentError, at_user_line
from gradax.nn import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    standardize,
)
from gradax.nn.initializers import glorot_normal, normal, ones, zeros

Layer = tuple[Callable[..., Any], Callable[..., Any]]

randn = normal
glorot = glorot_normal
logsoftmax = log_softmax


_BY_FANS, _SMALL, _TINY = glorot_normal(), normal(), normal(1e-6)


def Dense(out_dim: int, W_init: Any = _BY_FANS, b_init: Any = _SMALL) -> Layer:
    """Return the layer that multiplies the last axis by a matrix and adds a vector."""

    def init_fun(rng: Any, input_shape: Sequence[int]) -> Any:
        k1, k2 = random.split(rng)
        params = W_init(k1, (input_shape[-1], out_dim)), b_init(k2, (out_dim,))
        return (*input_shape[:-1], out_dim), params

    def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
        matrix, shift = params
        return jnp.dot(inputs, matrix) + shift

    return init_fun, apply_fun


def convolution(
    is_transposed: bool,
    dimension_numbers: tuple[str, str, str],
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    W_init: Any = None,
    b_init: Any = _TINY,
) -> Layer:
    """Return the layer of a convolution, or of a transposed one."""
    lhs_spec, rhs_spec, out_spec = dimension_numbers
    ones_of = (1,) * len(filter_shape)
    steps = tuple(strides or ones_of)
    make_kernel = W_init or glorot_normal(rhs_spec.index("I"), rhs_spec.index("O"))

    def init_fun(rng: Any, input_shape: Sequence[int]) -> Any:
        sizes = iter(filter_shape)
        given = {"O": out_chan, "I": input_shape[lhs_spec.index("C")]}
        shape = tuple(given[c] if c in given else next(sizes) for c in rhs_spec)
        of = lax.conv_transpose_shape_tuple if is_transposed else lax.conv_general_shape_tuple
        out_shape = of(tuple(input_shape), shape, steps, padding, dimension_numbers)
        k1, k2 = random.split(rng)
        bias = tuple(out_chan if c == "C" else 1 for c in out_spec)
        return out_shape, (make_kernel(k1, shape), b_init(k2, bias))

    def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
        kernel, shift = params
        if is_transposed:
            numbers = dimension_numbers
            out = lax.conv_transpose(inputs, kernel, steps, padding, dimension_numbers=numbers)
        else:
            out = lax.conv_general_dilated(
                inputs, kernel, steps, padding, ones_of, ones_of, dimension_numbers
            )
        return out + shift

    return init_fun, apply_fun


def GeneralConv(
    dimension_numbers: tuple[str, str, str],
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    W_init: Any = None,
    b_init: Any = _TINY,
) -> Layer:
    """Return the layer of a convolution with axes as `dimension_numbers` name them."""
    return convolution(
        False, dimension_numbers, out_chan, filter_shape, strides, padding, W_init, b_init
    )


def GeneralConvTranspose(
    dimension_numbers: tuple[str, str, str],
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    W_init: Any = None,
    b_init: Any = _TINY,
) -> Layer:
    """Return the layer of a transposed convolution with axes as `dimension_numbers` name them."""
    return convolution(
        True, dimension_numbers, out_chan, filter_shape, strides, padding, W_init, b_init
    )


Conv = partial(GeneralConv, ("NHWC", "HWIO", "NHWC"))
ConvTranspose = partial(GeneralConvTranspose, ("NHWC", "HWIO", "NHWC"))
Conv1DTranspose = partial(GeneralConvTranspose, ("NHC", "HIO", "NHC"))


def BatchNorm(
    axis: int | Sequence[int] = (0, 1, 2),
    epsilon: float = 1e-5,
    center: bool = True,
    scale: bool = True,
    beta_init: Any = zeros,
    gamma_init: Any = ones,
) -> Layer:
    """Return the layer that standardizes over axes of each batch, scales and shifts."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)

    def init_fun(rng: Any, input_shape: Sequence[int]) -> Any:
        shape = tuple(n for i, n in enumerate(input_shape) if i not in axes)
        k1, k2 = random.split(rng)
        beta = beta_init(k1, shape) if center else ()
        gamma = gamma_init(k2, shape) if scale else ()
        return tuple(input_shape), (beta, gamma)

    def apply_fun(params: Any, x: Any, **kwargs: Any) -> Any:
        beta, gamma = params
        out = standardize(x, axes, epsilon=epsilon)
        spread = tuple(None if i in axes else slice(None) for i in range(jnp.ndim(x)))
        out = gamma[spread] * out if scale else out
        return out + beta[spread] if center else out

    return init_fun, apply_fun


def elementwise(fun: Callable[..., Any], **fun_kwargs: Any) -> Layer:
    """Return the layer that applies a function to its inputs."""
    return (
        lambda rng, input_shape: (tuple(input_shape), ()),
        lambda params, inputs, **kwargs: fun(inputs, **fun_kwargs),
    )


Tanh = elementwise(jnp.tanh)
Relu = elementwise(relu)
Exp = elementwise(jnp.exp)
LogSoftmax = elementwise(log_softmax, axis=-1)
Softmax = elementwise(softmax, axis=-1)
Softplus = elementwise(softplus)
Sigmoid = elementwise(sigmoid)
Elu = elementwise(elu)
LeakyRelu = elementwise(leaky_relu)
Selu = elementwise(selu)
Gelu = elementwise(gelu)


def pooling(reducer: Any, init_val: float, is_mean: bool = False) -> Callable[..., Layer]:
    """Return the function that makes layers reducing windows."""

    def make(
        window_shape: Sequence[int],
        strides: Sequence[int] | None = None,
        padding: str = "VALID",
        spec: str | None = None,
    ) -> Layer:
        fixed = (0, len(window_shape) + 1)
        if spec is not None:
            fixed = (spec.index("N"), spec.index("C"))
        window, steps = list(window_shape), list(strides or (1,) * len(window_shape))
        for i in sorted(fixed):
            window.insert(i, 1)
            steps.insert(i, 1)

        def reduce_to(x: Any) -> Any:
            return lax.reduce_window(x, init_val, reducer, tuple(window), tuple(steps), padding)

        def init_fun(rng: Any, input_shape: Sequence[int]) -> Any:
            pads = lax.padtype_to_pads(input_shape, window, steps, padding)
            none = (1,) * len(window)
            shape = lax.reduce_window_shape_tuple(
                tuple(input_shape), tuple(window), tuple(steps), pads, none, none
            )
            return shape, ()

        def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
            out = reduce_to(inputs)
            if not is_mean:
                return out
            like = [n if i not in fixed else 1 for i, n in enumerate(inputs.shape)]
            return out / reduce_to(jnp.ones(like, inputs.dtype))

        return init_fun, apply_fun

    return make


MaxPool = pooling(lax.max, -np.inf)
SumPool = pooling(lax.add, 0.0)
AvgPool = pooling(lax.add, 0.0, is_mean=True)

Flatten: Layer = (
    lambda rng, input_shape: ((input_shape[0], prod(input_shape[1:])), ()),
    lambda params, inputs, **kwargs: jnp.reshape(inputs, (inputs.shape[0], -1)),
)
Identity: Layer = (
    lambda rng, input_shape: (input_shape, ()),
    lambda params, inputs, **kwargs: inputs,
)
FanInSum: Layer = (
    lambda rng, input_shape: (input_shape[0], ()),
    lambda params, inputs, **kwargs: sum(inputs[1:], inputs[0]),
)


def FanOut(num: int) -> Layer:
    """Return the layer that gives its inputs `num` times."""
    return (
        lambda rng, input_shape: ([input_shape] * num, ()),
        lambda params, inputs, **kwargs: [inputs] * num,
    )


def FanInConcat(axis: int = -1) -> Layer:
    """Return the layer that joins its inputs along an axis."""

    def init_fun(rng: Any, input_shape: Sequence[Sequence[int]]) -> Any:
        one = list(input_shape[0])
        at = axis % len(one)
        one[at] = sum(map(itemgetter(at), input_shape))
        return tuple(one), ()

    return init_fun, lambda params, inputs, **kwargs: jnp.concatenate(inputs, axis)


def Dropout(rate: float, mode: str = "train") -> Layer:
    """Return the layer that keeps elements with probability `rate` and scales them up.

    It draws from the keyword `rng`. Outside of mode "train" it changes nothing.
    """

    def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
        rng = kwargs.get("rng")
        if rng is None:
            raise ArgumentError(
                f"Dropout: expected a key as the keyword rng.{at_user_line()}\n"
                "Call apply_fun(params, inputs, rng=key)."
            )
        if mode != "train":
            return inputs
        return jnp.where(random.bernoulli(rng, rate, inputs.shape), inputs / rate, 0)

    return lambda rng, input_shape: (input_shape, ()), apply_fun


def serial(*layers: Layer) -> Layer:
    """Return the layer of several, each applied to what the one before it gives."""
    inits, applies = ([layer[k] for layer in layers] for k in (0, 1))

    def init_fun(rng: Any, input_shape: Any) -> Any:
        params: list[Any] = []
        for init in inits:
            rng, own = random.split(rng)
            input_shape, param = init(own, input_shape)
            params.append(param)
        return input_shape, params

    def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
        keys = keys_for(kwargs.pop("rng", None), len(layers))
        for apply, param, key in zip(applies, params, keys, strict=True):
            inputs = apply(param, inputs, rng=key, **kwargs)
        return inputs

    return init_fun, apply_fun


def parallel(*layers: Layer) -> Layer:
    """Return the layer of several, each applied to an input of its own."""
    inits, applies = ([layer[k] for layer in layers] for k in (0, 1))

    def init_fun(rng: Any, input_shape: Any) -> Any:
        keys = random.split(rng, len(layers))
        found = [f(k, s) for f, k, s in zip(inits, keys, input_shape, strict=True)]
        return [shape for shape, _ in found], [param for _, param in found]

    def apply_fun(params: Any, inputs: Any, **kwargs: Any) -> Any:
        keys = keys_for(kwargs.pop("rng", None), len(layers))
        rows = zip(applies, params, inputs, keys, strict=True)
        return [apply(param, x, rng=key, **kwargs) for apply, param, x, key in rows]

    return init_fun, apply_fun


def keys_for(rng: Any, n: int) -> Sequence[Any]:
    """Return a key for each layer, None without one."""
    return [None] * n if rng is None else random.split(rng, n)


def shape_dependent(make_layer: Callable[[Any], Layer]) -> Layer:
    """Return the layer that `make_layer` makes for the shape of its inputs."""
    return (
        lambda rng, input_shape: make_layer(input_shape)[0](rng, input_shape),
        lambda params, inputs, **kwargs: make_layer(inputs.shape)[1](params, inputs, **kwargs),
    )
