"""Programs whose control flow is compiled."""

from .registry import workload


@workload("scan of 10,000 scalar steps", steady_target=1.0, first_target=2, tolerance=1e-4)
def scan_scalar(jax, jnp, np):
    def f(start, xs):
        def step(carry, x):
            carry = 0.9 * carry + x
            return carry, carry

        return jax.lax.scan(step, start, xs)

    return jax.jit(f), (jnp.float32(0), jnp.linspace(0, 1, 10_000))


@workload("Kalman filter, 1,000 steps of 4×4", tolerance=1e-3)
def kalman(jax, jnp, np):
    rng = np.random.default_rng(0)
    motion = jnp.asarray(np.eye(4, k=2).astype(np.float32) * 0.1 + np.eye(4, dtype=np.float32))
    seen = jnp.asarray(np.eye(2, 4).astype(np.float32))
    drift, blur = jnp.eye(4) * 0.01, 0.5

    def f(observations):
        def step(carry, z):
            mean, cov = carry
            mean = motion @ mean
            cov = motion @ cov @ motion.T + drift
            spread = seen @ cov @ seen.T + blur * jnp.eye(2)
            det = spread[0, 0] * spread[1, 1] - spread[0, 1] * spread[1, 0]
            swapped = jnp.stack([spread[1, 1], -spread[0, 1], -spread[1, 0], spread[0, 0]])
            gain = cov @ seen.T @ (swapped.reshape(2, 2) / det)
            mean = mean + gain @ (z - seen @ mean)
            cov = (jnp.eye(4) - gain @ seen) @ cov
            return (mean, cov), mean

        return jax.lax.scan(step, (jnp.zeros(4), jnp.eye(4)), observations)[1]

    walk = rng.normal(size=(1000, 2)).cumsum(axis=0).astype(np.float32)
    return jax.jit(f), (jnp.asarray(walk),)


@workload("while loop: 100,000 steps of a scalar map", tolerance=1e-3)
def while_scalar(jax, jnp, np):
    def f(x, n):
        def step(state):
            i, x = state
            return i + 1, x + 0.001 * (1 - x * x)

        return jax.lax.while_loop(lambda s: s[0] < n, step, (jnp.int32(0), x))

    return jax.jit(f), (jnp.float32(0.1), jnp.int32(100_000))


@workload("Mandelbrot 512×512, 50 steps of fori_loop", tolerance=0.02)
def mandelbrot(jax, jnp, np):
    def f(re, im):
        def step(_, state):
            x, y, count = state
            inside = x * x + y * y < 4
            x, y = (
                jnp.where(inside, x * x - y * y + re, x),
                jnp.where(inside, 2 * x * y + im, y),
            )
            return x, y, count + inside.astype(jnp.int32)

        zeros = jnp.zeros_like(re)
        return jax.lax.fori_loop(0, 50, step, (zeros, zeros, zeros.astype(jnp.int32)))[2].sum()

    re, im = np.meshgrid(np.linspace(-2, 0.6, 512), np.linspace(-1.3, 1.3, 512))
    return jax.jit(f), (jnp.asarray(re.astype(np.float32)), jnp.asarray(im.astype(np.float32)))


@workload("heat equation, 100 stencil steps of 256×256", tolerance=1e-4)
def stencil(jax, jnp, np):
    def f(x):
        def step(_, x):
            inner = x[1:-1, 1:-1]
            around = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
            return jnp.pad(inner + 0.2 * (around - 4 * inner), 1)

        return jax.lax.fori_loop(0, 100, step, x)

    x = np.random.default_rng(0).uniform(size=(256, 256)).astype(np.float32)
    return jax.jit(f), (jnp.asarray(x),)


@workload("n-body step, 500 bodies", tolerance=1e-4)
def n_body(jax, jnp, np):
    def f(position, velocity, mass):
        apart = position[None, :, :] - position[:, None, :]
        squared = (apart**2).sum(axis=-1) + 0.01
        pull = (mass[None, :] / (squared * jnp.sqrt(squared)))[:, :, None] * apart
        velocity = velocity + 0.01 * pull.sum(axis=1)
        return position + 0.01 * velocity, velocity

    rng = np.random.default_rng(0)
    draws = [rng.normal(size=s).astype(np.float32) for s in ((500, 3), (500, 3))]
    mass = rng.uniform(0.5, 1, 500).astype(np.float32)
    return jax.jit(f), tuple(jnp.asarray(x) for x in (*draws, mass))


@workload("gradient of a scan: recurrent network, 100 steps of 32×64", tolerance=1e-4)
def recurrent_gradient(jax, jnp, np):
    def loss(params, xs):
        def step(hidden, x):
            return jnp.tanh(hidden @ params["h"] + x @ params["x"]), None

        return jnp.mean(jax.lax.scan(step, jnp.zeros((32, 64)), xs)[0] ** 2)

    rng = np.random.default_rng(0)
    params = {k: jnp.asarray(rng.normal(size=(64, 64)).astype(np.float32) * 0.1) for k in "hx"}
    xs = rng.normal(size=(100, 32, 64)).astype(np.float32)
    return jax.jit(jax.grad(loss)), (params, jnp.asarray(xs))
