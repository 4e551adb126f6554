"""Library kernels: their dtype codes, and the BLAS and LAPACK routines that some of them call."""

from __future__ import annotations

import ctypes
import importlib
import importlib.machinery
import importlib.util
import os
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradax import native

# The order is that of csrc/kernels/dtype_codes.hpp.
_CODED = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
DTYPE_CODES: dict[str, int] = {name: code for code, name in enumerate(_CODED)}

_BLAS = tuple(f"{letter}{name}" for name in ("gemm", "gemv", "trsm") for letter in "sdcz")
_LAPACK = (
    *(
        f"{letter}{name}"
        for name in ("potrf", "getrf", "geqrf", "gesdd", "geev")
        for letter in "sdcz"
    ),
    *("sorgqr", "dorgqr", "cungqr", "zungqr", "ssyevd", "dsyevd", "cheevd", "zheevd"),
)
_NEEDS_BLAS = frozenset({"gemm", "conv", "trsm"})
_NEEDS_LAPACK = frozenset({"cholesky", "lu", "qr", "eigh", "svd", "eig"})

_SETTERS = (
    "scipy_openblas_set_num_threads",
    "scipy_openblas_set_num_threads64_",
    "openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "MKL_Set_Num_Threads",
    "bli_thread_set_num_threads",
)


def dtype_code(dtype: np.dtype[Any]) -> int:
    """Return the number by which kernels know `dtype`.

    Errors: KeyError for a dtype that no kernel takes.
    """
    return DTYPE_CODES[dtype.name]


class _Loader:
    """Hands the libraries' routines to the extension, each library once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: set[str] = set()

    def load(self, module: str, routines: tuple[str, ...]) -> None:
        with self._lock:
            if module in self._loaded:
                return
            capsules: dict[str, object] = _import_scipy_linalg(module).__pyx_capi__
            for name in routines:
                native.set_routine(name, capsules[name])
            native.set_blas_single_threaded(_limit_blas_threads())
            self._loaded.add(module)


_loader = _Loader()


def ensure(kernel: str) -> None:
    """Make the library kernel called `kernel` (as "gemm") ready to run.

    Cost: the first call for a kernel of BLAS or LAPACK loads SciPy's library, about 20 ms.
    """
    if kernel in _NEEDS_BLAS or kernel in _NEEDS_LAPACK:
        _loader.load("cython_blas", _BLAS)
    if kernel in _NEEDS_LAPACK:
        _loader.load("cython_lapack", _LAPACK)


def _import_scipy_linalg(name: str) -> ModuleType:
    """Import one extension module of scipy.linalg, without the package: ten times as fast."""
    full = f"scipy.linalg.{name}"
    package = importlib.util.find_spec("scipy")
    places = package.submodule_search_locations if package else None
    folders = [os.path.join(place, "linalg") for place in places or ()]
    spec = importlib.machinery.PathFinder.find_spec(full, folders)
    if spec is None or spec.loader is None:
        return importlib.import_module(full)
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return importlib.import_module(full)
    return module


def _limit_blas_threads() -> bool:
    """Set SciPy's BLAS to one thread, because kernels split the work; tell whether that worked."""
    done = False
    for path in _blas_libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for name in _SETTERS:
            setter = getattr(library, name, None)
            if setter is not None:
                setter(ctypes.c_int(1))
                done = True
    return done


def _blas_libraries() -> list[str]:
    """List the files of the BLAS that SciPy brought, or else of every BLAS in the process."""
    spec = importlib.util.find_spec("scipy")
    for place in (spec.submodule_search_locations if spec else None) or ():
        bundled = [
            *Path(place).parent.glob("scipy.libs/*openblas*"),
            *Path(place).glob(".dylibs/*openblas*"),
        ]
        if bundled:
            return [str(path) for path in bundled]
    return _mapped_libraries(("openblas", "mkl_rt", "libblis", "libblas", "libcblas"))


def _mapped_libraries(names: tuple[str, ...]) -> list[str]:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    paths = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "/" in line}
    return sorted(path for path in paths if any(name in Path(path).name for name in names))
