"""Rotations as values that programs take and return."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gradax import numpy as gnp
from gradax import random, tree_util
from gradax.errors import ArgumentTypeError, ShapeError, at_user_line
from gradax.scipy.arguments import a_float
from gradax.scipy.spatial.transform import quaternions

HALF_TURN = 180.0


def ending(name: str, x: Any, shape: tuple[int, ...]) -> Any:
    """Return an argument as floats. Errors: ValueError unless its shape ends as required."""
    x = a_float(name, gnp.asarray(x))
    if x.shape[x.ndim - len(shape) :] != shape or x.ndim > len(shape) + 1:
        raise ShapeError(
            f"{name}: expected shape {shape}, or that with one axis before it; got {x.shape}."
            f"{at_user_line()}"
        )
    return x


@tree_util.register_pytree_node_class
class Rotation:
    """One rotation, or a vector of them.

    Shapes: quat T[4] or T[n, 4], of unit length, x, y, z, w.
    """

    def __init__(self, quat: Any) -> None:
        self.quat = quat

    @classmethod
    def concatenate(cls, rotations: Sequence[Rotation]) -> Rotation:
        """Return the vector of all."""
        return cls(gnp.concatenate([gnp.atleast_2d(r.quat) for r in rotations]))

    @classmethod
    def from_euler(cls, seq: str, angles: Any, degrees: bool = False) -> Rotation:
        """Return rotations by angles about axes.

        `seq` is one to three of x, y, z (axes that stay) or of X, Y, Z (axes that turn along).
        Shapes: angles T[len(seq)] or T[n, len(seq)]; for one axis also T[] or T[n].
        Errors: ValueError for another sequence or shape.
        """
        axes, is_fixed = quaternions.euler_axes("from_euler", seq)
        angles = a_float("from_euler", gnp.asarray(angles))
        if len(axes) == 1 and angles.ndim < 2:
            angles = angles[..., None]
        angles = ending("from_euler", angles, (len(axes),))
        return cls(
            quaternions.from_euler(axes, is_fixed, gnp.deg2rad(angles) if degrees else angles)
        )

    @classmethod
    def from_matrix(cls, matrix: Any) -> Rotation:
        """Return the rotations of orthogonal matrices. Shapes: T[3, 3] or T[n, 3, 3]."""
        return cls(quaternions.from_matrix(ending("from_matrix", matrix, (3, 3))))

    @classmethod
    def from_mrp(cls, mrp: Any) -> Rotation:
        """Return the rotations of modified Rodrigues parameters, the axis times tan(angle / 4)."""
        v = ending("from_mrp", mrp, (3,))
        square = gnp.sum(v * v, -1, keepdims=True)
        return cls(gnp.concatenate([2 * v, 1 - square], -1) / (1 + square))

    @classmethod
    def from_quat(cls, quat: Any) -> Rotation:
        """Return the rotations of quaternions x, y, z, w of any length."""
        return cls(quaternions.normalized(ending("from_quat", quat, (4,))))

    @classmethod
    def from_rotvec(cls, rotvec: Any, degrees: bool = False) -> Rotation:
        """Return the rotations about vectors by their lengths."""
        v = ending("from_rotvec", rotvec, (3,))
        return cls(quaternions.from_rotvec(gnp.deg2rad(v) if degrees else v))

    @classmethod
    def identity(cls, num: int | None = None, dtype: Any = float) -> Rotation:
        """Return the rotation, or a vector of them, that changes nothing."""
        one = gnp.asarray([0.0, 0.0, 0.0, 1.0], dtype=dtype)
        return cls(one if num is None else gnp.tile(one, (num, 1)))

    @classmethod
    def random(cls, random_key: Any, num: int | None = None) -> Rotation:
        """Return rotations drawn uniformly."""
        shape = (4,) if num is None else (num, 4)
        return cls(quaternions.normalized(random.normal(random_key, shape)))

    @property
    def single(self) -> bool:
        """Whether this is one rotation, no vector of them."""
        return self.quat.ndim == 1

    def __len__(self) -> int:
        if self.single:
            raise ArgumentTypeError(f"len: a single rotation has no length.{at_user_line()}")
        return self.quat.shape[0]

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: Any) -> Rotation:
        if self.single:
            raise ArgumentTypeError(f"[]: a single rotation has no elements.{at_user_line()}")
        return Rotation(self.quat[index])

    def __iter__(self) -> Iterator[Rotation]:
        return (self[i] for i in range(len(self)))

    def __mul__(self, other: Rotation) -> Rotation:
        """Return `other` followed by this."""
        return Rotation(quaternions.product(self.quat, other.quat))

    def __repr__(self) -> str:
        return f"Rotation(quat={self.quat!r})"

    def apply(self, vectors: Any, inverse: bool = False) -> Any:
        """Return rotated vectors. Shapes: T[3] or T[n, 3]."""
        v = ending("apply", vectors, (3,))
        matrix = self.as_matrix()
        return gnp.einsum("...ji,...j->...i" if inverse else "...ij,...j->...i", matrix, v)

    def as_euler(self, seq: str, degrees: bool = False) -> Any:
        """Return the three angles about axes that `from_euler` takes.

        Where the first and the third axis fall together, the third angle is 0.
        Errors: ValueError unless seq has three axes.
        """
        axes, is_fixed = quaternions.euler_axes("as_euler", seq)
        if len(axes) != 3:
            raise ShapeError(f"as_euler: expected three axes; got {seq!r}.{at_user_line()}")
        angles = quaternions.to_euler(axes, is_fixed, self.quat)
        return gnp.rad2deg(angles) if degrees else angles

    def as_matrix(self) -> Any:
        """Return orthogonal matrices."""
        return quaternions.to_matrix(self.quat)

    def as_mrp(self) -> Any:
        """Return modified Rodrigues parameters of length at most 1."""
        q = quaternions.upper(self.quat)
        return q[..., :3] / (1 + q[..., 3:])

    def as_rotvec(self, degrees: bool = False) -> Any:
        """Return axes as long as the angles, which are at most pi."""
        v = quaternions.to_rotvec(self.quat)
        return gnp.rad2deg(v) if degrees else v

    def as_quat(self, canonical: bool = False, scalar_first: bool = False) -> Any:
        """Return quaternions x, y, z, w or w, x, y, z; with w >= 0 when `canonical`.

        Where w is 0, the first of x, y, z that is not 0 is positive.
        """
        q = self.quat
        if canonical:
            x, y, z, w = (q[..., i : i + 1] for i in range(4))
            sign = gnp.sign(z)
            for part in (y, x, w):
                sign = gnp.where(part != 0, gnp.sign(part), sign)
            q = gnp.where(sign < 0, -q, q)
        return gnp.roll(q, 1, -1) if scalar_first else q

    def inv(self) -> Rotation:
        """Return the inverse."""
        return Rotation(gnp.concatenate([-self.quat[..., :3], self.quat[..., 3:]], -1))

    def magnitude(self) -> Any:
        """Return the angles, from 0 to pi."""
        sine = quaternions.length(self.quat[..., :3])[..., 0]
        return 2 * gnp.arctan2(sine, abs(self.quat[..., 3]))

    def mean(self, weights: Any = None) -> Rotation:
        """Return the rotation of least mean squared distance, by the chord, from all."""
        q = gnp.atleast_2d(self.quat)
        shares = gnp.ones(q.shape[0], q.dtype) if weights is None else gnp.asarray(weights)
        _, vectors = gnp.linalg.eigh(gnp.einsum("n,ni,nj->ij", shares.astype(q.dtype), q, q))
        return Rotation(vectors[:, -1])

    def tree_flatten(self) -> tuple[Any, None]:
        """Return the arrays, and nothing besides."""
        return (self.quat,), None

    @classmethod
    def tree_unflatten(cls, aux: None, children: Any) -> Rotation:
        """Return rotations of such arrays, unchecked."""
        return cls(*children)
