"""The importer that answers for `jax` and `jaxlib`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, final

import gradax
from gradax.as_jax.internals import INTERNALS, Internal
from gradax.as_jax.meaningless import reason_of
from gradax.errors import GradaxError, at_user_line

# The release of JAX whose interface this is.
VERSION = "0.10.2"
ROOTS = ("jax", "jaxlib")
# Packages that have, as JAX's, modules that ours have not.
WIDER = ("jax.experimental", "jax.extend", "jax.interpreters")
# Modules that JAX's users see otherwise than ours: JAX's name → ours.
OTHERS = {"jax.core": "gradax.as_jax.core", "jax.extend.backend": "gradax.as_jax.backend"}


class AlreadyImported(GradaxError, RuntimeError):
    """JAX itself was imported before it was to be stood in for."""


@final
class Jax(ModuleType):
    """The module `jax`: gradax's names, and the version of the interface."""

    __version__ = VERSION
    __version_info__ = tuple(map(int, VERSION.split(".")))

    def __getattr__(self, name: str) -> Any:
        full = f"jax.{name}"
        if full in OTHERS or full in WIDER or name in ("_src", "lib", "version"):
            return import_module(f"jax.{name}")
        try:
            return getattr(gradax, name)
        except AttributeError:
            raise AttributeError(
                f"module 'jax' has no attribute {name!r}{reason_of(f'jax.{name}')}"
            ) from None

    def __dir__(self) -> list[str]:
        return dir(gradax)


def plain(name: str, **names: Any) -> ModuleType:
    """Make a module of names."""
    module = ModuleType(name, "Stands in for a module of JAX.")
    vars(module).update(names)
    return module


def made(name: str) -> ModuleType | None:
    """Return the module that a name of JAX's stands for; None where there is none."""
    if name == "jax":
        return Jax("jax", gradax.__doc__)
    if name == "jaxlib":
        return plain(name, __version__=VERSION)
    if name in ("jax.version", "jaxlib.version"):
        return plain(name, __version__=VERSION, __version_info__=Jax.__version_info__)
    if name in ("jax._src", "jax.lib"):
        return Internal(name, {})
    if name in INTERNALS:
        return Internal(name, INTERNALS[name])
    if name in OTHERS:
        return import_module(OTHERS[name])
    if name in WIDER:
        return Internal(name, (f"gradax{name.removeprefix('jax')}",))
    if name.startswith("jax._src.") and any(n.startswith(name + ".") for n in INTERNALS):
        return Internal(name, ours_below(name))
    return ours(name.replace("jax._src.", "jax.", 1)) if name.startswith("jax.") else None


def ours_below(name: str) -> tuple[str, ...]:
    """Return where the names of an internal package are looked up."""
    found = ours(name.replace("jax._src.", "jax.", 1))
    return () if found is None else (found.__name__,)


def ours(name: str) -> ModuleType | None:
    """Return our module of the same name, below the root."""
    place = "gradax" + name.removeprefix("jax")
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        if not place.startswith(error.name or ""):
            raise
    parent, _, last = place.rpartition(".")
    try:
        found = getattr(import_module(parent), last, None)
    except ModuleNotFoundError:
        return None
    return found if isinstance(found, ModuleType) else None


@final
class Finder(MetaPathFinder, Loader):
    """Finds our modules under JAX's names."""

    def __init__(self) -> None:
        self.specs: dict[str, Any] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of JAX's.

        Errors: ModuleNotFoundError for one that means nothing here.
        """
        del path, target
        if fullname.partition(".")[0] not in ROOTS:
            return None
        module = made(fullname)
        if module is None:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: gradax stands in for JAX (gradax.as_jax), and has"
                f" no such module{reason_of(fullname)}",
                name=fullname,
            )
        self.specs[fullname] = module, getattr(module, "__spec__", None)
        spec = ModuleSpec(fullname, self, origin="gradax")
        spec.submodule_search_locations = []
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.specs[spec.name][0]

    def exec_module(self, module: ModuleType) -> None:
        """Give a module of ours its own spec again, which importing replaced."""
        for found, own in self.specs.values():
            if found is module and own is not None:
                module.__spec__ = own


class State:
    """Whether the importer is in place."""

    def __init__(self) -> None:
        self.finder: Finder | None = None


state = State()


def install() -> None:
    """Let `import jax` and `import jaxlib` give gradax, in this process, from now on.

    Errors: RuntimeError where JAX itself has been imported.
    """
    if state.finder is not None:
        return
    found = sys.modules.get("jax")
    if found is not None:
        raise AlreadyImported(
            f"as_jax.install: JAX has been imported already, from"
            f" {getattr(found, '__file__', None)}.{at_user_line()}\nCall gradax.as_jax.install()"
            " first, before the libraries that import JAX."
        )
    state.finder = Finder()
    sys.meta_path.insert(0, state.finder)
    import_module("jax")


def uninstall() -> None:
    """Undo `install`: libraries that have been imported keep what they got."""
    if state.finder is None:
        return
    sys.meta_path.remove(state.finder)
    state.finder = None
    for name in [n for n in sys.modules if n.partition(".")[0] in ROOTS]:
        del sys.modules[name]
