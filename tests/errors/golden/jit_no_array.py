import gradax as jax


@jax.jit
def shout(text):
    return text


shout("hello")
