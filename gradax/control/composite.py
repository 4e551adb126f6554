"""Named parts of programs, and code chosen by the platform."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, final

import numpy as np

from gradax import tree
from gradax.control.call import Jit
from gradax.control.programs import ProgramOp, check_operands, program_node, run_reference
from gradax.control.tracing import trace
from gradax.core.aval import Aval
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import operation
from gradax.core.value import as_value, aval_of
from gradax.errors import UnsupportedArgumentError, at_user_line
from gradax.transforms.jvp import inline
from gradax.transforms.linearize import LinearTrace

PLATFORM = "cpu"


@final
@operation
class Composite(ProgramOp):
    """Call `jaxpr`, which stands for an operation of a name, a version and attributes.

    Derivatives and maps are those of the program that it stands for.
    """

    attributes: tuple[tuple[str, Any], ...]
    jaxpr: Jaxpr
    call_name: str
    version: int

    @property
    def call(self) -> Jit:
        """The plain call of the program."""
        return Jit(self.jaxpr, self.call_name)

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        check_operands(self, self.jaxpr, avals)
        return self.jaxpr.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return self.call.jvp(primals, tangents)

    def split(self, trace: LinearTrace, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return self.call.split(trace, args)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return self.call.transpose(ct, *operands)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self.call.batch(args, dims)

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.jaxpr,), operands, self.jaxpr.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.jaxpr, operands)

    def printed_params(self) -> dict[str, Any]:
        return {
            "attributes": self.attributes,
            "jaxpr": self.jaxpr,
            "name": self.call_name,
            "version": self.version,
        }


def composite(decomposition: Callable[..., Any], name: str, version: int = 0) -> Callable[..., Any]:
    """Return `decomposition` as an operation that programs show under `name`.

    Positional arguments are operands, keyword arguments attributes; those that are None are left
    out of the program.
    """

    @wraps(decomposition)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, in_tree = tree.flatten(args)
        values = [as_value(x) for x in leaves]

        def fun(*xs: Any) -> Any:
            return decomposition(*xs, **kwargs)

        fun.__name__ = name
        closed, out_tree = trace(fun, in_tree, [aval_of(x) for x in values])
        attributes = tuple(
            (key, hashable(value)) for key, value in sorted(kwargs.items()) if value is not None
        )
        op = Composite(attributes, inline(closed), name, version)
        return tree.unflatten(out_tree, op(*closed.consts, *values))

    return call


def hashable(value: Any) -> Any:
    """Return an attribute as operations hold it: arrays as nested tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(hashable, value))
    if isinstance(value, dict):
        return tuple((k, hashable(v)) for k, v in sorted(value.items()))
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return hashable(np.asarray(value).tolist())
    return value


def platform_dependent(
    *args: Any, default: Callable[..., Any] | None = None, **per_platform: Callable[..., Any]
) -> Any:
    """Call the function for the platform that programs run on, else `default`, with `args`.

    Errors: NotImplementedError when there is neither.
    """
    chosen = per_platform.get(PLATFORM, default)
    if chosen is None:
        raise UnsupportedArgumentError(
            f"platform_dependent: expected a function for {PLATFORM!r}, or default; got"
            f" {', '.join(map(repr, per_platform))}.{at_user_line()}\nPass default=…"
        )
    return chosen(*args)
