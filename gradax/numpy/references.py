"""What programs do with mutable references: NumPy's indexing of `gradax.core.refs.Ref`."""

from __future__ import annotations

from typing import Any

from gradax.core.refs import Ref, read, write
from gradax.core.value import as_value
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.lax.convert import ConvertElementType
from gradax.numpy.at import At
from gradax.numpy.creation import empty
from gradax.numpy.indexing import index
from gradax.numpy.shaping import broadcast_to


def new_ref(init_val: Any, *, memory_space: Any = None, kind: Any = None) -> Ref:
    """Return a mutable reference that holds a copy of `init_val`.

    `ref[...]` reads it and `ref[i] = x` writes it, in programs too: jit, scan, while_loop and cond
    pass the values of references that their functions use.
    """
    value = as_value(init_val)
    return Ref(ConvertElementType(value.dtype)(value) if value.weak_type else value)


def empty_ref(shape: Any, dtype: Any = None, **_: Any) -> Ref:
    """Return a mutable reference of a shape and dtype, of no particular values (zeros)."""
    if hasattr(shape, "shape") and hasattr(shape, "dtype"):
        shape, dtype = shape.shape, shape.dtype
    return Ref(empty(shape, dtype))


def checked(what: str, ref: Any) -> Ref:
    """Return a reference.

    Errors: TypeError for anything else.
    """
    if not isinstance(ref, Ref):
        raise ArgumentTypeError(
            f"{what}: expected a reference (new_ref); got {type(ref).__name__}.{at_user_line()}"
        )
    return ref


def get(ref: Ref, idx: Any = ...) -> Any:
    """Return `ref[idx]`."""
    return index(read(checked("ref.get", ref)), idx)


def swap(ref: Ref, idx: Any, value: Any) -> Any:
    """Write `value` to `ref[idx]` and return what was there."""
    before = get(checked("ref.swap", ref), idx)
    put(ref, idx, value)
    return before


def put(ref: Ref, idx: Any, value: Any) -> None:
    """Write `value`, broadcast, to `ref[idx]`."""
    whole = read(checked("ref.set", ref))
    if idx is Ellipsis:
        value = as_value(value)
        if value.dtype != ref.dtype or value.weak_type:
            value = ConvertElementType(ref.dtype)(value)
        write(ref, value if value.shape == ref.shape else broadcast_to(value, ref.shape))
    else:
        write(ref, At(whole)[idx].set(value))


def addupdate(ref: Ref, idx: Any, x: Any) -> None:
    """Add `x` to `ref[idx]`; places that an index names twice get both."""
    write(ref, At(read(checked("ref.addupdate", ref)))[idx].add(x))


def freeze(ref: Ref) -> Any:
    """Return the value of a reference, which is not used any more."""
    value = read(checked("ref.freeze", ref))
    ref.is_freed = True
    return value


def free_ref(ref: Ref) -> None:
    """Give up a reference: using it afterwards is an error."""
    checked("ref.free_ref", ref).is_freed = True


# As the operators of arrays: the language knows references, NumPy's rules index them.
Ref.__getitem__ = get  # type: ignore[attr-defined]
Ref.__setitem__ = put  # type: ignore[attr-defined]
