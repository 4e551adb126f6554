"""`ffi_call`: a function of a shared library as an operation of programs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np

from gradax import dtypes
from gradax.control.callbacks import Dims, IoCallback, PythonCall, batch_by_method
from gradax.core.aval import Aval
from gradax.core.op import operation
from gradax.core.value import as_value, aval_of
from gradax.errors import ArgumentError, ArgumentTypeError, UnsupportedRule, at_user_line
from gradax.ffi.frames import Memory, call_handler
from gradax.ffi.interface import interface
from gradax.ffi.targets import TYPED, Target, targets
from gradax.records import record

METHODS = ("sequential", "sequential_unrolled", "expand_dims", "broadcast_all", None)
Layouts = tuple[tuple[int, ...], ...]


@record
class Foreign:
    """A function of a library on NumPy arrays, with all that is static about its calls.

    `in_layouts`, `out_layouts` say in which order axes lie in memory, the slowest first; `aliases`
    which operand's memory, (operand, result), a result begins as.
    """

    target: Target
    out_avals: tuple[Aval, ...]
    attributes: tuple[tuple[str, Any], ...]
    in_ranks: tuple[int, ...]
    in_layouts: Layouts
    out_layouts: Layouts
    aliases: tuple[tuple[int, int], ...]
    version: int
    opaque: str

    @property
    def __name__(self) -> str:
        return self.target.name

    def __repr__(self) -> str:
        return f"<{self.target.name}>"

    def __call__(self, *arrays: Any) -> list[Any]:
        ranks = zip(arrays, self.in_ranks, strict=True)
        extra = max((x.ndim - n for x, n in ranks), default=0)
        lead = np.broadcast_shapes(*(x.shape[:extra] for x in arrays)) if extra else ()
        ins = [placed(x, order, extra) for x, order in zip(arrays, self.in_layouts, strict=True)]
        shapes = [(*lead, *a.shape) for a in self.out_avals]
        outs = [
            np.empty([shape[i] for i in shifted(order, extra)], a.dtype)
            for shape, a, order in zip(shapes, self.out_avals, self.out_layouts, strict=True)
        ]
        for i, o in self.aliases:
            outs[o][...] = ins[i]
            ins[i] = outs[o]
        if self.target.version == TYPED and self.version >= 4:
            self.call_typed(ins, [x.shape for x in arrays], outs, shapes)
        else:
            self.call_plain(ins, outs)
        orders = [np.argsort(shifted(order, extra)) for order in self.out_layouts]
        return [np.transpose(x, order) for x, order in zip(outs, orders, strict=True)]

    def call_typed(self, ins: Any, in_shapes: Any, outs: Any, out_shapes: Any) -> None:
        """Call a handler of the typed interface, its earlier stages first."""
        functions, memory = interface(), Memory()
        attrs = memory.attributes({k: v.value for k, v in self.attributes})
        none = memory.values([])
        context = contexts.number(self)
        args = memory.values([memory.buffer(*pair) for pair in zip(ins, in_shapes, strict=True)])
        rets = memory.values([memory.buffer(*pair) for pair in zip(outs, out_shapes, strict=True)])
        if (first := self.target.address("instantiate")) and contexts.is_new(self):
            parts = (none, none, attrs)
            call_handler(functions, self.target.name, first, "instantiate", context, parts)
        for stage in ("prepare", "initialize", "execute"):
            if address := self.target.address(stage):
                parts = (args, rets, attrs)
                call_handler(functions, self.target.name, address, stage, context, parts)

    def call_plain(self, ins: Any, outs: Any) -> None:
        """Call a function of pointers to memory."""
        pointers = (ctypes.c_void_p * len(ins))(*(x.ctypes.data for x in ins))
        many = (ctypes.c_void_p * len(outs))(*(x.ctypes.data for x in outs))
        first = outs[0].ctypes.data if len(outs) == 1 else ctypes.addressof(many)
        address = self.target.address("execute")
        assert address is not None
        if self.version < 3:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)(first, pointers)
            return
        text = self.opaque.encode()
        kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
        ctypes.CFUNCTYPE(None, *kinds)(address)(first, pointers, text, len(text))


class Contexts:
    """A number for each call site, under which a handler finds the state that it kept."""

    def __init__(self) -> None:
        self.numbers: dict[Foreign, int] = {}
        self.begun: set[Foreign] = set()

    def number(self, call: Foreign) -> int:
        """Return a call's number."""
        return self.numbers.setdefault(call, len(self.numbers) + 1)

    def is_new(self, call: Foreign) -> bool:
        """Tell whether this is the first time that it is asked about a call."""
        before = len(self.begun)
        self.begun.add(call)
        return len(self.begun) > before


contexts = Contexts()


def shifted(order: Sequence[int], extra: int) -> list[int]:
    """Return the order of axes with leading ones in front."""
    return [*range(extra), *(i + extra for i in order)]


