"""Draws of random numbers, from any library with JAX's names, and what JAX gave for them.

`expected.json` holds the values of both streams; running this file in an environment with JAX
writes it again.
"""

import json
import sys
from pathlib import Path

import numpy as np

EXPECTED = Path(__file__).with_name("expected.json")
F32 = np.float32
LOGITS = np.log(F32([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]))
TABLE = np.arange(12, dtype=F32).reshape(4, 3)
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")
COVARIANCE = F32([[2.0, 0.5], [0.5, 1.0]])
WEIGHTS = F32([0.1, 0.2, 0.3, 0.4])


def keys(random):
    """Keys made, split and folded."""
    draws = {}
    for seed in (0, 1, -1, 2**31, 2**32 - 1):
        draws[f"seed {seed}"] = lambda seed=seed: random.PRNGKey(seed)
    for n in (2, 3, (2, 3), 0):
        draws[f"split {n}"] = lambda n=n: random.key_data(random.split(random.key(9), n))
        draws[f"split raw {n}"] = lambda n=n: random.split(random.PRNGKey(9), n)
    for data in (0, 7, np.uint32(2**31), 2**32 - 1):
        draws[f"fold {data}"] = lambda data=data: random.key_data(
            random.fold_in(random.key(9), data)
        )
    return draws


def numbers(random):
    """Bits, and floats of which every digit is expected."""
    draws, key = {}, random.key
    for dtype in ("uint8", "uint16", "uint32"):
        for shape in ((), (1,), (2,), (7,), (4, 5), (0,)):
            draws[f"bits {dtype} {shape}"] = lambda d=dtype, s=shape: random.bits(key(21), s, d)
    for name in ("uniform", "normal", "gumbel", "exponential", "laplace"):
        draw = getattr(random, name)
        for dtype in ("float32", "bfloat16"):
            for shape in ((), (3,), (4, 9)):
                draws[f"{name} {dtype} {shape}"] = lambda draw=draw, d=dtype, s=shape: draw(
                    key(1), s, d
                )
    for shape in ((3,), (31,)):
        draws[f"uniform between {shape}"] = lambda s=shape: random.uniform(
            key(3), s, minval=-0.37, maxval=2.13
        )
        draws[f"truncated {shape}"] = lambda s=shape: random.truncated_normal(key(2), -1.0, 2.0, s)
        draws[f"gumbel high {shape}"] = lambda s=shape: random.gumbel(key(2), s, mode="high")
    draws["normal complex64"] = lambda: random.normal(key(3), (5,), "complex64")
    return draws


def integers(random):
    """Integers of every dtype, with ordinary and extreme bounds."""
    draws, key = {}, random.key
    for dtype in INTEGERS:
        least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        bounds = [(0, 100), (5, 5), (7, 5)]
        bounds += [(least, most)] if dtype != "uint32" else []
        short = np.iinfo(dtype).bits < 32
        bounds += [(least, most + 1), (least - 1000, most + 1000)] if short else []
        for low, high in bounds:
            draws[f"randint {dtype} {low} {high}"] = lambda d=dtype, low=low, high=high: (
                random.randint(key(4), (12,), low, high, d)
            )
    low, high = np.array([0, 10, -100], np.int32), np.array([[10], [20]], np.int32)
    draws["randint arrays"] = lambda: random.randint(key(4), (2, 3), low, high)
    draws["bernoulli"] = lambda: random.bernoulli(key(5), 0.3, (40,))
    draws["bernoulli array"] = lambda: random.bernoulli(key(5), F32([0.1, 0.5, 0.9]))
    draws["bernoulli high"] = lambda: random.bernoulli(key(5), F32([0.1, 0.9]), (9, 2), mode="high")
    draws["rademacher"] = lambda: random.rademacher(key(5), (20,))
    draws["geometric"] = lambda: random.geometric(key(5), F32([0.1, 0.5, 0.9]), (9, 3))
    draws["poisson"] = lambda: random.poisson(key(5), F32([0.0, 0.5, 3.0, 9.0]), (9, 4))
    draws["poisson large"] = lambda: random.poisson(key(5), F32([15.0, 40.0]), (9, 2))
    draws["binomial"] = lambda: random.binomial(key(5), F32([5.0, 10.0]), F32([0.1, 0.7]), (9, 2))
    draws["binomial large"] = lambda: random.binomial(key(5), F32([100.0, 80.0]), F32([0.3, 0.6]))
    draws["multinomial"] = lambda: random.multinomial(key(5), F32(20.0), F32([0.2, 0.3, 0.5]))
    return draws


