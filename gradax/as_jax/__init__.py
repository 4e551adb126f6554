"""Libraries written for JAX, run on gradax: `gradax.as_jax.install()` before they are imported.

    import gradax.as_jax
    gradax.as_jax.install()
    import equinox, diffrax, numpyro          # and your own `import jax`

From then on `jax` and its submodules are gradax's, the same objects under both names. Of JAX's
internals, `jax._src`, those are there that libraries read and that mean something here; of the
others an import says that they do not.
"""

import typing as _typing

from gradax.lazy import export as _export

if _typing.TYPE_CHECKING:
    from gradax.as_jax.finder import install as install
    from gradax.as_jax.finder import uninstall as uninstall

_EXPORTS = """
    gradax.as_jax.finder: install uninstall
"""

if not _typing.TYPE_CHECKING:  # with `__getattr__`, no misspelt name would be found
    __getattr__, __dir__ = _export(__name__, _EXPORTS, "")
