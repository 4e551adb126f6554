"""Errors for traced values that are used where Python or NumPy needs a concrete one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from gradax.core.jaxpr import Var
from gradax.core.staging import StagedTracer
from gradax.core.tracer import Tracer
from gradax.errors import (
    ConcretizationTypeError,
    TracerArrayConversionError,
    TracerBoolConversionError,
    TracerIntegerConversionError,
    at_user_line,
)


def source_of(tracer: Tracer) -> str:
    """Say which arguments a traced value was computed from, or where."""
    if isinstance(tracer, StagedTracer):
        names = argument_names(tracer)
        where = "" if tracer.argument else computed_at(tracer)
        function = f" of {tracer.interpreter.name}" if tracer.interpreter.name else ""
        if names:
            plural = "s" if len(names) > 1 else ""
            return f"It depends on the argument{plural} {listed(names)}{function}{where}."
        return f"It is computed in a traced function{where}."
    origin = tracer.origin()
    what = f"the {tracer.interpreter.what} {tracer.interpreter.name}".rstrip()
    return f"It is {origin}, in {what}." if origin else f"It belongs to {what}."


def computed_at(tracer: StagedTracer) -> str:
    """Return the line that computed a value, as the end of a sentence."""
    return f" and was computed at {tracer.source}" if tracer.source else ""


def listed(names: list[str]) -> str:
    """Join names for a sentence."""
    shown = names[:5] + (["…"] if len(names) > 5 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def argument_names(tracer: StagedTracer) -> list[str]:
    """Return the user's names of the arguments that a value depends on."""
    trace: Any = tracer.interpreter
    needed = {tracer.variable}
    for eqn in reversed(trace.eqns):
        if any(v in needed for v in eqn.outvars):
            needed.update(a for a in eqn.invars if isinstance(a, Var))
    named = zip(trace.invars, trace.arguments, strict=True)
    return [name for var, name in named if name and var in needed]


def concrete_or(tracer: Tracer, error: Callable[[Tracer], Exception]) -> Any:
    """Return the array behind a tracer, else raise."""
    value = tracer.concrete()
    if value is None:
        raise error(tracer)
    return value


def bool_error(tracer: Tracer) -> Exception:
    """Make the error for a traced value used as a condition."""
    return TracerBoolConversionError(
        f"A traced array ({tracer.aval}) was used as a Python bool, as by if, while, and, or, not"
        f" or assert, but it has no value while the function is traced. {source_of(tracer)}"
        f"{at_user_line()}\nChoose between values with jax.numpy.where, between computations with"
        " jax.lax.cond, and loop with jax.lax.while_loop; or decorate the function with"
        " @gradax.autograph, which does so; or mark the argument as static (static_argnums)."
    )


def integer_error(tracer: Tracer) -> Exception:
    """Make the error for a traced value used as an integer, such as an index or a size."""
    return TracerIntegerConversionError(
        f"A traced array ({tracer.aval}) was used as a Python integer, as by range, a shape or the"
        f" index of a list, but it has no value while the function is traced. {source_of(tracer)}"
        f"{at_user_line()}\nLoop with jax.lax.fori_loop, index arrays instead of lists"
        " (jax.numpy.take or jax.lax.dynamic_slice); or mark the argument as static"
        " (static_argnums)."
    )


def number_error(kind: str) -> Callable[[Tracer], Exception]:
    """Return the maker of the error for float(), int() or complex() of a traced value."""

    def error(tracer: Tracer) -> Exception:
        return ConcretizationTypeError(
            f"{kind}() was called on a traced array ({tracer.aval}), which has no value while the"
            f" function is traced. {source_of(tracer)}{at_user_line()}\nConvert arrays with"
            f" x.astype({kind}); or mark the argument as static (static_argnums)."
        )

    return error


def array_error(tracer: Tracer) -> Exception:
    """Make the error for a traced value given to NumPy."""
    return TracerArrayConversionError(
        f"A traced array ({tracer.aval}) was given to NumPy, which needs its values, but it has"
        f" none while the function is traced. {source_of(tracer)}{at_user_line()}\nUse the function"
        " of the same name from jax.numpy, or call NumPy outside the traced function."
    )


def value_error(method: str) -> Callable[[Tracer], Exception]:
    """Return the maker of the error for a method that needs the values."""

    def error(tracer: Tracer) -> Exception:
        return ConcretizationTypeError(
            f"{method} was called on a traced array ({tracer.aval}), which has no value while the"
            f" function is traced. {source_of(tracer)}{at_user_line()}\nCall it outside the traced"
            " function, on its result."
        )

    return error


def to_bool(self: Tracer) -> bool:
    """Return the truth value where it is known."""
    return bool(concrete_or(self, bool_error))


def to_int(self: Tracer) -> int:
    """Return a Python integer where the value is known."""
    return int(concrete_or(self, number_error("int")))


def to_float(self: Tracer) -> float:
    """Return a Python float where the value is known."""
    return float(concrete_or(self, number_error("float")))


def to_complex(self: Tracer) -> complex:
    """Return a Python complex number where the value is known."""
    return complex(concrete_or(self, number_error("complex")))


def to_index(self: Tracer) -> int:
    """Return an index where the value is known."""
    return concrete_or(self, integer_error).__index__()


def to_array(self: Tracer, *args: Any, **kwargs: Any) -> NoReturn:
    """Refuse NumPy, also where the value is known: its derivative would be lost silently."""
    raise array_error(self)


def length(self: Tracer) -> int:
    """Return the size of the first axis."""
    if not self.aval.shape:
        raise TypeError(f"len() of a scalar array has no meaning{at_user_line()}")
    return self.aval.shape[0]


def iterate(self: Tracer) -> Iterator[Any]:
    """Yield the slices along the first axis."""
    if not self.aval.shape:
        raise TypeError(
            f"A scalar array ({self.aval}) cannot be iterated over. {source_of(self)}"
            f"{at_user_line()}"
        )
    indexed: Any = self  # `[]` comes from the operator table
    return (indexed[i] for i in range(self.aval.shape[0]))


def to_format(self: Tracer, spec: str) -> str:
    """Format the value where it is known; without a format, the tracer itself."""
    if not spec and self.concrete() is None:
        return str(self)
    return format(concrete_or(self, value_error("format()")), spec)


def method_of(name: str) -> Callable[..., Any]:
    """Return a method that works on the known value and is an error otherwise."""

    def method(self: Tracer, *args: Any) -> Any:
        return getattr(concrete_or(self, value_error(f".{name}()")), name)(*args)

    method.__name__ = name
    return method


def install() -> None:
    """Give tracers their conversions: each works where the value is known, else says what to do."""
    methods = {
        "__bool__": to_bool,
        "__int__": to_int,
        "__float__": to_float,
        "__complex__": to_complex,
        "__index__": to_index,
        "__array__": to_array,
        "__len__": length,
        "__iter__": iterate,
        "__format__": to_format,
        "block_until_ready": lambda self: self,
    }
    methods.update({name: method_of(name) for name in ("item", "tolist", "tobytes")})
    for name, method in methods.items():
        setattr(Tracer, name, method)
