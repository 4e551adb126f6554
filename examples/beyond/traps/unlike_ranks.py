"""A matrix and a vector are joined along an axis that may not be the one meant."""

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


def standardized(rows, scale):
    return rows / scale  # one scale a row was meant


def main():
    print("silently:", standardized(jnp.ones((2, 2)), jnp.array([1.0, 2.0])))
    with jax.strict():
        try:
            standardized(jnp.ones((2, 2)), jnp.array([1.0, 2.0]))
        except errors.RankPromotionError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
