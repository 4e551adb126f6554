"""Give each tutorial test a notebook of its own."""

from pathlib import Path

import pytest

from .notebook import Notebook


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path)
