"""Fourier transforms. Results are real, so that all of each is compared."""

from .data import normal, normals
from .registry import workload


@workload("power spectrum, 2¹⁶", tolerance=1e-4)
def power_spectrum(jax, jnp, np):
    return jax.jit(lambda x: jnp.abs(jnp.fft.fft(x)) ** 2), (normal(jnp, np, 2**16),)


@workload("power spectra of 1,000 lengths of 500", tolerance=1e-4)
def many_spectra(jax, jnp, np):
    f = jax.jit(lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2)
    return f, (normal(jnp, np, 1000, 500),)


@workload("blur 16 images of 256² by 2-D transforms", tolerance=1e-4)
def blur_images(jax, jnp, np):
    def f(x):
        rate = jnp.fft.fftfreq(256)
        damp = jnp.exp(-100 * (rate[:, None] ** 2 + rate[None] ** 2))
        return jnp.fft.ifft2(jnp.fft.fft2(x) * damp).real

    return jax.jit(f), (normal(jnp, np, 16, 256, 256),)


@workload("convolve 2¹⁸ by real transforms", tolerance=1e-4)
def fourier_convolution(jax, jnp, np):
    def f(x, y):
        n = x.shape[0]
        return jnp.fft.irfft(jnp.fft.rfft(x, 2 * n) * jnp.fft.rfft(y, 2 * n), 2 * n)

    return jax.jit(f), normals(jnp, np, 2**18, 2**18)


@workload("gradient of a spectral loss, 64 lengths of 4096", tolerance=1e-4)
def spectral_gradient(jax, jnp, np):
    def loss(x, target):
        return ((jnp.abs(jnp.fft.rfft(x)) - target) ** 2).mean()

    x, target = normals(jnp, np, (64, 4096), (64, 2049))
    return jax.jit(jax.grad(loss)), (x, jnp.abs(target))
