"""A compiled method keeps the value that an attribute had; in strict mode that is an error."""

import gradax as jax
from gradax import errors


class Model:
    def __init__(self):
        self.scale = 2.0

    def apply(self, x):
        return self.scale * x


def main():
    model = Model()
    apply = jax.jit(model.apply)
    print("scale 2:", apply(1.0))
    model.scale = 3.0
    print("scale 3, silently:", apply(1.0))
    with jax.strict():
        print("traced anew:", apply(1.0))
        model.scale = 4.0
        try:
            apply(1.0)
        except errors.StaleValueError as error:
            print("strict:", error)


if __name__ == "__main__":
    main()
