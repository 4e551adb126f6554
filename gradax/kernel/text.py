"""The text of kernel expressions, for people: one line a tensor, infix scalars.

Tensors are named t0, t1, … in the order of computation; a scalar that is used several times and is
big gets a line of its own (s0, s1, …) before the tensor that uses it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradax import dtypes
from gradax.kernel.build import basic_combine
from gradax.kernel.interpret import arguments_of, operands_of, scalars_of
from gradax.kernel.ir import (
    Apply,
    Const,
    Index,
    Input,
    Join,
    Library,
    Load,
    Map,
    Prefix,
    Program,
    Reduce,
    Result,
    Scalar,
    Slot,
    Tensor,
    Update,
    View,
)

_INFIX = {
    "add": ("+", 6), "sub": ("-", 6), "mul": ("*", 7), "div": ("/", 7), "rem": ("%", 7),
    "shl": ("<<", 5), "shr": (">>>", 5), "sar": (">>", 5), "and": ("&", 4), "xor": ("^", 3),
    "or": ("|", 2), "eq": ("==", 1), "ne": ("!=", 1), "lt": ("<", 1), "le": ("<=", 1),
    "gt": (">", 1), "ge": (">=", 1),
}  # fmt: skip
_AXES = "ijklmnpqruvw"
# A shared scalar is named when it has at least this many nodes.
_BIG = 3


def format_tensors(outputs: Sequence[Tensor]) -> str:
    """Return the text of everything that `outputs` are computed from."""
    writer = Writer()
    for tensor in in_order(outputs):
        writer.write(tensor)
    names = ", ".join(writer.names[t] for t in outputs)
    return "\n".join([*writer.lines, f"return {names}"])


def in_order(outputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors behind `outputs`, each after its operands, inputs first."""
    done: dict[Tensor, None] = {}
    stack = list(reversed(outputs))
    while stack:
        tensor = stack[-1]
        needed = [t for t in operands_of(tensor) if t not in done]
        if not needed:
            stack.pop()
            done[tensor] = None
        stack.extend(reversed(needed))
    inputs = [t for t in done if isinstance(t, Input)]
    inputs.sort(key=lambda t: t.position)
    return [*inputs, *(t for t in done if not isinstance(t, Input))]


class Writer:
    """The lines written so far and the names given."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[Tensor, str] = {}
        self.shared: dict[Scalar, str] = {}

    def write(self, tensor: Tensor) -> None:
        """Write the line of a tensor, or of the node that it is a result of."""
        if tensor in self.names:
            return
        results = tensor.node.results if isinstance(tensor, Result) else (tensor,)
        for t in results:
            self.names[t] = f"t{len(self.names)}"
        self.shared = {}
        self.write_shared(scalars_of(tensor))
        heads = ", ".join(f"{self.names[t]}: {type_text(t)}" for t in results)
        self.lines.append(f"{heads} = {self.body(tensor)}")

    def write_shared(self, roots: Sequence[Scalar]) -> None:
        """Write the lines of big scalars that are used more than once."""
        counts, order = count_uses(roots)
        size: dict[Scalar, int] = {}
        for s in order:
            size[s] = 1 + sum(size[a] for a in arguments_of(s))
            if counts[s] > 1 and size[s] >= _BIG:
                text = self.text(s)
                self.shared[s] = f"s{len(self.shared)}"
                self.lines.append(f"  {self.shared[s]} = {text}")

    def body(self, tensor: Tensor) -> str:
        """Return what computes a tensor."""
        item = tensor.node if isinstance(tensor, Result) else tensor
        if isinstance(item, Input):
            return f"input {item.position}"
        if isinstance(item, Map):
            return f"map {self.text(item.body)}"
        if isinstance(item, View):
            return f"view {self.names[item.operand]}"
        if isinstance(item, Reduce):
            bodies = ", ".join(map(self.text, item.bodies))
            rule = self.rules(item.combine)
            inits = ", ".join(map(self.text, item.inits))
            return f"reduce{list(item.extents)} {rule} of {bodies} from {inits}"
        if isinstance(item, Prefix):
            back = " reversed" if item.reverse else ""
            return f"prefix axis {item.axis}{back} {self.rules((item.combine,))} of " + self.text(
                item.body
            )
        if isinstance(item, Update):
            return self.update(item)
        if isinstance(item, Join):
            return f"join axis {item.axis} {self.list(item.parts)}"
        assert isinstance(item, Library | Program)
        if isinstance(item, Library):
            return f"library {item.name}{list(item.params)} {self.list(item.operands)}"
        return f"{item.kind}{list(item.counts)} {self.list(item.operands)}"

    def update(self, node: Update) -> str:
        """Return the text of an update."""
        indices = ", ".join(map(self.text, node.indices))
        guard = "" if node.guard is None else f" if {self.text(node.guard)}"
        unique = " unique" if node.unique else ""
        rule = self.rules((node.combine,))
        place = f"{self.names[node.base]} over {list(node.space)}{unique} at [{indices}]"
        return f"update {place} {rule} {self.text(node.value)}{guard}"

    def list(self, tensors: Sequence[Tensor]) -> str:
        """Return names between parentheses."""
        return f"({', '.join(self.names[t] for t in tensors)})"

    def rules(self, rules: Sequence[Scalar]) -> str:
        """Return the text of combining rules: the function's name when there is just one."""
        fn = basic_combine(rules[0]) if len(rules) == 1 else None
        if fn is not None:
            return fn
        return "{" + ", ".join(map(self.text, rules)) + "}"

    def text(self, s: Scalar, outer: int = 0) -> str:
        """Return a scalar, in parentheses where it binds less than its surroundings."""
        if s in self.shared:
            return self.shared[s]
        if isinstance(s, Const):
            return str(s.value)
        if isinstance(s, Index):
            return _AXES[s.axis] if s.axis < len(_AXES) else f"i{s.axis}"
        if isinstance(s, Slot):
            return f"${s.position}"
        if isinstance(s, Load):
            place = f"{self.names[s.source]}[{', '.join(map(self.text, s.indices))}]"
            return place if s.guard is None else f"({place} if {self.text(s.guard)} else 0)"
        assert isinstance(s, Apply)
        if s.fn in ("convert", "bitcast"):
            return (
                f"{dtypes.short_name(s.dtype)}{'!' * (s.fn == 'bitcast')}({self.text(s.args[0])})"
            )
        if s.fn not in _INFIX:
            return f"{s.fn}({', '.join(map(self.text, s.args))})"
        sign, binding = _INFIX[s.fn]
        flat = f"{self.text(s.args[0], binding)} {sign} {self.text(s.args[1], binding + 1)}"
        return f"({flat})" if binding < outer else flat


def type_text(tensor: Tensor) -> str:
    """Return `f32[3,4]`."""
    return f"{dtypes.short_name(tensor.dtype)}[{','.join(map(str, tensor.shape))}]"


def count_uses(roots: Sequence[Scalar]) -> tuple[dict[Scalar, int], list[Scalar]]:
    """Return how often each scalar is used, and the scalars, arguments first."""
    counts: dict[Scalar, int] = {}
    order: list[Scalar] = []
    stack: list[tuple[Scalar, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        s, ready = stack.pop()
        if ready:
            order.append(s)
            continue
        counts[s] = counts.get(s, 0) + 1
        if counts[s] == 1:
            stack.append((s, True))
            stack.extend((a, False) for a in reversed(arguments_of(s)))
    return counts, order
