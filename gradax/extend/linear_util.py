"""Functions together with transformations of what goes in and comes out.

A transformation is a function `transformed(f, *static, *args, **kwargs)` that calls f; or, the
older kind, a generator: it yields the arguments of f, receives f's result and yields what is
returned. One with an auxiliary output gives a pair; the second part is stored, once a call.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial, wraps
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from gradax.config import trace_key
from gradax.errors import GradaxError


class StoreException(GradaxError):
    """An auxiliary output that was read before the call, or stored twice."""


class DebugInfo(NamedTuple):
    """Where a function comes from, for messages."""

    traced_for: str
    func_src_info: str
    arg_names: tuple[str, ...] | None
    result_paths: Any = None

    @property
    def func_name(self) -> str:
        """The function's name."""
        return self.func_src_info.split(" ")[0]


class Store:
    """A place for one auxiliary output."""

    def __init__(self) -> None:
        self._found: list[Any] = []

    def store(self, value: Any) -> None:
        """Store the output. Errors: StoreException when there is one."""
        if self._found:
            raise StoreException("an auxiliary output was stored twice: call the function once")
        self._found.append(value)

    def reset(self) -> None:
        """Forget the output."""
        self._found.clear()

    @property
    def val(self) -> Any:
        """The output. Errors: StoreException before the call."""
        if not self._found:
            raise StoreException("an auxiliary output was read before the function was called")
        return self._found[0]

    def __bool__(self) -> bool:
        return bool(self._found)


