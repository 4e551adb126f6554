"""Shardings: `jax.sharding`'s names."""

from gradax.runtime.device import Device as Device
from gradax.runtime.sharding import Mesh as Mesh
from gradax.runtime.sharding import NamedSharding as NamedSharding
from gradax.runtime.sharding import PartitionSpec as PartitionSpec
from gradax.runtime.sharding import Sharding as Sharding
from gradax.runtime.sharding import SingleDeviceSharding as SingleDeviceSharding
