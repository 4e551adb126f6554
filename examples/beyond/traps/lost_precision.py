"""An array of float64 becomes float32; in strict mode that is an error."""

import numpy as np

import gradax as jax
from gradax import errors


@jax.jit
def variance(x):
    return ((x - x.mean()) ** 2).mean()


DATA = 1e6 + np.linspace(0, 1e-2, 5)


def main():
    print("silently:", variance(DATA), "where NumPy finds", DATA.var())
    with jax.strict():
        try:
            variance(DATA)
        except errors.PrecisionLossError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
