"""Meshes: devices in grids with named axes, and the mesh that a program runs in."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ContextDecorator
from math import prod
from typing import Any, cast, final

import numpy as np

from gradax.config import state
from gradax.errors import at_user_line
from gradax.native import get_trace
from gradax.records import record
from gradax.runtime.device import Device


class AxisType(enum.Enum):
    """Who decides how arrays are cut along an axis: nobody (Auto), their types, or the program.

    Arrays' types do not speak of meshes here: an explicit axis is kept as given and treated as an
    automatic one. Manual axes are those of a program that runs once a device.
    """

    Auto = enum.auto()
    Explicit = enum.auto()
    Manual = enum.auto()

    def __repr__(self) -> str:
        return self.name


@final
@record
class AbstractDevice:
    """What is known of the devices of a mesh without devices."""

    device_kind: str
    num_cores: int | None = None
    platform: str | None = None

    def text(self) -> str:
        """Return the fields as text."""
        return (
            f"device_kind={self.device_kind}, num_cores={self.num_cores}, platform={self.platform}"
        )

    def __repr__(self) -> str:
        return f"AbstractDevice({self.text()})"


@final
@record
class ManualAxisType:
    """The manual axes along which a value varies, or is a sum (or its operand) not yet taken."""

    varying: frozenset[str] = frozenset()
    unreduced: frozenset[str] = frozenset()
    reduced: frozenset[str] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether the value is the same along all axes."""
        return not (self.varying or self.unreduced or self.reduced)

    def update(self, **changes: frozenset[str]) -> ManualAxisType:
        """Return the type with some of its sets replaced."""
        return ManualAxisType(**{**vars(self), **changes})


class BaseMesh:
    """What meshes with and without devices have: named axes with sizes and types."""

    axis_names: tuple[Any, ...]
    axis_types: tuple[AxisType, ...]

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        raise NotImplementedError

    @property
    def shape(self) -> Mapping[Any, int]:
        """The size of each axis, by name."""
        return OrderedDict(zip(self.axis_names, self.axis_sizes, strict=True))

    @property
    def shape_tuple(self) -> tuple[tuple[Any, int], ...]:
        """The axes as pairs of name and size."""
        return tuple(self.shape.items())

    @property
    def size(self) -> int:
        """The number of devices."""
        return 0 if self.empty else prod(self.axis_sizes)

    @property
    def empty(self) -> bool:
        """Whether the mesh has no devices."""
        return not self.axis_names

    def axes_of_type(self, kind: AxisType) -> tuple[Any, ...]:
        """Return the names of the axes of a type."""
        pairs = zip(self.axis_names, self.axis_types, strict=True)
        return tuple(name for name, own in pairs if own is kind)

    @property
    def auto_axes(self) -> tuple[Any, ...]:
        """The names of the automatic axes."""
        return self.axes_of_type(AxisType.Auto)

    @property
    def explicit_axes(self) -> tuple[Any, ...]:
        """The names of the explicit axes."""
        return self.axes_of_type(AxisType.Explicit)

    @property
    def manual_axes(self) -> tuple[Any, ...]:
        """The names of the manual axes."""
        return self.axes_of_type(AxisType.Manual)

    @property
    def are_all_axes_auto(self) -> bool:
        """Whether there are axes and all are automatic."""
        return set(self.axis_types) == {AxisType.Auto}

    @property
    def are_all_axes_explicit(self) -> bool:
        """Whether there are axes and all are explicit."""
        return set(self.axis_types) == {AxisType.Explicit}

    @property
    def are_all_axes_manual(self) -> bool:
        """Whether there are axes and all are manual."""
        return set(self.axis_types) == {AxisType.Manual}

    def axes_text(self) -> str:
        """Return `'x': 2, 'y': 4, axis_types=(Auto, Auto)`."""
        sizes = ", ".join(f"{k!r}: {v}" for k, v in self.shape.items()) or "()"
        return f"{sizes}, axis_types={self.axis_types}"


