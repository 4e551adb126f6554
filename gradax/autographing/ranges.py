"""`range` with traced bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradax.autographing.values import converted, is_traced
from gradax.core.aval import Aval
from gradax.core.value import as_value
from gradax.dtypes.lattice import promote_many
from gradax.errors import ShapeError, at_user_line
from gradax.lax.arithmetic import Add
from gradax.lax.bits import And, Or
from gradax.lax.comparison import Gt, Lt


class TracedRange:
    """The numbers from `start` to `stop`, some of them traced."""

    def __init__(self, *args: Any) -> None:
        start, stop, step = (0, args[0], 1) if len(args) == 1 else (*args, 1)[:3]
        values = [as_value(x) for x in (start, stop, step)]
        for x in values:
            if x.shape != () or not np.issubdtype(np.dtype(x.dtype), np.integer):
                raise ShapeError(
                    f"range: expected integers; got {x.aval}.{at_user_line()}\nConvert the bound"
                    " with astype(int)."
                )
        pairs = [(x.dtype, x.weak_type) for x in values]
        dtype, weak = promote_many(pairs)
        aval = Aval((), dtype, weak)
        self.start, self.stop, self.step = (converted(x, aval) for x in values)
        self.static_step = None if is_traced(step) else int(step)
        if self.static_step == 0:
            raise ValueError("range() arg 3 must not be zero")

    def has(self, i: Any) -> Any:
        """Return whether a number is before the end."""
        if self.static_step is None:
            up = And()(Gt()(self.step, converted(0, self.step.aval)), Lt()(i, self.stop))
            down = And()(Lt()(self.step, converted(0, self.step.aval)), Gt()(i, self.stop))
            return Or()(up, down)
        compare: Callable[[Any, Any], Any] = Lt() if self.static_step > 0 else Gt()
        return compare(i, self.stop)

    def after(self, i: Any) -> Any:
        """Return the next number."""
        return Add()(i, self.step)

    def __iter__(self) -> Any:
        raise ShapeError(
            "autograph: a range with traced bounds can only be looped over by a for statement."
            f"{at_user_line()}\nWrite `for i in range(n)`; for arrays of numbers, the size must be"
            " known."
        )
