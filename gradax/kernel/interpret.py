"""A NumPy interpreter of kernel expressions: their meaning, executable.

A scalar is evaluated over a whole index space at once: each subexpression is an array that
broadcasts to the space, with axes of 1 where it does not depend on them. Accesses outside a tensor
where the guard holds are errors (a bug in the `lower` rule that made them), never clamped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from gradax.errors import InternalError
from gradax.kernel.build import basic_combine
from gradax.kernel.ir import (
    Apply,
    Const,
    Index,
    Input,
    Join,
    Library,
    Load,
    Map,
    Node,
    Prefix,
    Program,
    Reduce,
    Result,
    Scalar,
    Shape,
    Slot,
    Tensor,
    Update,
    View,
)
from gradax.kernel.meanings import compute_apply

Array = np.ndarray[Any, Any]
# A library kernel: (operands, params, [(shape, dtype), …]) -> results.
Kernel = Callable[[list[Array], tuple[int, ...], list[tuple[Shape, Any]]], Sequence[Array]]
# Runs a node of inner programs on its operands.
RunProgram = Callable[[Program, list[Array]], Sequence[Array]]

_FOLDS: dict[str, Any] = {
    "add": np.add, "mul": np.multiply, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def interpret(
    outputs: Sequence[Tensor],
    inputs: Sequence[Array],
    libraries: Mapping[str, Kernel] | None = None,
    program: RunProgram | None = None,
) -> list[Array]:
    """Return the arrays of `outputs`, given those of the `Input`s by position."""
    return Interpreter(inputs, {} if libraries is None else libraries, program).run(outputs)


class Interpreter:
    """Arrays of tensors, computed once each."""

    def __init__(
        self,
        inputs: Sequence[Array],
        libraries: Mapping[str, Kernel],
        program: RunProgram | None,
    ) -> None:
        self.inputs = inputs
        self.libraries = libraries
        self.program = program
        self.arrays: dict[Tensor, Array] = {}

    def run(self, outputs: Sequence[Tensor]) -> list[Array]:
        """Compute tensors, after those that they need."""
        stack = list(reversed(outputs))
        while stack:
            tensor = stack[-1]
            needed = [t for t in operands_of(tensor) if t not in self.arrays]
            if tensor in self.arrays or not needed:
                stack.pop()
                if tensor not in self.arrays:
                    self.compute(tensor)
            stack.extend(needed if tensor not in self.arrays else ())
        return [self.arrays[t] for t in outputs]

    def compute(self, tensor: Tensor) -> None:
        """Compute a tensor whose operands are there (with a node, all of its results)."""
        if isinstance(tensor, Result):
            found = self.node(tensor.node)
            results: list[Tensor] = list(tensor.node.results)
        else:
            found, results = [self.tensor(tensor)], [tensor]
        for t, x in zip(results, found, strict=True):
            if x.shape != t.shape or x.dtype != t.dtype:
                raise InternalError(
                    f"{type(t).__name__}: {t.dtype}{t.shape}, got {x.dtype}{x.shape}"
                )
            self.arrays[t] = x

    def tensor(self, tensor: Tensor) -> Array:
        """Compute a tensor that is no node's result."""
        if isinstance(tensor, Input):
            return np.asarray(self.inputs[tensor.position])
        if isinstance(tensor, Map):
            return whole(self.scalar(tensor.body, tensor.shape), tensor.shape)
        assert isinstance(tensor, View), tensor
        flat = np.ascontiguousarray(self.arrays[tensor.operand]).reshape(-1)
        return flat.view(tensor.dtype).reshape(tensor.shape)

    def node(self, node: Node) -> list[Array]:
        """Compute the results of a node."""
        if isinstance(node, Reduce):
            return self.reduce(node)
        if isinstance(node, Prefix):
            return [self.prefix(node)]
        if isinstance(node, Update):
            return [self.update(node)]
        if isinstance(node, Join):
            return [np.concatenate([self.arrays[p] for p in node.parts], node.axis)]
        assert isinstance(node, Library | Program), node
        operands = [self.arrays[t] for t in node.operands]
        if isinstance(node, Program):
            assert self.program is not None, "no interpreter of inner programs was given"
            return [np.asarray(x) for x in self.program(node, operands)]
        if node.name not in self.libraries:
            raise InternalError(f"no NumPy meaning was given for the library kernel {node.name!r}")
        types = [(r.shape, r.dtype) for r in node.results]
        return [np.asarray(x) for x in self.libraries[node.name](operands, node.params, types)]

    def scalar(self, root: Scalar, space: Shape, slots: Sequence[Array] = ()) -> Array:
        """Evaluate a scalar over an index space."""
        values: dict[Scalar, Array] = {}
        stack = [root]
        while stack:
            s = stack[-1]
            needed = [a for a in arguments_of(s) if a not in values]
            if s not in values and not needed:
                values[s] = self.evaluate(s, space, values, slots)
            if not needed:
                stack.pop()
            stack.extend(needed)
        return values[root]

    def evaluate(
        self, s: Scalar, space: Shape, values: dict[Scalar, Array], slots: Sequence[Array]
    ) -> Array:
        """Evaluate a scalar whose arguments are there."""
        if isinstance(s, Const):
            return np.asarray(s.value).astype(s.dtype).reshape((1,) * len(space))
        if isinstance(s, Index):
            shape = [1] * len(space)
            shape[s.axis] = space[s.axis]
            return np.arange(space[s.axis], dtype=np.int64).reshape(shape)
        if isinstance(s, Slot):
            return slots[s.position]
        if isinstance(s, Load):
            return self.load(s, values)
        assert isinstance(s, Apply), s
        return compute_apply(s.fn, [values[a] for a in s.args], s.dtype)

    def load(self, s: Load, values: dict[Scalar, Array]) -> Array:
        """Gather elements; zeros where the guard is false."""
        source = self.arrays[s.source]
        indices = [values[i] for i in s.indices]
        guard = np.asarray(True) if s.guard is None else values[s.guard]
        rank = max([guard.ndim, *(i.ndim for i in indices)])
        check_inside(indices, source.shape, guard, "load")
        shape = np.broadcast_shapes((1,) * rank, guard.shape, *(i.shape for i in indices))
        if source.size == 0:
            return np.zeros(shape, source.dtype)
        safe = tuple(np.where(guard, i, 0) for i in indices)
        found = np.broadcast_to(source[safe] if safe else source, shape)
        return found if s.guard is None else np.where(guard, found, np.zeros((), source.dtype))

    def reduce(self, node: Reduce) -> list[Array]:
        """Fold bodies over the trailing extents."""
        space = node.shape + node.extents
        n = prod(node.extents)
        bodies = [whole(self.scalar(b, space), space).reshape(*node.shape, n) for b in node.bodies]
        inits = [np.full(node.shape, i.value).astype(i.dtype) for i in node.inits]
        fn = basic_combine(node.combine[0]) if len(bodies) == 1 else None
        if n == 0:
            return inits
        if fn in _FOLDS and bodies[0].dtype != np.bool_:
            with np.errstate(all="ignore"):
                out = _FOLDS[fn].reduce(bodies[0], axis=-1)
            return [compute_apply(fn, [inits[0], out.astype(inits[0].dtype)], inits[0].dtype)]
        while n > 1:
            half = n // 2
            left, right = [b[..., :half] for b in bodies], [b[..., half : 2 * half] for b in bodies]
            folded = self.combine(node.combine, left, right)
            rest = [b[..., 2 * half :] for b in bodies]
            bodies = [np.concatenate(p, axis=-1) for p in zip(folded, rest, strict=True)]
            n -= half
        return self.combine(node.combine, inits, [b[..., 0] for b in bodies])

    def combine(
        self, rules: Sequence[Scalar], left: Sequence[Array], right: Sequence[Array]
    ) -> list[Array]:
        """Apply combining rules to accumulators and new elements."""
        shape, slots = left[0].shape, [*left, *right]
        return [whole(self.scalar(rule, shape, slots), shape) for rule in rules]

    def prefix(self, node: Prefix) -> Array:
        """Fold along an axis, keeping each step."""
        body = np.moveaxis(whole(self.scalar(node.body, node.shape), node.shape), node.axis, 0)
        out = np.empty_like(body)
        total = np.full(body.shape[1:], node.init.value).astype(node.init.dtype)
        order = range(len(body))
        for k in reversed(order) if node.reverse else order:
            total = out[k] = self.combine((node.combine,), [total], [np.asarray(body[k])])[0]
        return np.ascontiguousarray(np.moveaxis(out, 0, node.axis))

    def update(self, node: Update) -> Array:
        """Replace elements, point by point in row-major order."""
        out = self.arrays[node.base].copy()
        true = np.ones(node.space, bool)
        guard = (
            true if node.guard is None else whole(self.scalar(node.guard, node.space), node.space)
        )
        indices = [whole(self.scalar(i, node.space), node.space) for i in node.indices]
        value = whole(self.scalar(node.value, node.space), node.space)
        check_inside(indices, out.shape, guard, "update")
        at = tuple(i[guard] for i in indices)
        chosen = value[guard]
        fn = basic_combine(node.combine)
        if isinstance(node.combine, Slot) and node.combine.position == 1:
            out[at] = chosen if at else chosen[-1:].reshape(()) if chosen.size else out
        elif fn in _FOLDS and out.dtype.kind in "iufc" and at:
            _FOLDS[fn].at(out, at, chosen)
        else:
            for k in range(len(chosen)):
                here = tuple(i[k] for i in at)
                old, new = np.asarray(out[here]), np.asarray(chosen[k])
                out[here] = self.combine((node.combine,), [old], [new])[0]
        return out