@final
class Mesh(BaseMesh, ContextDecorator):
    """Devices in a grid with named axes.

    As a context it is the mesh of specs that name none (see also `set_mesh`).
    Shapes: devices: an array with an axis for each name.
    Errors: ValueError when names and axes differ in number or a name comes twice.
    """

    def __init__(
        self, devices: Any, axis_names: str | Sequence[Any], axis_types: Any = None
    ) -> None:
        self.devices = np.asarray(devices, dtype=object)
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        self.axis_names = names
        if len(names) != self.devices.ndim or len(set(names)) != len(names):
            raise ValueError(
                f"Mesh: expected a distinct name for each of {self.devices.ndim} axes; got {names}."
                f"{at_user_line()}"
            )
        self.axis_types = axis_types_of("Mesh", axis_types, names)

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.devices.shape

    @property
    def empty(self) -> bool:
        """Whether the mesh has no devices."""
        found: list[Any] = list(self.devices.flat)
        return not found or found == [None]

    @property
    def device_ids(self) -> np.ndarray[Any, Any]:
        """The numbers of the devices."""
        return np.array([d.id for d in self.devices.flat], int).reshape(self.devices.shape)

    @property
    def local_devices(self) -> list[Device]:
        """The devices of this process."""
        return list(self.devices.flat)

    @property
    def local_mesh(self) -> Mesh:
        """The mesh of this process' devices: all of them."""
        return self

    @property
    def is_multi_process(self) -> bool:
        """Whether the devices belong to several processes."""
        return False

    @property
    def abstract_mesh(self) -> AbstractMesh:
        """The mesh without its devices."""
        if self.empty:
            return EMPTY_ABSTRACT
        first = self.devices.flat[0]
        device = AbstractDevice(first.device_kind, None, first.platform)
        return AbstractMesh(
            self.axis_sizes, self.axis_names, self.axis_types, abstract_device=device
        )

    def update(self, devices: Any = None, axis_names: Any = None, axis_types: Any = None) -> Mesh:
        """Return the mesh with some of its parts replaced."""
        names = self.axis_names if axis_names is None else axis_names
        kinds = self.axis_types if axis_types is None else axis_types
        return Mesh(self.devices if devices is None else devices, names, kinds)

    def __enter__(self) -> Mesh:
        now = context()
        use_context(MeshContext(now.concrete, now.abstract, (*now.entered, self)))
        return self

    def __exit__(self, *error: object) -> None:
        now = context()
        use_context(MeshContext(now.concrete, now.abstract, now.entered[:-1]))

    def key(self) -> tuple[Any, ...]:
        """Return what equality compares."""
        ids = tuple(getattr(d, "id", None) for d in self.devices.flat)
        return self.axis_names, self.devices.shape, self.axis_types, ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mesh) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __str__(self) -> str:
        return f"Mesh({self.axes_text()})" if self.axis_names else "Mesh()"

    def __repr__(self) -> str:
        if not self.axis_names:
            return "Mesh(axis_sizes=(), axis_names=())"
        return (
            f"Mesh(axis_sizes={self.axis_sizes}, axis_names={self.axis_names},"
            f" axis_types={self.axis_types})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Mesh, (self.devices, self.axis_names, self.axis_types)


@final
class AbstractMesh(BaseMesh):
    """A mesh of which only the axes are known."""

    def __init__(
        self,
        axis_sizes: Sequence[int],
        axis_names: str | Sequence[Any],
        axis_types: Any = None,
        *,
        abstract_device: AbstractDevice | None = None,
    ) -> None:
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        self._sizes, self.axis_names = tuple(axis_sizes), names
        self.abstract_device = abstract_device
        if len(self._sizes) != len(names) or len(set(names)) != len(names):
            raise ValueError(
                f"AbstractMesh: expected a distinct name for each of {len(self._sizes)} axes; got"
                f" {names}.{at_user_line()}"
            )
        self.axis_types = axis_types_of("AbstractMesh", axis_types, names)

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self._sizes

    @property
    def abstract_mesh(self) -> AbstractMesh:
        """The mesh itself."""
        return self

    @property
    def devices(self) -> Any:
        """Refuse: there are none."""
        raise ValueError(f"AbstractMesh has no devices.{at_user_line()}\nUse a Mesh.")

    def update(
        self, axis_sizes: Any = None, axis_names: Any = None, axis_types: Any = None
    ) -> AbstractMesh:
        """Return the mesh with some of its parts replaced."""
        return AbstractMesh(
            self._sizes if axis_sizes is None else axis_sizes,
            self.axis_names if axis_names is None else axis_names,
            self.axis_types if axis_types is None else axis_types,
            abstract_device=self.abstract_device,
        )

    def update_axis_types(self, types: Mapping[Any, AxisType]) -> AbstractMesh:
        """Return the mesh with other types of the named axes."""
        pairs = zip(self.axis_names, self.axis_types, strict=True)
        return self.update(axis_types=tuple(types.get(name, own) for name, own in pairs))

    def key(self) -> tuple[Any, ...]:
        """Return what equality compares."""
        return self.axis_names, self._sizes, self.axis_types, self.abstract_device

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbstractMesh) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def __repr__(self) -> str:
        device = self.abstract_device
        return f"AbstractMesh({self.axes_text()}{f', {device.text()}' if device else ''})"


