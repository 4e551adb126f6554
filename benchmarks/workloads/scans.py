"""Recurrences: programs whose next step needs the last."""

from .data import normal, normals, uniform
from .registry import workload


@workload("associative scan of sums, 1e6", tolerance=1e-4)
def associative_sum(jax, jnp, np):
    f = jax.jit(lambda x: jax.lax.associative_scan(jnp.add, x))
    return f, (uniform(jnp, np, 0, 1, 1_000_000),)


@workload("associative scan of 2×2 products, 10,000", tolerance=1e-4)
def associative_products(jax, jnp, np):
    turns = normal(jnp, np, 10_000) * 0.1
    rows = [[jnp.cos(turns), -jnp.sin(turns)], [jnp.sin(turns), jnp.cos(turns)]]
    matrices = jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)
    return jax.jit(lambda x: jax.lax.associative_scan(jnp.matmul, x)), (matrices,)


def lstm(jax, jnp, params, xs):
    """Return the last hidden state of an LSTM."""

    def step(carry, x):
        hidden, cell = carry
        gates = hidden @ params["h"] + x @ params["x"] + params["b"]
        enter, forget, leave, new = jnp.split(gates, 4, axis=-1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(enter) * jnp.tanh(new)
        return (jax.nn.sigmoid(leave) * jnp.tanh(cell), cell), None

    zeros = jnp.zeros((xs.shape[1], params["h"].shape[0]))
    return jax.lax.scan(step, (zeros, zeros), xs)[0][0]


def lstm_inputs(jnp, np):
    """Return parameters of 64 units and 128 steps of 16 examples."""
    h, x, b, xs = normals(jnp, np, (64, 256), (64, 256), 256, (128, 16, 64))
    return {"h": h * 0.1, "x": x * 0.1, "b": b * 0.1}, xs


@workload("LSTM, 128 steps of 16×64", tolerance=1e-4)
def lstm_forward(jax, jnp, np):
    return jax.jit(lambda params, xs: lstm(jax, jnp, params, xs)), lstm_inputs(jnp, np)


@workload("LSTM gradient, 128 steps of 16×64", tolerance=1e-4)
def lstm_gradient(jax, jnp, np):
    def loss(params, xs):
        return (lstm(jax, jnp, params, xs) ** 2).mean()

    return jax.jit(jax.grad(loss)), lstm_inputs(jnp, np)


@workload("gradient of a linear system, 1,000 steps of 4×4", tolerance=1e-4)
def system_gradient(jax, jnp, np):
    def loss(motion, control, inputs):
        def step(state, u):
            state = motion @ state + control @ u
            return state, state @ state

        return jax.lax.scan(step, jnp.ones(4), inputs)[1].sum()

    motion, control, inputs = normals(jnp, np, (4, 4), (4, 2), (1000, 2))
    return jax.jit(jax.grad(loss, argnums=(0, 1))), (motion * 0.3, control, inputs)


@workload("gradient of a scan of 10,000 scalar steps", tolerance=1e-4)
def scalar_gradient(jax, jnp, np):
    def loss(decay, xs):
        def step(carry, x):
            carry = decay * carry + jnp.sin(x)
            return carry, carry**2

        return jax.lax.scan(step, jnp.float32(0), xs)[1].mean()

    return jax.jit(jax.grad(loss, argnums=(0, 1))), (jnp.float32(0.9), normal(jnp, np, 10_000))


@workload("Collatz steps of 10,000 numbers, a vmapped while loop", tolerance=0)
def collatz(jax, jnp, np):
    def steps(n):
        def step(state):
            n, count = state
            return jnp.where(n % 2 == 0, n // 2, 3 * n + 1), count + 1

        return jax.lax.while_loop(lambda s: s[0] != 1, step, (n, jnp.int32(0)))[1]

    return jax.jit(jax.vmap(steps)), (jnp.arange(1, 10_001, dtype=jnp.int32),)


@workload("scan with a cond, 10,000 steps of 64", tolerance=1e-4)
def cond_in_scan(jax, jnp, np):
    def f(state, xs):
        def step(state, x):
            calm, wild = lambda s: 0.5 * s + x, lambda s: s - 0.1 * jnp.sin(s)
            return jax.lax.cond(x > 0, calm, wild, state), state[0]

        return jax.lax.scan(step, state, xs)

    return jax.jit(f), (normal(jnp, np, 64), normal(jnp, np, 10_000))


# The system is chaotic: 5 seconds multiply a rounding by about 100.
@workload("Lorenz system, 1,000 Runge-Kutta steps", tolerance=1e-4)
def lorenz(jax, jnp, np):
    def velocity(state):
        x, y, z = state
        return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    def f(state):
        def step(state, _):
            k1 = velocity(state)
            k2 = velocity(state + 0.0025 * k1)
            k3 = velocity(state + 0.0025 * k2)
            k4 = velocity(state + 0.005 * k3)
            state = state + 0.005 / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            return state, state

        return jax.lax.scan(step, state, None, length=1000)[1]

    return jax.jit(f), (jnp.ones(3),)


# Momenta and thresholds are arguments, so that both libraries walk the same chain.
@workload("Hamiltonian Monte Carlo, 200 steps of 10 leapfrogs, 16 variables", tolerance=1e-4)
def hamiltonian(jax, jnp, np):
    def energy(x):
        return 0.5 * (x**2).sum() + jnp.cos(x[1:] - x[:-1]).sum()

    def leapfrog(_, state):
        x, p = state
        p = p - 0.05 * jax.grad(energy)(x)
        x = x + 0.1 * p
        return x, p - 0.05 * jax.grad(energy)(x)

    def f(start, momenta, thresholds):
        def step(x, draw):
            p, threshold = draw
            new, q = jax.lax.fori_loop(0, 10, leapfrog, (x, p))
            gain = energy(x) - energy(new) + 0.5 * (p @ p - q @ q)
            x = jnp.where(jnp.log(threshold) < gain, new, x)
            return x, x

        return jax.lax.scan(step, start, (momenta, thresholds))[1]

    return jax.jit(f), (jnp.zeros(16), normal(jnp, np, 200, 16), uniform(jnp, np, 0, 1, 200))


# A rounding may choose another particle, and from then on the two are estimates of their own:
# the tolerance is five of their standard errors.
@workload("particle filter, 50 steps of 10,000 particles", tolerance=5e-2)
def particle_filter(jax, jnp, np):
    def f(seen, noise, offsets):
        n = noise.shape[1]

        def step(particles, now):
            z, drift, offset = now
            particles = 0.9 * particles + jnp.sin(particles) + drift
            weights = jnp.exp(-0.5 * (z - particles) ** 2)
            edges = jnp.cumsum(weights / weights.sum())
            chosen = jnp.searchsorted(edges, (jnp.arange(n) + offset) / n)
            particles = particles[jnp.minimum(chosen, n - 1)]
            return particles, particles.mean()

        return jax.lax.scan(step, noise[0], (seen, noise, offsets))[1]

    seen, noise = normals(jnp, np, 50, (50, 10_000))
    return jax.jit(f), (seen, noise, uniform(jnp, np, 0, 1, 50))
