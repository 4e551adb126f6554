"""Random programs give what JAX gave: 300 recorded ones, and fresh ones where JAX is at hand.

`GRADAX_PEER_PYTHON` names a Python that has JAX; GRADAX_PEER_SEED then chooses the first fresh seed
(else the clock does: it is in the name of what fails), GRADAX_PEER_COUNT how many.
`peer_record.py` says how to record anew.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import peer_programs
import peer_record
import pytest

import gradax as jax

EXPECTED = peer_record.unpack(peer_record.EXPECTED)
# float32, through second derivatives of a dozen operations: digits that order of summation takes.
RELATIVE = 2e-3


def check(seed: int, want: list[tuple[str, np.ndarray]]) -> None:
    """Compare the program of a seed with what JAX made of it."""
    name, got = peer_programs.outputs(seed, jax)
    what = f"seed {seed}, {name}"
    assert [f"{x.dtype}{list(x.shape)}" for x in got] == [kind for kind, _ in want], what
    for a, (_, b) in zip(got, want, strict=True):
        near = RELATIVE * (np.abs(b).max(initial=0) + 0.01)
        np.testing.assert_allclose(a.ravel(), b, RELATIVE, near, err_msg=what)


@pytest.mark.parametrize("seed", EXPECTED)
def test_recorded(seed: int) -> None:
    check(seed, EXPECTED[seed])


def test_programs_are_of_every_kind() -> None:
    assert len(EXPECTED) >= 290
    rng_names = {peer_programs.Generator(s, jax).pick(peer_programs.TOPS)[0] for s in EXPECTED}
    assert rng_names == {top[0] for top in peer_programs.TOPS}


@pytest.mark.peer
def test_fresh(tmp_path: Path, peer_path: str) -> None:
    first = int(os.environ.get("GRADAX_PEER_SEED", int(time.time()) % 10**6 * 1000))
    count = int(os.environ.get("GRADAX_PEER_COUNT", 30))
    path, script = tmp_path / "fresh.npz", str(Path(peer_record.__file__))
    command = [peer_path, script, str(path), str(first), str(count)]
    subprocess.run(command, check=True, timeout=600, env={**os.environ, "JAX_PLATFORMS": "cpu"})
    failures = []
    for seed, want in peer_record.unpack(path).items():
        try:
            check(seed, want)
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)
