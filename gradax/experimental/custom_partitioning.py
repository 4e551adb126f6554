"""`custom_partitioning`: functions that say how a compiler is to cut them for several devices.

A compiled program runs on one device here, so that nothing is cut: the rules are kept, and never
asked. The function computes what it computes without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

from gradax.api.arguments import check_callable, name_of

BATCHING = "…"


class custom_partitioning:
    """A function with rules for cutting it: called as the function itself."""

    def __init__(self, fun: Callable[..., Any], static_argnums: Sequence[int] = ()) -> None:
        check_callable("custom_partitioning", fun)
        self.fun = fun
        named: Any = self
        update_wrapper(named, fun)
        self.__name__ = name_of(fun)
        self.static_argnums = tuple(static_argnums)
        self.rules: dict[str, Any] = {}

    def def_partition(
        self,
        partition: Any,
        infer_sharding_from_operands: Any = None,
        propagate_user_sharding: Any = None,
        decode_shardings: bool = True,
        sharding_rule: Any = None,
        **factors: Any,
    ) -> Any:
        """Keep the rules; return `partition`."""
        self.rules = {
            "partition": partition,
            "infer_sharding_from_operands": infer_sharding_from_operands,
            "propagate_user_sharding": propagate_user_sharding,
            "decode_shardings": decode_shardings,
            "sharding_rule": sharding_rule,
            **factors,
        }
        return partition

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fun(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<custom_partitioning function {self.__name__}>"
