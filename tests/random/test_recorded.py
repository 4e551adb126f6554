"""Draws give what JAX gives, in both streams; digit by digit, but for a few distributions."""

import json

import numpy as np
import pytest
from recorded import EXPECTED, GROUPS, written

import gradax
from gradax import random

KNOWN = json.loads(EXPECTED.read_text())
DRAWS = {
    name: (group, draw) for group, make in GROUPS.items() for name, draw in make(random).items()
}


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("name", DRAWS)
def test_draw(name, newer):
    group, draw = DRAWS[name]
    with gradax.threefry_partitionable(newer):
        shape, dtype, values = written(draw())
    wanted = KNOWN[f"{name} | {newer}"]
    assert [shape, dtype] == wanted[:2]
    if group == "distributions":
        np.testing.assert_allclose(values, wanted[2], rtol=1e-5, atol=1e-6)
    else:
        assert values == wanted[2]


def test_every_record_is_drawn():
    assert {name.split(" | ")[0] for name in KNOWN} == set(DRAWS)


def test_the_tutorials_numbers():
    key = random.key(21)
    assert str(random.normal(key, 3)) == "[-2.6825788  -0.7566388  -0.29570565]"
    first, second = random.split(key, 2)
    assert random.key_data(first).tolist() == [15689208, 2943087094]
    assert random.key_data(second).tolist() == [1648097174, 339021355]
    with gradax.threefry_partitionable(True):
        assert str(random.normal(key, 3)) == "[ 0.5006109   0.37630108 -0.2896132 ]"


@pytest.mark.parametrize("newer", [False, True])
def test_doubles(newer):
    # The first numbers of JAX with 64-bit types.
    normals = {
        False: [0.9573071790540392, -0.9699290218728154, 1.0070664314276323],
        True: [-1.184284421837855, -0.11617040844628398, 0.17269028009903425],
    }
    with gradax.enable_x64(True), gradax.threefry_partitionable(newer):
        found = random.normal(random.key(1), (3,))
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, normals[newer], rtol=1e-14)
