"""A number of steps beyond int32 is refused, in strict mode and without it."""

import gradax as jax
from gradax import lax


def repeated(n):
    return lax.fori_loop(0, n, lambda i, total: total + 1.0, 0.0)


def main():
    print("below:", repeated(2**10))
    with jax.strict():
        try:
            repeated(2**40)
        except OverflowError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
