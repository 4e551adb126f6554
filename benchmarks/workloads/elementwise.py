"""Programs that are one pass over their data."""

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
