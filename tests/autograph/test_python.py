"""What stays as it is in Python: known conditions, scopes, methods, names, caching."""

import functools
import inspect

import pytest

import gradax as jax
import gradax.numpy as jnp

SCALE = 3


def documented(x: float, *rest: float, power: int = 2, **options: int) -> float:
    """Say something."""
    if x > 0:
        return x**power
    return SCALE - x


def test_names_signature_and_documentation():
    f = jax.autograph(documented)
    assert (f.__name__, f.__doc__, f.__wrapped__) == ("documented", "Say something.", documented)
    assert f.__qualname__ == "documented"
    assert inspect.signature(f) == inspect.signature(documented)
    assert f(2.0) == 4
    assert f(2.0, power=3) == 8
    assert f(-1.0) == 4
    assert jax.autograph(f) is f
    assert jax.autograph(documented) is f


def test_globals_are_read_when_it_runs(monkeypatch):
    monkeypatch.setitem(globals(), "SCALE", 5)
    assert jax.autograph(documented)(-1.0) == 6


def test_jit_with_autograph():
    n_traces = 0

    @functools.partial(jax.jit, autograph=True, static_argnames="up")
    def f(x, up):
        nonlocal n_traces
        n_traces += 1
        if up:
            return x * 2 if x > 0 else x
        return -x

    assert [f(1.0, up=True), f(-1.0, up=True), f(1.0, up=False)] == [2, -1, -1]
    assert n_traces == 2
    assert f.__name__ == "f"


def test_jit_of_one_function_is_traced_once():
    traces = []

    def f(x):
        traces.append(1)
        return x if x > 0 else -x

    assert jax.jit(f, autograph=True)(2.0) == 2
    assert jax.jit(f, autograph=True)(-2.0) == 2
    assert len(traces) == 1


def test_free_variables():
    def outer(k):
        total = 0

        @jax.autograph
        def inner(x):
            nonlocal total
            if x > k:
                total = total + x
            return total

        inner(1)
        inner(5)
        return total, jax.jit(inner)(7.0)

    assert outer(2) == (5, 12)


class Base:
    def __init__(self):
        self.count = 0
        self.__hidden = 10

    @jax.autograph
    def step(self, x):
        if x > 0:
            self.count = self.count + x
            self.__hidden = 20
        return self.count + self.__hidden

    def doubled(self, x):
        return x * 2

    @classmethod
    @jax.autograph
    def named(cls, x):
        return (cls.__name__, x) if x is not None else None

    @jax.autograph
    @staticmethod
    def absolute(x):
        return x if x > 0 else -x


class Derived(Base):
    @jax.autograph
    def step(self, x):
        y = super().step(x)
        if x > 5:
            return super().doubled(y) * 50
        return y

    def __call__(self, x):
        return x if x > 0 else -x


def test_methods():
    assert Base().step(2) == 22
    assert Base().step(-2) == 10
    assert Derived().step(6) == 2600
    assert jax.jit(Base().step)(3.0) == 23
    assert jax.jit(Derived().step)(7.0) == 2700
    assert jax.jit(Derived().step)(-7.0) == 10
    assert Derived.named(1) == ("Derived", 1)
    assert jax.jit(Base.absolute)(-2.0) == 2
    assert jax.jit(jax.autograph(Derived()))(-2.0) == 2
    assert jax.jit(jax.autograph(functools.partial(lambda y, x: y if x > 0 else x, 5.0)))(1.0) == 5


def test_a_method_converted_when_bound():
    class Model:
        def run(self, x):
            return x if x > 0 else -x

    assert jax.jit(jax.autograph(Model().run))(-3.0) == 3


def test_several_lambdas_on_a_line():
    f, g = jax.autograph(lambda x: x if x > 0 else 0 * x), jax.autograph(lambda x: 1 if x else 2)
    assert jax.jit(f)(-3.0) == 0
    assert jax.jit(g)(0) == 2


def test_known_conditions_run_one_branch_only():
    ran = []

    @jax.autograph
    def f(x, mode=None):
        if mode is None:
            ran.append("none")
        elif mode == "a":
            ran.append("a")
        else:
            ran.append("other")
        for i in range(3):
            if i == 2:
                break
            ran.append(i)
        return x

    jax.jit(f)(1.0)
    jax.jit(lambda x: f(x, "a"))(1.0)
    assert ran == ["none", 0, 1, "a", 0, 1]


