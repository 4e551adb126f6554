"""Quaternions x, y, z, w on the last axis, and what else writes a rotation.

Source: Bernardes and Viollet, "Quaternion to Euler angles conversion" (2022); Shepperd,
"Quaternion from rotation matrix" (1978).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, at_user_line


def length(v: Any) -> Any:
    """Return the lengths of vectors, kept as an axis; the slope at 0 is 0."""
    square = gnp.sum(v * v, -1, keepdims=True)
    is_zero = square == 0
    return gnp.where(is_zero, 0, gnp.sqrt(gnp.where(is_zero, 1, square)))


def normalized(q: Any) -> Any:
    """Return quaternions of length 1."""
    return q / gnp.linalg.norm(q, axis=-1, keepdims=True)


def product(p: Any, q: Any) -> Any:
    """Return the rotation q followed by p."""
    pv, pw, qv, qw = p[..., :3], p[..., 3:], q[..., :3], q[..., 3:]
    vector = pw * qv + qw * pv + gnp.cross(pv, qv)
    scalar = pw * qw - gnp.sum(pv * qv, -1, keepdims=True)
    return gnp.concatenate([vector, scalar], -1)


def upper(q: Any) -> Any:
    """Return of q and -q, which are one rotation, that with w >= 0."""
    return gnp.where(q[..., 3:] < 0, -q, q)


def from_rotvec(v: Any) -> Any:
    """Return the rotation about v by its length."""
    angle = length(v)
    is_small = angle < 1e-3
    safe = gnp.where(is_small, 1, angle)
    square = gnp.sum(v * v, -1, keepdims=True)
    scale = gnp.where(is_small, 0.5 - square / 48 + square**2 / 3840, gnp.sin(safe / 2) / safe)
    near = 1 - square / 8 + square**2 / 384
    return gnp.concatenate([scale * v, gnp.where(is_small, near, gnp.cos(safe / 2))], -1)


def to_rotvec(q: Any) -> Any:
    """Return the axis of a rotation, as long as its angle, which is at most pi."""
    q = upper(q)
    sine = length(q[..., :3])
    is_small = sine < 1e-3
    safe = gnp.where(is_small, 1, sine)
    square = gnp.sum(q[..., :3] ** 2, -1, keepdims=True)
    near = 2 + square / 3 + 3 * square**2 / 20
    return q[..., :3] * gnp.where(is_small, near, 2 * gnp.arctan2(safe, q[..., 3:]) / safe)


def to_matrix(q: Any) -> Any:
    """Return matrices. Shapes: T[…, 4] -> T[…, 3, 3]."""
    x, y, z, w = (q[..., i] for i in range(4))
    rows = [
        [x * x - y * y - z * z + w * w, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), -x * x + y * y - z * z + w * w, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), -x * x - y * y + z * z + w * w],
    ]
    return gnp.stack([gnp.stack(row, -1) for row in rows], -2)


def from_matrix(m: Any) -> Any:
    """Return quaternions of matrices, by that of four formulas that divides by the most."""
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    cases = []
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        parts: list[Any] = [None] * 4
        parts[i] = 1 - trace + 2 * m[..., i, i]
        parts[j] = m[..., j, i] + m[..., i, j]
        parts[k] = m[..., k, i] + m[..., i, k]
        parts[3] = m[..., k, j] - m[..., j, k]
        cases.append(gnp.stack(parts, -1))
    turns = [m[..., (i + 2) % 3, (i + 1) % 3] - m[..., (i + 1) % 3, (i + 2) % 3] for i in range(3)]
    cases.append(gnp.stack([*turns, 1 + trace], -1))
    sizes = gnp.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2], trace], -1)
    which = gnp.argmax(sizes, -1)[..., None]
    found = cases[3]
    for i in range(3):
        found = gnp.where(which == i, cases[i], found)
    return normalized(found)


def euler_axes(name: str, seq: str) -> tuple[list[int], bool]:
    """Return the axes of a sequence such as "xyz", and whether they stay put (lower case).

    Errors: ValueError for other letters, mixed cases, repeated neighbours, more than three.
    """
    axes = ["xyz".find(c) for c in seq.lower()] if isinstance(seq, str) else []
    is_one_case = bool(axes) and (seq.islower() or seq.isupper())
    repeats = any(a == b for a, b in pairwise(axes))
    if not is_one_case or len(axes) > 3 or -1 in axes or repeats:
        raise ArgumentError(
            f"{name}: the sequence is one to three of x, y, z (fixed axes) or of X, Y, Z (turning"
            f" axes), neighbours different; got {seq!r}.{at_user_line()}"
        )
    return axes, seq.islower()


def from_euler(axes: list[int], is_fixed: bool, angles: Any) -> Any:
    """Return the rotation by angles about axes, one after the other. Shapes: T[…, n] -> T[…, 4]."""
    found: Any = None
    for n, axis in enumerate(axes):
        about = np.eye(3)[axis].astype(angles.dtype)
        half = angles[..., n : n + 1] / 2
        turn = gnp.concatenate([gnp.sin(half) * about, gnp.cos(half)], -1)
        if found is None:
            found = turn
        else:
            found = product(turn, found) if is_fixed else product(found, turn)
    return found


def to_euler(axes: list[int], is_fixed: bool, q: Any) -> Any:
    """Return the three angles of a rotation; where two axes fall together, the third is 0."""
    i, j, k = axes if is_fixed else axes[::-1]
    is_symmetric = i == k
    k = 3 - i - j if is_symmetric else k
    sign = (i - j) * (j - k) * (k - i) // 2
    x, y, z, w = q[..., i], q[..., j], q[..., k] * sign, q[..., 3]
    a, b, c, d = (w, x, y, z) if is_symmetric else (w - y, x + z, y + w, z - x)
    second = 2 * gnp.arctan2(gnp.hypot(c, d), gnp.hypot(a, b))
    eps = 1e-7 if q.dtype == np.float64 else 1e-3
    low, high = abs(second) <= eps, abs(second - np.pi) <= eps
    total, rest = gnp.arctan2(b, a), gnp.arctan2(d, c)
    first, third = total - rest, total + rest
    if not is_fixed:
        first, third = third, first
    # What is left turns about one line; the first angle has it all.
    alone = gnp.where(low, 2 * total, 2 * rest * (-1 if is_fixed else 1))
    first, third = gnp.where(low | high, alone, first), gnp.where(low | high, 0, third)
    if not is_symmetric:
        second = second - np.pi / 2
        if is_fixed:
            third = third * sign
        else:
            first = first * sign
    angles = gnp.stack([first, second, third], -1)
    angles = gnp.where(angles < -np.pi, angles + 2 * np.pi, angles)
    return gnp.where(angles > np.pi, angles - 2 * np.pi, angles)
