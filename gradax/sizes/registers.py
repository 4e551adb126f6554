"""Sizes as registers of machine code that is being written."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradax.sizes.size import Size

REGISTER = re.compile(r"%size\.(\d+)")


class Registers:
    """The sizes that a text of machine code names, `%size.3`."""

    def __init__(self) -> None:
        self.numbers: dict[Size, int] = {}
        self.sizes: list[Size] = []

    def register(self, size: Size) -> str:
        """Return the name of the register that holds a size."""
        k = self.numbers.get(size)
        if k is None:
            k = self.numbers[size] = len(self.sizes)
            self.sizes.append(size)
        return f"%size.{k}"

    def used_in(self, lines: Sequence[str]) -> list[tuple[str, Size]]:
        """Return the registers that a text names, with their sizes."""
        numbers = sorted({int(k) for line in lines for k in REGISTER.findall(line)})
        return [(f"%size.{k}", self.sizes[k]) for k in numbers]


_writing = local()


@contextmanager
def written_as_registers() -> Generator[Registers, None, None]:
    """Have sizes print as names of registers while machine code is written."""
    before = getattr(_writing, "table", None)
    _writing.table = Registers()
    try:
        yield _writing.table
    finally:
        _writing.table = before


def registers() -> Registers | None:
    """Return the registers of the machine code that is being written."""
    return getattr(_writing, "table", None)
