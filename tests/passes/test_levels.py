"""Random programs mean the same at every level of the compiler.

`GRADAX_PASSES_PROGRAMS` sets how many programs there are, `GRADAX_PASSES_SEED` the first seed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from .levels import VARIANTS, check_levels, program_of
from .programs import Generator

N_PROGRAMS = int(os.environ.get("GRADAX_PASSES_PROGRAMS", "60"))
FIRST_SEED = int(os.environ.get("GRADAX_PASSES_SEED", "0"))
BATCH = 5
Array = np.ndarray[Any, Any]


def check_seed(seed: int, smooth: bool) -> None:
    """Check the program of a seed at all levels."""
    g = Generator(seed, smooth)
    inputs = g.inputs(3)
    jaxpr = program_of(lambda *xs: g.run(xs, 8, 5), *inputs)

    def compare(level: str, got: Sequence[Array], want: Sequence[Array]) -> None:
        for k, (a, b) in enumerate(zip(got, want, strict=True)):
            where = f"seed {seed}, {level}, output {k} of\n{jaxpr}"
            assert a.shape == b.shape and a.dtype == b.dtype, f"{a.dtype}{a.shape} {where}"
            if smooth:
                tolerance = 1e-4 if b.dtype == np.float32 else 1e-10
                np.testing.assert_allclose(a, b, tolerance, tolerance, err_msg=where)
            else:
                np.testing.assert_array_equal(a, b, err_msg=where)

    check_levels(jaxpr, inputs, compare, (VARIANTS[seed % 2], VARIANTS[2]))


@pytest.mark.parametrize("part", range(-(-N_PROGRAMS // BATCH)))
@pytest.mark.parametrize("smooth", [False, True], ids=["exact", "smooth"])
def test_random_programs(part: int, smooth: bool) -> None:
    for seed in range(FIRST_SEED + part * BATCH, FIRST_SEED + (part + 1) * BATCH):
        check_seed(seed, smooth)
