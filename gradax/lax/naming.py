"""`checkpoint_name`: a name that policies of `checkpoint` know a value by."""

from __future__ import annotations

from typing import Any, TypeVar, final

from gradax import kernel, tree
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.value import as_value

T = TypeVar("T")


@final
@operation
class Name(Op):
    """The operand, which has a name."""

    value_name: str

    name = "name"

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        # The tangent has none: a policy keeps primal values.
        return self(primals[0]), tangents[0]

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return ct

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        return self(args[0]), dims[0]

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands[0]

    def reference(self, *operands: Any) -> Any:
        return operands[0]

    @property
    def params(self) -> dict[str, Any]:
        return {"name": self.value_name}


def checkpoint_name(x: T, name: str) -> T:
    """Return `x`, an array or a pytree of arrays, whose leaves policies know by `name`."""
    return tree.map(lambda leaf: Name(name)(as_value(leaf)), x)
