"""docs/coverage.md says what is true, and the modules that programs use first are nearly whole."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COVERAGE = runpy.run_path(str(ROOT / "tools" / "coverage.py"), run_name="coverage")
MODULES = COVERAGE["by_module"]()


def test_the_page_is_current():
    assert COVERAGE["PAGE"].read_text() == COVERAGE["page"](), "`make coverage` writes it anew"


@pytest.mark.parametrize("module", [m for m in COVERAGE["MAIN"] if m in MODULES])
def test_a_module_is_nearly_whole(module):
    names = MODULES[module]
    missing = [name for name, found in names.items() if not found]
    least, _ = COVERAGE["LESS"].get(module, (COVERAGE["REQUIRED"], ""))
    assert COVERAGE["percentage"](names) >= least, missing


def test_reasons_are_needed():
    missing = [name for names in MODULES.values() for name, found in names.items() if not found]
    for prefix in COVERAGE["REASONS"]:
        if prefix not in ("jax", "jax.lax", "jax.extend", "jax.interpreters"):
            assert any(n == prefix or n.startswith(prefix + ".") for n in missing), prefix
