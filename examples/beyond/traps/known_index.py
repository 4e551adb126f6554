"""An index outside its array takes the nearest element; in strict mode it is an error."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


def last(x):
    return x[5]


def main():
    print("silently:", last(jnp.arange(5.0)))
    with jax.strict():
        try:
            last(jnp.arange(5.0))
        except errors.OutOfBoundsError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
