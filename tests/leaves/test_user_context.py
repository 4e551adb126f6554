"""Values of the user's own on which tracing depends, and settings that are accepted only."""

import threading

import pytest

import gradax as jax


def test_a_function_is_traced_anew_for_each_value():
    context = jax.make_user_context(default_value="first")
    seen = []

    @jax.jit
    def f(x):
        seen.append(context.value)
        return x * 2

    f(1.0), f(2.0)
    with context("second"):
        f(1.0)
        with context("third"):
            f(1.0)
        f(1.0)
    assert f(3.0) == 6.0
    assert seen == ["first", "second", "third"]
    context.set_global("fourth")
    f(1.0)
    assert seen[-1] == "fourth" and context.get_global() == "fourth"


def test_it_belongs_to_a_thread():
    context = jax.make_user_context()
    seen = []
    with context(1):
        other = threading.Thread(target=lambda: seen.append(context.value))
        other.start()
        other.join()
    assert seen == [None]


def test_a_value_must_be_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        jax.make_user_context()([])


@pytest.mark.parametrize(
    "name", ["allow_f16_reductions", "auto_pcast", "jax2tf_associative_scan_reductions",
             "remove_size_one_mesh_axis_from_type"],
)  # fmt: skip
def test_settings_without_effect_are_recorded(name):
    setting = getattr(jax, name)
    with setting(True):
        assert setting.value is True
        assert getattr(jax.config, f"jax_{name}") is True
    assert setting.value is None
