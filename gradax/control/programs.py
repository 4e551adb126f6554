"""What operations over programs share: typing, running, and passing constants as operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradax import kernel
from gradax.core.aval import Aval, tangent_aval
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var
from gradax.core.op import Op, missing
from gradax.core.tangent import Zero, is_linear, is_zero
from gradax.errors import InternalError, require
from gradax.transforms.vmap import mapping

Through = Callable[[Jaxpr], Jaxpr]


class ProgramOp(Op):
    """Base of operations whose parameters are programs: tuples of operands and results."""

    multiple_results = True
    takes_programs = True

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        """Return equations that do the same with a token, which goes in and comes out.

        `through` gives a program whose last input and last output is the token.
        """
        raise missing(self, "threaded")


def check_operands(op: Op, jaxpr: Jaxpr, avals: Sequence[Aval]) -> None:
    """Check that operands have the types of a program's inputs."""
    want = [(a.shape, a.dtype) for a in jaxpr.in_avals]
    got = [(a.shape, a.dtype) for a in avals]
    require(want == got, op, f"operands {list(map(str, jaxpr.in_avals))}", *avals)


def nonzero(tangents: Sequence[Any]) -> tuple[bool, ...]:
    """Tell which tangents are not symbolic zeros."""
    return tuple(not is_zero(t) for t in tangents)


def pick(values: Sequence[Any], mask: Sequence[bool]) -> tuple[Any, ...]:
    """Return the values at which the mask is true."""
    return tuple(v for v, m in zip(values, mask, strict=True) if m)


def merge(mask: Sequence[bool], yes: Sequence[Any], no: Sequence[Any]) -> tuple[Any, ...]:
    """Take from `yes` where the mask is true, from `no` elsewhere, in order."""
    trues, falses = iter(yes), iter(no)
    return tuple(next(trues) if m else next(falses) for m in mask)


def invert(mask: Sequence[bool]) -> tuple[bool, ...]:
    """Return the opposite mask."""
    return tuple(not m for m in mask)


def spread_tangents(mask: Sequence[bool], avals: Sequence[Aval], kept: Sequence[Any]) -> Any:
    """Return a tangent for each output: those kept, zeros elsewhere."""
    zeros = [Zero(tangent_aval(a)) for a, m in zip(avals, mask, strict=True) if not m]
    return merge(mask, kept, zeros)


def types_of(avals: Sequence[Aval]) -> list[tuple[tuple[int, ...], Any]]:
    """Return the shapes and physical dtypes that kernels see."""
    return [(a.shape, physical(a.dtype)) for a in avals]


def physical(dtype: Any) -> Any:
    """Return the dtype that an array is stored in."""
    return getattr(dtype, "physical", dtype)


def linear_mask(operands: Sequence[Any]) -> tuple[bool, ...]:
    """Tell which operands of a transpose rule are linear."""
    return tuple(map(is_linear, operands))


def run_reference(jaxpr: Jaxpr, args: Sequence[Any]) -> tuple[Any, ...]:
    """Evaluate a program on NumPy arrays by the references of its operations."""
    if jaxpr.constvars:
        raise InternalError("a program that is a parameter has no consts")
    env: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        out = eqn.op.reference(*map(read, eqn.invars))
        env.update(zip(eqn.outvars, out if eqn.op.multiple_results else (out,), strict=True))
    return tuple(map(read, jaxpr.outvars))


def mapped_axis() -> tuple[Any, int | None]:
    """Return the name and size of the axis over which an operation is being mapped."""
    return mapping.axis_name, mapping.size


def run(jaxpr: Jaxpr, args: Sequence[Any]) -> tuple[Any, ...]:
    """Evaluate a program under the current interpreter."""
    return tuple(eval_jaxpr(jaxpr, (), *args))


def program_node(
    kind: str,
    programs: Sequence[Jaxpr],
    operands: Sequence[kernel.Tensor],
    out_avals: Sequence[Aval],
    counts: Sequence[int] = (),
) -> tuple[Any, ...]:
    """Make the kernel node of native control flow and return its results."""
    return kernel.Program(kind, programs, operands, types_of(out_avals), counts).results


def with_inputs(jaxpr: Jaxpr, invars: Sequence[Var]) -> Jaxpr:
    """Return a program with other (additional, unused) inputs."""
    if list(invars) == list(jaxpr.invars):
        return jaxpr
    return Jaxpr((), invars, jaxpr.eqns, jaxpr.outvars, jaxpr.debug_name)
