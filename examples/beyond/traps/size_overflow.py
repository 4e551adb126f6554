"""A range beyond int32 would begin again at negative numbers; in strict mode an error."""

import gradax as jax
import gradax.numpy as jnp


def places(n):
    return jnp.arange(n - 2, n)


def main():
    print("silently:", places(2**31 + 1))
    with jax.strict():
        try:
            places(2**31 + 1)
        except OverflowError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
