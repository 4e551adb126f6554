"""Operations whose parameters are programs: calls, branches, loops, custom derivative rules.

They stand above `transforms`, which their rules use on those programs; `gradax.lax` re-exports the
public functions.
"""

from gradax.control.call import Jit as Jit
from gradax.control.cond import Cond as Cond
from gradax.control.cond import cond as cond
from gradax.control.cond import switch as switch
from gradax.control.mapping import associative_scan as associative_scan
from gradax.control.mapping import map as map
from gradax.control.scan import Scan as Scan
from gradax.control.scan import scan as scan
from gradax.control.while_loop import While as While
from gradax.control.while_loop import fori_loop as fori_loop
from gradax.control.while_loop import while_loop as while_loop
