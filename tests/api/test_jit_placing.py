"""`jit`'s in_shardings, out_shardings and device say where operands and results lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradax
import gradax.numpy as gnp
from gradax.errors import ArgumentError
from gradax.runtime.device import Device
from gradax.sharding import Mesh, NamedSharding, PartitionSpec

DEVICES = [Device(k) for k in range(4)]


@pytest.fixture
def mesh() -> Mesh:
    return Mesh(np.array(DEVICES), ("x",))


def cut(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec("x"))


def whole(mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, PartitionSpec())


def test_results_are_laid_out(mesh: Mesh):
    n = 4 * mesh.size
    run = gradax.jit(
        lambda a, b: {"sum": a + b, "total": a.sum()},
        in_shardings=(cut(mesh), None),
        out_shardings={"sum": cut(mesh), "total": whole(mesh)},
    )
    out = run(gnp.arange(float(n)), gnp.ones(n))
    assert out["sum"].sharding == cut(mesh) and out["total"].sharding == whole(mesh)
    np.testing.assert_array_equal(out["sum"], np.arange(n) + 1)


def test_one_sharding_for_all(mesh: Mesh):
    run = gradax.jit(lambda a, b: (a, b * 2), out_shardings=cut(mesh))
    for x in run(gnp.ones(mesh.size), gnp.ones(mesh.size)):
        assert x.sharding == cut(mesh)


def test_static_arguments_have_no_sharding(mesh: Mesh):
    run = gradax.jit(lambda a, n: a * n, static_argnums=1, in_shardings=(cut(mesh),))
    np.testing.assert_array_equal(run(gnp.ones(mesh.size), 3), np.full(mesh.size, 3.0))


def test_under_other_transformations(mesh: Mesh):
    run = gradax.jit(lambda a: (a**2).sum(), in_shardings=cut(mesh), out_shardings=whole(mesh))
    x = gnp.arange(float(mesh.size))
    np.testing.assert_array_equal(gradax.grad(run)(x), 2 * x)
    np.testing.assert_array_equal(gradax.jit(run)(x), (x**2).sum())


def test_a_device():
    last = DEVICES[-1]
    assert gradax.jit(lambda a: a * 2, device=last)(gnp.ones(3)).devices() == {last}


@pytest.mark.parametrize("shardings", [2, 0])
def test_another_number_of_shardings(mesh: Mesh, shardings: Any):
    with pytest.raises(ArgumentError, match=f"in_shardings has {shardings} entries for 1"):
        gradax.jit(lambda a: a, in_shardings=(cut(mesh),) * shardings)(gnp.ones(4))
