"""A workload's data as NumPy arrays, made by the workload itself from a NumPy without a library."""

from typing import Any

import numpy as np

NARROW = {"float64": np.float32, "int64": np.int32, "uint64": np.uint32, "complex128": np.complex64}
SEED = 0


class Anything:
    """What a workload may name, call and index while it is made, but never needs for its data."""

    def __getattr__(self, name: str) -> "Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the function that is decorated, or anything."""
        return args[0] if args and callable(args[0]) else self

    def __getitem__(self, index: Any) -> "Anything":
        return self


class Trees:
    """Maps over containers."""

    @staticmethod
    def map(f: Any, tree: Any, *rest: Any) -> Any:
        if isinstance(tree, dict):
            return {k: Trees.map(f, v, *(r[k] for r in rest)) for k, v in tree.items()}
        if isinstance(tree, list | tuple):
            return type(tree)(Trees.map(f, *parts) for parts in zip(tree, *rest, strict=True))
        return None if tree is None else f(tree, *rest)

    @staticmethod
    def leaves(tree: Any) -> list[Any]:
        """Return the leaves in the order of JAX: a dictionary's by its keys."""
        if isinstance(tree, dict):
            return [leaf for key in sorted(tree) for leaf in Trees.leaves(tree[key])]
        if isinstance(tree, list | tuple):
            return [leaf for part in tree for leaf in Trees.leaves(part)]
        return [] if tree is None else [tree]


class NarrowNumpy:
    """NumPy whose results have 32 bits, as JAX's have by default."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name, None)
        if found is None:
            return Anything()
        return found if isinstance(found, type) or not callable(found) else narrowed(found)


def narrowed(function: Any) -> Any:
    """Return a function whose results are made narrow."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return Trees.map(narrow, function(*args, **kwargs))

    return call


def narrow(value: Any) -> Any:
    """Return an array or a NumPy scalar in 32 bits; all else as it is."""
    name = str(getattr(value, "dtype", ""))
    return value.astype(NARROW[name]) if name in NARROW else value


class PlainRandom(Anything):
    """Keys are seeds."""

    @staticmethod
    def key(seed: int, **options: Any) -> int:
        return seed

    PRNGKey = key


class Plain(Anything):
    """Stands where a workload expects JAX: transformations leave a function as it is."""

    numpy = NarrowNumpy()
    random = PlainRandom()
    tree = Trees()


def arguments_of(workload: Any) -> tuple[Any, ...]:
    """Return a workload's arguments as NumPy arrays."""
    jax = Plain()
    return workload.make(jax, jax.numpy, np)[1]
