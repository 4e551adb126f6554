"""Programs with sizes that data decides: run up to where a mask is counted, then the rest.

Each stage is compiled once; its code takes the sizes that the stages before have found.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradax.api.compiling import compiler
from gradax.core.aval import Aval
from gradax.core.jaxpr import Eqn, Jaxpr, Literal, Var
from gradax.core.value import as_value
from gradax.lax.convert import ConvertElementType
from gradax.lax.open_sizes import CountOpen
from gradax.lax.shapes import ReduceSum
from gradax.sizes import LEAST, OpenAxes, Size

MOST_EXECUTABLES = 256
Sizes = list[int | None]


class Unexpected(Exception):
    """Data decided for sizes that a program is not for; `counts` are those that are known now."""

    def __init__(self, counts: Sequence[int]) -> None:
        super().__init__(f"counts {list(counts)}")
        self.counts = tuple(counts)


class Stage:
    """A part of a program: the variables that it reads and gives, and its code.

    Where `counts` is an operation, the last result is how many elements of its mask are true.
    """

    def __init__(self, jaxpr: Jaxpr, counts: CountOpen | None, sizes: OpenAxes) -> None:
        self.ins, self.counts = jaxpr.invars, counts
        self.outs = jaxpr.outvars[: len(jaxpr.outvars) - (counts is not None)]
        self.code = compiler().OpenCode(jaxpr, (), (), sizes)
        self._executables: dict[tuple[int | None, ...], Any] = {}

    def run(self, inputs: Sequence[Any], values: Sizes) -> list[Any]:
        """Return the results for arrays, at the sizes that are known."""
        key = tuple(values)
        executable = self._executables.get(key)
        if executable is None:
            if len(self._executables) >= MOST_EXECUTABLES:
                self._executables.clear()
            avals: list[Aval] = [x.aval for x in inputs]
            known = [0 if n is None else n for n in values]
            executable = self._executables[key] = self.code.at(avals, known)
        return executable.execute(list(inputs))


class StagedCode:
    """The stages of a program."""

    def __init__(self, jaxpr: Jaxpr, constants: Sequence[Any], sizes: OpenAxes) -> None:
        self.sizes, self.jaxpr = sizes, jaxpr
        self.constants = dict(zip(jaxpr.constvars, constants, strict=True))
        self.stages = [Stage(*part, sizes) for part in parts_of(jaxpr)]

    def run(self, inputs: Sequence[Any], values: Sequence[int]) -> tuple[list[Any], list[int]]:
        """Return the results for arrays, whose open axes have the sizes `values`, and the counts.

        Errors: Unexpected where data decides for sizes that the program is not for.
        """
        env: dict[Any, Any] = dict(self.constants)
        env.update(zip(self.jaxpr.invars, inputs, strict=True))
        counts: list[int] = []
        for stage in self.stages:
            known = known_sizes(self.sizes, values, counts)
            if known is None:
                raise Unexpected(counts)
            results = stage.run([env[v] for v in stage.ins], known)
            env.update(zip(stage.outs, results, strict=False))
            if stage.counts is not None:
                counts.append(int(np.asarray(results[-1])))
        outs = self.jaxpr.outvars
        return [as_value(a.value) if isinstance(a, Literal) else env[a] for a in outs], counts


def known_sizes(sizes: OpenAxes, values: Sequence[int], counts: Sequence[int] = ()) -> Sizes | None:
    """Return the sizes of open axes, given those of operands and what data has decided; None where
    the program is not for them.
    """
    if len(counts) > len(sizes.counts):
        return None
    known: Sizes = [*values, *[None] * (len(sizes.axes) - len(values))]
    for size, n in zip(sizes.counts, counts, strict=False):
        if type(size) is Size:
            (axis,) = size.axes()
            known[axis.position] = n
        if n != size if type(size) is int else n < LEAST:
            return None
    return None if sizes.broken(known) is not None else known


def has_counts(jaxpr: Jaxpr) -> bool:
    """Tell whether data decides sizes of a program."""
    return any(isinstance(eqn.op, CountOpen) for eqn in jaxpr.eqns)


def parts_of(jaxpr: Jaxpr) -> list[tuple[Jaxpr, CountOpen | None]]:
    """Return a program cut behind each mask that is counted, the last part with its results."""
    cuts = [k for k, eqn in enumerate(jaxpr.eqns) if isinstance(eqn.op, CountOpen)]
    edges = [0, *(k + 1 for k in cuts), len(jaxpr.eqns)]
    blocks = [jaxpr.eqns[a:b] for a, b in pairwise(edges)]
    wanted = {a for a in jaxpr.outvars if isinstance(a, Var)}
    parts: list[tuple[Jaxpr, CountOpen | None]] = []
    for k in reversed(range(len(blocks))):
        counting = blocks[k][-1] if k < len(cuts) else None
        part, wanted = part_of(blocks[k], wanted, counting, jaxpr.debug_name)
        op: Any = None if counting is None else counting.op
        parts.append((part, op))
    return parts[::-1]


def part_of(
    eqns: Sequence[Eqn], wanted: set[Var], counting: Eqn | None, name: str
) -> tuple[Jaxpr, set[Var]]:
    """Return a part that gives what is wanted of it, and what it and later parts read."""
    made = {v: None for eqn in eqns for v in eqn.outvars}
    outs = [v for v in made if v in wanted]
    read = {a: None for eqn in eqns for a in eqn.invars if isinstance(a, Var) and a not in made}
    body = list(eqns)
    results: list[Any] = list(outs)
    if counting is not None:
        mask = counting.invars[0]
        number, total = (
            Var(mask.aval.update(dtype=np.dtype(np.int64))),
            Var(Aval((), np.dtype(np.int64))),
        )
        axes = tuple(range(mask.aval.ndim))
        body.append(Eqn(ConvertElementType(np.dtype(np.int64)), (mask,), (number,)))
        body.append(Eqn(ReduceSum(axes), (number,), (total,)))
        results.append(total)
    part = Jaxpr((), tuple(read), body, results, name)
    return part, (wanted - set(made)) | set(read)
