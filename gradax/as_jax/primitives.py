"""Primitives to which libraries give rules, though they are operations here."""

from __future__ import annotations

from gradax.extend.core import Primitive
from gradax.lax.barriers import stop_gradient

# Libraries teach JAX to transpose it; here it transposes by itself.
stop_gradient_p = Primitive("stop_gradient")
stop_gradient_p.def_impl(stop_gradient)