class WrappedFun:
    """A function `f` and its transformations, the last to be applied first; it is called once."""

    def __init__(
        self,
        f: Callable[..., Any],
        f_transformed: Callable[..., Any],
        transforms: tuple[tuple[Callable[..., Any], tuple[Hashable, ...]], ...],
        stores: tuple[Store | None, ...],
        params: tuple[tuple[str, Hashable], ...],
        in_type: Any,
        debug_info: Any,
    ) -> None:
        self.f = f
        self.f_transformed = f_transformed
        self.transforms = transforms
        self.stores = stores
        self.params = params
        self.in_type = in_type
        self.debug_info = debug_info

    @property
    def __name__(self) -> str:
        return getattr(self.f, "__name__", "<unnamed wrapped function>")

    def wrap(
        self, gen: Callable[..., Any], gen_static_args: tuple[Any, ...], out_store: Store | None
    ) -> WrappedFun:
        """Return the function with another transformation around it."""
        if out_store is None:
            new = partial(gen, self.f_transformed, *gen_static_args)
        else:
            new = partial(gen, self.f_transformed, out_store, *gen_static_args)
        transforms = ((gen, gen_static_args), *self.transforms)
        stores = (out_store, *self.stores)
        return WrappedFun(self.f, new, transforms, stores, self.params, None, self.debug_info)

    def populate_stores(self, stores: tuple[Store | None, ...]) -> None:
        """Take over the auxiliary outputs of an equal function."""
        for own, other in zip(self.stores, stores, strict=True):
            if own is not None and other is not None:
                own.store(other.val)

    def replace_debug_info(self, debug_info: Any) -> WrappedFun:
        """Return the function with other information for messages."""
        return WrappedFun(
            self.f, self.f_transformed, self.transforms, self.stores, self.params, self.in_type,
            debug_info,
        )  # fmt: skip

    def call_wrapped(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function through its transformations."""
        return self.f_transformed(*args, **kwargs)

    def key(self) -> tuple[Any, ...]:
        """Return what equality compares: not the stores."""
        return self.f, self.transforms, self.params, self.in_type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WrappedFun) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        lines = [
            f"{i}: {getattr(gen, '__name__', gen)} {args}"
            for i, (gen, args) in enumerate(self.transforms)
        ]
        return "\n".join(["Wrapped function:", *lines, f"Core: {self.__name__}"])


def wrap_init(
    f: Callable[..., Any], params: dict[str, Any] | None = None, *, debug_info: Any = None
) -> WrappedFun:
    """Return a function without transformations; `params` are bound as keyword arguments."""
    named = tuple(sorted((params or {}).items()))
    run = partial(f, **params) if params else f
    return WrappedFun(f, run, (), (), named, None, debug_info)


def applied_later(wrap: Callable[..., Any]) -> Callable[..., Any]:
    """Let `wrap(gen)` be what wraps a function later: a decorator."""

    @wraps(wrap)
    def with_some(gen: Callable[..., Any], *args: Any, **options: Any) -> Any:
        return wrap(gen, *args, **options) if args else partial(wrap, gen, **options)

    return with_some


@applied_later
def transformation2(gen: Callable[..., Any], fun: WrappedFun, *gen_static_args: Any) -> WrappedFun:
    """Wrap a function by `gen(f, *static, *args, **kwargs)`; partially applied: a decorator."""
    return fun.wrap(gen, gen_static_args, None)


@applied_later
def transformation_with_aux2(
    gen: Callable[..., Any],
    fun: WrappedFun,
    *gen_static_args: Any,
    use_eq_store: bool = False,
    unk_names: bool = False,
) -> tuple[WrappedFun, Callable[[], Any]]:
    """Wrap a function by `gen(f, store, *static, *args)`, which stores; return it and a reader."""
    del use_eq_store, unk_names
    store = Store()
    return fun.wrap(gen, gen_static_args, store), lambda: store.val


@applied_later
def transformation(gen: Callable[..., Any], fun: WrappedFun, *gen_static_args: Any) -> WrappedFun:
    """Wrap a function by a generator."""
    return transformation2(generated(gen), fun, *gen_static_args)


@applied_later
def transformation_with_aux(
    gen: Callable[..., Any], fun: WrappedFun, *gen_static_args: Any
) -> tuple[WrappedFun, Callable[[], Any]]:
    """Wrap a function by a generator that yields a pair; return it and a reader of the second."""
    return transformation_with_aux2(generated_with_aux(gen), fun, *gen_static_args)


def run_generator(gen: Any, f: Callable[..., Any]) -> Any:
    """Run a generator around a call of f."""
    args, kwargs = next(gen)
    result = gen.send(f(*args, **kwargs))
    gen.close()
    return result


class generated:
    """A generator as a transformation; equal for equal generators."""

    def __init__(self, gen: Callable[..., Any]) -> None:
        self.gen = gen
        self.__name__ = getattr(gen, "__name__", "generator")

    def __call__(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return run_generator(self.gen(*args, **kwargs), f)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.gen is self.gen

    def __hash__(self) -> int:
        return hash((type(self), self.gen))


class generated_with_aux(generated):
    """A generator of a pair as a transformation that stores the second part."""

    def __call__(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        store, *rest = args
        out, aux = run_generator(self.gen(*rest, **kwargs), f)
        store.store(aux)
        return out


def merge_linear_aux(aux1: Callable[[], Any], aux2: Callable[[], Any]) -> tuple[bool, Any]:
    """Return which of two readers has an output (True: the first) and that output.

    Errors: StoreException when neither or both have.
    """
    found: list[tuple[bool, Any]] = []
    for is_first, read in ((True, aux1), (False, aux2)):
        try:
            found.append((is_first, read()))
        except StoreException:
            continue
    if len(found) != 1:
        raise StoreException(f"expected one auxiliary output of two; got {len(found)}")
    return found[0]


def cache(call: Callable[..., Any], *, explain: Any = None) -> Callable[..., Any]:
    """Remember the results of `call(fun, *args)` by the wrapped function and the arguments."""
    del explain
    remembered: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()

    def cached(fun: WrappedFun, *args: Any) -> Any:
        results = remembered.setdefault(fun.f, {})
        key = (fun.transforms, fun.params, fun.in_type, args, trace_key())
        if key in results:
            out, stores = results[key]
            fun.populate_stores(stores)
            return out
        out = call(fun, *args)
        results[key] = out, fun.stores
        return out

    cached.__dict__["cache_clear"] = remembered.clear
    return cached