def choices(random):
    """Categories, permutations and choices."""
    key = random.key
    return {
        "categorical": lambda: random.categorical(key(6), LOGITS, axis=1),
        "categorical axis 0": lambda: random.categorical(key(6), LOGITS, axis=0, shape=(5, 3)),
        "categorical shape": lambda: random.categorical(key(6), LOGITS, shape=(9, 2)),
        "distinct": lambda: random.categorical(key(6), LOGITS, shape=(2, 2), replace=False),
        "distinct axis 0": lambda: random.categorical(
            key(6), LOGITS, axis=0, shape=(2, 3), replace=False
        ),
        "permutation 10": lambda: random.permutation(key(7), 10),
        "permutation 5000": lambda: random.permutation(key(7), 5000)[:20],
        "permutation array": lambda: random.permutation(key(7), TABLE),
        "permutation axis 1": lambda: random.permutation(key(7), TABLE, axis=1),
        "permutation independent": lambda: random.permutation(key(7), TABLE, 1, independent=True),
        "permutation vector": lambda: random.permutation(key(7), TABLE[:, 1]),
        "choice": lambda: random.choice(key(8), 10, (5,)),
        "choice distinct": lambda: random.choice(key(8), 10, (5,), replace=False),
        "choice weights": lambda: random.choice(key(8), 4, (20,), p=WEIGHTS),
        "choice distinct weights": lambda: random.choice(key(8), 4, (3,), replace=False, p=WEIGHTS),
        "choice array": lambda: random.choice(key(8), TABLE, (2, 5), axis=1),
        "choice array distinct": lambda: random.choice(key(8), TABLE, (2,), replace=False),
    }


def distributions(random):
    """Floats that depend on functions of which the last digits may differ."""
    key = random.key(11)
    return {
        "gamma": lambda: random.gamma(key, F32([0.1, 0.5, 1.0, 2.5, 30.0]), (4, 5)),
        "loggamma": lambda: random.loggamma(key, F32([0.01, 0.5, 1.0, 30.0]), (4, 4)),
        "beta": lambda: random.beta(key, F32(0.5), F32([2.0, 3.0]), (4, 2)),
        "dirichlet": lambda: random.dirichlet(key, F32([1.0, 2.0, 3.0]), (4,)),
        "chisquare": lambda: random.chisquare(key, F32([2.0, 5.0])),
        "f": lambda: random.f(key, 3.0, 5.0, (9,)),
        "t": lambda: random.t(key, 3.0, (9,)),
        "generalized_normal": lambda: random.generalized_normal(key, 3.0, (9,)),
        "ball": lambda: random.ball(key, 3, shape=(4,)),
        "ball 1": lambda: random.ball(key, 3, p=1.0, shape=(4,)),
        "cauchy": lambda: random.cauchy(key, (9,)),
        "logistic": lambda: random.logistic(key, (9,)),
        "lognormal": lambda: random.lognormal(key, F32(0.5), (9,)),
        "maxwell": lambda: random.maxwell(key, (9,)),
        "double_sided_maxwell": lambda: random.double_sided_maxwell(
            key, F32(1.0), F32([2.0, 3.0]), (4,)
        ),
        "pareto": lambda: random.pareto(key, F32([1.0, 2.0]), (4, 2)),
        "rayleigh": lambda: random.rayleigh(key, F32(2.0), (9,)),
        "triangular": lambda: random.triangular(key, -1.0, 0.5, 2.0, (9,)),
        "wald": lambda: random.wald(key, F32(2.0), (9,)),
        "weibull_min": lambda: random.weibull_min(key, 2.0, 1.5, (9,)),
        "multivariate_normal": lambda: random.multivariate_normal(
            key, F32([1.0, 2.0]), COVARIANCE, (4,)
        ),
        "orthogonal": lambda: random.orthogonal(key, 4),
        "orthogonal wide": lambda: random.orthogonal(key, 3, (2,), m=5),
    }


GROUPS = {
    "keys": keys,
    "numbers": numbers,
    "integers": integers,
    "choices": choices,
    "distributions": distributions,
}


def written(x):
    """Return an array as [shape, dtype, values], every value exactly."""
    x = np.asarray(x)
    parts = [x.real, x.imag] if x.dtype.kind == "c" else [x]
    values = [v.item() for part in parts for v in np.ravel(part).astype(
        part.dtype if part.dtype.kind in "biu" else np.float64
    )]  # fmt: skip
    return [list(x.shape), x.dtype.name, values]


def record():
    import jax

    found = {}
    for newer in (False, True):
        with jax.threefry_partitionable(newer):
            for group in GROUPS.values():
                draws = group(jax.random)
                found.update({f"{name} | {newer}": written(d()) for name, d in draws.items()})
    EXPECTED.write_text(json.dumps(found, separators=(",", ":")).replace('],"', '],\n"') + "\n")


if __name__ == "__main__":
    sys.exit(record())
