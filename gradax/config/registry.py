"""Read and change settings by name."""

from __future__ import annotations

from typing import Any, Final

from gradax.config import ignored, state
from gradax.config.setting import Override, Setting
from gradax.config.settings import REGISTRY

_PREFIXES: Final = ("jax_", "gradax_")


def update(name: str, value: object) -> None:
    """Change a setting for the whole process; `jax_NAME` and `NAME` mean the same.

    Threads inside a `with` that overrides the setting keep their own value until it ends.
    Errors: AttributeError for an unknown name, TypeError or ValueError for a value it cannot have.
    """
    bare = _bare(name)
    if bare in ignored.NAMES:
        ignored.recorded[bare] = value
    else:
        state.set_defaults(_find(name, bare).changes(value))


def read(name: str) -> Any:
    """Return the value of a setting that this thread sees."""
    bare = _bare(name)
    if bare in ignored.NAMES:
        return ignored.recorded.get(bare)
    return _find(name, bare).value


def override(**changes: object) -> Override:
    """Return a context manager that gives several settings other values in this thread."""
    pairs = [pair for name, value in changes.items() for pair in setting(name).changes(value)]
    return Override(pairs)


def setting(name: str) -> Setting[Any]:
    """Return the setting called `name`."""
    return _find(name, _bare(name))


def describe(name: str) -> str:
    """Return what a setting does, the values it takes and the environment variable it reads."""
    bare = _bare(name)
    if bare in ignored.NAMES:
        return f"{bare}: no effect; it is accepted because JAX has it."
    found = _find(name, bare)
    return (
        f"{found.name}: {found.doc} Takes {found.kind}; default {found.default!r};"
        f" GRADAX_{found.name.upper()}."
    )


def all_values() -> dict[str, object]:
    """Return every setting's value under its `jax_` name; those without effect come last."""
    live: dict[str, object] = {f"jax_{name}": found.value for name, found in REGISTRY.items()}
    return live | {f"jax_{name}": ignored.recorded.get(name) for name in sorted(ignored.NAMES)}


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name


def _find(name: str, bare: str) -> Setting[Any]:
    found = REGISTRY.get(bare)
    if found is None:
        import difflib

        near = difflib.get_close_matches(bare, [*REGISTRY, *ignored.NAMES], n=3, cutoff=0.5)
        hint = f"; near matches: {', '.join(f'jax_{match}' for match in near)}" if near else ""
        raise AttributeError(f"there is no setting {name!r}{hint}")
    return found
