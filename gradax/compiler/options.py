"""Compile options: one frozen value, which is part of every cache key."""

from __future__ import annotations

from gradax.records import record


@record
class Options:
    """What a compilation may do.

    `vector_bytes` is the width of a vector register; `parallel_cost` the instructions below which a
    loop is not split over threads; `inline_equations` the size up to which an inner jit is inlined;
    `contract` tells whether a product and the sum that it goes into may be rounded once; `gathers`
    whether a gather is faster than loads one by one.
    The last `hidden_outputs` outputs of a program order its effects and are not given to callers.
    """

    vector_bytes: int = 64
    target: str = ""
    parallel_cost: int = 40_000
    inline_equations: int = 500
    unroll: int = 4
    contract: bool = True
    gathers: bool = True
    hidden_outputs: int = 0
