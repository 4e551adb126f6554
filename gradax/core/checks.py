"""Runs the jaxpr checker where the setting `enable_checks` asks for it."""

from __future__ import annotations

from gradax import config
from gradax.core.check import check_jaxpr
from gradax.core.jaxpr import Jaxpr


def maybe_check(jaxpr: Jaxpr) -> None:
    """Check `jaxpr` when checks are on."""
    if config.current.enable_checks:
        check_jaxpr(jaxpr)
