"""Convolutions and pooling."""

from .data import normal, normals
from .registry import workload

CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")
CHANNELS_FIRST = ("NCHW", "OIHW", "NCHW")


def convolution(jax, jnp, np, shapes, numbers=CHANNELS_LAST, stride=1, **options):
    """Return a convolution, not jitted, and inputs of the two shapes."""
    strides = (stride,) * (len(shapes[0]) - 2)

    def convolve(x, w):
        return jax.lax.conv_general_dilated(
            x, w, strides, "SAME", dimension_numbers=numbers, **options
        )

    return convolve, normals(jnp, np, *shapes)


def jitted(jax, jnp, np, *args, **options):
    """Return a jitted convolution and its inputs."""
    convolve, inputs = convolution(jax, jnp, np, *args, **options)
    return jax.jit(convolve), inputs


def gradient(jax, jnp, np, argnum):
    """Return the gradient of a 3×3 convolution's squares to one of its inputs."""
    convolve, inputs = convolution(jax, jnp, np, [(8, 28, 28, 32), (3, 3, 32, 64)])
    return jax.jit(jax.grad(lambda x, w: (convolve(x, w) ** 2).sum(), argnum)), inputs


def pooling_gradient(jax, jnp, np, pool):
    """Return the gradient of what `pool` makes of windows of 2×2, weighed."""

    def loss(x, weights):
        return (pool(x, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") * weights).sum()

    return jax.jit(jax.grad(loss)), normals(jnp, np, (16, 56, 56, 32), (16, 28, 28, 32))


@workload("convolution 1-D, 16×1024×64, width 5", tolerance=1e-4)
def conv_1d(jax, jnp, np):
    return jitted(jax, jnp, np, [(16, 1024, 64), (5, 64, 64)], ("NWC", "WIO", "NWC"))


@workload("convolution 3×3, 8×28×28×64, channels last", tolerance=1e-4)
def conv_channels_last(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 28, 28, 64), (3, 3, 64, 64)])


@workload("convolution 3×3, 8×64×28×28, channels first", tolerance=1e-4)
def conv_channels_first(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 64, 28, 28), (64, 64, 3, 3)], CHANNELS_FIRST)


@workload("convolution 3×3, 8×112×112×3 images, stride 2", tolerance=1e-4)
def conv_images(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 112, 112, 3), (3, 3, 3, 32)], stride=2)


@workload("convolution 1×1, 8×28×28×128", tolerance=1e-4)
def conv_pointwise(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 28, 28, 128), (1, 1, 128, 128)])


@workload("convolution 3×3, 8×56×56×32, stride 2", tolerance=1e-4)
def conv_strided(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 56, 56, 32), (3, 3, 32, 64)], stride=2)


@workload("convolution 3×3, 8×28×28×32, dilated by 2", tolerance=1e-4)
def conv_dilated(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 28, 28, 32), (3, 3, 32, 32)], rhs_dilation=(2, 2))


@workload("convolution 3×3, 8×28×28×64, 4 groups", tolerance=1e-4)
def conv_grouped(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 28, 28, 64), (3, 3, 16, 64)], feature_group_count=4)


@workload("depthwise convolution 3×3, 8×56×56×64", tolerance=1e-4)
def conv_depthwise(jax, jnp, np):
    return jitted(jax, jnp, np, [(8, 56, 56, 64), (3, 3, 1, 64)], feature_group_count=64)


@workload("transposed convolution 4×4, 8×28×28×32, stride 2", tolerance=1e-4)
def conv_transposed(jax, jnp, np):
    def f(x, w):
        return jax.lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=CHANNELS_LAST)

    return jax.jit(f), normals(jnp, np, (8, 28, 28, 32), (4, 4, 32, 32))


@workload("convolution 3×3×3, 2×16×32×32×16", tolerance=1e-4)
def conv_3d(jax, jnp, np):
    numbers = ("NDHWC", "DHWIO", "NDHWC")
    return jitted(jax, jnp, np, [(2, 16, 32, 32, 16), (3, 3, 3, 16, 16)], numbers)


@workload("convolution gradient to the input, 8×28×28×32", tolerance=1e-4)
def conv_gradient_input(jax, jnp, np):
    return gradient(jax, jnp, np, 0)


@workload("convolution gradient to the kernel, 8×28×28×32", tolerance=1e-4)
def conv_gradient_kernel(jax, jnp, np):
    return gradient(jax, jnp, np, 1)


@workload("maxima of 3×3 windows, 16×56×56×32, stride 2", tolerance=0)
def max_pool(jax, jnp, np):
    def f(x):
        window, strides = (1, 3, 3, 1), (1, 2, 2, 1)
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, window, strides, "SAME")

    return jax.jit(f), (normal(jnp, np, 16, 56, 56, 32),)


@workload("max-pooling gradient, 16×56×56×32", tolerance=1e-5)
def max_pool_gradient(jax, jnp, np):
    def pool(x, *window):
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, *window)

    return pooling_gradient(jax, jnp, np, pool)


@workload("mean-pooling gradient, 16×56×56×32", tolerance=1e-5)
def mean_pool_gradient(jax, jnp, np):
    def pool(x, *window):
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, *window) / 4

    return pooling_gradient(jax, jnp, np, pool)
