"""Checks in programs: what each one says when it fails, and the words that carry its values.

The state of a checked program is a code, 0 or the number of the check that failed first, and 32-bit
words that hold the values of that check's message.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, final

import numpy as np

from gradax import dtypes, tree
from gradax.control.callbacks import Dims, Flat, PythonCall
from gradax.core.aval import Aval
from gradax.core.op import Op, operation, unsupported
from gradax.core.value import as_value
from gradax.lax.complex_parts import Imag, Real
from gradax.lax.convert import BitcastConvertType, ConvertElementType
from gradax.lax.dynamic_slicing import dynamic_index_in_dim
from gradax.lax.joining import Concatenate
from gradax.lax.reductions import ReduceAnd, argmin
from gradax.lax.reshaping import Reshape
from gradax.records import record

WORD = np.dtype(np.uint32)


@record
class Site:
    """One check: the error, its message and where it stands.

    args: the tree of the message's arguments, (args, kwargs); avals: the types of its leaves.
    shape: of the array whose index is checked, for errors of that kind.
    """

    error: type[Exception]
    message: str
    source: str
    args: Any = None
    avals: tuple[Aval, ...] = ()
    shape: tuple[int, ...] | None = None

    @property
    def n_words(self) -> int:
        """The number of words that its values need."""
        return sum(map(words_of, self.avals))

    def text(self, words: np.ndarray[Any, Any]) -> str:
        """Return the message with its values."""
        values: list[Any] = []
        at = 0
        for aval in self.avals:
            n = words_of(aval)
            values.append(from_words(words[at : at + n], aval))
            at += n
        where = f"\nat {self.source}" if self.source else ""
        if self.shape is not None:
            index, axis = map(int, values)
            return (
                f"{self.message}index {index} is out of bounds for axis {axis} with size"
                f" {self.shape[axis]}.{where}"
            )
        if self.args is None:
            return f"{self.message}{where}"
        args, kwargs = tree.unflatten(self.args, values)
        return f"{self.message.format(*args, **kwargs)} (`check` failed){where}"


@record
class Table:
    """The checks of an error that is checked again; the first two operands are its state."""

    sites: tuple[Site, ...]
    n_words: int

    def text(self, code: int, words: np.ndarray[Any, Any]) -> str:
        """Return the message of a state."""
        return self.sites[code - 1].text(words)


def words_of(aval: Aval) -> int:
    """Return how many words the values of a type need."""
    if dtypes.is_extended(aval.dtype):
        return 0
    return prod(aval.shape) * max(1, aval.dtype.itemsize // 4)


def to_words(x: Any) -> Any:
    """Return the bits of an array as words."""
    x = as_value(x)
    if dtypes.is_extended(x.dtype):
        return np.zeros(0, WORD)
    if dtypes.issubdtype(x.dtype, np.complexfloating):
        return Concatenate(0)(to_words(Real()(x)), to_words(Imag()(x)))
    if x.dtype.itemsize < 4:
        is_float = dtypes.issubdtype(x.dtype, np.floating)
        x = ConvertElementType(np.dtype(np.float32 if is_float else np.int32))(x)
    n = words_of(x.aval)
    return Reshape((n,))(BitcastConvertType(WORD)(x))


def from_words(words: np.ndarray[Any, Any], aval: Aval) -> Any:
    """Return an array of a type from its words."""
    dtype = aval.dtype
    if dtypes.is_extended(dtype):
        return "<key>"
    words = np.ascontiguousarray(words, WORD)
    if dtypes.issubdtype(dtype, np.complexfloating):
        part = np.dtype(f"f{dtype.itemsize // 2}")
        real, imag = np.split(words.view(part), 2)
        return (real + 1j * imag).astype(dtype).reshape(aval.shape)[()]
    if dtype.itemsize < 4:
        is_float = dtypes.issubdtype(dtype, np.floating)
        wide = words.view(np.float32 if is_float else np.int32)
        return wide.astype(dtype).reshape(aval.shape)[()]
    return words.view(dtype).reshape(aval.shape)[()]


@record
class Raise:
    """Raises the error of a check whose condition does not hold."""

    site: Site | Table

    def __call__(self, holds: Any, *values: Any) -> Sequence[Any]:
        if holds:
            return ()
        site = self.site
        if isinstance(site, Table):
            code, words = values
            raise site.sites[int(code) - 1].error(site.text(int(code), words))
        words = [np.asarray(as_bits(x, a)) for x, a in zip(values, site.avals, strict=True)]
        raise site.error(site.text(np.concatenate([np.empty(0, WORD), *words])))


def as_bits(x: Any, aval: Aval) -> np.ndarray[Any, Any]:
    """Return the words of a NumPy array, as `to_words` makes them."""
    x = np.ascontiguousarray(x).ravel()
    if dtypes.is_extended(aval.dtype):
        return np.empty(0, WORD)
    if dtypes.issubdtype(aval.dtype, np.complexfloating):
        return np.concatenate([np.ascontiguousarray(p).view(WORD) for p in (x.real, x.imag)])
    if aval.dtype.itemsize < 4:
        is_float = dtypes.issubdtype(aval.dtype, np.floating)
        x = x.astype(np.float32 if is_float else np.int32)
    return x.view(WORD)


class Checking(Op):
    """A condition and the values of its message; of a mapped one, the first index that fails."""

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """Check the primal values."""
        self(*primals)
        return (), ()

    def batch(self, args: tuple[Any, ...], dims: Dims) -> Any:
        """Check all indices."""
        holds, *values = args
        at: Any = np.int32(0)
        if dims[0] is not None:
            flags = ConvertElementType(np.dtype(np.int32))(holds)
            at = argmin(flags, dims[0], np.int32)
            holds = ReduceAnd((dims[0],))(holds)
        first = [
            x if d is None else dynamic_index_in_dim(x, at, d, keepdims=False)
            for x, d in zip(values, dims[1:], strict=True)
        ]
        self(holds, *first)
        return (), []


@final
@operation
class CheckThat(Checking, PythonCall):
    """Raise unless the first operand, a bool, holds; the others are the message's values."""

    callback: Flat
    out_avals: tuple[Aval, ...]

    effects = frozenset({"check"})
    name = "check"

    @property
    def site(self) -> Site | Table:
        """What is checked."""
        found: Any = self.callback
        return found.site


@final
@operation
class DebugCheck(Checking):
    """A check that is made by `checkify` only."""

    site: Site

    multiple_results = True
    effects = frozenset({"check"})

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        return ()

    transpose = unsupported("it has no results")

    def lower(self, *operands: Any) -> Any:
        return ()

    def reference(self, *operands: Any) -> Any:
        return ()
