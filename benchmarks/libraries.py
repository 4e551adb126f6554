"""One face for every library that a worker measures: make, call, wait, leaves."""

import contextlib
import importlib
import os
import pickle
from typing import Any

import numpy as np
from workloads import WORKLOADS

SUBMODULES = ("numpy", "random", "lax", "nn", "ops", "tree", "tree_util", "scipy", "image")


class NoPeer(Exception):
    """A library has no entry for a workload."""


class JaxLike:
    """gradax and JAX: a workload is its own program."""

    def __init__(self, library: str) -> None:
        self.jax: Any = importlib.import_module(library)
        for name in SUBMODULES:
            # A workload that needs what is missing says so itself.
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(f"{library}.{name}")
        self.version = getattr(self.jax, "__version__", "unknown")

    def make(self, name: str) -> tuple[Any, tuple[Any, ...]]:
        function, arguments = WORKLOADS[name].make(self.jax, self.jax.numpy, np)
        self.jax.block_until_ready(arguments)
        return function, arguments

    def waiter(self, out: Any) -> Any:
        """Return the cheapest function that waits for results like `out`."""
        if isinstance(out, self.jax.Array):
            return type(out).block_until_ready
        return self.jax.block_until_ready

    def leaves(self, out: Any) -> list[Any]:
        return [np.asarray(leaf) for leaf in self.jax.tree_util.tree_leaves(out)]

    def eagerly(self) -> Any:
        """Return a context in which `jit` compiles nothing."""
        return self.jax.disable_jit()


class NumpyPeer:
    """NumPy and SciPy: the table that the files peers/numpy_*.py fill."""

    def __init__(self, library: str) -> None:
        self.plain = importlib.import_module("peers.plain")
        for part in ("numpy_loops", "numpy_signals"):
            importlib.import_module(f"peers.{part}")
        self.table = importlib.import_module("peers.numpy_peer").TABLE
        self.version = np.__version__

    def make(self, name: str) -> tuple[Any, tuple[Any, ...]]:
        if name not in self.table:
            raise NoPeer
        return self.table[name], self.plain.arguments_of(WORKLOADS[name])

    def waiter(self, out: Any) -> Any:
        return lambda out: out

    def leaves(self, out: Any) -> list[Any]:
        return [np.asarray(leaf) for leaf in self.plain.Trees.leaves(out)]


class TorchPeer:
    """PyTorch, eager or compiled: the table that the files peers/torch_*.py fill."""

    def __init__(self, library: str) -> None:
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.torch.manual_seed(0)
        self.plain = importlib.import_module("peers.plain")
        for part in ("torch_peer", "torch_programs", "torch_signals"):
            importlib.import_module(f"peers.{part}")
        self.table = importlib.import_module("peers.torch_entry").TABLE
        self.is_compiled = library == "torch.compile"

    @property
    def version(self) -> str:
        """Return the version, having tried whether this machine can compile at all."""
        if self.is_compiled:
            self.torch.compile(lambda x: self.torch.sin(x) + 1)(self.torch.ones(8))
        return self.torch.__version__

    def make(self, name: str) -> tuple[Any, tuple[Any, ...]]:
        if name not in self.table:
            raise NoPeer
        entry = self.table[name]
        if self.is_compiled and not entry.compiles:
            raise NoPeer
        arguments = self.plain.arguments_of(WORKLOADS[name])
        arguments = self.plain.Trees.map(self.tensor, arguments)
        if not self.is_compiled:
            return entry.build(lambda f: f), arguments
        self.torch.compiler.reset()
        return entry.build(self.torch.compile), arguments

    def tensor(self, value: Any) -> Any:
        """Return a tensor of an array or a NumPy scalar; Python's numbers as they are."""
        is_array = isinstance(value, np.generic | np.ndarray)
        return self.torch.from_numpy(np.array(value)) if is_array else value

    def waiter(self, out: Any) -> Any:
        return lambda out: out

    def leaves(self, out: Any) -> list[Any]:
        return [leaf.detach().resolve_conj().numpy() for leaf in self.plain.Trees.leaves(out)]


def open_library(library: str) -> Any:
    """Import a library and return its face."""
    if library == "numpy":
        return NumpyPeer(library)
    return TorchPeer(library) if library.startswith("torch") else JaxLike(library)


def save(leaves: list[Any], path: str) -> None:
    """Write a result where the harness reads it."""
    with open(path, "wb") as file:
        pickle.dump(leaves, file)
