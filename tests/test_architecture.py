"""The rules of docs/design.md that a reader of one file cannot see: who imports whom, and sizes."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gradax"

LEAVES = {
    "errors",
    "dtypes",
    "config",
    "native",
    "tree",
    "records",
    "lazy",
    "locks",
    "digest",
    "tracebacks",
    "sizes",
}

# Whom each package may import besides the leaves and itself. Whatever is not named is public.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "kernel": set(),
    "lax": {"core", "kernel"},
    "transforms": {"core", "lax"},
    "control": {"core", "kernel", "lax", "transforms"},
    "autographing": {"core", "lax", "control", "transforms"},
    "compiler": {"core", "kernel", "runtime"},
    "runtime": {"core"},
    "api": {"core", "lax", "control", "autographing", "transforms", "compiler", "runtime"},
    # Has operations of its own, and so their lowerings.
    "random": {"core", "kernel", "lax", "control", "runtime", "api", "public"},
    "public": {"core", "lax", "control", "runtime", "api", "random", "public"},
}

# (rule, place) → why. An entry that no longer matches anything fails the test as well.
EXEMPT: dict[tuple[str, str], str] = {
    ("import table", "gradax/lax/__init__.py → control"): (
        "users find while_loop and scan in gradax.lax; re-exported after all operations"
    ),
    ("import table", "gradax/lax/__init__.py → api"): (
        "users find with_sharding_constraint in gradax.lax; it places arrays on devices"
    ),
    ("import table", "gradax/as_jax/finder.py → root"): (
        "it lets the package itself stand in for jax"
    ),
    ("import table", "gradax/interpreters/ad.py → transforms"): (
        "libraries ask whether a value is one of its tracers"
    ),
    ("import table", "gradax/extend/operation.py → kernel"): (
        "users' own operations have lowerings as well"
    ),
    ("jax", "tests/random/recorded.py"): "run by JAX's Python, it records what JAX gives",
}

FORBIDDEN_NAMES = {"_src", "utils.py", "util.py", "helpers.py", "misc.py"}
MAX_COLUMNS = 100
MAX_PYTHON_LINES = 500
MAX_CPP_LINES = 300
MAX_FUNCTION_LINES = 60

# Third-party modules that `import gradax` must not load: each costs tens of milliseconds.
HEAVY = ("scipy", "llvmlite", "matplotlib", "opt_einsum", "jax")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def cpp_files() -> list[Path]:
    return sorted(path for ext in ("cpp", "h", "hpp") for path in (ROOT / "csrc").rglob(f"*.{ext}"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def place(path: Path, line: int | None = None) -> str:
    where = path.relative_to(ROOT).as_posix()
    return where if line is None else f"{where}:{line}"


def module_name(path: Path) -> tuple[str, ...]:
    """Return the dotted name of a file, without the last part of a package's `__init__`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def group(name: tuple[str, ...]) -> str:
    """Return the row of the import table that a module of ours belongs to."""
    if len(name) < 2 or name[1] == "__main__":
        return "root"
    if name[1] in LEAVES or name[1] == "_native":
        return name[1]
    return name[1] if name[1] in MAY_IMPORT else "public"


def is_module_of_ours(name: tuple[str, ...]) -> bool:
    target = ROOT.joinpath(*name)
    return target.is_dir() or target.with_suffix(".py").is_file() or name == ("gradax", "_native")


