"""What every test shares: checks switched on, and programs run by the peer, JAX.

Peer tests need an environment with JAX in it, which is none of gradax's requirements: name its
Python in GRADAX_PEER_PYTHON (`make bench` makes such an environment in .bench-env).
"""

import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Before gradax is imported, so that the processes that tests start have it as well.
os.environ["GRADAX_ENABLE_CHECKS"] = "1"
# The tests of the library are for those who work on it.
os.environ.setdefault("GRADAX_TRACEBACK_FILTERING", "off")

PEER_VARIABLE = "GRADAX_PEER_PYTHON"
PEER_SECONDS = 300

PEER_PROGRAM = """\
import pickle, sys
import jax, jax.numpy as jnp, numpy as np

source, arguments = pickle.load(sys.stdin.buffer)
names = {"jax": jax, "jnp": jnp, "np": np, **arguments}
exec(source, names)
result = jax.tree.map(lambda x: np.asarray(x) if isinstance(x, jax.Array) else x, names["result"])
pickle.dump(result, sys.stdout.buffer)
"""


def peer_python() -> str | None:
    """Return the Python that has JAX, or None where there is none."""
    named = os.environ.get(PEER_VARIABLE)
    made_by_bench = Path(__file__).resolve().parent.parent / ".bench-env" / "bin" / "python"
    if named:
        return named
    return str(made_by_bench) if made_by_bench.is_file() else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "peer: compares with JAX, run in its own environment")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if peer_python() is not None:
        return
    skip = pytest.mark.skip(reason=f"no JAX to compare with: name its Python in {PEER_VARIABLE}")
    for item in items:
        if item.get_closest_marker("peer"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def peer_path() -> str:
    """Return the Python that has JAX."""
    python = peer_python()
    if python is None:
        pytest.skip(f"no JAX to compare with: name its Python in {PEER_VARIABLE}")
    return python


@pytest.fixture(scope="session")
def peer(peer_path: str) -> Callable[..., Any]:
    """Return `run(source, **arguments)`: what JAX makes of `source`'s variable `result`.

    The program has the names jax, jnp, np and the arguments; its arrays come back as NumPy's.
    """

    def run(source: str, **arguments: Any) -> Any:
        done = subprocess.run(
            [peer_path, "-c", PEER_PROGRAM],
            input=pickle.dumps((source, arguments)),
            capture_output=True,
            timeout=PEER_SECONDS,
            env={**os.environ, "JAX_PLATFORMS": "cpu"},
        )
        assert done.returncode == 0, done.stderr.decode()
        return pickle.loads(done.stdout)

    return run
