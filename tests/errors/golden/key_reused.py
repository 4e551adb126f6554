import gradax as jax
from gradax import random


@jax.jit
def noise(key):
    return random.normal(key, (3,)) + random.uniform(key, (3,))


with jax.strict():
    noise(random.key(0))
