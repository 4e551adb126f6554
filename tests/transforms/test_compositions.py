"""Transformations in each other: what gradax gives is what JAX gave."""

import json

import numpy as np
import pytest
from compositions import EXPECTED, PROGRAMS, summary

import gradax

KNOWN = json.loads(EXPECTED.read_text())


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    found = summary(gradax, PROGRAMS[name](gradax))
    expected = KNOWN[name]
    assert [leaf[:2] for leaf in found] == [leaf[:2] for leaf in expected]
    for (_, _, values), (_, _, wanted) in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, wanted, rtol=3e-5, atol=3e-6)


def test_every_program_has_a_result():
    assert set(KNOWN) == set(PROGRAMS)
