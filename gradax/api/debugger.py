"""`debug.breakpoint`: a debugger on the command line that a running program stops in."""

from __future__ import annotations

import bdb
import linecache
import os
import sys
from cmd import Cmd
from pprint import pformat
from types import FrameType
from typing import Any, NamedTuple

from gradax import tree
from gradax.api.callbacks import debug_callback
from gradax.core.tracer import Trace, Tracer
from gradax.core.value import is_value
from gradax.errors import ArgumentError, at_user_line
from gradax.native import get_trace

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
AROUND = 5


class Place(NamedTuple):
    """A frame of the stack as it was when the program was traced."""

    file: str
    line: int
    function: str
    names: dict[str, Any]
    variables: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file}({self.line}) {self.function}()"


class Recorded(NamedTuple):
    """The structure of all frames' variables, and what of them is no array."""

    structure: Any
    static: tuple[tuple[int, Any], ...]
    places: tuple[Place, ...]


class Unknown:
    """Stands for a traced value that is not known where the breakpoint is."""

    def __init__(self, tracer: Tracer) -> None:
        self.aval = tracer.aval

    def __repr__(self) -> str:
        return f"<a traced {self.aval} of another transformation>"


class Stop:
    """The function that a program calls at a breakpoint."""

    def __init__(self, recorded: Recorded, stdin: Any, stdout: Any) -> None:
        self.recorded, self.stdin, self.stdout = recorded, stdin, stdout

    def __call__(self, *values: Any) -> None:
        structure, static, places = self.recorded
        leaves = list(values)
        for position, leaf in static:
            leaves.insert(position, leaf)
        variables = tree.unflatten(structure, leaves)
        now = [p._replace(variables=v) for p, v in zip(places, variables, strict=True)]
        Debugger(now, self.stdin, self.stdout).cmdloop()


class Debugger(Cmd):
    """Reads commands, and shows the frames of a program with their run-time values."""

    prompt = "(gxdb) "

    def __init__(self, places: list[Place], stdin: Any = None, stdout: Any = None) -> None:
        super().__init__("tab", stdin, stdout)
        self.use_rawinput = stdin is None
        self.places, self.at = places, 0
        self.intro = f"Entering the debugger at {places[0]}"

    def say(self, text: Any) -> None:
        """Write a line."""
        self.stdout.write(f"{text}\n")

    def value_of(self, expression: str) -> Any:
        """Return the value of an expression in the current frame."""
        place = self.places[self.at]
        return eval(expression, place.names, place.variables)

    def show(self, expression: str, text: Any) -> None:
        """Write the value of an expression, or the error that it raises."""
        try:
            self.say(text(self.value_of(expression)))
        except Exception as error:
            self.say(f"*** {type(error).__name__}: {error}")

    def do_p(self, arg: str) -> None:
        """Print the value of an expression: p EXPRESSION."""
        self.show(arg, repr)

    def do_pp(self, arg: str) -> None:
        """Print the value of an expression over several lines: pp EXPRESSION."""
        self.show(arg, pformat)

    def do_l(self, arg: str) -> None:
        """List the lines around the current one."""
        place = self.places[self.at]
        for number in range(max(place.line - AROUND, 1), place.line + AROUND + 1):
            line = linecache.getline(place.file, number).rstrip()
            if line or linecache.getline(place.file, number + 1):
                self.say(f"{'->' if number == place.line else '  '} {number:4} {line}")

    def do_u(self, arg: str) -> None:
        """Go up to the frame that called this one."""
        self.go(self.at + 1, "the oldest frame")

    def do_d(self, arg: str) -> None:
        """Go down to the frame that this one called."""
        self.go(self.at - 1, "the newest frame")

    def go(self, to: int, end: str) -> None:
        """Make a frame the current one, if it is there."""
        if not 0 <= to < len(self.places):
            self.say(f"*** This is {end}.")
            return
        self.at = to
        self.say(f"> {self.places[to]}")

    def do_bt(self, arg: str) -> None:
        """Show all frames, the newest last."""
        for k in reversed(range(len(self.places))):
            self.say(f"{'>' if k == self.at else ' '} {self.places[k]}")

    def do_a(self, arg: str) -> None:
        """Print all variables of the frame."""
        for name, value in sorted(self.places[self.at].variables.items()):
            self.say(f"{name} = {value!r}")

    def do_c(self, arg: str) -> bool:
        """Let the program go on."""
        return True

    def do_q(self, arg: str) -> bool:
        """End the program by an error."""
        raise bdb.BdbQuit("quit in a breakpoint of gradax.debug")

    do_EOF = do_exit = do_quit = do_q
    do_list, do_up, do_down, do_cont, do_continue = do_l, do_u, do_d, do_c, do_c
    do_w = do_where = do_bt
    do_args = do_a

    def emptyline(self) -> bool:
        """Do nothing for an empty line."""
        return False

    def default(self, line: str) -> None:
        """Say that there is no such command."""
        self.say(f"*** There is no command {line.split()[0]!r}; help lists those there are.")


def breakpoint(
    *,
    backend: str | None = None,
    filter_frames: bool = True,
    num_frames: int | None = None,
    ordered: bool = False,
    token: Any = None,
    stdin: Any = None,
    stdout: Any = None,
) -> None:
    """Stop whenever the program comes here, in a debugger that reads commands.

    Commands: p and pp EXPRESSION, l (lines around), a (variables), u and d (frames), bt, c
    (continue), q (end the program by an error), help. Variables have their run-time values.
    `num_frames` says how many frames are kept, `filter_frames` leaves out those of gradax.
    `stdin` and `stdout` are files to use instead of the terminal's.
    """
    del backend, token
    if num_frames is not None and num_frames < 1:
        raise ArgumentError(
            f"debug.breakpoint: num_frames is at least 1; got {num_frames}.{at_user_line()}"
        )
    places = places_of(sys._getframe(1), filter_frames, num_frames)
    leaves, structure = tree.flatten([p.variables for p in places])
    kept = list(map(known, leaves))
    static = tuple((i, x) for i, x in enumerate(kept) if not is_value(x))
    bare = tuple(p._replace(variables={}) for p in places)
    stop = Stop(Recorded(structure, static, bare), stdin, stdout)
    debug_callback(stop, *filter(is_value, kept), ordered=ordered)


def places_of(frame: FrameType | None, filters: bool, most: int | None) -> list[Place]:
    """Return the frames of the stack, the newest first."""
    found: list[Place] = []
    while frame is not None and (most is None or len(found) < most):
        code = frame.f_code
        if not (filters and code.co_filename.startswith(PACKAGE)):
            variables = {k: v for k, v in frame.f_locals.items() if not k.startswith("__")}
            if frame.f_locals is frame.f_globals:
                variables = {}
            place = Place(
                code.co_filename, frame.f_lineno, code.co_name, frame.f_globals, variables
            )
            found.append(place)
        frame = frame.f_back
    return found


def known(x: Any) -> Any:
    """Return a value, or what stands for one that the current program cannot reach."""
    if not isinstance(x, Tracer):
        return x
    trace: Trace | None = get_trace()
    while trace is not None:
        if x.interpreter is trace:
            return x
        trace = trace.parent
    return Unknown(x)
