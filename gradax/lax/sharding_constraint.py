"""The wish that a value be laid out by a sharding, as programs keep it."""

from __future__ import annotations

from typing import Any, final

from gradax import kernel
from gradax.core.aval import Aval
from gradax.core.op import Op, operation
from gradax.core.tangent import Zero, is_zero


@final
@operation
class ShardingConstraint(Op):
    """The operand, to be laid out by `sharding`.

    A compiled program runs on one device: there the wish is only kept for whoever reads the
    program. `sharding` is hashable and has `with_new_axis(dim)`.
    """

    sharding: Any

    def infer(self, *avals: Aval) -> Aval:
        return avals[0]

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        (dx,) = tangents
        return self(primals[0]), Zero(dx.aval) if is_zero(dx) else self(dx)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        return (self(ct),)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        (dim,) = dims
        assert dim is not None
        return ShardingConstraint(self.sharding.with_new_axis(dim))(args[0]), dim

    def lower(self, *operands: kernel.Tensor) -> Any:
        return operands[0]

    def reference(self, *operands: Any) -> Any:
        return operands[0]
