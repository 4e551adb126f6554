"""Two draws from one key are the same numbers; in strict mode that is an error."""

import gradax as jax
from gradax import errors, random


def noise(key):
    first = random.normal(key, (2,))
    second = random.normal(key, (2,))
    return first - second


def main():
    print("silently:", noise(random.key(0)))
    with jax.strict():
        try:
            noise(random.key(0))
        except errors.KeyReuseError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
