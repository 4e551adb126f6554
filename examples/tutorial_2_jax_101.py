"""The second tutorial, "Jax 101", as a script: arrays, randomness, grad, vmap and jit."""

import timeit

import numpy as np

import gradax.numpy as jnp
from gradax import grad, jit, make_jaxpr, random, vmap

# Basics

arange_np = np.arange(5)
arange_jnp = jnp.arange(5)

linspace_np = np.linspace(-3, 3, 100)
linspace_jnp = jnp.linspace(-3, 3, 100)

zeros_np = np.zeros((10, 10), dtype=np.float16)
zeros_jnp = jnp.zeros((10, 10), dtype=jnp.float16)

print(f"NumPy dtype: {arange_np.dtype}")  # int64
print(f"Jax dtype: {arange_jnp.dtype}")  # int32

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.plot(linspace_jnp)
    plt.title("Simple plot of jnp data")
    plt.close()
except ImportError:
    print("(no matplotlib here, so no plot)")

# Randomness

key = random.key(21)
print(key)
x1 = random.normal(key, 3)
print(x1)  # [-2.6825788  -0.7566388  -0.29570565]
x2 = random.normal(key, 3)
print(x2)  # the same key, the same numbers

newkey1, newkey2 = random.split(key, 2)
print(newkey1)
print(newkey2)

# grad


def relu(x):
    return jnp.maximum(0, x)


relu_grad = grad(relu)
xs = jnp.linspace(-3, 3, 200)
ys_grad = [relu_grad(x) for x in xs]
print(ys_grad[0], ys_grad[-1])


# The document names the parameter `static_argnums`; it is `argnums`.
def two(a, b):
    return 2 * a**3 - b**2


f_grad_0 = grad(two, argnums=0)  # Derivative wrt `a`
f_grad_1 = grad(two, argnums=1)  # Derivative wrt `b`
print(f_grad_0(3.0, 4.0), f_grad_1(3.0, 4.0))

# vmap

relu_vmap_grad = vmap(grad(relu))
ys_grad = relu_vmap_grad(xs)  # can handle batches of data now
print(ys_grad[:3], ys_grad[-3:])

# jit


def f(x):
    x = x + 2
    x = x**2 - 4
    return jnp.sum(x)


f_jit = jit(f)
xs = jnp.linspace(-10, 10, 1_000_000)
# warm up jitted function (i.e. it compiles 1st time it runs)
_ = f_jit(xs)

# The document measures with a notebook's %timeit.
for name, function in (("f", f), ("f_jit", f_jit)):
    seconds = min(
        timeit.repeat(lambda run=function: run(xs).block_until_ready(), number=20, repeat=5)
    )
    print(f"{name}: {seconds / 20 * 1e6:.0f} µs per loop")

print(make_jaxpr(f)(xs))
