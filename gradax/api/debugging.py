"""`debug.print`: values of a running program in a format string."""

from __future__ import annotations

import logging
import string
from typing import Any

import numpy as np

from gradax import tree
from gradax.api.callbacks import debug_callback
from gradax.core.value import is_value
from gradax.errors import ArgumentError, at_user_line
from gradax.records import record


class Fields(string.Formatter):
    """Checks that a format string uses what it is given."""

    def check_unused_args(self, used_args: Any, args: Any, kwargs: Any) -> None:
        """Refuse arguments that no field shows."""
        check_unused(used_args, args, kwargs)


def check_unused(used_args: Any, args: Any, kwargs: Any) -> None:
    """Refuse arguments that no field shows."""
    unused = [k for k in kwargs if k not in used_args]
    unused += [i for i in range(len(args)) if i not in used_args]
    if unused:
        raise ArgumentError(
            f"debug.print: the format string shows no field of the arguments {unused}."
            f"{at_user_line()}\nTo show a value in place write {{name}} and pass name=value;"
            " an f-string is formatted while the function is traced."
        )


@record
class Printer:
    """Prints values in a format; leaves of its arguments that are not arrays are part of it."""

    fmt: str
    arguments: Any
    static: tuple[tuple[int, Any], ...]
    options: Any
    is_log: bool

    def __call__(self, *values: Any) -> None:
        leaves = list(values)
        for position, leaf in self.static:
            leaves.insert(position, leaf)
        args, kwargs = tree.unflatten(self.arguments, leaves)
        with np.printoptions(**dict(self.options)):
            text = self.fmt.format(*args, **kwargs)
        if self.is_log:
            logging.getLogger("gradax.debug").info(text)
        else:
            print(text)


def debug_print(
    fmt: str,
    *args: Any,
    ordered: bool = False,
    partitioned: bool = False,
    skip_format_check: bool = False,
    _use_logging: bool = False,
    **kwargs: Any,
) -> None:
    """Print `fmt.format(*args, **kwargs)` whenever the program runs, with its values.

    Differentiation prints primal values, vmap once for each index.
    Errors: ValueError for arguments that the format string does not show.
    """
    if not skip_format_check:
        Fields().format(fmt, *map(as_shown, args), **{k: as_shown(v) for k, v in kwargs.items()})
    leaves, structure = tree.flatten((args, kwargs))
    static = tuple((i, x) for i, x in enumerate(leaves) if not is_value(x))
    options = tuple(np.get_printoptions().items())
    plain = tuple(o for o in options if is_plain(o[1]))
    printer = Printer(fmt, structure, static, plain, _use_logging)
    debug_callback(printer, *filter(is_value, leaves), ordered=ordered)


def debug_log(fmt: str, *args: Any, **kwargs: Any) -> None:
    """Log `fmt.format(*args, **kwargs)`, at level INFO of gradax.debug, whenever the program runs.

    Errors: ValueError for arguments that the format string does not show.
    """
    debug_print(fmt, *args, **{"_use_logging": True, **kwargs})


def is_plain(x: Any) -> bool:
    """Tell whether a print option can be compared."""
    return isinstance(x, (int, float, str, bool)) and x is not None


class AnyFormat:
    """Stands for a traced value while a format string is checked."""

    def __format__(self, spec: str) -> str:
        return ""

    def __getattr__(self, name: str) -> AnyFormat:
        return self

    def __getitem__(self, index: Any) -> AnyFormat:
        return self


def as_shown(x: Any) -> Any:
    """Return what stands for an argument in the check."""
    return AnyFormat() if any(map(is_value, tree.leaves(x))) else x
