"""Hard cases of native control flow: what is updated in place, carried, shared by loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradax import lax

from .levels import check_exact

F32 = np.float32
A = np.arange(12, dtype=F32).reshape(3, 4)
B = np.arange(12, 24, dtype=F32).reshape(3, 4)
Case = tuple[Callable[..., Any], tuple[Any, ...]]


def loop(n: int, body: Callable[..., Any], *init: Any) -> Any:
    """Run a body on carries n times."""
    return lax.scan(lambda c, _: (body(*c), None), init, None, length=n)[0]


def put(x: Any, i: int, value: Any) -> Any:
    """Replace a row."""
    row = lax.broadcast_in_dim(value, (1, 4), () if np.ndim(value) == 0 else (1,))
    return lax.dynamic_update_slice(x, row, [np.int32(i), np.int32(0)])


def row(x: Any, i: int) -> Any:
    """Return a row."""
    return lax.index_in_dim(x, i, 0, False)


def total(x: Any) -> Any:
    """Return the sum of everything."""
    return lax.reduce_sum(x, tuple(range(x.ndim)))


def swap(a: Any, b: Any) -> Any:
    return loop(3, lambda x, y: (y, x), a, b)


def rotate_updated(a: Any, b: Any) -> Any:
    """One carry is updated in place while another takes its buffer."""
    return loop(3, lambda x, y: (put(y, 1, F32(5)), lax.add(x, F32(1))), a, b)


def rotate_updated_back(a: Any, b: Any) -> Any:
    return loop(3, lambda x, y: (lax.add(y, F32(1)), put(x, 1, F32(5))), a, b)


def used_after_update(a: Any, b: Any) -> Any:
    """The carry is read after it has been updated, and both are returned."""
    return loop(3, lambda x, y: (put(x, 1, total(y)), lax.add(x, put(x, 2, F32(7)))), a, b)


def read_whole_while_written(a: Any, b: Any) -> Any:
    """A result that overwrites what another result of the same loops reads elsewhere."""
    return loop(3, lambda x, y: (lax.rev(y, (0, 1)), lax.mul(x, F32(0.5))), a, b)


def turned(a: Any, b: Any) -> Any:
    return loop(3, lambda x, y: (lax.add(lax.rev(x, (1,)), y), lax.rev(x, (0,))), a, b)


def update_reads_base(a: Any, b: Any) -> Any:
    """The value that is written is read from what is being updated."""
    return loop(3, lambda x, y: (put(x, 0, row(x, 2)), put(y, 2, row(y, 0))), a, b)


def two_updates_of_one(a: Any, b: Any) -> Any:
    return loop(2, lambda x, y: (put(x, 0, F32(9)), lax.add(put(x, 1, F32(8)), y)), a, b)


def chain_of_updates(a: Any, b: Any) -> Any:
    return loop(2, lambda x, y: (put(put(put(x, 0, F32(9)), 1, F32(8)), 0, row(y, 1)), y), a, b)


def constant_updated(a: Any, b: Any) -> Any:
    """A constant of the loop is the base of an update in every iteration."""
    c = lax.add(a, F32(1))
    d = loop(3, lambda x: (lax.add(x, put(c, 1, total(x))),), b)[0]
    return d, lax.mul(c, d)


def branch_updates_operand(a: Any, b: Any) -> Any:
    """A branch updates an operand that is needed after it."""
    c, p = lax.add(a, F32(1)), lax.gt(total(b), F32(0))
    d = lax.cond(p, lambda x: put(x, 1, F32(-1)), lambda x: put(x, 0, F32(-2)), c)
    return d, lax.mul(c, F32(2))


def branch_in_loop(a: Any, b: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        p = lax.gt(row(row(x, 0), 0), F32(1))
        return lax.cond(p, lambda u, v: (v, u), lambda u, v: (put(u, 0, F32(3)), u), x, y)

    return loop(4, body, a, b)


def same_twice(a: Any, b: Any) -> Any:
    c = lax.add(a, b)
    return c, c, a, a, lax.reshape(c, (12,)), lax.reshape(a, (4, 3))


def same_carry_twice(a: Any, b: Any) -> Any:
    def body(x: Any, y: Any) -> Any:
        z = lax.add(x, y)
        return z, z

    return loop(3, body, a, b)


def initial_shared(a: Any, b: Any) -> Any:
    """One value begins two carries, and is needed afterwards."""
    c = lax.add(a, b)
    return (c, *loop(3, lambda x, y: (put(x, 1, F32(0)), lax.add(y, x)), c, c))


def passed_through(a: Any, b: Any) -> Any:
    return loop(3, lambda x, y, z: (x, lax.add(y, z), z), a, b, a)


def stacked(a: Any, b: Any) -> Any:
    """What a loop stacks must not share its place with what each iteration computes and drops."""
    xs = lax.reshape(lax.iota(np.float32, 30 * 16), (30, 4, 4))

    def body(c: Any, x: Any) -> Any:
        t = lax.cumsum(lax.dot(x, x), 0)
        u = lax.sort(lax.dot(t, x), 1)
        v = lax.dot(lax.cumsum(u, 1), x)
        return lax.add(c, lax.reduce_max(v, (0, 1))), lax.cumsum(lax.rem(v, F32(5)), 0)

    total_, ys = lax.scan(body, F32(0), lax.rem(xs, F32(3)))
    return total_, lax.reduce_sum(ys, (0,)), lax.cumsum(ys, 2)


def stacked_rows(a: Any, b: Any) -> Any:
    """Rows are updated within what is stacked; the carry is stacked too."""

    def body(c: Any, x: Any) -> Any:
        new = put(c, 0, x)
        return new, (put(new, 1, x), x, c)

    return lax.scan(body, a, b, reverse=True)


def nested_scans(a: Any, b: Any) -> Any:
    def inner(c: Any, x: Any) -> Any:
        return lax.add(c, x), lax.mul(c, x)

    def outer(c: Any, x: Any) -> Any:
        last, ys = lax.scan(inner, row(row(c, 0), 0), x)
        return put(c, 0, ys), (last, ys, c)

    return lax.scan(outer, a, b)


def everything_nested(a: Any, b: Any) -> Any:
    """A scan in a branch in a while loop."""

    def holds(c: Any) -> Any:
        return lax.lt(c[0], np.int32(3))

    def body(c: Any) -> Any:
        i, x, y = c
        scanned = lax.cond(
            lax.eq(i, np.int32(1)),
            lambda u, v: lax.scan(lambda s, r: (lax.add(s, total(r)), put(u, 1, s)), F32(0), v)[1],
            lambda u, v: lax.broadcast_in_dim(u, (3, 3, 4), (1, 2)), x, y,
        )  # fmt: skip
        return lax.add(i, np.int32(1)), lax.reduce_max(scanned, (0,)), x

    return lax.while_loop(holds, body, (np.int32(0), a, b))


def condition_reads_carry(a: Any, b: Any) -> Any:
    def holds(c: Any) -> Any:
        return lax.lt(total(c[0]), F32(400))

    return lax.while_loop(holds, lambda c: (lax.add(c[0], c[1]), c[1]), (a, b))


def no_trip(a: Any, b: Any) -> Any:
    holds = lambda c: lax.lt(total(c[0]), F32(-1))
    return lax.while_loop(holds, lambda c: (c[1], c[0]), (a, lax.add(a, b)))


def scalars_in_registers(a: Any, b: Any) -> Any:
    def body(i: Any, x: Any, y: Any) -> Any:
        return lax.add(i, np.int32(1)), y, lax.add(x, lax.convert_element_type(i, F32))

    return loop(20, body, np.int32(0), row(row(a, 1), 1), row(row(b, 1), 1))


def lengths(n: int) -> Callable[..., Any]:
    """Return a program with a scan of some length."""

    def run(a: Any, b: Any) -> Any:
        xs = lax.reshape(lax.iota(np.float32, 4 * n), (n, 4))
        back = bool(n % 2)
        step = lambda c, x: (put(c, 1, x), lax.add(row(c, 1), x))
        return lax.scan(step, a, xs, reverse=back)

    run.__name__ = f"length_{n}"
    return run


def switch_of_many(a: Any, b: Any) -> Any:
    branches = [lambda x, y, k=k: (lax.add(x, F32(k)), y) for k in range(5)]
    return [lax.switch(np.int32(k), branches, a, b) for k in (-3, 0, 2, 4, 9)]


CASES = [
    swap, rotate_updated, rotate_updated_back, used_after_update, read_whole_while_written, turned,
    update_reads_base, two_updates_of_one, chain_of_updates, constant_updated,
    branch_updates_operand, branch_in_loop, same_twice, same_carry_twice, initial_shared,
    passed_through, stacked, stacked_rows, nested_scans, everything_nested, condition_reads_carry,
    no_trip, scalars_in_registers, switch_of_many, lengths(0), lengths(1), lengths(2), lengths(7),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_case(case: Callable[..., Any]) -> None:
    check_exact(case, A, B)
