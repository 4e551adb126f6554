"""What a user reads after each common mistake: the text of `golden/NAME.py`'s error, whole.

`GRADAX_WRITE_GOLDEN=1 pytest tests/errors/test_golden.py` writes them anew: read the difference.
"""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import gradax as jax
from gradax.tracebacks import NOTE, Shortened

FOLDER = Path(__file__).resolve().parent / "golden"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))
CARETS = re.compile(r"^ +[~^]+\n", re.MULTILINE)
# Mistakes that gradax forgives: the script ends without an error.
FORGIVEN = "no error\n"


def normalized(text: str) -> str:
    """Return a text without what depends on the machine or on Python's version."""
    return CARETS.sub("", text.replace(f"{FOLDER}{os.sep}", ""))


def shown(name: str) -> str:
    """Return what a user sees of the error that a script ends with."""
    path = FOLDER / f"{name}.py"
    code = compile(path.read_text(), str(path), "exec")
    with jax.config.override(traceback_filtering="remove_frames"):
        try:
            exec(code, {"__name__": "__main__"})
        except Exception as error:
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            with Shortened(error):
                return normalized("".join(traceback.format_exception(error)))
    return FORGIVEN


@pytest.mark.parametrize("name", SCRIPTS)
def test_message(name: str) -> None:
    path, text = FOLDER / f"{name}.txt", shown(name)
    gc.collect()
    if os.environ.get("GRADAX_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"GRADAX_WRITE_GOLDEN=1 writes {path.name} anew"


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_last_frame_is_the_users(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text()
    files = re.findall(r'^  File "([^"]+)"', text, re.MULTILINE)
    assert text == FORGIVEN or (files and set(files) == {f"{name}.py"})


def run(name: str, **environment: str) -> str:
    """Return what a script writes to its error stream."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py")],
        capture_output=True,
        text=True,
        env={**os.environ, "GRADAX_TRACEBACK_FILTERING": "auto", **environment},
        timeout=120,
    )
    assert done.returncode == 1
    return normalized(done.stderr)


def test_a_program_that_fails_shows_the_same() -> None:
    for name in ("if_on_traced", "vmap_sizes"):
        text = run(name)
        assert text.removesuffix(NOTE) == (FOLDER / f"{name}.txt").read_text()


def test_a_setting_shows_every_frame() -> None:
    for variable in ("GRADAX_TRACEBACK_FILTERING", "JAX_TRACEBACK_FILTERING"):
        text = run("vmap_sizes", **{"GRADAX_TRACEBACK_FILTERING": "off", variable: "off"})
        assert NOTE not in text and "gradax/api/vmap.py" in text
