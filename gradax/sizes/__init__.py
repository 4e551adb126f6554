"""Sizes of axes that are not fixed while a program is traced and compiled.

A `Size` is a polynomial, with integer coefficients, of the open axes of a program (and of quotients
and remainders of such). Arithmetic gives sizes again. A comparison is answered for the sizes of the
call that is being traced; where the answer is not the same for all sizes it is kept as a `Guard`,
and what was traced and compiled is used again only for sizes that keep all guards.

Axes of size 0 and 1 are always fixed: broadcasting would ask at each step.
"""

from gradax.sizes.axes import Guard as Guard
from gradax.sizes.axes import OpenAxes as OpenAxes
from gradax.sizes.axes import Settled as Settled
from gradax.sizes.axes import Stopped as Stopped
from gradax.sizes.choices import as_size as as_size
from gradax.sizes.choices import has_open as has_open
from gradax.sizes.choices import is_open as is_open
from gradax.sizes.choices import likely as likely
from gradax.sizes.choices import same as same
from gradax.sizes.choices import same_shape as same_shape
from gradax.sizes.choices import size_at as size_at
from gradax.sizes.choices import span_of as span_of
from gradax.sizes.registers import registers as registers
from gradax.sizes.registers import written_as_registers as written_as_registers
from gradax.sizes.size import Size as Size
from gradax.sizes.size import escaped as escaped
from gradax.sizes.unknown import LEAST as LEAST
from gradax.sizes.unknown import Unknown as Unknown