def imported(path: Path, node: ast.stmt) -> Iterator[tuple[str, ...]]:
    """Yield the dotted name of each module that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            package = path.relative_to(ROOT).parts[:-1]
            base = package[: len(package) - node.level + 1] + base
        for alias in node.names:
            submodule = (*base, alias.name)
            is_ours = base[:1] == ("gradax",) and is_module_of_ours(submodule)
            yield submodule if is_ours else base


def is_for_annotations(node: ast.AST) -> bool:
    """Say whether a statement is an `if TYPE_CHECKING`, whose imports nothing runs."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(path: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield (line, module) of every import anywhere in a file that a run executes.

    What a package's page imports for type checkers it loads on first use: that counts as well.
    """
    left: list[ast.AST] = [parsed(path)]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in imported(path, node):
                yield node.lineno, name
        elif path.name == "__init__.py" or not is_for_annotations(node):
            left.extend(ast.iter_child_nodes(node))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def assert_none(rule: str, offences: dict[str, str]) -> None:
    """Fail with every offence that is not exempt, and with every exemption that is not needed."""
    exempt = {where for name, where in EXEMPT if name == rule}
    left = [f"{where}: {what}" for where, what in offences.items() if where not in exempt]
    stale = [f"{where}: exempt from '{rule}' for nothing" for where in exempt - offences.keys()]
    assert not left + stale, "\n".join(["", *left, *stale])


def test_imports_point_one_way():
    offences = {}
    for path in python_files("gradax"):
        ours = group(module_name(path))
        if ours == "root":
            continue
        allowed = LEAVES | {ours} | MAY_IMPORT.get(ours, set())
        if ours == "native":
            allowed = allowed | {"_native"}
        for line, name in imports(path):
            if name[0] == "gradax" and group(name) not in allowed:
                what = f"{ours} may not import {'.'.join(name)} (line {line})"
                offences[f"{place(path)} → {group(name)}"] = what
    assert_none("import table", offences)


def test_no_imports_of_ours_inside_functions():
    offences = {}
    for path in python_files("gradax"):
        for function in functions(parsed(path)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for name in imported(path, node):
                        if name[0] == "gradax":
                            offences[place(path, node.lineno)] = f"{function.name} imports {name}"
    assert_none("imports inside functions", offences)


def test_llvmlite_is_imported_in_one_package():
    offences = {
        place(path, line): "imports llvmlite"
        for path in python_files("gradax")
        if (PACKAGE / "compiler" / "llvm") not in path.parents
        for line, name in imports(path)
        if name[0] == "llvmlite"
    }
    assert_none("llvmlite", offences)


def test_jax_is_imported_nowhere():
    offences = {
        place(path): f"imports {'.'.join(name)} (line {line})"
        for path in python_files("gradax", "tests", "examples")
        for line, name in imports(path)
        if name[0] in ("jax", "jaxlib")
    }
    assert_none("jax", offences)


def test_names_of_files():
    offences = {
        place(path): "has a name that says nothing"
        for path in python_files("gradax")
        if FORBIDDEN_NAMES.intersection(path.relative_to(ROOT).parts)
    }
    assert_none("file names", offences)


def test_sizes_of_files():
    offences = {}
    limits = [(path, MAX_CPP_LINES) for path in cpp_files()]
    folders = ("gradax", "tests", "benchmarks", "examples")
    limits += [(path, MAX_PYTHON_LINES) for path in python_files(*folders)]
    for path, limit in limits:
        n_lines = len(path.read_text().splitlines())
        if n_lines > limit:
            offences[place(path)] = f"{n_lines} lines, more than {limit}"
    assert_none("file size", offences)


def test_sizes_of_functions():
    offences = {}
    for path in python_files("gradax", "tests", "benchmarks", "examples"):
        for function in functions(parsed(path)):
            n_lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if n_lines > MAX_FUNCTION_LINES:
                offences[f"{place(path)}:{function.name}"] = f"{n_lines} lines"
    assert_none("function size", offences)


def test_columns():
    offences = {}
    for path in [*python_files("gradax", "tests", "benchmarks", "examples"), *cpp_files()]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if len(line) > MAX_COLUMNS and "https://" not in line:
                offences[place(path, number)] = f"{len(line)} columns"
    assert_none("columns", offences)


def test_docstrings():
    """Every module, and every public class and function at its top level, says what it is."""
    offences = {}
    for path in python_files("gradax"):
        tree = parsed(path)
        if tree.body and ast.get_docstring(tree) is None:
            offences[place(path)] = "has no docstring"
        for node in tree.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            is_private = node.name.startswith("_")
            is_overload = any("overload" in ast.unparse(d) for d in node.decorator_list)
            if not is_private and not is_overload and ast.get_docstring(node) is None:
                offences[f"{place(path)}:{node.name}"] = "has no docstring"
    assert_none("docstrings", offences)


def test_import_loads_nothing_heavy():
    program = f"import sys, gradax; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from gradax.core import aval", ("gradax", "core", "aval")),
        ("from ..core.aval import Aval", ("gradax", "core", "aval")),
        ("from . import sorting", ("gradax", "lax")),
        ("import gradax.core.aval as a", ("gradax", "core", "aval")),
    ],
)
def test_reading_of_imports(source: str, expected: tuple[str, ...], monkeypatch):
    """Check the checker: each way of writing an import names the module that it loads."""
    monkeypatch.setattr(
        sys.modules[__name__], "is_module_of_ours", lambda name: name == ("gradax", "core", "aval")
    )
    [node] = ast.parse(source).body
    assert list(imported(PACKAGE / "lax" / "unary.py", node)) == [expected]
