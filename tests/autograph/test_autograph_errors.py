"""What cannot be converted: the messages, with the user's names and lines."""

import inspect
import traceback

import pytest

import gradax as jax
import gradax.numpy as jnp
from gradax import errors


def refusal(kind, f, *args):
    """Return the message that a jitted, converted function fails with."""
    with pytest.raises(kind) as found:
        jax.jit(jax.autograph(f))(*args)
    assert isinstance(found.value, errors.AutographError)
    return str(found.value)


def at(f, offset):
    """Return how messages show a line of a function."""
    lines, first = inspect.getsourcelines(f)
    return f"at {__file__}:{first + offset} ({f.__name__})\n    {lines[offset].strip()}\n"


def first_line(f):
    return inspect.getsourcelines(f)[1]


def one_branch(x):
    if x > 0:
        y = x * 2
    return x + y


def test_a_variable_of_one_branch():
    n = first_line(one_branch)
    text = refusal(UnboundLocalError, one_branch, 1.0)
    assert text == (
        f"autograph: y is assigned only where the condition holds (line {n + 2}), not where it does"
        f" not (line {n + 1}), and the condition is traced.\n{at(one_branch, 1)}Assign y before the"
        f" if, or in both branches.\nat {__file__}:{n + 3} (one_branch)"
    )


def test_a_variable_of_one_branch_may_be_left_unread():
    def f(x):
        if x > 0:
            y = x * 2
            x = x + y
        return x

    assert jax.jit(jax.autograph(f))(1.0) == 3


def shapes(x):
    if x.sum() > 0:
        y = x * 2
    else:
        y = x.sum()
    return y


def test_branches_of_different_types():
    n = first_line(shapes)
    assert refusal(TypeError, shapes, jnp.ones(3)) == (
        f"autograph: y has different types: f32[3] where the condition holds (line {n + 2}), f32[]"
        f" where it does not (line {n + 4}).\n{at(shapes, 1)}Convert one of them with astype, or"
        " give both one shape with broadcast_to."
    )


def returns(x):
    if x > 0:
        return x, {"a": x}
    return x


def test_returned_values_of_different_structure():
    n = first_line(returns)
    assert refusal(TypeError, returns, 1.0) == (
        "autograph: the returned value has different structures: (f32[], {'a': f32[]}) where the"
        f" condition holds (line {n + 2}), f32[] where it does not (line {n + 3}).\n"
        f"{at(returns, 1)}Give both branches the same containers, with None in neither or both."
    )


def modes(x):
    if x > 0:
        mode = "up"
    else:
        mode = "down"
    return x if mode == "up" else -x


def test_values_that_are_no_arrays():
    n = first_line(modes)
    assert refusal(TypeError, modes, 1.0) == (
        "autograph: mode has different values that are no arrays: 'up' (str) where the condition"
        f" holds (line {n + 2}), 'down' (str) where it does not (line {n + 4}).\n{at(modes, 1)}"
        "Only arrays and numbers can depend on a traced condition."
    )


def extends(x):
    rows = [x]
    if x > 0:
        rows += [x]
    return rows


def test_a_list_that_one_branch_extends():
    text = refusal(TypeError, extends, 1.0)
    assert "rows has different structures: [f32[], f32[]] where" in text


def grows(x):
    s = x
    while s.sum() < 10:
        s = jnp.concatenate([s, s])
    return s


def integers(x):
    s = jnp.int32(0)
    while s < x:
        s = s + 0.5
    return s


@pytest.mark.parametrize(("f", "x", "before", "after"), [
    (grows, jnp.ones(2), "f32[2]", "f32[4]"), (integers, 3.0, "i32[]", "f32[]"),
])  # fmt: skip
def test_a_loop_that_changes_a_type(f, x, before, after):
    assert refusal(TypeError, f, x) == (
        f"autograph: s changes its type in the loop: {before} before a step, {after} after it (line"
        f" {first_line(f) + 3}).\n{at(f, 2)}Give s the later type before the loop, or convert it in"
        " the loop with astype or broadcast_to."
    )


def first_in_loop(n):
    for i in range(n):
        y = i * 2
    return y


