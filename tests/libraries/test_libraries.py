"""Real programs of libraries written for JAX, where the libraries are installed.

They are no requirement of gradax; GRADAX_LIBRARIES names a folder that has them
(`pip install --no-deps --target`), which comes last on the path.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = os.environ.get("GRADAX_LIBRARIES", "")
BEGIN = f"""
import sys
if {FOLDER!r}: sys.path.append({FOLDER!r})
import gradax.as_jax
gradax.as_jax.install()
import jax, jax.numpy as jnp, numpy as np
"""

PROGRAMS = {
    "chex": """
chex.assert_shape(jnp.ones((2, 3)), (2, None))
chex.assert_trees_all_close({"a": jnp.ones(2)}, {"a": jnp.ones(2)})
try: chex.assert_tree_all_finite(jnp.array([np.nan])); raise SystemExit("finite")
except AssertionError: pass
@jax.jit
@chex.assert_max_traces(n=1)
def f(x): return x + 1
f(1.0)
try: f(jnp.ones(2)); raise SystemExit("traced twice")
except AssertionError: pass
@chex.chexify
@jax.jit
def g(x): chex.assert_tree_all_finite(x); return x
g(jnp.array(1.0)); chex.block_until_chexify_assertions_complete()
try: g(jnp.array(jnp.inf)); g.wait_checks(); raise SystemExit("finite")
except AssertionError: pass
with chex.fake_jit(): assert jax.jit(lambda x: x + 1)(1) == 2
""",
    "equinox": """
model = equinox.nn.MLP(2, 1, 16, 2, key=jax.random.PRNGKey(0))
x = jax.random.normal(jax.random.PRNGKey(1), (64, 2))
y = jnp.sin(x[:, :1]) * x[:, 1:]
@equinox.filter_jit
@equinox.filter_value_and_grad
def loss(model): return jnp.mean((jax.vmap(model)(x) - y) ** 2)
first = loss(model)[0]
for _ in range(200):
    value, grads = loss(model)
    model = equinox.apply_updates(model, jax.tree.map(lambda g: -0.1 * g, grads))
assert value < first / 4, (first, value)
checked = equinox.filter_jit(lambda x: equinox.error_if(x, x < 0, "negative"))
checked(jnp.array(1.0))
try: checked(jnp.array(-1.0)); raise SystemExit("no error")
except Exception as e: assert "negative" in str(e)
out, tangent = equinox.filter_jvp(lambda x: x * x, (jnp.array(2.0),), (jnp.array(1.0),))
assert tangent == 4
import equinox.internal as eqxi
step = lambda c, y: (jnp.sin(c) * y, c)
f = lambda x, kind: eqxi.scan(step, x, jnp.arange(1.0, 6.0), kind=kind)[0]
a, b = (jax.grad(lambda x: f(x, kind))(0.5) for kind in ("lax", "checkpointed"))
np.testing.assert_allclose(a, b, rtol=1e-5)
""",
    "diffrax": """
def end(k, adjoint=diffrax.RecursiveCheckpointAdjoint()):
    term = diffrax.ODETerm(lambda t, y, args: -args * y)
    steps = diffrax.PIDController(1e-6, 1e-6)
    return diffrax.diffeqsolve(term, diffrax.Tsit5(), 0, 1, 0.1, jnp.array(1.0), args=k,
                               stepsize_controller=steps, adjoint=adjoint).ys[0]
np.testing.assert_allclose(end(2.0), np.exp(-2), rtol=1e-5)
np.testing.assert_allclose(jax.grad(end)(2.0), -np.exp(-2), rtol=1e-4)
found = jax.jit(jax.vmap(end))(jnp.array([1.0, 2.0]))
np.testing.assert_allclose(found, np.exp([-1, -2]), rtol=1e-5)
found = jax.grad(lambda k: end(k, diffrax.BacksolveAdjoint()))(2.0)
np.testing.assert_allclose(found, -np.exp(-2), rtol=1e-3)
""",
    "optimistix": """
