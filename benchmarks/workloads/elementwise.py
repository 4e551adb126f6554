"""Programs that are one pass over their data."""

from .data import integer, normal, normals, uniform, uniforms
from .registry import workload


@workload("the tutorial's `f`, 1e6", steady_target=1.3, first_target=2)
def tutorial_f(jax, jnp, np):
    def f(x):
        x = x + 2
        x = x**2 - 4
        return jnp.sum(x)

    return jax.jit(f), (jnp.linspace(-10, 10, 1_000_000),)


@workload("the tutorial's `selu`, 1e6", steady_target=1.3, first_target=2)
def selu(jax, jnp, np):
    def selu(x, alpha=1.67, lambda_=1.05):
        return lambda_ * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)

    return jax.jit(selu), (jnp.arange(1_000_000),)


@workload("selu of floats of both signs, 1e6")
def selu_float(jax, jnp, np):
    def selu(x, alpha=1.67, lambda_=1.05):
        return lambda_ * jnp.where(x > 0, x, alpha * jnp.exp(x) - alpha)

    x = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    return jax.jit(selu), (jnp.asarray(x),)


@workload("Black-Scholes, 1e6 options", tolerance=5e-5)
def black_scholes(jax, jnp, np):
    def normal_cdf(x):
        return 0.5 * (1 + jax.lax.erf(x / np.sqrt(2).astype(np.float32)))

    def price(spot, strike, years, rate, volatility):
        spread = volatility * jnp.sqrt(years)
        d1 = (jnp.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
        discounted = strike * jnp.exp(-rate * years)
        return spot * normal_cdf(d1) - discounted * normal_cdf(d1 - spread)

    rng = np.random.default_rng(0)
    lows_and_highs = [(10, 50), (10, 50), (0.2, 2), (0.01, 0.05), (0.1, 0.6)]
    draws = [rng.uniform(a, b, 1_000_000).astype(np.float32) for a, b in lows_and_highs]
    return jax.jit(price), tuple(jnp.asarray(x) for x in draws)


@workload("sin·cos + tanh, 1e6")
def trigonometry(jax, jnp, np):
    x = np.random.default_rng(0).uniform(-10, 10, 1_000_000).astype(np.float32)
    return jax.jit(lambda x: jnp.sin(x) * jnp.cos(x) + jnp.tanh(x)), (jnp.asarray(x),)


@workload("stream a·2 + 1, 1e7")
def stream(jax, jnp, np):
    return jax.jit(lambda a: a * 2 + 1), (jnp.ones(10_000_000),)


def chain(jnp, x):
    """Return 20 cheap operations of `x`."""
    for i in range(4):
        x = jnp.maximum(x * 1.01 - 0.1, 0.5 * x) + 0.25 * i
    return x


@workload("chain of 20 cheap operations, 1e3")
def chain_1e3(jax, jnp, np):
    return jax.jit(lambda x: chain(jnp, x)), (normal(jnp, np, 1000),)


@workload("chain of 20 cheap operations, 1e5")
def chain_1e5(jax, jnp, np):
    return jax.jit(lambda x: chain(jnp, x)), (normal(jnp, np, 100_000),)


# A sum of 1e8 depends on the order of its terms.
@workload("chain of 20 cheap operations and its sum, 1e8", tolerance=1e-3)
def chain_1e8(jax, jnp, np):
    x = np.tile(np.random.default_rng(0).uniform(size=1000).astype(np.float32), 100_000)
    return jax.jit(lambda x: chain(jnp, x).sum()), (jnp.asarray(x),)


@workload("exp, log1p, arctan2 and powers, 1e5")
def transcendentals(jax, jnp, np):
    def f(x, y):
        return jnp.exp(-x) * jnp.log1p(y) + jnp.arctan2(x, y) - jnp.expm1(-y) ** 3 + x**y

    return jax.jit(f), uniforms(jnp, np, 0.1, 3, 100_000, 100_000)


@workload("logarithm of gamma and digamma, 1e5")
def gamma_functions(jax, jnp, np):
    special = jax.scipy.special
    f = jax.jit(lambda x: (special.gammaln(x), special.digamma(x)))
    return f, (uniform(jnp, np, 0.1, 20, 100_000),)


# Where a short float is rounded between the operations is each library's choice.
@workload("bfloat16 and float16 with float32, 1e6", tolerance=2e-2)
def mixed_precision(jax, jnp, np):
    def f(x, y, z):
        return jnp.tanh(x * 2 + 1) * y.astype(jnp.bfloat16), (y * y).astype(jnp.float32) + z

    x, y, z = normals(jnp, np, *[1_000_000] * 3)
    return jax.jit(f), (x.astype(jnp.bfloat16), y.astype(jnp.float16), z)


@workload("hash and count bits, 1e6 unsigned", tolerance=0)
def bit_arithmetic(jax, jnp, np):
    def f(x):
        x = (x ^ (x >> 16)) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> 13)) * np.uint32(0xC2B2AE35)
        x = (x << 7) | (x >> 25)
        return x, jax.lax.population_count(x)

    return jax.jit(f), (jnp.arange(1_000_000, dtype=jnp.uint32),)


@workload("integer quotients and remainders, 1e6", tolerance=0)
def integer_arithmetic(jax, jnp, np):
    x = integer(jnp, np, -1_000_000, 1_000_000, 1_000_000)
    y = integer(jnp, np, 1, 1000, 1_000_000)
    return jax.jit(lambda x, y: (x // y + 3 * (x % y), x // 10)), (x, y)


@workload("chain of where and clip, 1e6")
def where_clip(jax, jnp, np):
    def f(x, y):
        for i in range(4):
            x = jnp.clip(jnp.where(x > y, x - 0.5 * y, y + 0.25 * x), -2 + 0.1 * i, 2)
        return jnp.where(jnp.isfinite(x) & (x != 0), 1 / x, 0)

    return jax.jit(f), uniforms(jnp, np, 0.5, 3, 1_000_000, 1_000_000)


@workload("complex arithmetic, 1e6")
def complex_arithmetic(jax, jnp, np):
    def f(z, w):
        z = (z * w + jnp.conj(z)) / (w + 2j)
        return z.real, z.imag, jnp.abs(z)

    a, b, c, d = uniforms(jnp, np, 0, 1, *[1_000_000] * 4)
    return jax.jit(f), (a + 1j * b, c + 1j * d)
