"""No compilation where it would be a surprise: in a training loop, in a server."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


@jax.jit
def predict(x):
    return jnp.tanh(x).sum()


def main():
    predict(jnp.ones(8))
    with jax.no_retrace():
        print("a shape seen before:", predict(jnp.zeros(8)))
        try:
            predict(jnp.ones(7))
        except errors.RetraceError as error:
            print("a new one:", error)


if __name__ == "__main__":
    main()
