"""The table of settings."""

from __future__ import annotations

from typing import Any, Final

from gradax.config import state
from gradax.config.setting import Kind, Setting

REGISTRY: Final[dict[str, Setting[Any]]] = {}

_BOOL: Final = Kind(bool)
_INT: Final = Kind(int)
_OPTIONAL_TEXT: Final = Kind(str, optional=True)
_ALLOW: Final = Kind(str, ("allow", "warn", "raise"))
_GUARD: Final = Kind(
    str, ("allow", "log", "disallow", "log_explicit", "disallow_explicit"), optional=True
)
_PRECISION: Final = Kind(
    str,
    (
        *("default", "high", "highest", "fastest", "bfloat16", "bfloat16_3x", "tensorfloat32"),
        *("float32", "ANY_F8_ANY_F8_F32", "ANY_F8_ANY_F8_F32_FAST_ACCUM", "ANY_F8_ANY_F8_ANY"),
        *("ANY_F8_ANY_F8_ANY_FAST_ACCUM", "F16_F16_F16", "F16_F16_F32", "BF16_BF16_BF16"),
        *("BF16_BF16_F32", "BF16_BF16_F32_X3", "BF16_BF16_F32_X6", "BF16_BF16_F32_X9"),
        *("TF32_TF32_F32", "TF32_TF32_F32_X3", "F32_F32_F32", "F64_F64_F64"),
    ),
    optional=True,
)
_FILTERING: Final = Kind(
    str, ("off", "tracebackhide", "remove_frames", "quiet_remove_frames", "auto")
)


def _add(
    name: str,
    kind: Kind,
    default: Any,
    doc: str,
    *,
    traced: bool = False,
    parts: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Setting[Any]:
    setting: Setting[Any] = Setting(name, kind, default, doc, traced, parts, aliases)
    initial = setting.initial()
    state.declare(name, initial, traced)
    state.set_defaults((part, initial) for part in parts if getattr(state.current, part) is None)
    for key in (name, *aliases):
        REGISTRY[key] = setting
    return setting


enable_x64 = _add(
    "enable_x64", _BOOL, False, "Allow 64-bit types; else they become 32-bit.", traced=True
)
numpy_rank_promotion = _add(
    "numpy_rank_promotion",
    _ALLOW,
    "allow",
    "What happens when arrays of unlike rank are broadcast together.",
    traced=True,
)
numpy_dtype_promotion = _add(
    "numpy_dtype_promotion",
    Kind(str, ("standard", "strict")),
    "standard",
    "Promote all dtypes (standard), or only Python scalars to an array's dtype (strict).",
    traced=True,
)
default_matmul_precision = _add(
    "default_matmul_precision",
    _PRECISION,
    None,
    "The precision of matrix products and convolutions that name none.",
    traced=True,
)
threefry_partitionable = _add(
    "threefry_partitionable",
    _BOOL,
    False,
    "Draw random bits by an element's index, so that sharding leaves them alone.",
    traced=True,
)
default_prng_impl = _add(
    "default_prng_impl",
    Kind(str, ("threefry2x32", "rbg", "unsafe_rbg")),
    "threefry2x32",
    "The random generator of keys that name none.",
    traced=True,
)
enable_custom_prng = _add(
    "enable_custom_prng", _BOOL, False, "Make `random.PRNGKey` return typed keys.", traced=True
)
legacy_prng_key = _add(
    "legacy_prng_key",
    Kind(str, ("allow", "warn", "error")),
    "allow",
    "What happens when a raw uint32 array is used as a random key.",
    traced=True,
)
random_seed_offset = _add(
    "random_seed_offset", _INT, 0, "A number added to every seed of a random key.", traced=True
)
debug_key_reuse = _add(
    "debug_key_reuse", _BOOL, False, "Raise when a random key is consumed twice.", traced=True
)
default_device = _add(
    "default_device",
    Kind(object, optional=True),
    None,
    "The device, or the platform's name, of arrays and programs that name none.",
    traced=True,
)
disable_jit = _add(
    "disable_jit", _BOOL, False, "Run jitted functions one operation at a time.", traced=True
)
debug_nans = _add("debug_nans", _BOOL, False, "Raise when an operation makes a NaN.", traced=True)
debug_infs = _add(
    "debug_infs", _BOOL, False, "Raise when an operation makes an infinity.", traced=True
)
check_tracer_leaks = _add(
    "check_tracer_leaks", _BOOL, False, "Raise when a tracer outlives its trace.", traced=True
)
enable_checks = _add("enable_checks", _BOOL, False, "Check every jaxpr and every compiler step.")
softmax_custom_jvp = _add(
    "softmax_custom_jvp", _BOOL, True, "Give softmax a derivative rule of its own.", traced=True
)
strict = _add(
    "strict",
    _BOOL,
    False,
    "Raise where a program falls into a trap; see gradax.strict.",
    traced=True,
)
log_compiles = _add("log_compiles", _BOOL, False, "Log each compilation and its time.")
no_tracing = _add("no_tracing", _BOOL, False, "Refuse to trace jitted functions anew.")
explain_cache_misses = _add(
    "explain_cache_misses", _BOOL, False, "Log why a jitted function was traced again."
)
traceback_filtering = _add(
    "traceback_filtering", _FILTERING, "auto", "How frames of the library leave tracebacks."
)
num_cpu_devices = _add(
    "num_cpu_devices", _INT, -1, "The number of CPU devices of this process; -1 means one."
)
num_threads = _add(
    "num_threads",
    Kind(int, optional=True, least=1),
    None,
    "The threads that a call may use, 256 at most; None means what the machine grants.",
)
platforms = _add(
    "platforms",
    _OPTIONAL_TEXT,
    None,
    "Platforms to start, separated by commas, the default first; None means all.",
    aliases=("platform_name",),
)
enable_compilation_cache = _add(
    "enable_compilation_cache", _BOOL, True, "Keep compiled programs on disk."
)
compilation_cache_dir = _add(
    "compilation_cache_dir",
    _OPTIONAL_TEXT,
    None,
    "Where compiled programs are kept; None means the user's cache folder.",
)
compilation_cache_max_size = _add(
    "compilation_cache_max_size",
    _INT,
    1 << 30,
    "Bytes after which the oldest compiled programs are dropped; -1 means no limit.",
)
compile_level = _add(
    "compile_level",
    Kind(str, ("auto", "quick", "fast")),
    "auto",
    "Whether to spend compilation time: auto runs quick code first and better code soon after.",
)
transfer_guard_host_to_device = _add(
    "transfer_guard_host_to_device", _GUARD, None, "What copies from host to device do."
)
transfer_guard_device_to_device = _add(
    "transfer_guard_device_to_device", _GUARD, None, "What copies between devices do."
)
transfer_guard_device_to_host = _add(
    "transfer_guard_device_to_host", _GUARD, None, "What copies from device to host do."
)
transfer_guard = _add(
    "transfer_guard",
    _GUARD,
    None,
    "What copies in all three directions do: allow, log or disallow them.",
    parts=(
        "transfer_guard_host_to_device",
        "transfer_guard_device_to_device",
        "transfer_guard_device_to_host",
    ),
)
state.declare("mesh_context", None, traced=True)
