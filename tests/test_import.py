"""What `import gradax` loads, and that what it does not load is there when it is asked for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradax
from gradax.lazy import parse

ROOT = Path(__file__).resolve().parent.parent

# Each costs milliseconds, or brings along what does; the first program that needs one loads it.
NOT_LOADED = (
    *("llvmlite", "scipy", "opt_einsum", "matplotlib"),
    *("dataclasses", "difflib", "hashlib", "json", "pathlib", "random", "string", "tempfile"),
    *("urllib", "uuid", "concurrent", "importlib.metadata"),
    *("gradax.compiler", "gradax.environment", "gradax.runtime.cache"),
    *("gradax.image", "gradax.nn", "gradax.ops", "gradax.random", "gradax.scipy"),
    *("gradax.numpy.einsum", "gradax.numpy.fft", "gradax.numpy.linalg", "gradax.numpy.padding"),
    *("gradax.numpy.polynomials", "gradax.numpy.sets", "gradax.numpy.statistics"),
    *("gradax.lax.convolution", "gradax.lax.fft", "gradax.lax.linalg", "gradax.lax.windows"),
    *("gradax.control.linear_solve", "gradax.control.mapping", "gradax.api.jacobians"),
)
LAZY = ("gradax", "gradax.control", "gradax.lax", "gradax.nn", "gradax.numpy", "gradax.random")


def run(program: str) -> str:
    """Return what a program prints in a process of its own, which loads nothing in threads."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT,
        env={**os.environ, "GRADAX_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def page(package: str) -> ast.Module:
    """Return the page of a package."""
    return ast.parse(ROOT.joinpath(*package.split("."), "__init__.py").read_text())


def declared(package: str, exports: dict[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return the names that type checkers see with their modules, and the modules they see."""
    names: dict[str, str] = {}
    modules: set[str] = set()
    for block in page(package).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "_typing.TYPE_CHECKING":
            for line in block.body:
                assert isinstance(line, ast.ImportFrom)
                for alias in line.names:
                    if alias.name == "*":
                        made = __import__(line.module or "", fromlist=["_"])  # by __getattr__
                        names.update(
                            {
                                n: m
                                for n, m in exports.items()
                                if m == line.module and hasattr(made, n)
                            }
                        )
                        continue
                    assert alias.name == alias.asname
                    if line.module == package:
                        modules.add(alias.name)
                    else:
                        names[alias.name] = line.module or ""
    return names, modules


def test_import_loads_only_what_every_program_needs():
    found = run(
        "import sys, numpy, ml_dtypes; before = set(sys.modules); import gradax, gradax.numpy;"
        f"print([m for m in {NOT_LOADED!r} if m in sys.modules and m not in before])"
    )
    assert found == "[]"


@pytest.mark.parametrize("package", LAZY)
def test_type_checkers_and_programs_see_the_same_names(package: str):
    module = sys.modules.get(package) or __import__(package, fromlist=["_"])
    exports = parse(module._EXPORTS)
    names, modules = declared(package, exports)
    assert exports == names
    assert modules <= set(dir(module))
    for name in names.keys() | modules:
        assert hasattr(module, name)


@pytest.mark.parametrize("package", LAZY)
def test_misspelt_names_raise(package: str):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = __import__(package, fromlist=["_"]).nothing


@pytest.mark.parametrize(
    "program",
    [
        "import gradax.numpy.linalg; print(gradax.numpy.linalg.__name__)",
        "from gradax.numpy import linalg; print(linalg.__name__)",
        "from gradax import numpy; print(numpy.linalg.__name__)",
        "import gradax; print(gradax.numpy.linalg.__name__)",
        "from gradax.numpy import *; print(linalg.__name__)",
    ],
)
def test_ways_to_reach_a_module(program: str):
    assert run(program) == "gradax.numpy.linalg"


@pytest.mark.parametrize(
    "module", ["lax.fft", "lax.dot", "control.cond", "random.gamma", "numpy.einsum", "control.scan"]
)
def test_functions_keep_their_names_when_their_modules_are_loaded(module: str):
    package, name = module.split(".")
    found = f"import gradax, gradax.{package}; print(callable(gradax.{package}.{name}))"
    assert run(f"import gradax.{module}; {found}") == "True"
    assert run(f"{found}; import gradax.{module}; {found}") == "True\nTrue"


def test_modules_may_be_loaded_in_the_middle_of_a_trace():
    """A module that computed something while it is loaded would keep a tracer for ever."""
    program = """
import gradax, importlib, pkgutil, sys
from gradax.core import Tracer

def load(x):
    for found in pkgutil.walk_packages(gradax.__path__, "gradax."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return x

print(len(gradax.make_jaxpr(load)(1.0).eqns))
print([(name, key) for name, module in sys.modules.items() if name.startswith("gradax")
       for key, value in vars(module).items() if isinstance(value, Tracer)])
"""
    assert run(program) == "0\n[]"


def test_star_import_gives_the_public_names():
    assert set(gradax.numpy.__all__) == set(dir(gradax.numpy))
    assert {"sin", "einsum", "linalg", "float32"} <= set(gradax.numpy.__all__)
