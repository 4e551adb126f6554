"""Gradax: JAX's programming model and API on a compiler and a runtime of its own.

`import gradax as jax` runs programs written for JAX. This page assembles the package: it makes the two
deliberate inversions (the eager evaluator, the operators of arrays) and names what is public.
"""

import importlib as _importlib
import os as _os
from typing import Any as _Any

from gradax import config as config
from gradax import dtypes as dtypes
from gradax import errors as errors
from gradax import native as _native
from gradax import tree as tree
from gradax import tree_util as tree_util

# The order matters from here on: `lax` before what stands on it.
# isort: off
from gradax import core as _core
from gradax import lax as lax
from gradax import sharding as sharding
from gradax.runtime import placement as _placement
from gradax.api import evaluate as _evaluate

__version__ = "0.1.0"

_native.set_package_folder(_os.path.dirname(_os.path.abspath(__file__)))
_core.conversion.to_array = lambda x, aval: _native.Array.from_numpy(x, aval, True)
_core.evaluation.evaluate = _evaluate.evaluate
_placement.install()
