import gradax as jax
import gradax.numpy as jnp


class Counter:
    def __init__(self):
        self.total = 0.0

    def add(self, x):
        self.total = self.total + x
        return self.total


counter = Counter()
jax.jit(counter.add)(1.0)
jnp.sin(counter.total)