newton = optimistix.Newton(1e-6, 1e-6)
f = lambda a: optimistix.root_find(lambda y, a: y**3 - a, newton, jnp.array(1.0), a).value
np.testing.assert_allclose(f(2.0), 2 ** (1 / 3), rtol=1e-5)
np.testing.assert_allclose(jax.jit(jax.grad(f))(2.0), 2 ** (-2 / 3) / 3, rtol=1e-5)
solver = optimistix.LevenbergMarquardt(1e-5, 1e-5)
residual = lambda y, a: y**2 - a
found = optimistix.least_squares(residual, solver, jnp.ones(3), jnp.arange(1.0, 4.0))
np.testing.assert_allclose(found.value, np.sqrt([1, 2, 3]), rtol=1e-4)
""",
    "blackjax": """
density = lambda x: -0.5 * jnp.sum((x - 1) ** 2 / 0.25)
warmup = blackjax.window_adaptation(blackjax.nuts, density)
(state, parameters), _ = warmup.run(jax.random.key(0), jnp.zeros(2), 300)
kernel = blackjax.nuts(density, **parameters)
def step(state, key):
    state, info = kernel.step(key, state)
    return state, state.position
keys = jax.random.split(jax.random.key(1), 1000)
_, found = jax.jit(lambda s: jax.lax.scan(step, s, keys))(state)
np.testing.assert_allclose(found.mean(0), 1, atol=0.1)
np.testing.assert_allclose(found.std(0), 0.5, atol=0.1)
""",
    "numpyro": """
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS, Predictive
def model(x, y=None):
    w, b = (numpyro.sample(n, dist.Normal(0, 5)) for n in "wb")
    s = numpyro.sample("s", dist.HalfNormal(1))
    with numpyro.plate("n", x.shape[0]): numpyro.sample("y", dist.Normal(w * x + b, s), obs=y)
x = np.linspace(-1, 1, 50, dtype="f")
y = 2 * x + 0.5 + 0.1 * np.random.default_rng(0).normal(size=50).astype("f")
mcmc = MCMC(NUTS(model), num_warmup=200, num_samples=200, progress_bar=False)
mcmc.run(jax.random.PRNGKey(0), x, y)
found = mcmc.get_samples()
np.testing.assert_allclose([found["w"].mean(), found["b"].mean()], [2, 0.5], atol=0.1)
assert Predictive(model, found)(jax.random.PRNGKey(1), x)["y"].shape == (200, 50)
""",
    "haiku": """
network = haiku.without_apply_rng(haiku.transform(lambda x: haiku.nets.MLP([16, 16, 1])(x)))
x = jax.random.normal(jax.random.PRNGKey(0), (64, 2))
y = jnp.sin(x[:, :1])
params = network.init(jax.random.PRNGKey(1), x)
@jax.jit
def step(params):
    loss = lambda p: jnp.mean((network.apply(p, x) - y) ** 2)
    value, grads = jax.value_and_grad(loss)(params)
    return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), value
losses = []
for _ in range(200):
    params, value = step(params)
    losses.append(value)
assert losses[-1] < losses[0] / 4
with_state = haiku.transform_with_state(lambda x: haiku.BatchNorm(True, True, 0.9)(x, True))
params, state = with_state.init(None, x)
assert with_state.apply(params, state, None, x)[0].shape == x.shape
assert "dot_general" in haiku.experimental.to_dot(lambda x: jnp.dot(x, x))(jnp.ones((2, 2)))
""",
    "optax": """
params, solver = jnp.zeros(3), optax.adam(0.1)
state = solver.init(params)
loss = lambda p: jnp.sum((p - jnp.arange(3.0)) ** 2)
for _ in range(200):
    updates, state = solver.update(jax.grad(loss)(params), state)
    params = optax.apply_updates(params, updates)
np.testing.assert_allclose(params, np.arange(3), atol=1e-2)
""",
}  # fmt: skip


@pytest.mark.parametrize("library", PROGRAMS)
def test_program(library, tmp_path):
    imports = f"try: import {library}\nexcept ModuleNotFoundError as e: print(e); sys.exit(77)\n"
    script = tmp_path / "program.py"  # some libraries read the source of what they are given
    script.write_text(BEGIN + imports + PROGRAMS[library])
    found = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    if found.returncode == 77:
        pytest.skip(f"{found.stdout.strip()}: GRADAX_LIBRARIES names a folder that has {library}")
    assert found.returncode == 0, found.stdout + found.stderr
