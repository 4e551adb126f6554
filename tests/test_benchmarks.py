"""The benchmark's own arithmetic: what counts as agreeing, and what a report says."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradax

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


MODULES = ("check", "comparing", "figures", "harness", "limits", "machine", "measuring", "needs")
MODULES += ("plot", "processes", "readme_table", "report", "texts", "workloads")


@pytest.fixture(scope="module")
def bench() -> Any:
    """Return the benchmark's modules by name."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        modules = {name: importlib.import_module(name) for name in MODULES}
        plain, numpy_peer = (importlib.import_module(f"peers.{n}") for n in ("plain", "numpy_peer"))
        for part in ("numpy_loops", "numpy_signals"):
            importlib.import_module(f"peers.{part}")
        yield SimpleNamespace(**modules, plain=plain, numpy_peer=numpy_peer)
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture
def no_jax(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("GRADAX_BENCH_PYTHON", str(tmp_path / "none"))


def row_of(name: str, ours: float, theirs: float) -> dict[str, Any]:
    def times(seconds: float) -> dict[str, float]:
        return {"min": seconds, "median": seconds, "n_turns": 3}

    def first(seconds: float) -> dict[str, float]:
        return {"seconds": seconds, "peak_bytes": 2**20}

    return {
        "name": name,
        "disagreement": None,
        "steady": {"gradax": times(ours), "jax": times(theirs)},
        "first": {"gradax": first(0.1), "jax": first(0.4), "gradax warm": first(0.01)},
    }


def result_of(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "machine": {"n_cores": 2, "vector_bits": 512, "python": "3.11"},
        "versions": {"gradax": "0", "jax": "0"},
        "left out": {"numpy": "no environment"},
        "import": {"gradax": 0.1, "jax": 0.5},
        "rows": list(rows),
    }


def test_there_are_enough_workloads(bench: Any):
    assert len(bench.workloads.WORKLOADS) >= 30
    assert len({workload.title for workload in bench.workloads.WORKLOADS.values()}) == len(
        bench.workloads.WORKLOADS
    )


@pytest.mark.parametrize("name", ["scalar_call", "fifty_leaf_call", "hessian", "distances"])
def test_a_workload_runs(bench: Any, name: str):
    function, arguments = bench.workloads.WORKLOADS[name].make(gradax, gradax.numpy, np)
    for leaf in gradax.tree.leaves(function(*arguments)):
        assert np.isfinite(np.asarray(leaf)).all()


def test_results_that_agree(bench: Any):
    workload = bench.workloads.WORKLOADS["selu"]
    values = np.linspace(0, 1, 100, dtype=np.float32)
    assert bench.comparing.disagreement(workload, [values], [values * np.float32(1 + 1e-6)]) is None


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
    assert (
        bench.comparing.disagreement(
            bench.workloads.WORKLOADS["selu"], [np.ones(3, np.float32)], theirs
        )
        == expected
    )


def test_samples_are_compared_as_distributions(bench: Any):
    workload = bench.workloads.WORKLOADS["normal_1e6"]
    ours, theirs = (np.random.default_rng(seed).normal(size=100_000) for seed in (0, 1))
    assert bench.comparing.disagreement(workload, [ours], [theirs]) is None
    assert "quantile" in bench.comparing.disagreement(workload, [ours + 0.1], [theirs])


def test_shortfalls(bench: Any):
    fast, slow = row_of("sort_1e6", 0.01, 0.5), row_of("scalar_call", 1e-6, 2e-6)
    broken = {"name": "selu", "error": "gradax: TypeError: no"}
    lines = bench.figures.shortfalls(result_of(fast, slow, broken), bench.workloads.WORKLOADS)
    assert lines == [
        "selu: gradax: TypeError: no",
        "scalar_call, steady calls: 2.00, target 4",
        "peak memory, geometric mean: 1.00, target 1.2",
    ]


def test_figures(bench: Any):
    row = row_of("selu", 1.0, 4.0)
    ratios = {figure.name: figure.ratio(row) for figure in bench.figures.FIGURES}
    assert ratios == {
        "steady": 4.0,
        "first": pytest.approx(4.0),
        "warm": pytest.approx(40.0),
        "peak": 1.0,
    }
    assert bench.figures.geometric_mean([1.0, 4.0, 16.0]) == pytest.approx(4)


def test_markdown(bench: Any):
    rows = [row_of("sort_1e6", 0.01, 0.5), {"name": "selu", "error": "TypeError: a | b"}]
    rows[0]["steady"]["torch"] = {"min": 0.005, "median": 0.005, "n_turns": 3}
    text = bench.report.to_markdown(result_of(*rows), bench.workloads.WORKLOADS)
    assert "on 2 cores with 512-bit vectors" in text
    assert "| sort 1e6 floats | 10.0 ms | 500 ms | 50.0 [10] | 100 ms | 400 ms | 4.00 [2] |" in text
    assert "fails: TypeError: a / b" in text
    assert "| peak memory | **1.00** [1.2] | 1.00 [0.9] | sort_1e6 | 0 |" in text
    assert "- selu: TypeError: a | b" in text
    assert "sort_1e6 (PyTorch 2.00×)" in text
    assert "- NumPy/SciPy: no environment" in text
    assert "| sort 1e6 floats | memory | " not in text


def test_limits_in_the_report(bench: Any):
    rates = {str(size): 1e9 for size in bench.limits.TRAFFIC}
    result = result_of(row_of("stream", 0.16, 0.5), row_of("matmul_1024", 0.1, 1.0))
    result["limits"] = {
        "bandwidth": {"copy": rates, "add": rates, "read": rates},
        "triad": 0.5e9,
        "products": {"numpy": 2**31 * 100.0},
    }
    text = bench.report.to_markdown(result, bench.workloads.WORKLOADS)
    assert "| stream a·2 + 1, 1e7 | memory | 80.0 ms | 160 ms | 50 % | 16 % |" in text
    assert "| matrix product, 1024² | memory | 12.6 ms |" in text


def test_needs_and_peers_name_workloads(bench: Any):
    names = set(bench.workloads.WORKLOADS)
    assert set(bench.needs.NEEDS) <= names
    assert set(bench.numpy_peer.TABLE) <= names


@pytest.mark.parametrize("name", ["tutorial_f", "logsumexp", "top_k_rows", "n_body", "normal_1e6"])
def test_a_peer_agrees(bench: Any, name: str):
    workload = bench.workloads.WORKLOADS[name]
    function, arguments = workload.make(gradax, gradax.numpy, np)
    ours = [np.asarray(leaf) for leaf in gradax.tree.leaves(function(*arguments))]
    found = bench.numpy_peer.TABLE[name](*bench.plain.arguments_of(workload))
    theirs = [np.asarray(leaf) for leaf in bench.plain.Trees.leaves(found)]
    assert bench.comparing.peer_disagreement(workload, ours, theirs) is None


def test_check_without_jax(bench: Any, no_jax: None):
    workloads = bench.workloads.WORKLOADS
    lines: list[str] = []
    names = ("scalar_call", "fifty_leaf_call")
    assert bench.check.check([workloads[name] for name in names], lines.append) == 0
    assert [line.split(maxsplit=1)[1].strip() for line in lines[:2]] == [
        "agrees with NumPy",
        "agrees with itself, eager",
    ]


def test_a_worker_that_dies_or_hangs(bench: Any, tmp_path: Path):
    worker = bench.processes.Process("gradax", str(tmp_path))
    with pytest.raises(bench.processes.WorkerError, match="gradax: KeyError: 'none'"):
        worker.ask("load", name="none")
    with pytest.raises(bench.processes.Silent, match="no answer in 0 s"):
        worker.ask("load", 0, name="unrolled_100")
    assert not worker.is_alive
    workers = {"gradax": worker}
    bench.processes.keep_alive(workers)
    assert workers["gradax"].ask("describe")["version"] == gradax.__version__
    workers["gradax"].process.kill()
    row = bench.measuring.measure(bench.workloads.WORKLOADS["selu"], workers, bench.measuring.QUICK)
    assert row["error"].startswith("gradax: the process ended (-9)")
    workers["gradax"].close()


def test_a_missing_library_says_how_to_get_it(bench: Any, no_jax: None):
    assert bench.processes.missing("gradax") is None
    assert "run `make bench-env`" in bench.processes.missing("jax")


def test_picture_and_files(bench: Any, tmp_path: Path):
    result = result_of(row_of("sort_1e6", 0.01, 0.5), row_of("selu", 1.0, 0.5))
    bench.report.write(result, bench.workloads.WORKLOADS, tmp_path)
    assert json.loads((tmp_path / "RESULTS.json").read_text()) == result
    assert "sort 1e6 floats" in (tmp_path / "RESULTS.svg").read_text()


def test_table_in_the_readme(bench: Any, tmp_path: Path):
    table = bench.readme_table
    text = table.to_markdown(result_of(row_of("selu", 1e-4, 3e-4)), bench.workloads.WORKLOADS)
    assert "| 100 µs | 300 µs | 3.00 | 100 ms | 400 ms | 4.00 |" in text
    readme = tmp_path / "README.md"
    readme.write_text(f"a\n{table.BEGIN}\nold\n{table.END}\nb\n")
    assert table.put(text, readme)
    assert readme.read_text() == f"a\n{table.BEGIN}\n{text}{table.END}\nb\n"
    readme.write_text("no place")
    assert not table.put(text, readme)
    assert table.BEGIN in table.README.read_text()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (4.56e-4, "456 µs"), (7e-8, "0.07 µs")],
)
def test_time_text(bench: Any, seconds: float, expected: str):
    assert bench.texts.time_text(seconds) == expected
