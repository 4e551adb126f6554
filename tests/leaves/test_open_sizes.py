"""Sizes of open axes: arithmetic, comparisons and the guards that they leave."""

import operator

import numpy as np
import pytest

from gradax.core.aval import Aval
from gradax.errors import StaticSizeError
from gradax.sizes import OpenAxes, Settled, Size, likely, same, size_at, span_of

VALUES = (12, 5)


def opened(*values: int):
    axes = OpenAxes()
    return axes, [axes.open("ab"[k], n, f"axis {k} of x") for k, n in enumerate(values)]


def random_size(rng, axes, sizes, depth=3):
    """Return a random expression and the function of the axes' values that it is."""
    if depth == 0 or rng.random() < 0.2:
        k = int(rng.integers(3))
        if k == 2:
            n = int(rng.integers(-4, 9))
            return n, lambda values: n
        return sizes[k], lambda values: values[k]
    x, f = random_size(rng, axes, sizes, depth - 1)
    y, g = random_size(rng, axes, sizes, depth - 1)
    op = [operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod][
        rng.integers(5)
    ]
    if op in (operator.floordiv, operator.mod):
        n = int(rng.integers(1, 9))
        y, g = n, lambda values: n
    return op(x, y), lambda values: op(f(values), g(values))


@pytest.mark.parametrize("seed", range(200))
def test_arithmetic_is_that_of_integers(seed: int):
    rng = np.random.default_rng(seed)
    axes, sizes = opened(*VALUES)
    size, function = random_size(rng, axes, sizes)
    for values in (VALUES, (2, 2), (100, 3), (31, 64)):
        assert size_at(size, values) == function(values), f"seed {seed}: {size!r} at {values}"
    if type(size) is Size:
        assert size.value == function(VALUES)
        low, high = size.bounds()
        for values in (VALUES, (2, 2), (100, 3), (31, 64), (1000, 7)):
            n = function(values)
            assert (low is None or low <= n) and (high is None or n <= high), (seed, size, values)


@pytest.mark.parametrize("seed", range(200))
def test_guards_keep_what_was_decided(seed: int):
    rng = np.random.default_rng(seed)
    axes, sizes = opened(*VALUES)
    relations = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
    decided = []
    for _ in range(4):
        (x, f), (y, g) = (random_size(rng, axes, sizes, 2) for _ in range(2))
        relation = relations[rng.integers(6)]
        try:
            decided.append((relation, f, g, relation(x, y)))
        except Settled:
            continue
        assert decided[-1][3] == relation(f(VALUES), g(VALUES))
    for values in ((2, 2), (12, 5), (100, 3), (31, 64), (5, 12), (13, 5)):
        if axes.broken(values) is None:
            for relation, f, g, holds in decided:
                assert relation(f(values), g(values)) == holds, f"seed {seed} at {values}"


@pytest.mark.parametrize("seed", range(100))
def test_what_is_encoded_is_decoded(seed: int):
    rng = np.random.default_rng(seed)
    axes, sizes = opened(*VALUES)
    size, function = random_size(rng, axes, sizes)
    if type(size) is Size and not size.is_zero():
        _ = size > 3
    word = axes.encode(size)
    assert " " not in word
    others, _ = opened(*VALUES)
    again = others.decode(word)
    for values in (VALUES, (31, 64)):
        assert size_at(again, values) == function(values)
        assert (others.broken(values) is None) == (axes.broken(values) is None)


def test_equal_sizes_are_equal():
    axes, (a, b) = opened(*VALUES)
    assert (a + 1) - 1 == a and a + b - b == a
    assert a * b == b * a and (4 * a) // 2 == 2 * a and (a * b) // b == a
    assert Aval((a + 1,), np.float32) is Aval((1 + a,), np.float32)
    assert axes.guards == {}


def test_sets_and_dictionaries_of_numbers_say_that_they_cannot_tell():
    _, (a, _) = opened(*VALUES)
    with pytest.raises(StaticSizeError, match="A set or a dictionary of numbers"):
        _ = a in {3, 12}


def test_floats_and_arrays_of_one_integer():
    for n in (3, 4):
        axes, (a,) = opened(n)
        for other in (3.0, np.float64(3), np.array(3), np.int8(3)):
            try:
                assert a != other
            except Settled:
                assert n == 3
        assert (a < 3.5) == (n < 3.5) and (a <= 3.0) == (n <= 3) and (a > 3.5) == (n > 3.5)
        assert a < float("inf") and not a < float("nan") and a != 3.5
        assert axes.guards


def test_a_size_that_escapes_says_so():
    axes, (a, _) = opened(*VALUES)
    axes.is_traced = False
    _, (b, _) = opened(*VALUES)
    for use in (lambda: a > 5, lambda: a + b, lambda: b * a):
        with pytest.raises(StaticSizeError, match="outside of the function"):
            use()


def test_sizes_are_at_least_two():
    axes, (a, _) = opened(*VALUES)
    assert a != 1 and a > 0 and a >= 2 and a * a != 0 and bool(a) and max(a, 1) is a
    assert axes.guards == {}


def test_guards_are_learnt_from():
    axes, (a, _) = opened(*VALUES)
    assert a > 6 and a > 5 and a != 3
    assert [str(g) for g in axes.guards.values()] == ["a >= 7"]


def test_an_axis_that_would_be_fixed_is_settled():
    _, (a, b) = opened(*VALUES)
    with pytest.raises(Settled) as fixed:
        _ = a == 12
    assert (fixed.value.axis.text, fixed.value.same_as) == ("a", None)
    with pytest.raises(Settled):
        _ = a // 6 == 2
    _, (a, b) = opened(7, 7)
    with pytest.raises(Settled) as equal:
        _ = a == b
    assert (equal.value.axis.text, equal.value.same_as.text) == ("b", "a")


def test_what_fixes_nothing_is_not_settled():
    _, (a, _) = opened(*VALUES)
    assert a % 2 == 0 and 2 * (a // 2) == a


def test_nothing_is_assumed_to_compare_for_speed():
    axes, (a, b) = opened(7, 7)
    assert not same(a, b) and not same(a, 7) and same(a + b, b + a) and same(3, 3)
    assert likely(a) > 1000 and likely(5) == 5
    assert axes.guards == {}


@pytest.mark.parametrize(
    "part",
    [slice(None), slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1),
     slice(2, 5), slice(-3, None), slice(5, 2), slice(4, None, -2), slice(-2, 1, -3)],
)  # fmt: skip
def test_slices(part: slice):
    for n in (3, 4, 7, 12):
        axes = OpenAxes()
        size = axes.open("a", n, "x")
        try:
            start, length, step = span_of(part, size)
        except Settled:
            continue
        for other in (3, 4, 7, 12, 13):
            if axes.broken([other]) is None:
                span = range(*part.indices(other))
                assert size_at(length, [other]) == len(span), (part, n, other)
                assert not span or size_at(start, [other]) == span[0]
                assert step == span.step


@pytest.mark.parametrize("use", [range, int, float, np.asarray, [1, 2].__getitem__])
def test_what_needs_a_number_says_so(use):
    _, (a, _) = opened(*VALUES)
    with pytest.raises(StaticSizeError, match="a is not fixed: it depends on axis 0 of x"):
        use(a)