def whole(x: Array, shape: Shape) -> Array:
    """Return an array broadcast to a shape, in memory of its own."""
    if x.ndim > len(shape):
        x = x.reshape(x.shape[x.ndim - len(shape) :])
    return np.ascontiguousarray(np.broadcast_to(x, shape)).reshape(shape)


def check_inside(indices: Sequence[Array], shape: Shape, guard: Array, what: str) -> None:
    """Raise an InternalError where the guard holds and an index is outside."""
    for axis, (i, n) in enumerate(zip(indices, shape, strict=True)):
        wrong = ((i < 0) | (i >= n)) & guard
        if wrong.any():
            bad = np.broadcast_to(i, wrong.shape)[wrong][0]
            raise InternalError(f"kernel {what}: index {bad} on axis {axis} of a tensor of {shape}")


def arguments_of(s: Scalar) -> tuple[Scalar, ...]:
    """Return the scalars that a scalar is computed from."""
    if isinstance(s, Apply):
        return s.args
    if isinstance(s, Load):
        return s.indices if s.guard is None else (*s.indices, s.guard)
    return ()


def scalars_of(tensor: Tensor) -> tuple[Scalar, ...]:
    """Return the scalars that a tensor's computation evaluates over its space."""
    item = tensor.node if isinstance(tensor, Result) else tensor
    if isinstance(item, Map):
        return (item.body,)
    if isinstance(item, Reduce):
        return item.bodies
    if isinstance(item, Prefix):
        return (item.body,)
    if isinstance(item, Update):
        guard = () if item.guard is None else (item.guard,)
        return (*item.indices, item.value, *guard)
    return ()


def operands_of(tensor: Tensor) -> list[Tensor]:
    """Return the tensors that a tensor is computed from, each once."""
    item = tensor.node if isinstance(tensor, Result) else tensor
    found: dict[Tensor, None] = {}
    if isinstance(item, View):
        found[item.operand] = None
    if isinstance(item, Update):
        found[item.base] = None
    if isinstance(item, Join):
        found.update(dict.fromkeys(item.parts))
    if isinstance(item, Library | Program):
        found.update(dict.fromkeys(item.operands))
    seen: set[Scalar] = set()
    stack = list(reversed(scalars_of(tensor)))
    while stack:
        s = stack.pop()
        if s not in seen:
            seen.add(s)
            stack.extend(reversed(arguments_of(s)))
            if isinstance(s, Load):
                found[s.source] = None
    return list(found)
