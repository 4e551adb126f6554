"""Reverse mode of loops whose number of steps is not known: a tape of carries that thins out.

The loop is run again with a tape. When the tape is full every second carry is dropped, and from
then on half as many are kept, so that memory is bounded whatever the number of steps. Backwards,
each stretch between two kept carries is run again with a tape of its own, `LEVELS` deep, and its
steps are reversed one by one. Loops shorter than the tape keep every carry.

Cost: one run to fill the tape, one to recompute the steps; one more for each further level that a
long loop needs.
Source: carries dropped while the length is unknown are online checkpointing (Stumm and Walther,
SIAM J. Sci. Comput. 32, 2010), here at equal distances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax.control.programs import invert, pick
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import Jaxpr, Var
from gradax.core.staging import stage
from gradax.core.tangent import Linear, is_zero
from gradax.dtypes import is_extended
from gradax.errors import InternalError
from gradax.lax.arithmetic import Add, AddAny, Div, Max, Min, Mul, Sub
from gradax.lax.bits import And
from gradax.lax.comparison import Eq, Gt, Lt, SelectN, zeros
from gradax.lax.creation import empty
from gradax.lax.dynamic_slicing import dynamic_index_in_dim, dynamic_update_index_in_dim
from gradax.lax.shapes import broadcast_batch
from gradax.transforms.jvp import inline, instantiate
from gradax.transforms.transpose import backward_pass

# Bytes and carries of a tape; the second level and what is below have tapes as large.
TAPE_BYTES = 32 << 20
LEAST_CARRIES, MOST_CARRIES = 16, 1024
LEVELS = 2

Values = tuple[Any, ...]
Repeat = Callable[[Callable[[Any], Any], Callable[[Any], Any], Any], Any]


def integer(n: int) -> Any:
    """Return an int32 scalar."""
    return np.asarray(n, np.int32)


class Reversal:
    """The program that reverses a loop.

    `known` maps its consts and carry to the next carry and the residuals of a step; `linear` maps
    residuals, linear consts and linear carry to the next linear carry; `condition` maps its consts
    and the known carry to whether the loop goes on. `repeat` is `while_loop`.
    """

    def __init__(
        self,
        condition: Jaxpr,
        known: Jaxpr,
        linear: Jaxpr,
        n_carry: int,
        n_residuals: int,
        n_linear_consts: int,
        repeat: Repeat,
    ) -> None:
        self.condition, self.known, self.linear = condition, known, linear
        self.n_residuals, self.n_linear_consts = n_residuals, n_linear_consts
        self.carry_avals = known.in_avals[len(known.in_avals) - n_carry :]
        self.n_consts = len(known.in_avals) - n_carry
        self.n_condition_consts = len(condition.in_avals) - n_carry
        self.repeat = repeat
        size = sum(a.nbytes for a in self.carry_avals)
        self.capacity = 2 * (max(LEAST_CARRIES, min(MOST_CARRIES, TAPE_BYTES // max(size, 1))) // 2)
        # What `stage` fills in while the program is traced.
        self.condition_consts: Values = ()
        self.consts: Values = ()

    def stage(self) -> tuple[Jaxpr, Values]:
        """Return the program with what it captures.

        It takes the condition's consts, the body's, the first carry and the cotangents of the last
        linear carry; it gives the cotangents of the linear consts and of the first linear carry.
        """
        a, b = self.n_condition_consts, self.n_condition_consts + self.n_consts
        n = len(self.carry_avals)
        linear_avals = self.linear.in_avals[self.n_residuals :]
        ct_avals = linear_avals[self.n_linear_consts :]

        def run(*args: Any) -> list[Any]:
            self.condition_consts, self.consts = args[:a], args[a:b]
            sums = tuple(zeros(x) for x in linear_avals[: self.n_linear_consts])
            state = (*sums, *args[b + n :])
            return list(self.reverse(args[b : b + n], state))

        avals = (*self.condition.in_avals[:a], *self.known.in_avals, *ct_avals)
        closed = stage(run, avals, "reverse_while")
        return inline(closed), closed.consts

    def holds(self, carry: Values) -> Any:
        """Tell whether the loop goes on from a carry."""
        return eval_jaxpr(self.condition, (), *self.condition_consts, *carry)[0]

    def step(self, carry: Values) -> Values:
        """Return the next carry."""
        return tuple(eval_jaxpr(self.known, (), *self.consts, *carry)[: len(carry)])

    def step_back(self, carry: Values, state: Values) -> Values:
        """Return sums and cotangents before the step that starts at `carry`."""
        found = eval_jaxpr(self.known, (), *self.consts, *carry)
        linear_avals = self.linear.in_avals[self.n_residuals :]
        n = self.n_linear_consts
        args = (*found[len(carry) :], *map(Linear, linear_avals))
        cts = backward_pass(self.linear, (), args, state[n:])[self.n_residuals :]
        sums = [
            s if is_zero(ct) else AddAny()(s, ct) for s, ct in zip(state[:n], cts[:n], strict=True)
        ]
        return (*sums, *map(instantiate, cts[n:]))

    def reverse(self, carry: Values, state: Values) -> Values:
        """Run the loop with a tape that thins out, then reverse its stretches, last first."""
        slots, stride, n_steps, tape = self.fill(carry)
        tapes = tuple(self.new_tape(carry) for _ in range(LEVELS))

        def back(s: Any) -> Any:
            slot = Sub()(s[0], integer(1))
            length = Min()(stride, Sub()(n_steps, Mul()(slot, stride)))
            return slot, *self.reverse_stretch(read(tape, slot), length, s[1], s[2])

        return self.repeat(lambda s: Gt()(s[0], integer(0)), back, (slots, state, tapes))[1]

    def fill(self, carry: Values) -> tuple[Any, Any, Any, Values]:
        """Run the loop; return how many carries are kept, every how many steps, steps, the tape."""
        half = integer(self.capacity // 2)

        def outer(s: Any) -> Any:
            slot, stride, n_steps, carry, tape = s
            full = Eq()(slot, integer(self.capacity))
            tape = self.thin(tape, full, half)
            slot = SelectN()(full, slot, half)
            stride = SelectN()(full, stride, Mul()(stride, integer(2)))
            tape = write(tape, carry, slot)
            carry, done = self.advance(carry, stride, self.holds)
            return Add()(slot, integer(1)), stride, Add()(n_steps, done), carry, tape

        start = (integer(0), integer(1), integer(0), carry, self.new_tape(carry))
        slots, stride, n_steps, _, tape = self.repeat(lambda s: self.holds(s[3]), outer, start)
        return slots, stride, n_steps, tape

    def thin(self, tape: Values, full: Any, half: Any) -> Values:
        """Keep every second carry, at the front, where the tape is full."""

        def move(s: Any) -> Any:
            k, tape = s
            return Add()(k, integer(1)), write(tape, read(tape, Mul()(k, integer(2))), k)

        return self.repeat(lambda s: And()(full, Lt()(s[0], half)), move, (integer(1), tape))[1]

    def advance(
        self, carry: Values, n: Any, holds: Callable[[Values], Any] | None = None
    ) -> tuple[Values, Any]:
        """Take up to `n` steps, as long as `holds`; return the carry and the steps taken."""

        def goes_on(s: Any) -> Any:
            more = Lt()(s[0], n)
            return more if holds is None else And()(more, holds(s[1]))

        taken, carry = self.repeat(
            goes_on, lambda s: (Add()(s[0], integer(1)), self.step(s[1])), (integer(0), carry)
        )
        return carry, taken

    def reverse_stretch(
        self, carry: Values, n: Any, state: Values, tapes: tuple[Values, ...]
    ) -> tuple[Values, tuple[Values, ...]]:
        """Reverse the `n` steps that start at `carry`; return the state and the tapes, used."""
        if not tapes:
            return self.reverse_by_replay(carry, n, state), ()
        upto = integer(self.capacity - 1)
        stride = Max()(integer(1), Div()(Add()(n, upto), integer(self.capacity)))

        def forth(s: Any) -> Any:
            slot, carry, tape = s
            tape = write(tape, carry, slot)
            # The last stretch stops a step early: what would follow is not needed.
            left = Sub()(Sub()(n, Mul()(slot, stride)), integer(1))
            carry, _ = self.advance(carry, Min()(stride, left))
            return Add()(slot, integer(1)), carry, tape

        def is_inside(s: Any) -> Any:
            return Lt()(Mul()(s[0], stride), n)

        slots, _, tape = self.repeat(is_inside, forth, (integer(0), carry, tapes[0]))

        def back(s: Any) -> Any:
            slot = Sub()(s[0], integer(1))
            length = Min()(stride, Sub()(n, Mul()(slot, stride)))
            return slot, *self.reverse_stretch(read(tape, slot), length, s[1], s[2])

        start = (slots, state, tapes[1:])
        _, state, rest = self.repeat(lambda s: Gt()(s[0], integer(0)), back, start)
        return state, (tape, *rest)

    def reverse_by_replay(self, carry: Values, n: Any, state: Values) -> Values:
        """Reverse `n` steps, each after a run from the first carry: few, or one, remain here."""

        def back(s: Any) -> Any:
            t = Sub()(s[0], integer(1))
            at, _ = self.advance(carry, t)
            return t, self.step_back(at, s[1])

        return self.repeat(lambda s: Gt()(s[0], integer(0)), back, (n, state))[1]

    def new_tape(self, carry: Values) -> Values:
        """Return room for `capacity` carries; there is no zero of a key, so that keys repeat."""
        n = self.capacity
        return tuple(
            broadcast_batch(x, n) if is_extended(a.dtype) else empty((n, *a.shape), a.dtype)
            for x, a in zip(carry, self.carry_avals, strict=True)
        )


def read(tape: Values, slot: Any) -> Values:
    """Return the carry in a slot of a tape."""
    return tuple(dynamic_index_in_dim(x, slot, 0, keepdims=False) for x in tape)


def write(tape: Values, carry: Sequence[Any], slot: Any) -> Values:
    """Return the tape with a carry in a slot."""
    return tuple(
        dynamic_update_index_in_dim(x, c, slot, 0) for x, c in zip(tape, carry, strict=True)
    )


def known_condition(condition: Jaxpr, n_consts: int, linear: Sequence[bool]) -> Jaxpr:
    """Return a condition without the linear parts of the carry, which it does not read."""
    consts, carry = condition.invars[:n_consts], condition.invars[n_consts:]
    dropped = set(pick(carry, linear))
    read_by = {a for e in condition.eqns for a in e.invars if isinstance(a, Var)}
    if dropped & (read_by | {a for a in condition.outvars if isinstance(a, Var)}):
        raise InternalError("the condition of a loop reads what is linear")
    return Jaxpr((), (*consts, *pick(carry, invert(linear))), condition.eqns, condition.outvars)
