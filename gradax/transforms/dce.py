"""Dead code elimination: keep what the used outputs depend on."""

from __future__ import annotations

from collections.abc import Sequence

from gradax.core.jaxpr import Jaxpr, Var
from gradax.transforms.linearize import live_eqns


def dce_program(jaxpr: Jaxpr, used_out: Sequence[bool]) -> tuple[Jaxpr, tuple[bool, ...]]:
    """Return the program of the used outputs and which inputs it still has.

    Post: check_jaxpr holds; the outputs are those used, in order.
    """
    outvars = [v for v, used in zip(jaxpr.outvars, used_out, strict=True) if used]
    eqns = live_eqns(jaxpr.eqns, outvars)
    needed = {a for a in outvars if isinstance(a, Var)}
    for eqn in eqns:
        needed.update(a for a in eqn.invars if isinstance(a, Var))
    used_in = tuple(v in needed for v in jaxpr.invars)
    invars = [v for v, used in zip(jaxpr.invars, used_in, strict=True) if used]
    return Jaxpr(jaxpr.constvars, invars, eqns, outvars, jaxpr.debug_name), used_in
