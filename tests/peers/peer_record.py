"""Record what JAX makes of the programs: run by JAX's Python, it writes expected.npz.

$GRADAX_PEER_PYTHON tests/peers/peer_record.py                 300 programs
$GRADAX_PEER_PYTHON tests/peers/peer_record.py FILE FIRST N    N programs, from seed FIRST on
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
EXPECTED = FOLDER / "expected.npz"
COUNT = 300


def pack(results: dict[int, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Return results as a few arrays: all numbers, and for each array its seed, dtype and shape."""
    arrays = [(seed, x) for seed, xs in results.items() for x in xs]
    return {
        "values": np.concatenate([np.ravel(x).astype(np.float32) for _, x in arrays]),
        "seeds": np.array([seed for seed, _ in arrays]),
        "types": np.array([f"{x.dtype}{list(x.shape)}" for _, x in arrays]),
        "sizes": np.array([x.size for _, x in arrays]),
    }


def unpack(path: Path) -> dict[int, list[tuple[str, np.ndarray]]]:
    """Return for each seed the type and the numbers of its results."""
    with np.load(path) as kept:
        parts = np.split(kept["values"], np.cumsum(kept["sizes"])[:-1])
        found: dict[int, list[tuple[str, np.ndarray]]] = {}
        for seed, name, part in zip(kept["seeds"], kept["types"], parts, strict=True):
            found.setdefault(int(seed), []).append((str(name), part))
    return found


def main(path: Path = EXPECTED, first: int = 0, count: int = COUNT) -> None:
    """Run the programs and write what they give."""
    jax = importlib.import_module("jax")
    importlib.import_module("jax.numpy")
    programs = importlib.import_module("peer_programs")
    results = {}
    for seed in range(first, first + count):
        try:
            results[seed] = programs.outputs(seed, jax)[1]
        except Exception as error:
            text = f"seed {seed}: JAX refuses it: {type(error).__name__}: {error}"
            sys.stderr.write(text[:300] + "\n")
        if seed % 20 == 0:
            jax.clear_caches()  # or its memory grows by gigabytes
    np.savez_compressed(path, **pack(results))


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments:
        main(Path(arguments[0]), int(arguments[1]), int(arguments[2]))
    else:
        main()
