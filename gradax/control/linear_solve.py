"""`custom_linear_solve`: solutions of linear systems, differentiated by solving once more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, final

from gradax import tree
from gradax.control.call import Jit
from gradax.control.programs import ProgramOp, Through, program_node, run, run_reference
from gradax.control.tracing import trace
from gradax.core.aval import Aval, tangent_aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var
from gradax.core.op import operation
from gradax.core.tangent import Zero, is_zero
from gradax.core.value import as_value, aval_of
from gradax.errors import DifferentiationError, TreeTypeError, at_user_line, require
from gradax.lax.arithmetic import Sub
from gradax.transforms.jvp import inline, instantiate, jvp_program
from gradax.transforms.transpose import transpose_program
from gradax.transforms.vmap import batch_program, mapped_size, to_axis

Function = Callable[..., Any]


@final
@operation
class LinearSolve(ProgramOp):
    """Return x with matvec(x) = b, found by `solve`.

    Operands: what matvec captured, what solve and what transpose_solve captured, then b.
    Results: x, of the types of b, then what else `solve` returns, whose derivative is 0.
    `transpose_solve` (the same program as `solve` where the system is symmetric) solves the
    transposed system; None where nothing does.
    """

    matvec: Jaxpr
    solve: Jaxpr
    transpose_solve: Jaxpr | None
    counts: tuple[int, int, int]
    symmetric: bool

    name = "custom_linear_solve"

    @property
    def n_b(self) -> int:
        """How many arrays b and x are."""
        return len(self.matvec.outvars)

    def parts(self, operands: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
        """Return operands as the captured ones of each program and b."""
        n, m, k = self.counts
        return operands[:n], operands[n : n + m], operands[n + m : n + m + k], operands[n + m + k :]

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        *_, b = self.parts(avals)
        out = self.solve.out_avals
        want = [(a.shape, a.dtype) for a in b]
        found = [(a.shape, a.dtype) for a in out[: self.n_b]]
        require(want == found, self, f"a solution of the type of b, not {found}", *b)
        return tuple(out)

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        outs = self(*primals)
        x, aux = outs[: self.n_b], outs[self.n_b :]
        consts, _, _, _ = self.parts(primals)
        dconsts, _, _, db = self.parts(tangents)
        zeros = [Zero(tangent_aval(a.aval)) for a in aux]
        mask = (*(not is_zero(t) for t in dconsts), *(False for _ in x))
        if any(mask):
            # matvec(x) = b and so matvec(dx) = db - dmatvec(x).
            program, extra, alive = jvp_program(self.matvec, mask)
            moved = [t for t in dconsts if not is_zero(t)]
            found = iter(run(program, (*extra, *consts, *x, *moved))[self.n_b :])
            changes = [next(found) if a else None for a in alive]
            pairs = zip(map(instantiate, db), changes, strict=True)
            db = tuple(d if c is None else Sub()(d, c) for d, c in pairs)
        elif all(map(is_zero, db)):
            return outs, (*(Zero(tangent_aval(v.aval)) for v in x), *zeros)
        given = primals[: len(primals) - self.n_b]
        dx = self(*given, *map(instantiate, db))[: self.n_b]
        return outs, (*dx, *zeros)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        if self.transpose_solve is None:
            raise DifferentiationError(
                "custom_linear_solve: reverse mode solves the transposed system, and no"
                f" transpose_solve is given.{at_user_line()}\nPass transpose_solve, or"
                " symmetric=True where the matrix is its own transpose."
            )
        consts, own, other, b = self.parts(operands)
        cts = tuple(map(instantiate, ct[: self.n_b]))
        matvec, given = self.matvec, consts
        if not self.symmetric:
            matvec, extra = transposed(self.matvec, len(consts), self.n_b)
            given = (*extra, *consts)
        counts = (len(given), self.counts[2], self.counts[1])
        op = LinearSolve(matvec, self.transpose_solve, self.solve, counts, self.symmetric)
        found = op(*given, *other, *own, *cts)[: self.n_b]
        return (*[None] * (len(operands) - len(b)), *found)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        size = mapped_size(args, dims)
        # Every b is mapped, so that each program maps arrays on axis 0 to such.
        n_given = len(args) - self.n_b
        moved = [
            x if d is None and i < n_given else to_axis(x, d, size)
            for i, (x, d) in enumerate(zip(args, dims, strict=True))
        ]
        mapped = tuple(d is not None for d in dims[:n_given])
        programs, operands = list[Any](), list[Any]()
        groups = zip(
            (self.matvec, self.solve, self.transpose_solve),
            self.parts(moved)[:3],
            self.parts((*mapped, *[True] * self.n_b))[:3],
            strict=True,
        )
        counts = []
        for program, given, mask in groups:
            if program is None:
                programs.append(None)
                counts.append(0)
                continue
            wide, extra, _ = batch_program(program, size, (*mask, *[True] * self.n_b), True)
            programs.append(wide)
            operands += [*extra, *given]
            counts.append(len(extra) + len(given))
        op = LinearSolve(programs[0], programs[1], programs[2], tuple(counts), self.symmetric)
        outs = op(*operands, *moved[n_given:])
        return outs, [0] * len(outs)

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        _, own, _, b = self.parts(eqn.invars)
        call = Jit(through(self.solve), self.name)
        return [Eqn(call, (*own, *b, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        _, own, _, b = self.parts(operands)
        return program_node("call", (self.solve,), (*own, *b), self.solve.out_avals)

    def reference(self, *operands: Any) -> Any:
        _, own, _, b = self.parts(operands)
        return run_reference(self.solve, (*own, *b))


def transposed(matvec: Jaxpr, n_consts: int, n_b: int) -> tuple[Jaxpr, tuple[Any, ...]]:
    """Return the program of the transposed matrix and the constants that come first in it."""
    mask = (*[False] * n_consts, *[True] * n_b)
    program, extra = transpose_program(matvec, mask, (True,) * n_b)
    return program, tuple(extra)


def custom_linear_solve(
    matvec: Function,
    b: Any,
    solve: Callable[[Function, Any], Any],
    transpose_solve: Callable[[Function, Any], Any] | None = None,
    symmetric: bool = False,
    has_aux: bool = False,
) -> Any:
    """Return x with matvec(x) = b by `solve(matvec, b)`, whose derivative is one more solution.

    `matvec` is linear, from trees like b to such. `transpose_solve(vecmat, b)` solves the
    transposed system, which reverse mode needs; `symmetric` says that `solve` does. With
    `has_aux`, `solve` returns (x, aux), and so does this; aux has no derivative.
    Errors: TypeError where results are not trees like b, and in reverse mode without either.
    """
    leaves, b_tree = tree.flatten(b)
    leaves = [as_value(x) for x in leaves]
    avals = [aval_of(x) for x in leaves]
    as_args = tree.flatten((b,))[1]
    # Not the tangents: solve and transpose_solve are never differentiated.
    traced, out_tree = trace(matvec, as_args, avals)
    check_tree("matvec", b_tree, out_tree)
    program = inline(traced)

    def apply(jaxpr: Jaxpr, given: Sequence[Any]) -> Function:
        return lambda x: tree.unflatten(b_tree, run(jaxpr, (*given, *tree.flatten(x)[0])))

    def solution(by: Callable[[Function, Any], Any], product: Function) -> tuple[Any, Any]:
        closed, found = trace(lambda rhs: by(product, rhs), as_args, avals)
        whole = tree.unflatten(found, range(len(closed.out_avals)))
        x_tree = tree.flatten(whole[0] if has_aux else whole)[1]
        check_tree(getattr(by, "__name__", "solve"), b_tree, x_tree)
        return closed, found

    forward, found = solution(solve, apply(program, traced.consts))
    backward = None
    if symmetric:
        backward = forward
    elif transpose_solve is not None:
        reverse, extra = transposed(program, len(traced.consts), len(avals))
        backward, _ = solution(transpose_solve, apply(reverse, (*extra, *traced.consts)))
    backward_consts = () if backward is None else backward.consts
    op = LinearSolve(
        program,
        inline(forward),
        None if backward is None else inline(backward),
        (len(traced.consts), len(forward.consts), len(backward_consts)),
        symmetric,
    )
    return tree.unflatten(found, op(*traced.consts, *forward.consts, *backward_consts, *leaves))


def check_tree(what: str, expected: Any, found: Any) -> None:
    """Raise unless a function returned a tree like b."""
    if expected != found:
        raise TreeTypeError(
            f"custom_linear_solve: {what} must return a tree like b, {expected}; it returned"
            f" {found}.{at_user_line()}"
        )
