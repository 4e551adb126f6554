"""Why modules of JAX have no counterpart."""

from __future__ import annotations

# The beginning of a name → why nothing here has it; the longest beginning counts.
REASONS = {
    "jax._src": "it is an internal of JAX that gradax does not have",
    "jax._src.compiler": "gradax has a compiler of its own, which calls no XLA",
    "jax._src.lib": "gradax contains no XLA",
    "jax._src.pallas": "kernels in a language for GPUs and TPUs",
    "jax._src.xla_metadata": "annotations for XLA",
    "jax.experimental.jax2tf": "a conversion to TensorFlow's graphs; gradax.export keeps programs",
    "jax.experimental.pallas": "kernels in a language for GPUs and TPUs",
    "jax.experimental.rnn": "NVIDIA's cuDNN recurrent networks",
    "jax.extend.ifrt_programs": "gradax contains no XLA",
    "jax.extend.mlir": "gradax has no MLIR",
    "jax.interpreters.partial_eval": "gradax linearizes in another way; see make_jaxpr, linearize",
    "jax.interpreters.pxla": "gradax contains no XLA",
    "jax.lib": "gradax contains no XLA",
    "jax.tools": "tools for XLA's programs",
    "jaxlib": "gradax contains no XLA",
}


def reason_of(name: str) -> str:
    """Return why nothing here has a name, as the end of a sentence; empty where none is known."""
    prefixes = [p for p in REASONS if name == p or name.startswith(p + ".")]
    return f": {REASONS[max(prefixes, key=len)]}" if prefixes else ""
