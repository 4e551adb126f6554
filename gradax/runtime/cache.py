"""The compilation cache on disk: object code by fingerprint, checked, written atomically.

An entry is `gradax4`, a digest of the rest, the lengths of facts and code, the facts, the object
code, and the module's compressed text where the code can be improved.
Anything that does not read back as written is as good as not there: the program is compiled anew.
Any number of processes may use one directory.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from typing import NamedTuple

from gradax import config
from gradax.digest import DIGEST_BYTES, digest

MAGIC = b"gradax4\n"
SUFFIX = ".gxo"
# Calls that are guessed to take no longer are not measured.
SURELY_SHORT_NS = 2e4


class Facts(NamedTuple):
    """What is needed to run code: its arena, the libraries it calls, its nanoseconds or -1, and
    which operand's memory (if donated) which result may take.

    `sizes` says, for code with open axes, what its arena takes and which sizes it is for.
    """

    arena_bytes: int
    cost_ns: float
    libraries: tuple[str, ...]
    shared: tuple[tuple[int, int], ...] = ()
    sizes: str = ""

    def encode(self) -> bytes:
        """Return the facts as words."""
        pairs = ",".join(f"{operand}:{result}" for operand, result in self.shared)
        words = (
            str(self.arena_bytes), self.cost_ns.hex(), pairs or "-", self.sizes or "-",
            *self.libraries,
        )  # fmt: skip

        return " ".join(words).encode()

    @staticmethod
    def decode(data: bytes) -> Facts:
        """Return the facts that were encoded."""
        arena_bytes, cost_ns, pairs, sizes, *libraries = data.decode().split()
        words = () if pairs == "-" else (pair.split(":") for pair in pairs.split(","))
        shared = tuple((int(operand), int(result)) for operand, result in words)
        return Facts(int(arena_bytes), float.fromhex(cost_ns), tuple(libraries), shared,
                     "" if sizes == "-" else sizes)  # fmt: skip


class Entry(NamedTuple):
    """Object code and the facts that are needed to run it; `text` if it can be improved."""

    facts: Facts
    code: bytes
    text: str = ""


def directory() -> str | None:
    """Return where entries are kept, None when the cache is off."""
    if not config.current.enable_compilation_cache:
        return None
    chosen = config.current.compilation_cache_dir
    if chosen:
        return os.fspath(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "gradax")


def encode(entry: Entry) -> bytes:
    """Return an entry as it is written."""
    facts = entry.facts.encode()
    text = zlib.compress(entry.text.encode(), 1) if entry.text else b""
    lengths = len(facts).to_bytes(8, "little") + len(entry.code).to_bytes(8, "little")
    body = lengths + facts + entry.code + text
    return MAGIC + digest(body) + body


def decode(data: bytes) -> Entry | None:
    """Return the entry that was written, None when it is damaged."""
    start = len(MAGIC) + DIGEST_BYTES
    body = data[start:]
    if data[: len(MAGIC)] != MAGIC or digest(body) != data[len(MAGIC) : start]:
        return None
    n_facts = int.from_bytes(body[:8], "little")
    end = 16 + n_facts + int.from_bytes(body[8:16], "little")
    text = zlib.decompress(body[end:]).decode() if body[end:] else ""
    return Entry(Facts.decode(body[16 : 16 + n_facts]), body[16 + n_facts : end], text)


def load(key: str) -> Entry | None:
    """Return the entry of a fingerprint, None when there is none that is whole."""
    folder = directory()
    if folder is None:
        return None
    path = os.path.join(folder, key + SUFFIX)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    entry = decode(data)
    with contextlib.suppress(OSError):
        if entry is None:
            os.unlink(path)
        else:
            os.utime(path)
    return entry


def store(key: str, entry: Entry, folder: str | None = None) -> None:
    """Keep an entry; where the disk refuses, nothing is kept and nothing is said."""
    folder = directory() if folder is None else folder
    if folder is None:
        return
    data = encode(entry)
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        name = os.path.join(folder, f"{key}.{os.getpid()}.{threading.get_native_id()}.tmp")
        try:
            with open(name, "wb") as file:
                file.write(data)
            os.replace(name, os.path.join(folder, key + SUFFIX))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        _limiter.count(folder, len(data))


class Limiter:
    """Keeps a folder within the limit without reading it each time that something is stored."""

    def __init__(self) -> None:
        self.unseen: dict[str, int] = {}

    def count(self, folder: str, n_bytes: int) -> None:
        """Take notice of stored bytes; the first time, and after an eighth of the limit, look."""
        limit = config.current.compilation_cache_max_size
        if limit < 0:
            return
        unseen = self.unseen.get(folder, limit) + n_bytes
        if unseen > limit // 8:
            unseen = 0
            keep_within_limit(folder, limit)
        self.unseen[folder] = unseen


_limiter = Limiter()


def keep_within_limit(folder: str, limit: int) -> None:
    """Remove the entries used longest ago, to seven eighths of the limit, if there are more."""
    found: list[tuple[float, int, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                facts = entry.stat()
                found.append((facts.st_mtime, facts.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return
    for _, size, path in sorted(found):
        if total <= limit - limit // 8:
            break
        if path.endswith((SUFFIX, ".tmp")):
            with contextlib.suppress(OSError):
                os.unlink(path)
                total -= size


def clear() -> int:
    """Remove all entries; return how many there were."""
    folder = directory()
    count = 0
    if folder is not None and os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.endswith((SUFFIX, ".tmp")):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
                    count += name.endswith(SUFFIX)
    return count
