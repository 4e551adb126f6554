"""Shardings: `jax.sharding`'s names."""

import typing as _typing

from gradax.lazy import export as _export
from gradax.runtime.device import Device as Device
from gradax.runtime.mesh import AbstractDevice as AbstractDevice
from gradax.runtime.mesh import AbstractMesh as AbstractMesh
from gradax.runtime.mesh import AxisType as AxisType
from gradax.runtime.mesh import ManualAxisType as ManualAxisType
from gradax.runtime.mesh import Mesh as Mesh
from gradax.runtime.mesh import get_abstract_mesh as get_abstract_mesh
from gradax.runtime.mesh import get_mesh as get_mesh
from gradax.runtime.mesh import set_mesh as set_mesh
from gradax.runtime.mesh import use_abstract_mesh as use_abstract_mesh
from gradax.runtime.sharding import NamedSharding as NamedSharding
from gradax.runtime.sharding import PartitionSpec as PartitionSpec
from gradax.runtime.sharding import Sharding as Sharding
from gradax.runtime.sharding import SingleDeviceSharding as SingleDeviceSharding

if _typing.TYPE_CHECKING:
    from gradax.api.resharding import auto_axes as auto_axes
    from gradax.api.resharding import explicit_axes as explicit_axes
    from gradax.api.resharding import make_single_device_sharding as make_single_device_sharding
    from gradax.api.resharding import reshard as reshard

_EXPORTS = """
    gradax.api.resharding: auto_axes explicit_axes make_single_device_sharding reshard
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS)
