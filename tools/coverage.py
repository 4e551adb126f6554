"""Write docs/coverage.md: which of JAX's public names are there, and why others are not.

    python tools/coverage.py            write the page
    python tools/coverage.py --check    fail unless the page is what would be written

`docs/jax_names.txt` lists the public names of JAX 0.10.2, one a line. A name is there when reading
its attributes from gradax, and importing its modules, gives an object.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMES = ROOT / "docs" / "jax_names.txt"
PAGE = ROOT / "docs" / "coverage.md"

# The beginning of a name → why it is not there; the longest beginning counts.
REASONS = {
    "jax": "not there yet",
    "jax.array_garbage_collection_guard": "a debugging aid of JAX's reference counts",
    "jax.cloud_tpu_init": "sets up Google's TPU machines",
    "jax.no_execution": "a debugging aid of JAX's dispatch",
    "jax.thread_guard": "a check of JAX's multi-controller runtime",
    "jax.tools": "a converter of NVIDIA's profiles",
    "jax.custom_derivatives.remat_opt_p": "a rewriting of JAX's custom_vjp for its remat",
    "jax.experimental": "experimental in JAX, not there yet",
    "jax.experimental.buffer_callback": "callbacks on device buffers of XLA",
    "jax.experimental.colocated_python": "Python on the hosts of remote TPUs",
    "jax.experimental.compute_on": "a hint for XLA's host offloading",
    "jax.experimental.control_deps": "a hint for XLA's scheduler",
    "jax.experimental.custom_partitioning": "a hook into XLA's partitioner",
    "jax.experimental.fused": "a hook into XLA's fusion; fusing is the compiler's own choice here",
    "jax.experimental.hijax": "an unfinished interface of JAX for new types",
    "jax.experimental.jet": "internals of JAX's jet; `jet` itself is there",
    "jax.experimental.mosaic": "the TPU's kernel compiler",
    "jax.experimental.multihost_utils": "internals of JAX's multi-host runtime",
    "jax.experimental.ode": "internals of `odeint`, which is there",
    "jax.experimental.pallas": "kernels in a language for GPUs and TPUs",
    "jax.experimental.profiler": "a reader of XLA's GPU profiles",
    "jax.experimental.rnn": "NVIDIA's cuDNN recurrent networks",
    "jax.experimental.scheduling_groups": "a hint for XLA's scheduler",
    "jax.experimental.shard_alike": "a hint for XLA's partitioner",
    "jax.experimental.sparse": "sparse formats and internals beyond BCOO and BCSR",
    "jax.experimental.topologies": "descriptions of TPU and GPU machines for XLA",
    "jax.experimental.transfer": "copies between processes of JAX's runtime",
    "jax.experimental.xla_metadata": "annotations for XLA",
    "jax.extend": "internals of JAX for those who extend it",
    "jax.lax": "not there yet",
    "jax.lax.precv": "point-to-point messages between devices",
    "jax.lax.psend": "point-to-point messages between devices",
    "jax.interpreters": "internals of JAX",
}
# Names that end so are JAX's primitives; operations are classes here.
PRIMITIVE = "an internal primitive of JAX: operations are classes here (`gradax.core.Op`)"

# At least so much of each module of MAIN is there, besides those that hold internals of JAX.
REQUIRED = 95.0
LESS = {
    "jax.custom_derivatives": (90.0, "`remat_opt_p`, a rewriting of JAX's"),
}
# What a program that uses JAX imports first.
MAIN = (
    *("jax", "jax.lax", "jax.lax.linalg", "jax.numpy", "jax.numpy.linalg", "jax.numpy.fft"),
    *("jax.random", "jax.nn", "jax.nn.initializers", "jax.tree", "jax.tree_util", "jax.debug"),
    *("jax.errors", "jax.experimental.checkify", "jax.dtypes", "jax.sharding", "jax.ops"),
    *("jax.image", "jax.scipy", "jax.scipy.linalg", "jax.scipy.special", "jax.scipy.stats"),
    *("jax.scipy.signal", "jax.checkpoint_policies", "jax.custom_batching", "jax.profiler"),
    *("jax.custom_derivatives", "jax.export", "jax.stages"),
)


def find(name: str) -> Any:
    """Return the object of a JAX name here, None when there is none."""
    found = importlib.import_module("gradax")
    path = "gradax"
    for part in name.split(".")[1:]:
        path = f"{path}.{part}"
        if not hasattr(found, part):
            try:
                importlib.import_module(path)
            except ImportError:
                return None
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


def is_there(name: str) -> bool:
    """Tell whether a name leads to an object; `None` itself is one of JAX's constants."""
    if find(name) is not None:
        return True
    parent, _, last = name.rpartition(".")
    return last in ("newaxis", "None") and hasattr(find(parent), last)


def reason(name: str) -> str:
    """Say why a name is not there."""
    if name.endswith("_p"):
        return PRIMITIVE
    prefixes = [p for p in REASONS if name == p or name.startswith(p + ".")]
    return REASONS[max(prefixes, key=len)]


def by_module() -> dict[str, dict[str, bool]]:
    """Return for each module its names and whether they are there."""
    modules: dict[str, dict[str, bool]] = defaultdict(dict)
    for name in NAMES.read_text().split():
        modules[name.rpartition(".")[0]][name] = is_there(name)
    return dict(sorted(modules.items()))


def percentage(names: dict[str, bool]) -> float:
    """Return how many of a module's names are there, of a hundred."""
    return 100 * sum(names.values()) / len(names)


def table(modules: dict[str, dict[str, bool]]) -> list[str]:
    """Return the lines of the table of percentages."""
    lines = ["| module | names | there | |", "|---|--:|--:|--:|"]
    for module, names in modules.items():
        n = sum(names.values())
        lines.append(f"| `{module}` | {len(names)} | {n} | {percentage(names):.0f} % |")
    return lines


def details(module: str, names: dict[str, bool]) -> list[str]:
    """Return the lines that list a module's names."""
    short = {name: name.rpartition(".")[2] for name in names}
    lines = ["", f"### {module}", ""]
    there = [f"`{short[n]}`" for n, found in names.items() if found]
    if there:
        lines += [f"There: {' '.join(there)}"]
    missing: dict[str, list[str]] = defaultdict(list)
    for name, found in names.items():
        if not found:
            missing[reason(name)].append(f"`{short[name]}`")
    if missing:
        gap = [""] if there else []
        lines += [*gap, "| not there | why |", "|---|---|"]
        lines += [f"| {' '.join(found)} | {why} |" for why, found in missing.items()]
    return lines


def page() -> str:
    """Return the text of docs/coverage.md."""
    modules = by_module()
    main = {m: modules[m] for m in MAIN if m in modules}
    rest = {m: names for m, names in modules.items() if m not in main}
    total = sum(len(names) for names in modules.values())
    found = sum(sum(names.values()) for names in modules.values())
    share = 100 * found / total
    lines = [
        "# JAX's public names",
        "",
        "Written by `make coverage`. A name is *there* when `import gradax as jax` leads to it;",
        "what it does is what the tests say.",
        "",
        f"Of the {total} public names of JAX 0.10.2, {found} are there ({share:.0f} %).",
        "",
        "## What programs use first",
        "",
        *table(main),
        "",
        "## The others",
        "",
        *table(rest),
        "",
        "## Name by name",
    ]
    for module, names in modules.items():
        lines += details(module, names)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description="Write docs/coverage.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.stderr.write("docs/coverage.md is not current: run `make coverage`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
