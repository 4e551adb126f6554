"""The names of JAX's internals that libraries read, and what they are here."""

from __future__ import annotations

import dis
import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, final

from gradax.as_jax.meaningless import reason_of

# module of JAX: place of ours [, place …]; name=place:name for names that are others here.
_TEXT: Final = """
    jax._src.abstract_arrays: gradax.as_jax.core
    jax._src.ad_checkpoint: gradax.ad_checkpoint gradax
    jax._src.ad_util: gradax.as_jax.primitives gradax.interpreters.ad gradax.lax
        SymbolicZero=gradax.custom_derivatives
    jax._src.api: gradax
    jax._src.api_util: gradax.api_util
    jax._src.array: gradax ArrayImpl=gradax.native:Array
    jax._src.basearray: gradax
    jax._src.callback: gradax gradax.experimental
    jax._src.config: gradax.config config=gradax:config
    jax._src.core: gradax.as_jax.core gradax.extend.core
    jax._src.custom_batching: gradax.custom_batching
    jax._src.custom_derivatives: gradax.custom_derivatives
    jax._src.debugging: gradax.debug
    jax._src.dispatch: wait_for_tokens=gradax:effects_barrier
    jax._src.dtypes: gradax.dtypes
    jax._src.errors: gradax.errors
    jax._src.flatten_util: gradax.flatten_util
    jax._src.image.scale: gradax.image
    jax._src.interpreters.ad: gradax.interpreters.ad
    jax._src.interpreters.batching: gradax.interpreters.batching
    jax._src.interpreters.mlir: gradax.interpreters.mlir
    jax._src.lax.control_flow: gradax.lax
    jax._src.lax.lax: gradax.lax
    jax._src.lax.linalg: gradax.lax.linalg
    jax._src.lax.parallel: gradax.lax
    jax._src.lax.slicing: gradax.lax
    jax._src.lax.utils: gradax.lax
    jax._src.lib: version_str=gradax.as_jax.backend
    jax._src.linear_util: gradax.extend.linear_util
    jax._src.literals:
    jax._src.mesh: gradax.sharding
    jax._src.named_sharding: gradax.sharding
    jax._src.nn.functions: gradax.nn
    jax._src.nn.initializers: gradax.nn.initializers
    jax._src.numpy.lax_numpy: gradax.numpy
    jax._src.numpy.linalg: gradax.numpy.linalg
    jax._src.numpy.reductions: gradax.numpy
    jax._src.numpy.ufuncs: gradax.numpy
    jax._src.numpy.util: gradax.numpy
    jax._src.partition_spec: gradax.sharding
    jax._src.pjit: gradax
    jax._src.prng: gradax.as_jax.backend gradax.random
    jax._src.public_test_util: gradax.test_util gradax.as_jax.backend
    jax._src.random: gradax.random
    jax._src.scipy.linalg: gradax.scipy.linalg
    jax._src.scipy.special: gradax.scipy.special
    jax._src.sharding: gradax.sharding
    jax._src.sharding_impls: gradax.sharding
    jax._src.source_info_util: gradax.as_jax.frames
    jax._src.state.primitives: gradax.ref
    jax._src.traceback_util: gradax.as_jax.frames
    jax._src.tree_util: gradax.tree_util
    jax._src.typing: gradax.typing gradax Shape=gradax.as_jax.backend DType=gradax.as_jax.backend
    jax._src.util: gradax.as_jax.sequences
    jax._src.xla_bridge: gradax.as_jax.backend
    jax.extend.source_info_util: gradax.as_jax.frames
    jax.extend.random: gradax.random
    jax.interpreters.partial_eval:
    jax.interpreters.pxla:
    jax.lib.xla_bridge: gradax.as_jax.backend
    jax.lib.xla_client:
    jax.lib.xla_extension: XlaRuntimeError=gradax.errors:JaxRuntimeError
"""


def parse(text: str) -> dict[str, tuple[str, ...]]:
    """Return the places of each module."""
    found: dict[str, list[str]] = {}
    where = ""
    for word in text.split():
        if word.endswith(":"):
            where = word[:-1]
            found[where] = []
        else:
            found[where].append(word)
    return {module: tuple(places) for module, places in found.items()}


INTERNALS: Final = parse(_TEXT)
MODULES: Final = ("jax.extend.backend", "jax._src.lax", "jax._src.numpy", "jax._src.interpreters")
_IMPORT_FROM: Final = dis.opmap["IMPORT_FROM"]


@final
class Internal(ModuleType):
    """A module of JAX's internals: each name is looked up where ours stands."""

    def __init__(self, name: str, places: Mapping[str, Any] | tuple[str, ...]) -> None:
        super().__init__(name, "Stands in for an internal module of JAX.")
        self.__path__ = []
        self._places = tuple(p for p in places if "=" not in p)
        self._named = dict(p.split("=") for p in places if "=" in p)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name in self._named:
            place, _, other = self._named[name].partition(":")
            return getattr(import_module(place), other or name)
        for place in self._places:
            found = import_module(place)
            if hasattr(found, name):
                return getattr(found, name)
        full = f"{self.__name__}.{name}"
        if full in INTERNALS or full in MODULES:
            return import_module(full)
        text = (
            f"cannot import name {name!r} from {self.__name__!r}: gradax stands in for JAX"
            f" (gradax.as_jax), and has no such name{reason_of(f'{self.__name__}.{name}')}"
        )
        # `from … import name` would hide an AttributeError's words; `hasattr` wants it.
        frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        imports = frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM
        raise (ImportError if imports else AttributeError)(text)