def test_operands_are_evaluated_in_order_and_once():
    seen = []

    def see(x):
        seen.append(x)
        return x

    @jax.autograph
    def f():
        a = see(0) and see(1)
        b = see(2) or see(3)
        c = see(1) < see(5) < see(4) < see(9)
        d = see("x") if see(True) else see("y")
        return a, b, c, d, not see([])

    assert f() == (0, 2, False, "x", True)
    assert seen == [0, 2, 1, 5, 4, True, "x", []]


def test_assignments_in_expressions():
    @jax.autograph
    def f(x):
        n = 0
        while (y := x - n) > 0 and n < 10:
            n += 1
        else:
            n += 100
        if (z := y * 2) > 1:
            return z
        return n, y

    assert f(5) == (105, 0)
    assert jax.autograph(lambda x: [y for v in x if (y := v * 2) > 2])([1, 2]) == [4]


def test_deleted_and_annotated_variables():
    @jax.autograph
    def f(x):
        total: float = 0.0
        unused: int  # noqa: F842
        if x > 0:
            total: float = x
            part = total * 2
            del part
        return total

    assert jax.jit(f)(2.0) == 2
    assert f(-1.0) == 0


def test_match_and_comprehensions():
    @jax.autograph
    def f(x, kind):
        match kind:
            case "double":
                if x > 0:
                    return x * 2
            case (a, b) if a < b:
                return x + a
            case _:
                pass
        return sum([x if x > k else x * k for k in range(3)])

    assert jax.jit(f, static_argnums=1)(2.0, "double") == 4
    assert jax.jit(f, static_argnums=1)(2.0, (1, 2)) == 3
    assert jax.jit(f, static_argnums=1)(-1.0, "other") == f(-1.0, "other")


def test_exceptions_are_caught_where_they_were():
    @jax.autograph
    def f(x, key):
        found = {"a": 1.0}
        try:
            scale = found[key]
            if x > 0:
                return x * scale
        except KeyError as error:
            x = x - len(str(error))
        else:
            x = x + 100
        return x

    g = jax.jit(f, static_argnums=1)
    assert [g(2.0, "a"), g(-2.0, "a"), g(2.0, "b")] == [2, 98, -1]
    assert [f(2.0, "a"), f(-2.0, "a"), f(2.0, "b")] == [2, 98, -1]


def test_attributes_and_items_are_chosen():
    class Box:
        pass

    @jax.autograph
    def f(x):
        box, cells = Box(), {"n": 0, "row": [1.0, 2.0]}
        box.value = 0.0
        rows = cells["row"]
        for i in range(3):
            if x > i:
                box.value = box.value + x
                rows[0] = rows[1] * x
                cells["n"] += 1
        return box.value, rows, cells["n"]

    for x in (-1.0, 1.5, 9.0):
        assert jax.tree.map(float, jax.jit(f)(x)) == jax.tree.map(float, f(x))


def test_recursion_with_known_depth():
    @jax.autograph
    def power(x, n):
        if n == 0:
            return jnp.ones_like(x)
        return x * power(x, n - 1) if x > 0 else -power(x, n - 1)

    assert jax.jit(power, static_argnums=1)(2.0, 3) == 8


def test_undecorated_functions_are_left_alone():
    def plain(x):
        return x if x > 0 else -x

    f = jax.jit(jax.autograph(lambda x: plain(x)))
    with pytest.raises(jax.errors.TracerBoolConversionError, match=r"@gradax\.autograph"):
        f(1.0)


def test_effects_of_operations_happen_in_the_branch_taken(capfd):
    @jax.jit
    @jax.autograph
    def f(x):
        if x > 0:
            jax.debug.print("above {}", x)
        elif x < -1 and jax.debug.print("below {}", x) is None:
            pass
        return x

    for x in (1.0, -0.5, -2.0):
        f(x)
    jax.effects_barrier()
    assert capfd.readouterr().out.split() == ["above", "1.0", "below", "-2.0"]


def test_lists_that_grow_in_place():
    @jax.autograph
    def f(x):
        rows, other = [x, x], [x]
        same = other
        if x > 0:
            rows += [x * 2]
            rows = [sum(rows)]
        else:
            rows = [x]
        if x > 1:
            other = [*other] if x is None else other
        return rows, same is other

    assert jax.jit(lambda x: f(x)[0])(2.0) == [8]
    assert jax.jit(lambda x: f(x)[0])(-2.0) == [-2]
    assert f(2.0) == ([8.0], True)
    same = []
    jax.jit(lambda x: same.append(f(x)[1]))(2.0)
    assert same == [True]
