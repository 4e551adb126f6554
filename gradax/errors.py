"""Error classes of the library, and where in the user's program an error belongs.

Every class is also a subclass of the builtin that users expect, so `except TypeError` works.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType

import numpy as np

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
# NumPy's functions call tracers' methods: the line that called them is the user's.
_NOT_THE_USERS = (_PACKAGE, os.path.dirname(os.path.abspath(np.__file__)) + os.sep)


class GradaxError(Exception):
    """Base of all errors that gradax raises on purpose."""


class JAXTypeError(GradaxError, TypeError):
    """Base of the TypeErrors that JAX's users know by name."""


class JAXIndexError(GradaxError, IndexError):
    """Base of the IndexErrors that JAX's users know by name."""


class JaxRuntimeError(GradaxError, RuntimeError):
    """A program that failed while it was compiled or ran."""


class ShapeError(GradaxError, TypeError, ValueError):
    """Shapes, dtypes or axes that an operation does not accept."""


class DtypeError(GradaxError, TypeError):
    """A dtype that is unknown or that an operation does not accept."""


class TypePromotionError(DtypeError, ValueError):
    """Operands whose dtypes no implicit conversion joins."""


class DtypeLimitsError(DtypeError, ValueError):
    """A dtype that has no limits of the kind asked for."""


class TreeError(GradaxError, ValueError):
    """Two pytrees that should have the same structure have not."""


class TreeTypeError(TreeError, TypeError):
    """A pytree that a function cannot work with, where JAX's users expect a TypeError."""


class ConcretizationTypeError(JAXTypeError):
    """A traced value was used where a concrete one is needed."""


class TracerArrayConversionError(ConcretizationTypeError):
    """A traced value was handed to NumPy."""


class TracerIntegerConversionError(ConcretizationTypeError):
    """A traced value was used as a Python integer."""


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value was used as a Python bool, for example by `if`."""


class StaticSizeError(JAXTypeError, ValueError):
    """The size of an open axis (`dynamic_dims`) was used where a fixed number is needed."""


class ArgumentError(GradaxError, ValueError):
    """A value that a function does not accept for one of its arguments."""


class UnsupportedArgumentError(GradaxError, NotImplementedError):
    """A value of an argument that a function knows and does not implement."""


class AxisError(GradaxError, ValueError, IndexError):
    """An axis that an array does not have."""


class ZeroDivisionCheckError(GradaxError, ZeroDivisionError):
    """An integer division by zero, in strict mode."""


class UntakenBranchError(GradaxError, FloatingPointError):
    """A derivative that is not finite, of a branch that `where` did not take, in strict mode."""


class PrecisionLossError(DtypeError):
    """An array of 64 bits that would silently become one of 32, in strict mode."""


class StaleValueError(GradaxError, RuntimeError):
    """A global or an attribute that a compiled function read has changed since, in strict mode."""


class RetraceError(GradaxError, RuntimeError):
    """A jitted function would be traced where that is forbidden."""


class RefError(GradaxError, RuntimeError):
    """A mutable reference that is used where it cannot be."""


class CallbackError(GradaxError, ValueError):
    """A Python function that a program calls returned something else than announced."""


class UnboundAxisError(GradaxError, NameError):
    """A name of a mapped axis that no transformation binds."""


class RankPromotionError(ShapeError, ValueError):
    """Operands of unlike rank, where the setting `numpy_rank_promotion` refuses them."""


class IndexingError(GradaxError, IndexError):
    """An index that an array does not have, or too many of them."""


class OutOfBoundsError(IndexingError):
    """An index outside its array, in strict mode."""


class IndexTypeError(IndexingError, TypeError):
    """A value that cannot be an index."""


class ImmutableArrayError(GradaxError, TypeError):
    """An element of an array was assigned."""


class NonConcreteBooleanIndexError(JAXIndexError):
    """An array was indexed by a traced boolean mask."""


class UnexpectedTracerError(JAXTypeError, RuntimeError):
    """A traced value was used after the trace that made it had ended."""


class KeyReuseError(JAXTypeError, RuntimeError):
    """A random key was consumed twice."""


class CompileError(JaxRuntimeError):
    """A program could not be compiled."""


class DeviceError(JaxRuntimeError):
    """A device ran out of memory or refused a program."""


class OutOfMemoryError(DeviceError, MemoryError):
    """A program or an array needs more memory than there is."""


class StaleGlobalWarning(UserWarning):
    """A compiled function keeps the value that a global had when it was traced."""


class DifferentiationError(GradaxError, TypeError):
    """A derivative was asked for that a user's rule does not give, or gives wrongly."""


