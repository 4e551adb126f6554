"""A compiled function keeps the value that a global had; in strict mode that is an error."""

import warnings

import gradax as jax
from gradax import errors

rate = 0.5


@jax.jit
def step(x):
    return x - rate * x


def main():
    global rate
    print("rate 0.5:", step(1.0))
    rate = 0.1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        print("rate 0.1, silently in JAX:", step(1.0), [w.category.__name__ for w in caught])
    with jax.strict():
        print("traced anew:", step(1.0))
        rate = 0.2
        try:
            step(1.0)
        except errors.StaleValueError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
