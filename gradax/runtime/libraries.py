"""Library kernels: their dtype codes, and the BLAS and LAPACK routines that some of them call."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.machinery
import importlib.util
import os
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from gradax import native
from gradax.errors import CompileError
from gradax.locks import make_lock
from gradax.runtime import threads

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
        for name in ("potrf", "getrf", "geqrf", "gesdd", "geev", "gees", "gehrd", "trsyl")
        for letter in "sdcz"
    ),
    *("sorgqr", "dorgqr", "cungqr", "zungqr", "ssyevd", "dsyevd", "cheevd", "zheevd"),
    *("ssytrd", "dsytrd", "chetrd", "zhetrd", "sstevr", "dstevr", "sstedc", "dstedc"),
    *("sormtr", "dormtr", "cunmtr", "zunmtr"),
)
_CORE_TYPE = "OPENBLAS_CORETYPE"
_NEEDS_BLAS = frozenset({"gemm", "gemm_add", "conv", "trsm", "ragged_dot"})
_NEEDS_LAPACK = frozenset(
    (
        *("cholesky", "lu", "qr", "eigh", "svd", "eig", "schur", "hessenberg", "sylvester"),
        *("tridiagonal", "eigh_tridiagonal"),
    )
)

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
        self._lock = make_lock()
        self._loaded: set[str] = set()

    def load(self, module: str, routines: tuple[str, ...]) -> None:
        with self._lock:
            if module in self._loaded:
                return
            _choose_blas_kernels()
            found = _bundled_routines(routines) or _scipy_routines(module, routines)
            for name, address in found.items():
                native.set_routine(name, address)
            native.set_blas_single_threaded(_limit_blas_threads())
            self._loaded.add(module)


def _bundled_routines(routines: tuple[str, ...]) -> dict[str, object]:
    """Return the routines of the BLAS in SciPy's wheels; none where it is not as expected."""
    for path in _bundled_blas():
        library = ctypes.CDLL(path)
        symbols = {name: getattr(library, f"scipy_{name}_", None) for name in routines}
        if all(symbols.values()):
            return {
                name: ctypes.cast(symbol, ctypes.c_void_p).value
                for name, symbol in symbols.items()
                if symbol is not None
            }
    return {}


def _scipy_routines(module: str, routines: tuple[str, ...]) -> dict[str, object]:
    """Return the routines of whatever BLAS SciPy was built with, as capsules."""
    capsules: dict[str, object] = _import_scipy_linalg(module).__pyx_capi__
    return {name: capsules[name] for name in routines}


def _choose_blas_kernels() -> None:
    """Have OpenBLAS use its 512-bit kernels on processors that it does not know.

    It takes processors with AVX-512 that are not Intel's for the generation before: half the speed.
    """
    is_unknown = native.vector_bytes() == 64 and native.processor_vendor() != "GenuineIntel"
    if is_unknown and _CORE_TYPE not in os.environ:
        os.putenv(_CORE_TYPE, "SkylakeX")


_loader = _Loader()


def ensure(kernel: str) -> None:
    """Make the library kernel called `kernel` (as "gemm") ready to run.

    Cost: the first call for a kernel of BLAS or LAPACK loads SciPy's library, about 20 ms.
    """
    if kernel in _NEEDS_BLAS or kernel in _NEEDS_LAPACK:
        _loader.load("cython_blas", _BLAS)
    if kernel in _NEEDS_LAPACK:
        _loader.load("cython_lapack", _LAPACK)


@cache
def llvm_path() -> str:
    """Return the shared library that has LLVM.

    Errors: CompileError when llvmlite is not installed.
    """
    package = importlib.util.find_spec("llvmlite")
    for place in (package.submodule_search_locations if package else None) or ():
        for name in ("libllvmlite.so", "libllvmlite.dylib"):
            path = os.path.join(place, "binding", name)
            if os.path.exists(path):
                return path
    raise CompileError("programs are compiled with llvmlite, which is not there: install llvmlite")


def llvm_identity() -> str:
    """Return what tells one release of LLVM from another, without loading it."""
    facts = os.stat(llvm_path())
    return f"{llvm_path()} {facts.st_size} {facts.st_mtime_ns}"


@cache
def load_llvm() -> None:
    """Begin to load LLVM, in a thread of its own; whoever compiles waits for it.

    Errors: CompileError when llvmlite is not installed.
    """
    _choose_blas_kernels()
    native.load_llvm(llvm_path(), _bundled_blas())


def load_llvm_ahead() -> None:
    """Load LLVM while the program that imports gradax gets ready, where a processor is free."""
    if threads.num_threads() > 1:
        with contextlib.suppress(CompileError):
            load_llvm()


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


@cache
def _bundled_blas() -> tuple[str, ...]:
    """List the files of the BLAS that SciPy's wheel brought."""
    spec = importlib.util.find_spec("scipy")
    for place in (spec.submodule_search_locations if spec else None) or ():
        for folder in (os.path.join(os.path.dirname(place), "scipy.libs"), f"{place}/.dylibs"):
            if os.path.isdir(folder):
                names = sorted(name for name in os.listdir(folder) if "openblas" in name)
                return tuple(os.path.join(folder, name) for name in names)
    return ()


def _blas_libraries() -> Sequence[str]:
    """List the files of the BLAS that SciPy brought, or else of every BLAS in the process."""
    return _bundled_blas() or _mapped_libraries(
        ("openblas", "mkl_rt", "libblis", "libblas", "libcblas")
    )


def _mapped_libraries(names: tuple[str, ...]) -> list[str]:
    maps = "/proc/self/maps"
    if not os.path.exists(maps):
        return []
    with open(maps, encoding="utf-8", errors="surrogateescape") as lines:
        paths = {line.split(maxsplit=5)[-1].rstrip("\n") for line in lines if "/" in line}
    return sorted(path for path in paths if any(name in os.path.basename(path) for name in names))


# This module is imported before most of the package, so that LLVM loads meanwhile.
load_llvm_ahead()