class FloatingPointCheckError(GradaxError, FloatingPointError):
    """A result has NaNs or infinities while a setting forbids them."""


class ArgumentTypeError(GradaxError, TypeError):
    """An argument of a transformation, or a result of the user's function, of the wrong kind."""


class UnsupportedRule(GradaxError, NotImplementedError):
    """An operation that cannot be transformed in the way asked for."""


class ForwardModeError(UnsupportedRule, TypeError):
    """Forward-mode differentiation of a function that has a reverse rule only."""


class ExportError(GradaxError, ValueError):
    """A program that has no portable form, or bytes that are no exported program."""


class CheckError(JaxRuntimeError, ValueError):
    """A check of a program's values failed; base of those that `checkify` knows."""


class FailedCheckError(CheckError):
    """A check that the user wrote failed."""


class NaNError(CheckError):
    """An operation gave a NaN."""


class DivisionByZeroError(CheckError):
    """A division by zero."""


class OOBError(CheckError):
    """An index outside an array."""


class MissingRuleError(GradaxError, AttributeError):
    """A function is called whose rule has not been given yet."""


class AutographError(GradaxError, TypeError):
    """Python that autograph cannot turn into operations on traced values."""


class UndefinedVariableError(AutographError, UnboundLocalError):
    """A variable was read that only some paths through traced conditions assign."""


class InternalError(GradaxError, AssertionError):
    """A check of our own failed: a bug in gradax, not in the user's program."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}\nThis is a bug in gradax; please report it with the program.")


class JaxprTypeError(InternalError, TypeError):
    """A program in which an equation's operands or results are not of the types they should be."""


class InconclusiveDimensionOperation(GradaxError):
    """A comparison of symbolic dimensions that holds for some of their values and not for others.

    Programs here have known sizes, so that nothing raises it: it is there to be caught.
    """


class SourceLine:
    """The line of the user's program that an equation came from; formatted on demand."""

    __slots__ = ("code", "lasti")

    def __init__(self, code: CodeType, lasti: int) -> None:
        self.code = code
        self.lasti = lasti

    @property
    def filename(self) -> str:
        """The file of the line."""
        return self.code.co_filename

    @property
    def line(self) -> int:
        """The number of the line."""
        positions = list(self.code.co_positions())
        found = positions[self.lasti // 2][0] if self.lasti // 2 < len(positions) else None
        return found or self.code.co_firstlineno

    @property
    def name_stack(self) -> str:
        """The names of scopes around the line: programs carry none."""
        return ""

    def __str__(self) -> str:
        return f"{self.filename}:{self.line} ({self.code.co_name})"


def user_frame() -> FrameType | None:
    """Return the innermost frame outside the package, or None when there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_USERS):
        frame = frame.f_back
    return frame


def source_line() -> SourceLine | None:
    """Return the user's line that is being executed."""
    frame = user_frame()
    return None if frame is None else SourceLine(frame.f_code, frame.f_lasti)


def user_stacklevel() -> int:
    """Return the `stacklevel` with which a warning of the caller shows the user's line."""
    level = 1
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
        level += 1
    return level


def at_user_line() -> str:
    """Return '\\nat FILE:LINE (FUNCTION)' of the user's line, or nothing when unknown."""
    line = source_line()
    return "" if line is None else f"\nat {line}"


def require(condition: bool, operation: object, expected: str, *got: object) -> None:
    """Raise a ShapeError that names the operation, what was expected and what came."""
    if not condition:
        raise shape_error(operation, expected, *got)


def shape_error(operation: object, expected: str, *got: object) -> ShapeError:
    """Make the error that `require` raises."""
    name = operation if isinstance(operation, str) else getattr(operation, "name", str(operation))
    came = ", ".join(str(g) for g in got)
    return ShapeError(f"{name}: expected {expected}; got {came}{at_user_line()}")
