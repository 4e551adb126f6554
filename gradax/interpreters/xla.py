"""Nothing: gradax has no XLA. The page is there to say so."""

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(
        f"gradax.interpreters.xla has no {name!r}: programs are compiled by gradax itself. Give a"
        " primitive def_impl, or a lowering with gradax.interpreters.mlir.register_lowering."
    )
