"""The benchmark's own arithmetic: what counts as agreeing, and what a report says."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradax

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import harness

        yield harness
    finally:
        sys.path.remove(str(BENCHMARKS))


def row_of(name: str, ours: float, theirs: float) -> dict[str, Any]:
    def times(seconds: float) -> dict[str, float]:
        return {"min": seconds, "median": seconds, "n_turns": 3}

    def first(seconds: float) -> dict[str, float]:
        return {"seconds": seconds, "peak_bytes": 2**20}

    return {
        "name": name,
        "disagreement": None,
        "steady": {"gradax": times(ours), "jax": times(theirs)},
        "first": {"gradax": first(0.1), "jax": first(0.3), "gradax warm": first(0.01)},
    }


def result_of(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "machine": {"n_cores": 2, "vector_bits": 512, "python": "3.11"},
        "versions": {"gradax": "0", "jax": "0"},
        "import": {"gradax": 0.1, "jax": 0.5},
        "rows": list(rows),
    }


def test_there_are_enough_workloads(bench: Any):
    assert len(bench.WORKLOADS) >= 30
    assert len({workload.title for workload in bench.WORKLOADS.values()}) == len(bench.WORKLOADS)


@pytest.mark.parametrize("name", ["scalar_call", "fifty_leaf_call", "hessian", "distances"])
def test_a_workload_runs(bench: Any, name: str):
    function, arguments = bench.WORKLOADS[name].make(gradax, gradax.numpy, np)
    for leaf in gradax.tree.leaves(function(*arguments)):
        assert np.isfinite(np.asarray(leaf)).all()


def test_results_that_agree(bench: Any):
    workload = bench.WORKLOADS["selu"]
    values = np.linspace(0, 1, 100, dtype=np.float32)
    assert bench.disagreement(workload, [values], [values * np.float32(1 + 1e-6)]) is None


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ([np.ones(3)], "output 0 is float32[3], JAX's float64[3]"),
        ([np.ones((3, 1), np.float32)], "output 0 is float32[3], JAX's float32[3, 1]"),
        ([np.ones(3, np.float32)] * 2, "1 outputs, JAX 2"),
        ([np.full(3, 2, np.float32)], "output 0: off by 0.5 of the largest"),
        ([np.array([1, 1, np.nan], np.float32)], "output 0: not finite at other places"),
    ],
)
def test_results_that_disagree(bench: Any, theirs: list[Any], expected: str):
    assert bench.disagreement(bench.WORKLOADS["selu"], [np.ones(3, np.float32)], theirs) == expected


def test_samples_are_compared_as_distributions(bench: Any):
    workload = bench.WORKLOADS["normal_1e6"]
    ours, theirs = (np.random.default_rng(seed).normal(size=100_000) for seed in (0, 1))
    assert bench.disagreement(workload, [ours], [theirs]) is None
    assert "quantile" in bench.disagreement(workload, [ours + 0.1], [theirs])


def test_shortfalls(bench: Any):
    fast, slow = row_of("sort_1e6", 0.01, 0.5), row_of("scalar_call", 1e-6, 2e-6)
    broken = {"name": "selu", "error": "TypeError: no"}
    lines = bench.report.shortfalls(result_of(fast, slow, broken), bench.WORKLOADS)
    assert lines == ["scalar_call, steady: 2.00, target 4", "selu: TypeError: no"]


def test_markdown(bench: Any):
    rows = [row_of("sort_1e6", 0.01, 0.5), {"name": "selu", "error": "TypeError: a | b"}]
    text = bench.report.to_markdown(result_of(*rows), bench.WORKLOADS)
    assert "on 2 cores with 512-bit vectors" in text
    assert "| sort 1e6 floats | 10.0 ms | 500 ms | 50.0 [10] | 100 ms | 300 ms | 3.00 [2] |" in text
    assert "fails: TypeError: a / b" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in tables}) == 1


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (4.56e-4, "456 µs"), (7e-8, "0.07 µs")],
)
def test_time_text(bench: Any, seconds: float, expected: str):
    assert bench.report.time_text(seconds) == expected