def axis_types_of(what: str, types: Any, names: Collection[Any]) -> tuple[AxisType, ...]:
    """Return the type of each axis; Auto where none is given.

    Errors: ValueError for another number of them, TypeError for what is no AxisType.
    """
    if types is None:
        return (AxisType.Auto,) * len(names)
    given = (types,) * len(names) if isinstance(types, AxisType) else tuple(types)
    if len(given) != len(names):
        raise ValueError(
            f"{what}: expected a type for each of the axes {tuple(names)}; got {given}."
            f"{at_user_line()}"
        )
    for kind in given:
        if not isinstance(kind, AxisType):
            raise TypeError(f"{what}: axis_types are AxisType's; got {kind!r}.{at_user_line()}")
    return given


EMPTY_ABSTRACT = AbstractMesh((), ())
EMPTY = Mesh(np.array(None, dtype=object), ())


@final
@record
class MeshContext:
    """The meshes of a thread: those that were set, and those entered by `with mesh`."""

    concrete: Mesh | None = None
    abstract: AbstractMesh | None = None
    entered: tuple[Mesh, ...] = ()


_NONE = MeshContext()


def context() -> MeshContext:
    """Return the meshes of this thread."""
    found = state.current.mesh_context
    return _NONE if found is None else cast(MeshContext, found)


def use_context(new: MeshContext) -> None:
    """Make meshes those of this thread."""
    state.swap_overrides((("mesh_context", None if new == _NONE else new),))


@final
class set_mesh:
    """Make `mesh` the mesh of this thread: for the body of a `with`, or from now on.

    None takes it away. Programs are traced anew for another mesh.
    Errors: TypeError for what is no Mesh; RuntimeError while a function is traced.
    """

    def __init__(self, mesh: Mesh | None) -> None:
        if mesh is not None and not isinstance(cast(object, mesh), Mesh):
            raise TypeError(
                f"set_mesh: expected a Mesh; got {type(mesh).__name__}.{at_user_line()}"
            )
        if get_trace() is not None:
            raise RuntimeError(
                f"set_mesh: the mesh cannot be changed while a function is traced.{at_user_line()}"
                "\nSet it around the call."
            )
        self.mesh, self.before = mesh, context()
        abstract = None if mesh is None else mesh.abstract_mesh
        use_context(MeshContext(mesh, abstract, self.before.entered))

    def __enter__(self) -> Mesh | None:
        return self.mesh

    def __exit__(self, *error: object) -> None:
        use_context(self.before)


@final
class use_abstract_mesh:
    """Make `mesh`, which has no devices, the mesh of a `with`'s body in this thread."""

    def __init__(self, mesh: AbstractMesh) -> None:
        if not isinstance(cast(object, mesh), AbstractMesh):
            raise TypeError(
                f"use_abstract_mesh: expected an AbstractMesh; got {type(mesh).__name__}."
                f"{at_user_line()}"
            )
        self.mesh = mesh
        self.before: list[MeshContext] = []

    def __enter__(self) -> AbstractMesh:
        now = context()
        self.before.append(now)
        use_context(MeshContext(now.concrete, self.mesh, now.entered))
        return self.mesh

    def __exit__(self, *error: object) -> None:
        use_context(self.before.pop())


def get_mesh() -> Mesh:
    """Return the mesh that `set_mesh` made current; an empty one when there is none."""
    return context().concrete or EMPTY


def get_abstract_mesh() -> AbstractMesh:
    """Return the current mesh without its devices; an empty one when there is none."""
    return context().abstract or EMPTY_ABSTRACT


def mesh_of_specs(what: str) -> Mesh | AbstractMesh:
    """Return the mesh that specs without one belong to.

    Errors: RuntimeError when there is none.
    """
    current = context()
    last = current.entered[-1] if current.entered else None
    mesh = current.concrete or last or current.abstract
    if mesh is None or mesh.empty:
        raise RuntimeError(
            f"{what}: a PartitionSpec needs a mesh, and none is current.{at_user_line()}\n"
            "Set one with `gradax.set_mesh(mesh)`, or pass NamedSharding(mesh, spec)."
        )
    return mesh
