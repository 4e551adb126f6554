"""What sizes are polynomials of."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from gradax.sizes.size import Size

LEAST = 2
# What compilers should think of: first calls are often made with a small example.
TYPICAL = 4096
# A size that data decides, while it is not known: what nobody has a reason to compare with.
EXPECTED = 1187

Monomial = tuple["Unknown", ...]


@final
class Unknown:
    """What sizes are polynomials of: an open axis, or a quotient or remainder of two sizes.

    An axis has a `value`, its size in the call that is being traced.
    """

    __slots__ = (
        "kind", "parts", "text", "value", "likely", "low", "high", "position", "what", "number",
    )  # fmt: skip

    def __init__(
        self, kind: str, parts: tuple[Size, ...], text: str, likely: int, value: int = 0
    ) -> None:
        self.kind, self.parts, self.text = kind, parts, text
        self.value, self.likely = value, likely
        self.low: int | None = LEAST if kind == "axis" else None
        self.high: int | None = None
        self.position = -1
        self.what = ""
        # Of a size that data decides: the number of the mask that is counted.
        self.number = -1


def range_of(monomial: Monomial) -> tuple[int | None, int | None]:
    """Return the least and the largest value of a product, None where there is no bound."""
    if len(monomial) == 1:
        return monomial[0].low, monomial[0].high
    least: int = 1
    most: int | None = 1
    for unknown in monomial:
        if unknown.low is None or unknown.low < 0:
            return None, None
        least *= unknown.low
        most = None if most is None or unknown.high is None else most * unknown.high
    return least, most


def axes_of(monomial: Monomial) -> list[Unknown]:
    """Return the open axes that a monomial depends on."""
    found: list[Unknown] = []
    for unknown in monomial:
        if unknown.kind == "axis":
            found.append(unknown)
        for part in unknown.parts:
            found += part.axes()
    return found
