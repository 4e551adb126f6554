"""Each step of a loop draws the same numbers from one key; in strict mode an error."""

import gradax as jax
from gradax import errors, lax, random


@jax.jit
def walk(key):
    def step(position, _):
        return position + random.normal(key), position

    return lax.scan(step, 0.0, None, length=4)[1]


def main():
    print("silently:", walk(random.key(0)))
    with jax.strict():
        try:
            walk(random.key(0))
        except errors.KeyReuseError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
