"""The compilation cache on disk: object code by fingerprint, checked, written atomically.

An entry is `gradax1` + SHA-256 of the rest + length of the facts + facts (JSON) + object code.
Anything that does not read back as written is as good as not there: the program is compiled anew.
Any number of processes may use one directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradax import config

MAGIC = b"gradax1\n"
SUFFIX = ".gxo"


@dataclass(frozen=True)
class Entry:
    """Object code and the facts that are needed to run it."""

    facts: dict[str, Any]
    code: bytes


def directory() -> Path | None:
    """Return where entries are kept, None when the cache is off."""
    if not config.current.enable_compilation_cache:
        return None
    chosen = config.current.compilation_cache_dir
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "gradax"


def encode(entry: Entry) -> bytes:
    """Return an entry as it is written."""
    facts = json.dumps(entry.facts, sort_keys=True).encode()
    body = len(facts).to_bytes(8, "little") + facts + entry.code
    return MAGIC + hashlib.sha256(body).digest() + body


def decode(data: bytes) -> Entry | None:
    """Return the entry that was written, None when it is damaged."""
    start = len(MAGIC) + 32
    body = data[start:]
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != data[len(MAGIC) : start]:
        return None
    n = int.from_bytes(body[:8], "little")
    return Entry(json.loads(body[8 : 8 + n]), body[8 + n :])


def load(key: str) -> Entry | None:
    """Return the entry of a fingerprint, None when there is none that is whole."""
    folder = directory()
    if folder is None:
        return None
    path = folder / (key + SUFFIX)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    entry = decode(data)
    with contextlib.suppress(OSError):
        if entry is None:
            path.unlink()
        else:
            os.utime(path)
    return entry


def store(key: str, entry: Entry) -> None:
    """Keep an entry; where the disk refuses, nothing is kept and nothing is said."""
    folder = directory()
    if folder is None:
        return
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(encode(entry))
            os.replace(name, folder / (key + SUFFIX))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        keep_within_limit(folder)


def keep_within_limit(folder: Path) -> None:
    """Remove the entries used longest ago while there are more bytes than the setting allows."""
    limit = config.current.compilation_cache_max_size
    if limit < 0:
        return
    found: list[tuple[float, int, Path]] = []
    for path in folder.glob("*" + SUFFIX):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size


def clear() -> int:
    """Remove all entries; return how many there were."""
    folder = directory()
    count = 0
    for path in folder.glob("*" + SUFFIX) if folder is not None and folder.is_dir() else ():
        with contextlib.suppress(OSError):
            path.unlink()
            count += 1
    return count
