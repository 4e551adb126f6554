"""`and` and `or` of traced values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradax.autographing.branches import Staging, choose_value, truth
from gradax.autographing.sites import Site
from gradax.autographing.values import is_array
from gradax.control.programs import ProgramOp
from gradax.core.effects import program_effects
from gradax.core.evaluate import eval_jaxpr
from gradax.core.value import aval_of
from gradax.lax.bits import And, Or

# Operands of more equations than this are computed only where they are needed.
MOST_EQUATIONS = 24


def both(a: Any, b: Any) -> Any:
    """Return whether two bool scalars hold."""
    return And()(a, b)


def is_bool(x: Any) -> bool:
    """Tell whether a value is a bool or an array of one."""
    return is_array(x) and aval_of(x).dtype == np.bool_ and aval_of(x).size == 1


def shortcut(site: Site, is_test: bool, a: Any, second: Callable[[], Any], is_and: bool) -> Any:
    """Return `a and b`, or `a or b`, of a traced a.

    A cheap b is computed anyway: its value does not count where a decides.
    """
    if not (is_test or is_bool(a)):
        return decided(site, a, second, lambda: a, is_and)
    staging = Staging(site.function)
    found = staging.run(second)
    if not (is_array(found) and (is_test or is_bool(found))):
        staging.trace.alive = False
        return decided(site, a, second, lambda: a, is_and)
    pred = staging.run(lambda: truth(found))
    closed = staging.finish([pred])
    first = truth(a)
    eqns = closed.jaxpr.eqns
    has_loops = any(isinstance(e.op, ProgramOp) for e in eqns)
    if len(eqns) <= MOST_EQUATIONS and not has_loops and not program_effects(closed.jaxpr):
        (value,) = eval_jaxpr(closed.jaxpr, closed.consts)
        return And()(first, value) if is_and else Or()(first, value)
    known = np.bool_(not is_and)
    run = partial(eval_jaxpr, closed.jaxpr, closed.consts)
    return decided(site, first, lambda: run()[0], lambda: known, is_and)


def decided(
    site: Site, a: Any, second: Callable[[], Any], first: Callable[[], Any], is_and: bool
) -> Any:
    """Return one of two values, as the truth of a decides."""
    return choose_value(site, a, *((second, first) if is_and else (first, second)))
