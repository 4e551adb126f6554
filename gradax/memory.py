"""The kinds of memory that arrays can lie in."""

import enum


class Space(enum.Enum):
    """A kind of memory; a CPU's devices have one, which all three names stand for."""

    Device = enum.auto()
    Host = enum.auto()
    Any = enum.auto()

    def __repr__(self) -> str:
        return f"MemorySpace.{self.name}"
