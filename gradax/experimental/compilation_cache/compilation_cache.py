"""Where compiled programs are kept on disk."""

from __future__ import annotations

from gradax import config


def set_cache_dir(path: str) -> None:
    """Keep compiled programs in a folder: the setting `compilation_cache_dir`."""
    config.update("compilation_cache_dir", path)


def reset_cache() -> None:
    """Keep compiled programs where they are kept by default."""
    config.update("compilation_cache_dir", None)
