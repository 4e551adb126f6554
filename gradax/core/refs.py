"""Mutable references: arrays that a program reads and writes in place of passing them along.

A reference belongs to the interpreter that was current when it was made, where its value is simply
held. A program that is traced above it and uses the reference gets its value as one more input and
gives the last one as one more output (`ClosedJaxpr.refs`); whoever traces the program passes them
on. So programs stay pure, and transformations see nothing but values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from gradax.core.aval import Aval
from gradax.core.jaxpr import ClosedJaxpr, Jaxpr, Var
from gradax.core.staging import StagingTrace
from gradax.core.tracer import Trace
from gradax.errors import RefError, ShapeError, at_user_line
from gradax.native import get_trace, register_node


@final
class Ref:
    """A mutable array: `ref[...]` reads it, `ref[...] = x` writes it."""

    __slots__ = ("aval", "home", "value", "is_freed", "__weakref__")

    def __init__(self, value: Any) -> None:
        self.aval: Aval = value.aval.strip_weak_type()
        self.home: Trace | None = get_trace()
        self.value = value
        self.is_freed = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.aval.shape

    @property
    def dtype(self) -> Any:
        """The dtype."""
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.aval.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.aval.size

    def __len__(self) -> int:
        if not self.aval.shape:
            raise TypeError("len() of a reference to a scalar")
        return self.aval.shape[0]

    def __repr__(self) -> str:
        inner = repr(self.value) if self.home is get_trace() else str(self.aval)
        return f"Ref({inner.removeprefix('Array(').removesuffix(')')})"


def user_program(ref: Ref, writes: bool) -> StagingTrace | None:
    """Return the innermost program, traced above the reference's home, that uses it here.

    Errors: RefError for a reference that is freed, that has outlived its function, or that is
    written under a transformation from outside of it.
    """
    if ref.is_freed:
        raise RefError(f"The reference {ref.aval} was freed.{at_user_line()}")
    if ref.home is not None and not ref.home.alive:
        raise RefError(
            f"A reference {ref.aval} is used after the function that made it has returned."
            f"{at_user_line()}\nReturn its value, ref[...], instead."
        )
    trace, found = get_trace(), None
    while trace is not ref.home:
        if trace is None:
            raise RefError(f"A reference {ref.aval} is used outside its function.{at_user_line()}")
        if isinstance(trace, StagingTrace):
            found = found or trace
        elif writes and found is None:
            raise RefError(
                f"A reference {ref.aval} from outside is written in a {trace.what}, whose values"
                f" are not those of one array.{at_user_line()}\nMake the reference inside the"
                " function, or return the value."
            )
        trace = trace.parent
    return found


@final
class HeldRef:
    """Stands for a reference among a function's arguments: a node without leaves."""

    def __init__(self, ref: Ref) -> None:
        self.ref = ref


register_node(HeldRef, lambda held: ((), held.ref), lambda ref, _: ref)


def read(ref: Ref) -> Any:
    """Return the value that a reference has now."""
    program = user_program(ref, False)
    return ref.value if program is None else captured(program, ref)


def write(ref: Ref, value: Any) -> None:
    """Give a reference another value of its type."""
    if (value.shape, value.dtype) != (ref.aval.shape, ref.aval.dtype):
        raise ShapeError(f"A reference to {ref.aval} cannot hold {value.aval}.{at_user_line()}")
    program = user_program(ref, True)
    if program is None:
        ref.value = value
    else:
        captured(program, ref)
        program.refs[ref] = value


def captured(program: StagingTrace, ref: Ref) -> Any:
    """Return the value of a reference from outside in a program, of which it becomes an input."""
    value = program.refs.get(ref)
    if value is None:
        value = program.refs[ref] = program.new_input(ref.aval, "a reference")
    return value


def with_refs(closed: ClosedJaxpr, refs: Sequence[Ref]) -> ClosedJaxpr:
    """Return a program that takes and gives the values of `refs`, which include its own, last."""
    if closed.refs == tuple(refs):
        return closed
    jaxpr, n = closed.jaxpr, len(closed.refs)
    split_in, split_out = len(jaxpr.invars) - n, len(jaxpr.outvars) - n
    ins = dict(zip(closed.refs, jaxpr.invars[split_in:], strict=True))
    outs = dict(zip(closed.refs, jaxpr.outvars[split_out:], strict=True))
    all_in = [ins.get(r) or Var(r.aval) for r in refs]
    all_out = [outs.get(r, v) for r, v in zip(refs, all_in, strict=True)]
    invars = (*jaxpr.invars[:split_in], *all_in)
    outvars = (*jaxpr.outvars[:split_out], *all_out)
    new = Jaxpr(jaxpr.constvars, invars, jaxpr.eqns, outvars, jaxpr.debug_name)
    return ClosedJaxpr(new, closed.consts, refs)


def written(refs: Sequence[Ref], outs: Sequence[Any]) -> Sequence[Any]:
    """Write the last outputs of a program to its references; return the others."""
    cut = len(outs) - len(refs)
    for ref, value in zip(refs, outs[cut:], strict=True):
        write(ref, value)
    return outs[:cut]


def refs_of(*programs: ClosedJaxpr) -> tuple[Ref, ...]:
    """Return the references that programs use, each once."""
    return tuple(dict.fromkeys(r for p in programs for r in p.refs))
