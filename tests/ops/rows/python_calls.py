"""Rows of the operations that call Python, of checks, and of users' own primitives."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

import gradax
from gradax import ffi
from gradax import numpy as gnp
from gradax.control.branch_watch import Untaken
from gradax.control.callbacks import DebugCallback, IoCallback, PureCallback
from gradax.control.check_sites import CheckThat, DebugCheck
from gradax.control.checks import Check
from gradax.experimental import checkify, io_callback
from gradax.extend.core import Primitive
from gradax.extend.user_primitives import PrimitiveCall
from gradax.ffi.calling import FfiCall
from gradax.ffi.interface import FUNCTION
from gradax.ffi.structures import Buffer, Frame
from gradax.interpreters import ad, batching, mlir
from tests.ops.case import Case

RNG = np.random.default_rng(9)
ROWS = [[RNG.normal(size=3)] for _ in range(2)]
SHAPE = gradax.ShapeDtypeStruct((3,), np.float64)


@gradax.custom_jvp
def through_numpy(x: Any) -> Any:
    """Compute a sine in NumPy."""
    return gradax.pure_callback(np.sin, SHAPE, x, vmap_method="sequential")


@through_numpy.defjvp
def through_numpy_rule(primals: Any, tangents: Any) -> Any:
    """Differentiate `through_numpy`."""
    return through_numpy(*primals), gnp.cos(primals[0]) * tangents[0]


def stored(x: Any) -> Any:
    """Call Python for its effect, on what derivatives are not taken of."""
    y = io_callback(np.cos, SHAPE, gradax.lax.stop_gradient(x))
    return x * x + 0 * y


def seen(x: Any) -> Any:
    """Show a value."""
    gradax.debug.callback(lambda x: None, x)
    return x * gnp.sin(x)


def checked(x: Any) -> Any:
    """Check a value, and return the check's error beside the result."""

    def inside(x: Any) -> Any:
        checkify.check(gnp.all(x < 100), "large: {x}", x=x[0])
        checkify.debug_check(gnp.all(x < 100), "large")
        return x * gnp.sin(x)

    return checkify.checkify(inside)(x)[1]


def strict(i: Any, x: Any) -> Any:
    """Index and select in strict mode, where the index and what was not selected are checked."""
    with gradax.strict():
        chosen = gradax.jit(lambda i, x: x[i])(i, gnp.stack([x, x * x]))
        return gnp.where(x > 0, gnp.sin(chosen), chosen * x)


DOUBLE = FUNCTION(lambda at: double(Frame.from_address(at)))
ffi.register_ffi_target("tested_double", ffi.pycapsule(DOUBLE))


def double(frame: Frame) -> None:
    """Double an array: a handler of the foreign function interface, in Python."""
    x, y = (Buffer.from_address(v.values[0]) for v in (frame.args, frame.rets))
    n = 8 * int(np.prod(x.dims[: x.rank]))
    values = np.frombuffer(ctypes.string_at(x.data, n), np.float64) * 2
    ctypes.memmove(y.data, values.tobytes(), n)


@gradax.custom_jvp
def through_library(x: Any) -> Any:
    """Double by a function of a library."""
    return ffi.ffi_call("tested_double", SHAPE)(x)


@through_library.defjvp
def through_library_rule(primals: Any, tangents: Any) -> Any:
    """Differentiate `through_library`."""
    return through_library(*primals), 2 * tangents[0]


own_p = Primitive("tested_own")
own_p.def_impl(lambda x: np.sin(x))
own_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(own_p, mlir.lower_fun(lambda x: gnp.sin(x), multiple_results=False))
ad.defjvp(own_p, lambda t, x: t * gnp.cos(x))
batching.primitive_batchers[own_p] = lambda args, dims: (own_p.bind(args[0]), dims[0])

CASES = [
    Case("pure_callback", [PureCallback], through_numpy, ROWS),
    Case("ffi_call", [FfiCall], lambda x: through_library(x) ** 2, ROWS),
    Case("io_callback", [IoCallback], stored, ROWS),
    Case("debug.callback", [DebugCallback], seen, ROWS),
    Case("checkify", [CheckThat, DebugCheck], checked, ROWS),
    Case("strict", [Check, Untaken], strict, [[np.int32(i), *row] for i, row in enumerate(ROWS)]),
    Case("a user's primitive", [PrimitiveCall], own_p.bind, ROWS),
]
