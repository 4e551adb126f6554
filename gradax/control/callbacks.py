"""Calls of Python functions from programs, and the order in which compiled programs make them.

Before a program is compiled, its calls are threaded: a token goes from each to the next, through
calls, branches and loops, so that data says in which order they run. The token holds the addresses
of the functions, which are therefore no part of the code that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, cast, final

import numpy as np

from gradax import kernel
from gradax.control.programs import ProgramOp, types_of
from gradax.control.scan import Scan
from gradax.core.aval import Aval, with_axis
from gradax.core.effects import calls_python
from gradax.core.jaxpr import Eqn, Jaxpr, Var, subprograms
from gradax.core.op import Op, operation, unsupported
from gradax.core.staging import stage
from gradax.core.tangent import is_zero
from gradax.errors import InternalError, UnsupportedRule, at_user_line
from gradax.lax.joining import Concatenate
from gradax.lax.shapes import broadcast_batch, move_batch_axis
from gradax.lax.slicing import index_in_dim
from gradax.transforms.jvp import inline
from gradax.transforms.vmap import mapped_size

Flat = Callable[..., Sequence[Any]]
Dims = tuple[int | None, ...]


class PythonCall(Op):
    """A call of a Python function of NumPy arrays that returns a sequence of arrays."""

    callback: Flat
    out_avals: tuple[Aval, ...]

    multiple_results = True
    calls_python = True

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return self.out_avals

    def reference(self, *operands: Any) -> Any:
        return tuple(self.callback(*map(np.array, operands)))

    def lower(self, *operands: kernel.Tensor) -> Any:
        raise InternalError(f"{self.name} is compiled before it was threaded")

    transpose = unsupported("a call of Python is not linear")

    def threaded_op(self, index: int) -> Op:
        """Return the operation that makes the call numbered `index` in a compiled program."""
        return ThreadedCall(index, self.out_avals)

    def batch_one_by_one(self, args: tuple[Any, ...], dims: Dims) -> Any:
        """Call the function for each index, one after another, in a loop."""
        size = mapped_size(args, dims)
        mapped = [d is not None for d in dims]
        consts = [x for x, m in zip(args, mapped, strict=True) if not m]
        rows = [move_batch_axis(x, d, 0) for x, d in zip(args, dims, strict=True) if d is not None]

        def body(*flat: Any) -> Any:
            fixed, own = iter(flat[: len(consts)]), iter(flat[len(consts) :])
            return self(*(next(own) if m else next(fixed) for m in mapped))

        avals = [x.aval for x in consts] + [x.aval.without((0,)) for x in rows]
        loop = Scan(inline(stage(body, avals)), size, False, len(consts), 0)
        return loop(*consts, *rows), [0] * len(self.out_avals)

    def batch_unrolled(self, args: tuple[Any, ...], dims: Dims) -> Any:
        """Call the function for each index, written out."""
        results = [
            self(*(x if d is None else index_in_dim(x, i, d, keepdims=False)
                   for x, d in zip(args, dims, strict=True)))
            for i in range(mapped_size(args, dims))
        ]  # fmt: skip
        outs = [
            Concatenate(0)(*(broadcast_batch(x, 1) for x in column))
            for column in zip(*results, strict=True)
        ]
        return outs, [0] * len(outs)

    def printed_params(self) -> dict[str, Any]:
        return {k: v for k, v in self.params.items() if k != "out_avals"}


@final
@operation
class PureCallback(PythonCall):
    """A call of a function without side effects: it may be left out, or made more than once."""

    callback: Flat
    out_avals: tuple[Aval, ...]
    vmap_method: str | None

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        raise UnsupportedRule(
            f"pure_callback: a Python function has no derivative of its own.{at_user_line()}\n"
            "Give it one with custom_jvp or custom_vjp, or stop_gradient its arguments."
        )

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        def again(avals: tuple[Aval, ...]) -> PureCallback:
            return PureCallback(self.callback, avals, self.vmap_method)

        return batch_by_method(self, again, self.vmap_method, args, dims)


def batch_by_method(
    op: PythonCall,
    again: Callable[[tuple[Aval, ...]], PythonCall],
    method: str | None,
    args: tuple[Any, ...],
    dims: Dims,
) -> Any:
    """Map a call of Python as its user says; `again` makes it for results of other types."""
    if method == "sequential":
        return op.batch_one_by_one(args, dims)
    if method == "sequential_unrolled":
        return op.batch_unrolled(args, dims)
    if method is None:
        raise UnsupportedRule(
            "pure_callback: under vmap it needs vmap_method, which says how the function is"
            f" called.{at_user_line()}\nPass vmap_method='sequential' to call it once an index,"
            " or 'expand_dims' or 'broadcast_all' where it accepts a leading axis."
        )
    size = mapped_size(args, dims)
    moved = [
        move_batch_axis(x, d, 0) if d is not None
        else broadcast_batch(x, size if method == "broadcast_all" else 1)
        for x, d in zip(args, dims, strict=True)
    ]  # fmt: skip
    avals = tuple(with_axis(a, size, 0) for a in op.out_avals)
    return again(avals)(*moved), [0] * len(avals)


@final
@operation
class IoCallback(PythonCall):
    """A call of a function with side effects: made once, in order where `ordered`."""

    callback: Flat
    out_avals: tuple[Aval, ...]
    ordered: bool

    effects = frozenset({"io"})

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        if all(map(is_zero, tangents)):
            raise InternalError("io_callback: no tangent")
        raise UnsupportedRule(
            f"io_callback: a Python function has no derivative of its own.{at_user_line()}\n"
            "stop_gradient its arguments, or wrap it with custom_jvp."
        )

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        if self.ordered:
            raise UnsupportedRule(
                "io_callback: an ordered call cannot be mapped: the order of its indices is not"
                f" said.{at_user_line()}\nPass ordered=False, or use lax.map or scan."
            )
        return self.batch_one_by_one(args, dims)


@final
@operation
class DebugCallback(PythonCall):
    """A call that only watches: it has no results, and no transformation minds it."""

    callback: Flat
    out_avals: tuple[Aval, ...]
    ordered: bool

    effects = frozenset({"debug"})

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        self(*primals)
        return (), ()

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        if self.ordered:
            raise UnsupportedRule(
                "debug.callback: an ordered call cannot be mapped: the order of its indices is not"
                f" said.{at_user_line()}\nPass ordered=False."
            )
        return self.batch_one_by_one(args, dims)


@final
@operation
class ThreadedCall(Op):
    """A Python call in a program to be compiled: the token goes in first and comes out first."""

    index: int
    out_avals: tuple[Aval, ...]

    multiple_results = True
    name: ClassVar[str] = "threaded_call"

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return (avals[0], *self.out_avals)

    def lower(self, *operands: kernel.Tensor) -> Any:
        token = operands[0]
        types = [(token.shape, token.dtype), *types_of(self.out_avals)]
        node = kernel.Library("callback_of", operands, types, (self.index, token.size))
        return node.results


class Threaded(NamedTuple):
    """A program whose last input and last output is the token, and the calls that it makes."""

    jaxpr: Jaxpr
    calls: tuple[tuple[PythonCall, tuple[Aval, ...]], ...]


def thread_calls(jaxpr: Jaxpr) -> Threaded:
    """Return a program that calls Python with its calls threaded."""
    return jaxpr.memo("threaded", lambda: Threading(jaxpr).result())


class Threading:
    """Threads the calls of a program and of the programs in it."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.whole = jaxpr
        self.calls: dict[Any, int] = {}
        self.collect(jaxpr)
        self.token = Aval((len(self.calls),), np.dtype(np.int64))

    def collect(self, jaxpr: Jaxpr) -> None:
        """Number the calls, each by its function and the types of its operands."""
        for eqn in jaxpr.eqns:
            if isinstance(eqn.op, PythonCall):
                self.calls.setdefault(self.key(eqn), len(self.calls))
            for inner in subprograms(eqn.op):
                if calls_python(inner):
                    self.collect(inner)

    def key(self, eqn: Eqn) -> Any:
        """Return what one native callback serves."""
        return eqn.op, tuple(a.aval for a in eqn.invars)

    def result(self) -> Threaded:
        """Return the threaded program and its calls, in the order of their numbers."""
        return Threaded(self.through(self.whole), tuple(self.calls))

    def through(self, jaxpr: Jaxpr) -> Jaxpr:
        """Return a program whose last input and output is the token."""
        first = token = Var(self.token)
        eqns: list[Eqn] = []
        for eqn in jaxpr.eqns:
            if isinstance(eqn.op, PythonCall):
                op = eqn.op.threaded_op(self.calls[self.key(eqn)])
                after = Var(self.token)
                eqns.append(Eqn(op, (token, *eqn.invars), (after, *eqn.outvars), eqn.source))
                token = after
            elif any(map(calls_python, subprograms(eqn.op))):
                after = Var(self.token)
                op = cast("ProgramOp", eqn.op)
                eqns.extend(op.threaded(self.through, eqn, token, after))
                token = after
            else:
                eqns.append(eqn)
        return Jaxpr(
            jaxpr.constvars, (*jaxpr.invars, first), eqns, (*jaxpr.outvars, token), jaxpr.debug_name
        )
