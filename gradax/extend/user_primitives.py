"""Primitives that users define: rules are given one by one, by functions and registries.

Binding one makes a `PrimitiveCall`, whose program is the primitive's lowering, traced for the types
of its operands; where only `def_impl` is given, it is a call of that Python function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, final

from gradax import tree
from gradax.api.callbacks import pure_callback
from gradax.api.shapes import describe
from gradax.control.programs import (
    ProgramOp,
    Through,
    check_operands,
    program_node,
    run_reference,
)
from gradax.control.tracing import with_weak_types
from gradax.core.aval import Aval, tangent_aval
from gradax.core.jaxpr import Eqn, Jaxpr, Var, inline_consts
from gradax.core.op import Op, UnsupportedRule, operation
from gradax.core.primitive import Primitive, PrimitiveError, operation_of
from gradax.core.staging import stage
from gradax.core.tangent import Zero, is_linear
from gradax.core.value import as_value, is_value
from gradax.errors import ArgumentTypeError, at_user_line
from gradax.native import get_trace

Rule = Callable[..., Any]


class Kind(type):
    """Primitives of operations are primitives as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        if cls is UserPrimitive:
            return isinstance(instance, Primitive)
        return super().__instancecheck__(instance)


class UserPrimitive(Primitive, metaclass=Kind):
    """A primitive of one's own, equal to itself alone.

    `def_abstract_eval` gives its types; `def_impl` what it computes on arrays. Derivatives, mapping
    and compilation are given to the registries of `gradax.interpreters`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.impl: Rule | None = None
        self.abstract_eval: Rule | None = None
        self.lowering: Any = None
        self.rules: dict[str, Rule] = {}
        self.calls: dict[Any, tuple[PrimitiveCall, tuple[Any, ...]]] = {}

    def def_impl(self, impl: Rule) -> Rule:
        """Say what the primitive computes on arrays: `impl(*arrays, **params)`."""
        self.impl = impl
        self.calls.clear()
        return impl

    def def_abstract_eval(self, abstract_eval: Rule) -> Rule:
        """Say the type(s) of its results: `abstract_eval(*avals, **params)`."""
        self.abstract_eval = abstract_eval
        self.calls.clear()
        return abstract_eval

    def def_effectful_abstract_eval(self, effectful_abstract_eval: Rule) -> Rule:
        """Say the types of its results, and effects, of which the order of equations is enough."""
        self.def_abstract_eval(
            lambda *avals, **params: effectful_abstract_eval(*avals, **params)[0]
        )
        return effectful_abstract_eval

    def def_bind_with_trace(self, bind_with_trace: Rule) -> Rule:
        """Refuse: interpreters here have no rules by primitive for binding."""
        raise UnsupportedRule(
            f"{self.name}: def_bind_with_trace is JAX's own business.{at_user_line()}\n"
            "Use custom_jvp, custom_vjp or custom_vmap, or the registries of gradax.interpreters."
        )

    def bind(self, *args: Any, **params: Any) -> Any:
        """Apply the primitive: to arrays by its implementation, under a trace as an equation.

        Errors: NotImplementedError when it has no rule for what is asked.
        """
        if self.impl is None and self.abstract_eval is None:
            return super().bind(*args, **params)  # raises
        if get_trace() is None and self.impl is not None:
            found = self.impl(*args, **params)
            return [array_of(x) for x in found] if self.multiple_results else array_of(found)
        values = [as_value(x) for x in args]
        op, consts = self.call_of(tuple(x.aval for x in values), params)
        outs = op(*consts, *values)
        return list(outs) if self.multiple_results else outs[0]

    def call_of(self, avals: tuple[Aval, ...], params: dict[str, Any]) -> tuple[Any, Any]:
        """Return the operation for operands of these types, and the constants that it takes."""
        static = tuple((k, Static(v)) for k, v in sorted(params.items()))
        key = (static, avals)
        found = self.calls.get(key)
        if found is None:
            out_avals = self.types_of(avals, params)
            program, consts = self.program_of(avals, params, out_avals)
            op = PrimitiveCall(self, static, program, len(consts), out_avals)
            found = self.calls[key] = op, consts
        return found

    def types_of(self, avals: Sequence[Aval], params: dict[str, Any]) -> tuple[Aval, ...]:
        """Return the types of the results."""
        if self.abstract_eval is None:
            raise PrimitiveError(
                f"The primitive {self.name!r} has no types: no def_abstract_eval was given."
                f"{at_user_line()}\nGive it one: @{self.name}.def_abstract_eval."
            )
        found = self.abstract_eval(*avals, **params)
        outs = tuple(found) if self.multiple_results else (found,)
        return tuple(Aval(a.shape, a.dtype, getattr(a, "weak_type", False)) for a in outs)

    def program_of(
        self, avals: Sequence[Aval], params: dict[str, Any], out_avals: tuple[Aval, ...]
    ) -> tuple[Jaxpr | None, tuple[Any, ...]]:
        """Return the traced lowering and what it captures; None where there is nothing to run."""
        lowering, impl = self.lowering, self.impl
        if lowering is None and impl is None:
            return None, ()

        def run(*xs: Any) -> list[Any]:
            if lowering is not None:
                found = lowering.of_types(out_avals, xs, params)
            else:
                shapes = [describe(a) for a in out_avals]
                called = ListOf(impl, tuple(params.items()), self.multiple_results)
                found = pure_callback(called, shapes, *xs)
            return [as_value(x) for x in tree.leaves(found)]

        closed = stage(run, avals, self.name)
        got = [(a.shape, a.dtype) for a in closed.out_avals]
        if got != [(a.shape, a.dtype) for a in out_avals]:
            raise PrimitiveError(
                f"The primitive {self.name!r} is said to give {list(map(str, out_avals))}; its"
                f" lowering gives {list(map(str, closed.out_avals))}.{at_user_line()}"
            )
        closed = with_weak_types(closed, [a.weak_type for a in out_avals])
        return inline_consts(closed), closed.consts

    def rule(self, what: str, how: str) -> Rule:
        """Return a rule, or raise that there is none and how to give one."""
        found = self.rules.get(what)
        if found is None:
            raise UnsupportedRule(
                f"The primitive {self.name!r} has no {what} rule.{at_user_line()}\nGive it one:"
                f" gradax.interpreters.{how}."
            )
        return found


def array_of(x: Any) -> Any:
    """Return a result of an implementation as an array, where it can be one."""
    return as_value(x) if is_value(x) else x


class ListOf:
    """An implementation with its parameters, as a function that returns a list."""

    def __init__(self, impl: Any, params: Any, multiple: bool) -> None:
        self.impl, self.params, self.multiple = impl, params, multiple
        self.__name__ = getattr(impl, "__name__", type(impl).__name__)

    def __call__(self, *args: Any) -> list[Any]:
        found = self.impl(*args, **dict(self.params))
        return list(found) if self.multiple else [found]


@final
class Static:
    """A parameter: compared by value where it can be, else by identity."""

    __slots__ = ("value", "digest")

    def __init__(self, value: Any) -> None:
        self.value = value
        try:
            self.digest = hash((type(value), value))
        except TypeError:
            self.digest = id(value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static) or self.digest != other.digest:
            return False
        same = self.value is other.value
        return same or (type(self.value) is type(other.value) and bool(self.value == other.value))

    def __hash__(self) -> int:
        return self.digest

    def __repr__(self) -> str:
        return repr(self.value)


@final
@operation
class PrimitiveCall(ProgramOp):
    """A user's primitive in a program. Its first operands are what its lowering captures."""

    primitive: UserPrimitive
    static: tuple[tuple[str, Static], ...]
    jaxpr: Jaxpr | None
    n_consts: int
    out_avals: tuple[Aval, ...]

    name = property(lambda self: self.primitive.name)  # type: ignore[assignment]

    @property
    def own_primitive(self) -> Any:
        return self.primitive

    @property
    def bound_params(self) -> dict[str, Any]:
        return {k: v.value for k, v in self.static}

    def printed_params(self) -> dict[str, Any]:
        return self.bound_params

    def listed(self, found: Any) -> list[Any]:
        """Return the result of a user's rule as a list of results."""
        return list(found) if self.primitive.multiple_results else [found]

    def __call__(self, *args: Any) -> Any:
        impl = self.primitive.impl
        if get_trace() is None and impl is not None:
            found = impl(*args[self.n_consts :], **self.bound_params)
            return tuple(as_value(x) for x in self.listed(found))
        return super().__call__(*args)

    def infer(self, *avals: Aval) -> tuple[Aval, ...]:
        if self.jaxpr is not None:
            check_operands(self, self.jaxpr, avals)
        return self.out_avals

    def jvp(self, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        rule = self.primitive.rule("derivative", "ad.primitive_jvps[p] = rule")
        n = self.n_consts
        out, dout = rule(primals[n:], tangents[n:], **self.bound_params)
        zeros = [Zero(tangent_aval(a)) for a in self.out_avals]
        douts = [z if d is None else d for d, z in zip(self.listed(dout), zeros, strict=True)]
        return tuple(self.listed(out)), tuple(douts)

    def transpose(self, ct: Any, *operands: Any) -> Any:
        rule = self.primitive.rule("transpose", "ad.primitive_transposes[p] = rule")
        cts = ct if self.primitive.multiple_results else ct[0]
        found = rule(cts, *operands[self.n_consts :], **self.bound_params)
        given = list(found) if isinstance(found, (list, tuple)) else [found]
        pairs = zip(given, operands[self.n_consts :], strict=True)
        kept = tuple(c if is_linear(x) else None for c, x in pairs)
        return (*[None] * self.n_consts, *kept)

    def batch(self, args: tuple[Any, ...], dims: tuple[int | None, ...]) -> Any:
        rule = self.primitive.rule("batching", "batching.primitive_batchers[p] = rule")
        n = self.n_consts
        out, dim = rule(args[n:], dims[n:], **self.bound_params)
        outs, out_dims = self.listed(out), self.listed(dim)
        pairs = zip(out_dims, outs, strict=True)
        return outs, [d % x.ndim if type(d) is int else d for d, x in pairs]

    def threaded(self, through: Through, eqn: Eqn, token: Var, after: Var) -> list[Eqn]:
        assert self.jaxpr is not None
        outs = (*self.out_avals, token.aval)
        call = PrimitiveCall(self.primitive, self.static, through(self.jaxpr), self.n_consts, outs)
        return [Eqn(call, (*eqn.invars, token), (*eqn.outvars, after), eqn.source)]

    def lower(self, *operands: Any) -> Any:
        return program_node("call", (self.runnable(),), operands, self.out_avals)

    def reference(self, *operands: Any) -> Any:
        return run_reference(self.runnable(), operands)

    def runnable(self) -> Jaxpr:
        """Return the program, or raise that there is none."""
        if self.jaxpr is None:
            raise UnsupportedRule(
                f"The primitive {self.name!r} cannot be run: it has neither lowering nor"
                f" implementation.{at_user_line()}\nGive it one: {self.name}.def_impl(f), or"
                " mlir.register_lowering(p, mlir.lower_fun(f, multiple_results=False))."
            )
        return self.jaxpr


class Registry(MutableMapping[Primitive, Rule]):
    """The rules of one kind, by primitive; those of operations are their methods, read only."""

    def __init__(self, what: str, of_operation: Callable[[type[Op]], Rule]) -> None:
        self.what, self.of_operation = what, of_operation
        self.given: dict[Primitive, Rule] = {}

    def __setitem__(self, primitive: Primitive, rule: Rule) -> None:
        user_primitive(primitive, self.what).rules[self.what] = rule
        self.given[primitive] = rule

    def __getitem__(self, primitive: Primitive) -> Rule:
        if primitive.operation is not None:
            return self.of_operation(primitive.operation)
        return self.given[primitive]

    def __delitem__(self, primitive: Primitive) -> None:
        del self.given[primitive]
        del user_primitive(primitive, self.what).rules[self.what]

    def __iter__(self) -> Iterator[Primitive]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)

    def __contains__(self, primitive: object) -> bool:
        return primitive in self.given or getattr(primitive, "operation", None) is not None


def user_primitive(primitive: Any, what: str) -> UserPrimitive:
    """Return a primitive that rules can be given to.

    Errors: TypeError for anything else, the primitives of operations included.
    """
    if not hasattr(primitive, "rules"):
        raise ArgumentTypeError(
            f"A {what} rule can be given to a primitive of your own; got {primitive!r}, whose rules"
            f" are the methods of its operation.{at_user_line()}\nMake one:"
            " gradax.extend.core.Primitive('name')."
        )
    return primitive


def flat_rule(kind: type[Op], name: str) -> Rule:
    """Return an operation's rule in the form that registries have."""

    def rule(*args: Any, **params: Any) -> Any:
        return getattr(operation_of(kind, params), name)(*args)

    return rule
