"""Why a function was compiled again, said in the names of its arguments."""

import gradax as jax
import gradax.numpy as jnp


@jax.jit
def predict(params, x):
    return x @ params["w"] + params["b"]


def main():
    params = {"w": jnp.ones((3, 2)), "b": 0.0}
    predict(params, jnp.ones((8, 3)))
    print(predict.why_recompiled())
    predict(params, jnp.ones((7, 3)))
    print(predict.why_recompiled())
    predict({**params, "b": jnp.zeros(2)}, jnp.ones((7, 3)))
    print(predict.why_recompiled())


if __name__ == "__main__":
    main()
