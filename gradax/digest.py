"""Digests of bytes, from the module that hashlib itself takes them from.

Loading hashlib loads OpenSSL, which takes longer than most programs take to compile.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:  # another Python than CPython
    from hashlib import blake2b

DIGEST_BYTES = 32


def digest(data: bytes) -> bytes:
    """Return the BLAKE2b digest of 32 bytes."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def hex_digest(text: str) -> str:
    """Return the digest of a text in UTF-8, as 64 hexadecimal digits."""
    return digest(text.encode()).hex()
