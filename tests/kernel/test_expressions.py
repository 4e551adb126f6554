"""Kernel expressions: their interpreter, their checker and their text."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gradax import kernel
from gradax.errors import InternalError
from gradax.kernel import INT, Input, Map, Prefix, Reduce, Update, const, index, load, slot
from gradax.kernel.build import apply
from gradax.kernel.check import check_tensors
from gradax.kernel.interpret import interpret
from gradax.kernel.ir import make_apply
from gradax.kernel.meanings import meaning
from gradax.kernel.text import format_tensors

F32 = np.dtype(np.float32)
X = Input((3, 4), F32, 0)
Y = Input((4,), F32, 1)
XS = np.arange(12, dtype=F32).reshape(3, 4)
YS = np.array([1, 2, 4, 8], F32)


def run(*tensors: Any) -> list[np.ndarray[Any, Any]]:
    check_tensors(tensors)
    return interpret(tensors, [XS, YS])


def test_map_broadcasts_and_shares():
    product = kernel.compute((3, 4), lambda i, j: X[i, j] * Y[(j,)])
    turned = kernel.compute((4, 3), lambda i, j: product[j, i])
    first, second = run(product, turned)
    np.testing.assert_array_equal(first, XS * YS)
    np.testing.assert_array_equal(second, (XS * YS).T)


def test_guarded_load_is_zero_outside():
    def element(i: kernel.Scalar) -> kernel.Scalar:
        inside = kernel.in_range(i - 2, 4)
        return load(Y, (i - 2,), inside)

    (out,) = run(kernel.compute((8,), element))
    np.testing.assert_array_equal(out, [0, 0, 1, 2, 4, 8, 0, 0])


def test_load_outside_is_an_error():
    with pytest.raises(InternalError, match="index 4 on axis 0"):
        run(kernel.compute((4,), lambda i: Y[(i + 1,)]))


def test_reduce_with_two_accumulators():
    i, j = index(0), index(1)
    value, place = slot(0, F32), slot(1, INT)
    new_value, new_place = slot(2, F32), slot(3, INT)
    larger = apply("gt", new_value, value)
    rules = (kernel.select(larger, new_value, value), kernel.select(larger, new_place, place))
    inits = (const(-np.inf, F32), const(-1, INT))
    node = Reduce((3,), (4,), rules, inits, (X[i, j], j))
    top, at = run(*node.results)
    np.testing.assert_array_equal(top, XS.max(1))
    np.testing.assert_array_equal(at, XS.argmax(1))


@pytest.mark.parametrize("reverse", [False, True])
def test_prefix(reverse: bool):
    rule = slot(0, F32) + slot(1, F32)
    node = Prefix((3, 4), 1, reverse, rule, const(0, F32), X[index(0), index(1)])
    (out,) = run(*node.results)
    want = np.cumsum(XS[:, ::-1], 1)[:, ::-1] if reverse else np.cumsum(XS, 1)
    np.testing.assert_array_equal(out, want)


def test_update_takes_points_in_order():
    i, j = index(0), index(1)
    place = apply("rem", i + j, 4)
    (last,) = run(*Update(Y, (3, 4), (place,), X[i, j]).results)
    want = YS.copy()
    for a in range(3):
        for b in range(4):
            want[(a + b) % 4] = XS[a, b]
    np.testing.assert_array_equal(last, want)
    adding = Update(Y, (3, 4), (place,), X[i, j], combine=slot(0, F32) + slot(1, F32))
    (total,) = run(*adding.results)
    assert total.sum() == XS.sum() + YS.sum()


def test_view_reads_the_same_bytes():
    view = kernel.View(Y, (2, 2), np.int32)
    (out,) = run(view)
    np.testing.assert_array_equal(out, YS.view(np.int32).reshape(2, 2))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Map((4,), make_apply("add", (Y[(index(0),)], index(0)), F32, 1)), "operands of one dtype"),
        (Map((4,), make_apply("sqrt", (index(0),), INT, 1)), "an inexact operand of sqrt"),
        (Map((4,), make_apply("shl", (Y[(index(0),)],) * 2, F32, 1)), "an integer operand of shl"),
        (Map((4,), make_apply("neg", (index(0),) * 2, INT, 1)), "1 operands of neg"),
        (Map((4,), Y[(Y[(index(0),)],)]), "int64 indices"),
        (Map((4,), slot(0, F32)), "a slot of"),
        (Reduce((), (4,), (slot(2, F32),), (const(0, F32),), (Y[(index(0),)],)).results[0],
         "a slot of"),
    ],
)  # fmt: skip
def test_checker_refuses(tensor: kernel.Tensor, message: str):
    with pytest.raises(InternalError, match=message):
        check_tensors([tensor])


def test_text():
    scaled = kernel.compute(
        (3, 4), lambda i, j: apply("exp", X[i, j] * Y[(j,)]) - X[i, j] * Y[(j,)]
    )
    total = kernel.reduce_with("add", 0, scaled, (1,))
    part = kernel.compute((2,), lambda i: load(total, (i + 2,), apply("lt", i, 1)))
    assert format_tensors([part]) == (
        "t0: f32[3,4] = input 0\n"
        "t1: f32[4] = input 1\n"
        "  s0 = t0[i, j] * t1[j]\n"
        "t2: f32[3,4] = map exp(s0) - s0\n"
        "t3: f32[3] = reduce[4] add of t2[i, j] from 0.0\n"
        "t4: f32[2] = map (t3[i + 2] if i < 1 else 0)\n"
        "return t4"
    )


INTEGERS = [0, 1, -1, 7, -8, 2**31 - 1, -(2**31)]


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_integer_division_truncates(dtype: Any):
    x, y = (a.ravel().astype(dtype) for a in np.meshgrid(INTEGERS, INTEGERS))
    quotient, rest = meaning("div")(x, y), meaning("rem")(x, y)
    least = np.iinfo(dtype).min
    for a, b, q, r in zip(x.tolist(), y.tolist(), quotient.tolist(), rest.tolist(), strict=True):
        if b == 0:
            assert (q, r) == (-1, a)
        elif a == least and b == -1:
            assert (q, r) == (least, 0)
        else:
            assert q == int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)
            assert r == a - q * b


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64", "uint64", "int8"])
def test_upper_half_of_a_product(dtype: str):
    rng = np.random.default_rng(0)
    bits = np.dtype(dtype).itemsize * 8
    x, y = (rng.integers(0, 256, 50 * bits // 8).astype(np.uint8).view(dtype) for _ in range(2))
    want = [(int(a) * int(b)) >> bits for a, b in zip(x, y, strict=True)]
    assert meaning("mulhi")(x, y).tolist() == want


def test_fused_multiply_add_is_rounded_once():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 1000))
    product = x * y
    error = meaning("fma")(x, y, -product)
    for a, b, p, e in zip(x, y, product, error, strict=True):
        assert Fraction(float(e)) == Fraction(float(a)) * Fraction(float(b)) - Fraction(float(p))