def placed(x: Any, order: Sequence[int], extra: int) -> Any:
    """Return an array whose memory is in the order that a layout says."""
    return np.ascontiguousarray(np.transpose(x, shifted(order, x.ndim - len(order))))


@final
@operation
class FfiCall(PythonCall):
    """A call of a library's function without side effects."""

    callback: Any
    out_avals: tuple[Aval, ...]
    vmap_method: str | None

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        raise UnsupportedRule(
            f"ffi_call: {self.callback.target.name} has no derivative of its own.{at_user_line()}\n"
            "Give it one with custom_jvp or custom_vjp, or stop_gradient its arguments."
        )

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        def again(avals: tuple[Aval, ...]) -> FfiCall:
            return FfiCall(self.callback, avals, self.vmap_method)

        return batch_by_method(self, again, self.vmap_method or "sequential", args, dims)


@final
class Fixed:
    """An attribute, compared by its type and value."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        if isinstance(value, Mapping):
            self.key: Any = tuple((k, Fixed(v)) for k, v in sorted(value.items()))
        elif isinstance(value, str):
            self.key = value
        else:
            found = np.asarray(value)
            self.key = (found.dtype.name, found.shape, found.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fixed) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def layout_of(layout: Any, ndim: int) -> tuple[int, ...]:
    """Return the order of axes in memory, the slowest first."""
    order = getattr(layout, "major_to_minor", layout)
    return tuple(range(ndim)) if order is None else tuple(order)


def layouts_of(what: str, layouts: Any, avals: Sequence[Aval]) -> Layouts:
    """Return the order of axes of each array."""
    given = [None] * len(avals) if layouts is None else list(layouts)
    if len(given) != len(avals):
        raise ArgumentError(
            f"ffi_call: expected {len(avals)} {what}; got {len(given)}.{at_user_line()}"
        )
    return tuple(layout_of(x, a.ndim) for x, a in zip(given, avals, strict=True))


def ffi_call(
    target_name: str,
    result_shape_dtypes: Any,
    *,
    has_side_effect: bool = False,
    vmap_method: str | None = None,
    input_layouts: Sequence[Any] | None = None,
    output_layouts: Any = None,
    input_output_aliases: Mapping[int, int] | None = None,
    custom_call_api_version: int = 4,
    legacy_backend_config: str | None = None,
) -> Callable[..., Any]:
    """Return the function of arrays that calls a registered target.

    Its keyword arguments are the target's attributes. Results have the shapes and dtypes of
    `result_shape_dtypes`: one, or a sequence. `vmap_method` says how a mapped call is made:
    "sequential" (the default), "sequential_unrolled", "expand_dims" or "broadcast_all".
    Errors: ValueError where no target has the name; RuntimeError with the target's own message.
    """
    if vmap_method not in METHODS:
        raise ArgumentError(
            f"ffi_call: vmap_method is one of {METHODS}; got {vmap_method!r}.{at_user_line()}"
        )
    is_many = isinstance(result_shape_dtypes, Sequence)
    described = list(result_shape_dtypes) if is_many else [result_shape_dtypes]
    for x in described:
        if not (hasattr(x, "shape") and hasattr(x, "dtype")):
            raise ArgumentTypeError(
                f"ffi_call: expected result_shape_dtypes with shape and dtype; got {x!r}."
                f"{at_user_line()}"
            )
    outs = tuple(Aval(tuple(x.shape), dtypes.canonicalize_dtype(x.dtype)) for x in described)
    out_layouts = layouts_of("output layouts", as_many(output_layouts, is_many), outs)
    aliases = tuple(sorted((input_output_aliases or {}).items()))

    def call(*args: Any, **attributes: Any) -> Any:
        values = [as_value(x) for x in args]
        avals = [aval_of(x) for x in values]
        for i, o in aliases:
            check_alias(i, o, avals, outs)
        function = Foreign(
            targets.find(target_name), outs,
            tuple((k, Fixed(v)) for k, v in sorted(attributes.items())),
            tuple(a.ndim for a in avals), layouts_of("input layouts", input_layouts, avals),
            out_layouts, aliases, custom_call_api_version, legacy_backend_config or "",
        )  # fmt: skip
        op = (
            IoCallback(function, outs, False)
            if has_side_effect
            else FfiCall(function, outs, vmap_method)
        )
        found = op(*values)
        return type(result_shape_dtypes)(found) if is_many else found[0]

    return call


def as_many(layouts: Any, is_many: bool) -> Any:
    """Return the layouts of all results."""
    return layouts if is_many or layouts is None else (layouts,)


def check_alias(i: int, o: int, avals: Sequence[Aval], outs: Sequence[Aval]) -> None:
    """Refuse a result that cannot begin as an operand."""
    fits = i < len(avals) and o < len(outs)
    if not fits or (avals[i].shape, avals[i].dtype) != (outs[o].shape, outs[o].dtype):
        raise ArgumentError(
            f"ffi_call: operand {i} and result {o} cannot share memory: their types differ, or"
            f" there is none.{at_user_line()}"
        )