def test_a_variable_of_a_loop_that_may_not_run():
    n = first_line(first_in_loop)
    text = refusal(UnboundLocalError, first_in_loop, 3)
    assert text.startswith(
        f"autograph: y is assigned only inside the loop (line {n + 2}), which is traced and may not"
        f" run.\n{at(first_in_loop, 1)}Assign y before the loop, with the type that it has in it."
    )


def asserts(x):
    assert x > 0, "positive"
    return x


def test_assert():
    assert refusal(TypeError, asserts, 1.0) == (
        f"autograph: an assert cannot stop a program for a traced value.\n{at(asserts, 1)}Assert"
        " what is known while tracing (shapes, dtypes), or check the results afterwards."
    )
    with pytest.raises(AssertionError, match="positive"):
        jax.autograph(asserts)(-1.0)


def raises(x):
    if x < 0:
        raise ValueError("negative")
    return x


def appends(x):
    ys = []
    if x > 0:
        ys.append(x)
    return ys


def computed_owner(x):
    if x > 0:
        vars(jax)["anything"] = x
    return x


def assigns_global(x):
    global counter
    if x > 0:
        counter = 1
    return x


@pytest.mark.parametrize(("f", "offset", "reason"), [
    (raises, 2, "a raise statement cannot depend on a traced condition (line {})."),
    (appends, 3, "ys.append(…) cannot depend on a traced condition (line {})."),
    (computed_owner, 2,
     "the assignment of vars(jax)['anything'] cannot depend on a traced condition (line {})."),
    (assigns_global, 3,
     "the assignment of the global counter cannot depend on a traced condition (line {})."),
])  # fmt: skip
def test_effects_that_a_traced_condition_cannot_govern(f, offset, reason):
    reason = reason.format(first_line(f) + offset - 1)
    assert refusal(TypeError, f, 1.0) == (
        f"autograph: {reason}\n{at(f, offset)}Assign variables instead, and change other things"
        " where no traced value decides."
    )


def test_effects_under_known_conditions():
    assert jax.autograph(appends)(2) == [2]
    with pytest.raises(ValueError, match="negative"):
        jax.autograph(raises)(-1)


def test_a_condition_of_several_elements():
    f = jax.jit(jax.autograph(lambda x: 1 if x > 0 else 2))
    with pytest.raises(TypeError, match=r"a condition must be one bool; got .*\n.*\nReduce it"):
        f(jnp.ones(3))


def generator(x):
    yield x


async def coroutine(x):
    return x


def jumps_in_finally(x):
    try:
        x = x + 1
    finally:
        return x  # noqa: B012


@pytest.mark.parametrize(("f", "text"), [
    (generator, "generators and async functions cannot be converted."),
    (jumps_in_finally, "a return, break or continue in a finally clause cannot be converted."),
])  # fmt: skip
def test_refused_when_decorated(f, text):
    with pytest.raises(TypeError) as found:
        jax.autograph(f)
    assert f"autograph: {text}\nat {__file__}:" in str(found.value)


def test_refused_without_source():
    names = {}
    exec("def f(x):\n    return x", names)
    with pytest.raises(errors.AutographError, match=r"the source of f cannot be read \(<string>\)"):
        jax.autograph(names["f"])


def test_refused_above_other_transformations():
    with pytest.raises(errors.AutographError, match=r"put @gradax\.autograph below the other"):
        jax.autograph(jax.jit(shapes))
    with pytest.raises(TypeError, match="expected a function; got int"):
        jax.autograph(3)


def fails_inside(x):
    while x < 10:
        if x > 0:
            x = jnp.dot(jnp.ones((2, 3)), jnp.ones(5)).sum() + x
    return x


def test_tracebacks_show_the_users_lines():
    with pytest.raises(TypeError, match="Incompatible shapes for dot") as found:
        jax.jit(jax.autograph(fails_inside))(1.0)
    frames = [f for f in traceback.extract_tb(found.value.__traceback__) if f.filename == __file__]
    n = first_line(fails_inside)
    assert [f.lineno for f in frames[1:]] == [n + 1, n + 2, n + 3]
    assert {f.name for f in frames[1:]} == {"fails_inside"}
    assert f"at {__file__}:{n + 3} (fails_inside)" in str(found.value)
