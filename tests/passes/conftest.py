"""What the tests of the passes share: 64-bit types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gradax


@pytest.fixture(autouse=True)
def wide() -> Iterator[None]:
    """Run with 64-bit types."""
    with gradax.enable_x64(True):
        yield
