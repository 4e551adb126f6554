"""Derivatives of programs that run once a device: taken after the mapping over the devices.

Inside a `shard_map` a value is one for all devices or varies with them. The gradient of what is one
for all is the sum of what each device contributes, and that of a sum over the devices is no sum
again. Both hold by themselves when the program is first mapped and then differentiated: so the
operations here wait until each axis that they name has been mapped.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NoReturn, final

from gradax.control.custom_jvp import to_front
from gradax.control.programs import ProgramOp, merge, nonzero, pick, spread_tangents
from gradax.core.aval import Aval, tangent_aval
from gradax.core.axes import unbound
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Jaxpr
from gradax.core.op import Op, operation, unsupported
from gradax.core.staging import stage
from gradax.core.tangent import Linear, Zero
from gradax.lax.shapes import ReduceSum, broadcast_batch
from gradax.transforms.jvp import inline, instantiate, jvp_flat
from gradax.transforms.linearize import linearize_flat
from gradax.transforms.transpose import backward_pass
from gradax.transforms.vmap import batch_program, mapping

Axes = tuple[Hashable, ...]
Dims = tuple[int | None, ...]


class Waiting(ProgramOp):
    """An operation that becomes others when the last of `axes` has been mapped."""

    axes: Axes

    @property
    def axis_names(self) -> tuple[Any, ...]:
        return self.axes

    def become(self, args: Sequence[Any]) -> Sequence[Any]:
        """Do it, now that all axes are mapped."""
        raise NotImplementedError

    def proceed(self, *args: Any) -> Sequence[Any]:
        """Wait for the next axis, or do it."""
        return self(*args) if self.axes else self.become(args)

    def rest(self) -> tuple[bool, Axes]:
        """Tell whether the axis being mapped is one of `axes`, and return the others."""
        name = mapping.axis_name
        return name in self.axes, tuple(a for a in self.axes if a != name)

    transpose = unsupported("it is differentiated, not transposed")

    def lower(self, *operands: Any) -> NoReturn:
        raise unbound(self.name, self.axes[0])

    def reference(self, *operands: Any) -> NoReturn:
        raise unbound(self.name, self.axes[0])


def is_float(aval: Aval) -> bool:
    """Tell whether values of a type have tangents."""
    return tangent_aval(aval).dtype == aval.dtype


@final
@operation
class PullBack(Waiting):
    """The results of `jaxpr`, and the cotangents of its inputs that are floats.

    Operands: `num_fixed` inputs that are not differentiated, the others, cotangents of the first
    `num_outs` results.
    """

    jaxpr: Jaxpr
    num_fixed: int
    num_outs: int
    axes: Axes

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        primals = self.jaxpr.in_avals[self.num_fixed :]
        return (*self.jaxpr.out_avals, *filter(is_float, primals))

    def become(self, args: Sequence[Any]) -> Sequence[Any]:
        n_in = len(self.jaxpr.invars)
        fixed, primals = args[: self.num_fixed], args[self.num_fixed : n_in]

        def flat(*xs: Any) -> list[Any]:
            return eval_jaxpr(self.jaxpr, (), *fixed, *xs)

        outs, program, alive = linearize_flat(flat, primals, self.jaxpr.debug_name)
        given = [*args[n_in:], *(Zero(x.aval) for x in outs[self.num_outs :])]
        holes = [Linear(v.aval) for v in program.jaxpr.invars]
        found = backward_pass(program.jaxpr, program.consts, holes, pick(given, alive))
        return (*outs, *(instantiate(ct) for ct in found if is_float(ct.aval)))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return push_forward(self, self.axes, primals, tangents)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        size, mapped, moved = to_front(args, dims)
        is_mine, rest = self.rest()
        n_in, n_outs = len(self.jaxpr.invars), self.num_outs
        own = mapped[:n_in]
        if not is_mine:  # each index has a gradient of its own
            own = (*own[: self.num_fixed], *(True,) * (n_in - self.num_fixed))
            moved[:n_in] = [
                broadcast_batch(x, size) if w and not m else x
                for x, m, w in zip(moved[:n_in], mapped[:n_in], own, strict=True)
            ]
        force = tuple(not is_mine and k < n_outs for k in range(len(self.jaxpr.outvars)))
        jaxpr, consts, out = batch_program(self.jaxpr, size, own, force)
        cts = [
            alike(ct, m, w, size)
            for ct, m, w in zip(moved[n_in:], mapped[n_in:], out[:n_outs], strict=True)
        ]
        op = PullBack(jaxpr, len(consts) + self.num_fixed, n_outs, rest)
        found = op.proceed(*consts, *moved[:n_in], *cts)
        primals = zip(self.jaxpr.in_avals, own, strict=True)
        flags = [*out, *(m for a, m in list(primals)[self.num_fixed :] if is_float(a))]
        return found, [0 if m else None for m in flags]


def alike(ct: Any, mapped: bool, wanted: bool, size: int) -> Any:
    """Return a cotangent as mapped as its result is: the same for all, or the sum of all."""
    if mapped == wanted:
        return ct
    return broadcast_batch(ct, size) if wanted else ReduceSum((0,))(ct)


@final
@operation
class PushForward(Waiting):
    """The tangents of the floats among a program's results.

    Operands: the program's inputs, tangents of those in `mask`.
    """

    jaxpr: Jaxpr
    mask: tuple[bool, ...]
    axes: Axes

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return tuple(filter(is_float, self.jaxpr.out_avals))

    def become(self, args: Sequence[Any]) -> Sequence[Any]:
        n = len(self.mask)
        primals = args[:n]
        none = [Zero(tangent_aval(x.aval)) for x in primals]
        tangents = merge(self.mask, args[n:], pick(none, [not m for m in self.mask]))
        _, douts = jvp_flat(lambda *xs: eval_jaxpr(self.jaxpr, (), *xs), primals, tangents)
        return tuple(instantiate(d) for d in douts if is_float(d.aval))

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        return push_forward(self, self.axes, primals, tangents)

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        size, mapped, moved = to_front(args, dims)
        n = len(self.mask)
        places = [k for k, m in enumerate(self.mask) if m]
        both = list(mapped[:n])
        for k, m in zip(places, mapped[n:], strict=True):
            both[k] = both[k] or m
        wanted = (*both, *(both[k] for k in places))
        moved = [
            broadcast_batch(x, size) if w and not m else x
            for x, m, w in zip(moved, mapped, wanted, strict=True)
        ]
        jaxpr, consts, out = batch_program(self.jaxpr, size, tuple(both))
        _, rest = self.rest()
        op = PushForward(jaxpr, (*(False,) * len(consts), *self.mask), rest)
        found = op.proceed(*consts, *moved)
        floats = zip(self.jaxpr.out_avals, out, strict=True)
        return found, [0 if m else None for a, m in floats if is_float(a)]


def push_forward(
    op: Op, axes: Axes, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the results of a waiting operation and their tangents, which wait as well."""
    closed = stage(lambda *xs: op(*xs), [x.aval for x in primals], op.name)
    mask = nonzero(tangents)
    call = PushForward(inline(closed), mask, axes)
    found = call(*primals, *pick(tangents, mask))
    avals = closed.out_avals
    return op(*primals), spread_tangents(tuple(map(is_float, avals)), avals, found)


def pull_back_program(
    jaxpr: Jaxpr, fixed: Sequence[Any], primals: Sequence[Any], cts: Sequence[Any], axes: Axes
) -> tuple[list[Any], list[Any]]:
    """Return a program's results, and a cotangent for each primal, given those of the first ones.

    The cotangents of integers are `Zero`s.
    """
    op = PullBack(jaxpr, len(fixed), len(cts), axes)
    found = op(*fixed, *primals, *cts)
    n = len(jaxpr.outvars)
    rest = iter(found[n:])
    avals = jaxpr.in_avals[len(fixed) :]
    back = [next(rest) if is_float(a) else Zero(tangent_aval(a)) for a in avals]
    return list(found[:n]), back
