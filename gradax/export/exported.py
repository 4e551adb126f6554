"""`export`: a jitted function, traced and kept as a portable program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradax import dtypes, tree
from gradax.api.custom_vjp import custom_vjp
from gradax.api.jit import jit
from gradax.api.shapes import describe
from gradax.api.vjp import vjp
from gradax.core.aval import Aval, tangent_aval
from gradax.core.check import check_jaxpr
from gradax.core.evaluate import eval_jaxpr
from gradax.core.jaxpr import ClosedJaxpr
from gradax.core.tracer import Tracer
from gradax.core.value import aval_of
from gradax.errors import (
    ArgumentError,
    ArgumentTypeError,
    DifferentiationError,
    ExportError,
    InternalError,
    at_user_line,
)
from gradax.export.instances import owner_of, program_at, sizes_of_call
from gradax.export.programs import ProgramReader, ProgramWriter, portable, unportable
from gradax.export.trees import tree_of, tree_value
from gradax.export.wire import VERSION, damaged, opened, sealed
from gradax.native import JitFunction
from gradax.records import record
from gradax.runtime.device import default_backend
from gradax.sizes import is_open

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
# What the bytes hold of an exported function, in this order.
PARTS = ("fun_name", "in_tree", "out_tree", "platforms", "disabled", "names", "program", "vjp")


@record
class DisabledSafetyCheck:
    """A check that `export` leaves out; programs of gradax have none of what they are about."""

    text: str

    @classmethod
    def platform(cls) -> DisabledSafetyCheck:
        """Let the program run on platforms that it was not exported for."""
        return cls("platform")

    @classmethod
    def custom_call(cls, target_name: str) -> DisabledSafetyCheck:
        """Let the program call a function of the runtime; no program of gradax does."""
        return cls(f"custom_call:{target_name}")

    def is_custom_call(self) -> str | None:
        """Return the name of the function that may be called, or None for another check."""
        name = self.text.removeprefix("custom_call:")
        return None if name == self.text else name

    def __str__(self) -> str:
        return self.text


class Exported:
    """A function traced for one signature, portable: call it, transform it, write it to bytes."""

    def __init__(
        self,
        fun_name: str,
        trees: tuple[Any, Any],
        platforms: tuple[str, ...],
        program: ClosedJaxpr,
        make_vjp: Callable[[], Exported] | None,
        disabled: tuple[DisabledSafetyCheck, ...] = (),
    ) -> None:
        self.fun_name = fun_name
        self.in_tree, self.out_tree = trees
        self.platforms = platforms
        self.in_avals, self.out_avals = program.in_avals, program.out_avals
        self.nr_devices = 1
        self.disabled_safety_checks = disabled
        self.calling_convention_version = VERSION
        self._program = program
        self._make_vjp = make_vjp
        self._vjp: Exported | None = None
        self._function: Any = None

    def __repr__(self) -> str:
        return (
            f"Exported(fun_name={self.fun_name}, in_avals={self.in_avals},"
            f" out_avals={self.out_avals}, platforms={self.platforms})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return deserialize, (bytes(self.serialize(vjp_order=self._vjp_order())),)

    def _vjp_order(self) -> int:
        """Return how many derivatives are there already."""
        return 0 if self._vjp is None else 1 + self._vjp._vjp_order()

    def mlir_module(self) -> str:
        """Return the program's text: a jaxpr, which is what gradax compiles."""
        return str(self._program)

    @property
    def mlir_module_serialized(self) -> bytes:
        """The program alone as bytes."""
        return bytes(written(self._program))

    def has_vjp(self) -> bool:
        """Tell whether the function can be differentiated."""
        return self._make_vjp is not None or self._vjp is not None

    def vjp(self) -> Exported:
        """Return the derivative: from inputs and cotangents of results to those of the inputs.

        Only inputs and results of inexact dtypes have cotangents.
        Errors: TypeError when it was not kept in the bytes.
        """
        if self._vjp is None:
            if self._make_vjp is None:
                raise DifferentiationError(
                    f"export: the bytes of {self.fun_name} do not hold its derivative."
                    f"{at_user_line()}\nWrite them with serialize(vjp_order=1), or higher for"
                    " higher derivatives."
                )
            self._vjp = self._make_vjp()
        return self._vjp

    def serialize(self, vjp_order: int = 0) -> bytearray:
        """Return the function as bytes; `vjp_order` says how often it can be differentiated there.

        Errors: ValueError for programs that call Python, and for trees of unregistered types.
        """
        return sealed(written(self._value(vjp_order)))

    def _value(self, vjp_order: int) -> tuple[Any, ...]:
        """Return what the bytes hold."""
        derivative = self.vjp()._value(vjp_order - 1) if vjp_order > 0 else None
        trees = tree_value(self.in_tree), tree_value(self.out_tree)
        disabled = tuple(c.text for c in self.disabled_safety_checks)
        names = owner_of((*self.in_avals, *self.out_avals))
        return (self.fun_name, *trees, self.platforms, disabled, names, self._program, derivative)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; under jit, vmap and reverse mode as well.

        Errors: ValueError for arguments of another tree, shape or dtype, and on other platforms.
        """
        leaves, in_tree = tree.flatten((args, kwargs))
        if in_tree != self.in_tree:
            raise ArgumentError(
                f"export: {self.fun_name} was exported for arguments of the tree {self.in_tree};"
                f" got {in_tree}.{at_user_line()}"
            )
        self._check(leaves)
        if self._function is None:
            self._function = differentiable(self)
        return tree.unflatten(self.out_tree, self._function(*leaves))

    def _check(self, leaves: Sequence[Any]) -> None:
        """Check platform and types of a call."""
        skips = DisabledSafetyCheck.platform() in self.disabled_safety_checks
        if default_backend() not in self.platforms and not skips:
            raise ArgumentError(
                f"export: {self.fun_name} was exported for the platforms {self.platforms}; this is"
                f" {default_backend()!r}.{at_user_line()}\nExport it with platforms=[…]."
            )
        for k, (want, x) in enumerate(zip(self.in_avals, leaves, strict=True)):
            got = aval_of(x)
            same = same_form(got, want)
            if not same and not (got.weak_type and got.shape == want.shape == () and fits(x, want)):
                raise ArgumentError(
                    f"export: {self.fun_name} was exported for {want.str_short()} as input {k}; got"
                    f" {got.str_short()}.{at_user_line()}"
                )
        self._sizes([aval_of(x) for x in leaves])

    def _sizes(self, avals: Sequence[Aval]) -> list[int] | None:
        """Return what the names of sizes are in a call, None without names."""
        axes = owner_of(self.in_avals)
        return None if axes is None else sizes_of_call(self.fun_name, axes, self.in_avals, avals)

    def program_for(self, avals: Sequence[Aval]) -> ClosedJaxpr:
        """Return the program at the sizes of a call."""
        values = self._sizes(avals)
        return self._program if values is None else program_at(self._program, values)


def same_form(got: Aval, want: Aval) -> bool:
    """Tell whether arrays of a type can be an input, but for the sizes that have names."""
    fixed = [(a, b) for a, b in zip(got.shape, want.shape, strict=False) if not is_open(b)]
    return got.ndim == want.ndim and got.dtype == want.dtype and all(a == b for a, b in fixed)


def fits(x: Any, want: Aval) -> bool:
    """Tell whether a Python number stands for an array of a type."""
    return type(x) in (bool, int, float, complex) and bool(
        np.can_cast(aval_of(x).dtype, want.dtype, "same_kind")
    )


def export(
    fun_jit: Any,
    *,
    platforms: str | Sequence[str] | None = None,
    disabled_checks: Sequence[DisabledSafetyCheck] = (),
) -> Callable[..., Exported]:
    """Return the function that traces `fun_jit` for its arguments, to an `Exported`.

    Arguments are arrays or ShapeDtypeStructs. `platforms` are those that the function may be called
    on: the default is this process's own.
    Errors: ValueError unless `fun_jit` is a jitted function, and for an unknown platform.
    """
    if not isinstance(fun_jit, JitFunction):
        raise ArgumentError(
            f"export: expected a function that jit made; got {fun_jit!r}.{at_user_line()}\n"
            "Wrap it: export(jit(f))."
        )
    names = (platforms,) if isinstance(platforms, str) else platforms
    chosen = tuple(names) if names is not None else (default_export_platform(),)
    for name in chosen:
        if name not in PLATFORMS:
            raise ArgumentError(
                f"export: a platform is one of {', '.join(PLATFORMS)}; got {name!r}."
                f"{at_user_line()}"
            )

    def exporter(*args: Any, **kwargs: Any) -> Exported:
        traced: Any = fun_jit
        return exported_of(traced.trace(*args, **kwargs), chosen, tuple(disabled_checks))

    return exporter


def exported_of(
    traced: Any, platforms: tuple[str, ...], disabled: tuple[DisabledSafetyCheck, ...]
) -> Exported:
    """Return the portable form of a traced function."""
    closed: ClosedJaxpr = traced.jaxpr
    for x in closed.consts:
        if isinstance(x, Tracer):
            raise unportable(f"the function {traced.fun_name}", x)
    program = ClosedJaxpr(portable(closed.jaxpr), closed.consts)
    trees = traced.in_tree, traced.out_tree

    def make_vjp() -> Exported:
        run = jit(transposed(closed, f"vjp_{traced.fun_name}"))
        avals = [*closed.in_avals, *filter(is_inexact, closed.out_avals)]
        return exported_of(run.trace(*map(describe, avals)), platforms, disabled)

    return Exported(traced.fun_name, trees, platforms, program, make_vjp, disabled)


def transposed(closed: ClosedJaxpr, name: str) -> Callable[..., tuple[Any, ...]]:
    """Return the function from inputs and cotangents to cotangents, inexact ones alone."""
    n = len(closed.in_avals)

    def run(*flat: Any) -> tuple[Any, ...]:
        def forward(*xs: Any) -> tuple[Any, ...]:
            return tuple(eval_jaxpr(closed.jaxpr, closed.consts, *xs))

        _, pull = vjp(forward, *flat[:n])
        given = iter(flat[n:])
        cts = tuple(next(given) if is_inexact(a) else no_tangent(a) for a in closed.out_avals)
        return tuple(ct for ct, a in zip(pull(cts), closed.in_avals, strict=True) if is_inexact(a))

    run.__name__ = name
    return run


def is_inexact(aval: Aval) -> bool:
    """Tell whether arrays of a type have tangents."""
    return tangent_aval(aval).dtype != dtypes.float0


def no_tangent(aval: Aval) -> Any:
    """Return the cotangent of a result that has none."""
    return np.zeros(aval.shape, dtypes.float0)


def differentiable(exported: Exported) -> Any:
    """Return the flat function of a program, whose derivative is the exported one."""
    in_avals = exported.in_avals

    def run(*xs: Any) -> tuple[Any, ...]:
        closed = exported.program_for([aval_of(x) for x in xs])
        return tuple(eval_jaxpr(closed.jaxpr, closed.consts, *xs))

    run.__name__ = exported.fun_name.replace("<", "").replace(">", "") or "exported"
    program = jit(run)

    def typed(xs: Sequence[Any]) -> list[Any]:
        return [
            np.asarray(x, a.dtype) if type(x) in (bool, int, float, complex) else x
            for x, a in zip(xs, in_avals, strict=True)
        ]

    function: Any = custom_vjp(lambda *xs: program(*xs))

    def forward(*xs: Any) -> tuple[Any, Any]:
        exported.vjp()  # an error here names the user's line
        return program(*xs), xs

    def backward(xs: Any, cts: Any) -> tuple[Any, ...]:
        given = [ct for ct, a in zip(cts, exported.out_avals, strict=True) if is_inexact(a)]
        found = iter(exported.vjp().call(*xs, *given))
        return tuple(next(found) if is_inexact(a) else None for a in in_avals)

    function.defvjp(forward, backward)
    return lambda *xs: function(*typed(xs))


def written(value: Any) -> bytearray:
    """Return a value as bytes."""
    writer = ProgramWriter()
    writer.writer.value(value)
    return writer.writer.out


def serialize(exp: Exported, vjp_order: int = 0) -> bytearray:
    """Return an exported function as bytes."""
    return exp.serialize(vjp_order)


def deserialize(blob: bytes | bytearray | memoryview) -> Exported:
    """Return the exported function that `serialize` wrote.

    Errors: ValueError for bytes that are foreign, damaged, of another version, or that use
    operations which this version does not have.
    """
    if not isinstance(blob, (bytes, bytearray, memoryview)):
        raise ArgumentTypeError(
            f"export.deserialize: expected bytes; got {type(blob).__name__}.{at_user_line()}"
        )
    reader = ProgramReader(opened(blob))
    try:
        value = reader.reader.value()
    except ExportError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise damaged(f"{type(error).__name__}: {error}") from None
    return exported_from(value)


def exported_from(value: Any) -> Exported:
    """Return the exported function that a value of the wire describes."""
    if not isinstance(value, tuple) or len(value) != len(PARTS):
        raise damaged("they do not hold an exported function")
    name, in_tree, out_tree, platforms, disabled, _, program, derivative = value
    if not isinstance(program, ClosedJaxpr):
        raise damaged("they hold no program")
    trees = tree_of(in_tree), tree_of(out_tree)
    counts = [t.num_leaves for t in trees]
    if counts != [len(program.in_avals), len(program.out_avals)]:
        raise damaged("the trees do not fit the program")
    try:
        check_jaxpr(program.jaxpr)
    except InternalError as error:
        raise damaged(f"the program is not well typed: {error}") from None
    consts = [aval_of(x) for x in program.consts]
    if consts != [v.aval for v in program.jaxpr.constvars]:
        raise damaged("the constants do not fit the program")
    checks = tuple(DisabledSafetyCheck(text) for text in disabled)
    found = Exported(name, trees, tuple(platforms), program, None, checks)
    if derivative is not None:
        found._vjp = exported_from(derivative)
    return found


def default_export_platform() -> str:
    """Return the platform that functions are exported for unless said otherwise."""
    return default_backend()
