"""Functions that are one program outside of transformations do what their operations do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax.numpy.one_program import one_program

SQUARE = np.cos(np.arange(25.0)).reshape(5, 5) + 3 * np.eye(5)


class Noted:
    """A function that notes whether it was given tracers."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def made(self) -> Any:
        @one_program("axis", "scale")
        def spread(x: Any, axis: Any = None, scale: Any = 1, shift: Any = None) -> Any:
            self.calls.append(isinstance(x, gradax.core.Tracer))
            out = (x.max(axis) - x.min(axis)) * scale
            return out if shift is None else out + shift

        return spread


@pytest.fixture
def noted() -> Noted:
    return Noted()


def test_arrays_and_plain_values_run_a_program(noted: Noted):
    spread, x = noted.made(), gnp.asarray(SQUARE)
    for _ in range(3):
        np.testing.assert_allclose(spread(x, 0), np.ptp(SQUARE, 0), rtol=1e-6)
        spread(x, axis=(0, 1), scale=2.0)
        spread(x, None, shift=gnp.ones(()))
    assert noted.calls == [True] * 3


@pytest.mark.parametrize(
    "arguments",
    [
        ((SQUARE,), {}),
        ((gnp.ones((2, 2)), gnp.asarray(0)), {}),
        ((gnp.ones((2, 2)),), {"scale": gnp.ones(())}),
        ((gnp.ones((2, 2)),), {"scale": np.float32(2)}),
        ((gnp.ones((2, 2)),), {"shift": 1.0}),
        ((gnp.ones((2, 2)),), {"axis": (np.int64(0),)}),
    ],
)
def test_other_arguments_run_operations(noted: Noted, arguments: Any):
    args, kwargs = arguments
    noted.made()(*args, **kwargs)
    assert noted.calls == [False]


@pytest.mark.parametrize("setting", ["disable_jit", "debug_nans", "log_compiles"])
def test_settings_that_look_at_operations(noted: Noted, setting: str):
    with getattr(gradax, setting)(True):
        noted.made()(gnp.ones(3))
    assert noted.calls == [False]
    with gradax.no_retrace():
        noted.made()(gnp.ones(3))
    assert noted.calls == [False, False]


def test_inside_of_transformations_there_is_no_call():
    text = str(gradax.make_jaxpr(gnp.linalg.inv)(gnp.asarray(SQUARE)))
    assert "lu" in text and "name=inv" not in text
    gradient = gradax.grad(lambda x: gnp.linalg.slogdet(x)[1])(gnp.asarray(SQUARE))
    np.testing.assert_allclose(gradient, np.linalg.inv(SQUARE).T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda np_, x: np_.linalg.inv(x),
        lambda np_, x: np_.linalg.solve(x, x[0]),
        lambda np_, x: np_.linalg.slogdet(x)[1],
        lambda np_, x: np_.linalg.norm(x, 1, axis=(0, 1)),
        lambda np_, x: np_.linalg.norm(x, np.inf),
        lambda np_, x: np_.linalg.matrix_power(x, 3),
        lambda np_, x: np_.var(x, 0, ddof=1),
        lambda np_, x: np_.std(x, axis=(0, 1), keepdims=True),
        lambda np_, x: np_.mean(x, 1),
        lambda np_, x: np_.median(x, axis=0),
        lambda np_, x: np_.outer(x[0], x[1]),
        lambda np_, x: np_.kron(x, x),
        lambda np_, x: np_.diff(x, 2, 0),
        lambda np_, x: np_.average(x, 0, weights=x[:, 0] ** 2),
    ],
)
def test_values(call: Any):
    got = [np.asarray(call(gnp, gnp.asarray(SQUARE))) for _ in range(3)]
    np.testing.assert_allclose(got[0], call(np, SQUARE), rtol=2e-4, atol=1e-5)
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[0], got[2])


def test_errors_name_the_users_line():
    with pytest.raises((TypeError, ValueError)) as error:
        gnp.linalg.inv(gnp.ones((2, 3)))
    assert "test_one_program.py" in str(error.value)
