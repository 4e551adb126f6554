"""Registered targets as what a user's primitive compiles to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

from gradax.api.shapes import describe
from gradax.core.aval import Aval
from gradax.errors import ArgumentError, at_user_line
from gradax.ffi.calling import ffi_call
from gradax.interpreters.mlir import Lowering, LoweringRuleContext


@final
class Results(list[Any]):
    """The results of a target's call; `results` are they as well."""

    @property
    def results(self) -> list[Any]:
        """The results."""
        return self


@final
class TargetLowering(Lowering):
    """The lowering of a primitive to a call of a target, for the types that the primitive says."""

    def __init__(
        self, name: str, options: Mapping[str, Any], attributes: Mapping[str, Any]
    ) -> None:
        super().__init__(self.called, True)
        self.name, self.options, self.attributes = name, options, attributes

    def called(self, *args: Any, **params: Any) -> Any:
        """Refuse: the types of the results are a primitive's to say."""
        raise ArgumentError(
            f"The lowering to the target {self.name!r} is called by a primitive.{at_user_line()}\n"
            "Pass it to mlir.register_lowering, or call gradax.ffi.ffi_call."
        )

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Call the target; from a rule in JAX's form, with its context first."""
        if not args or not isinstance(args[0], LoweringRuleContext):
            return self.called()
        return Results(self.of_types(args[0].avals_out, args[1:], params))

    def of_types(
        self, out_avals: Sequence[Aval], args: Sequence[Any], params: Mapping[str, Any]
    ) -> Any:
        call = ffi_call(self.name, [describe(a) for a in out_avals], **self.options)
        return call(*args, **self.attributes, **params)


def minor_first(layouts: Sequence[Any] | None) -> Any:
    """Return layouts given with the fastest axis first with the slowest first."""
    if layouts is None:
        return None
    return [x if x is None or hasattr(x, "major_to_minor") else tuple(x)[::-1] for x in layouts]


def ffi_lowering(
    call_target_name: str,
    *,
    operand_layouts: Sequence[Any] | None = None,
    result_layouts: Sequence[Any] | None = None,
    backend_config: Mapping[str, Any] | str | None = None,
    skip_ffi_layout_processing: bool = False,
    **lowering_args: Any,
) -> TargetLowering:
    """Return what `mlir.register_lowering` takes to make a primitive a call of a target.

    The primitive's parameters are the target's attributes, with those of `backend_config`. Layouts
    are tuples of axes, the fastest first.
    """
    version = lowering_args.get("api_version", 4)
    options: dict[str, Any] = {
        "has_side_effect": bool(lowering_args.get("has_side_effect", False)),
        "custom_call_api_version": version,
        "input_output_aliases": lowering_args.get("operand_output_aliases"),
    }
    if not skip_ffi_layout_processing:
        options["input_layouts"] = minor_first(operand_layouts)
        options["output_layouts"] = minor_first(result_layouts)
    if isinstance(backend_config, str):
        return TargetLowering(
            call_target_name, {**options, "legacy_backend_config": backend_config}, {}
        )
    return TargetLowering(call_target_name, options, dict(backend_config or {}))


build_ffi_lowering_function = ffi_lowering
