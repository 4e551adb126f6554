"""Special functions of several arguments: polygamma, zeta, incomplete gamma and beta functions.

They need loops whose length depends on the element, so compiled code calls a library kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from gradax import kernel
from gradax.core.op import UnsupportedRule
from gradax.errors import at_user_line
from gradax.kernel.libraries import dtype_code
from gradax.kernel.meanings import special
from gradax.lax.arithmetic import Add, Binary, Div, Mul, Neg, Sub, mul, scalar_like
from gradax.lax.comparison import zeros
from gradax.lax.elementary import Exp, Log, Log1p
from gradax.lax.families import FLOAT, Elementwise, arithmetic
from gradax.lax.incomplete import igamma_slope
from gradax.lax.operands import operands
from gradax.lax.shapes import broadcast_scalar
