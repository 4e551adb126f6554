"""Operations whose parameters are programs: calls, branches, loops, custom derivative rules.

They stand above `transforms`, which their rules use on those programs; `gradax.lax` re-exports the
public functions.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.control.associative import associative_scan as associative_scan
    from gradax.control.call import Jit as Jit
    from gradax.control.cond import Cond as Cond
    from gradax.control.cond import cond as cond
    from gradax.control.cond import switch as switch
    from gradax.control.linear_solve import LinearSolve as LinearSolve
    from gradax.control.linear_solve import custom_linear_solve as custom_linear_solve
    from gradax.control.mapping import map as map
    from gradax.control.scan import Scan as Scan
    from gradax.control.scan import scan as scan
    from gradax.control.while_loop import While as While
    from gradax.control.while_loop import fori_loop as fori_loop
    from gradax.control.while_loop import while_loop as while_loop

_EXPORTS = """
    gradax.control.call: Jit
    gradax.control.cond: Cond cond switch
    gradax.control.linear_solve: LinearSolve custom_linear_solve
    gradax.control.associative: associative_scan
    gradax.control.mapping: map
    gradax.control.scan: Scan scan
    gradax.control.while_loop: While fori_loop while_loop
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS)
