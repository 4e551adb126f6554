"""Rotations against SciPy's."""

import itertools

import numpy as np
import pytest
from scipy.spatial import transform as reference

import gradax as jax
from gradax.scipy.spatial.transform import Rotation, Slerp

RNG = np.random.default_rng(0)
Q = RNG.normal(size=(50, 4))
EXPECTED = reference.Rotation.from_quat(Q)
VECTORS = RNG.normal(size=(50, 3))
SEQUENCES = [
    "".join(s) for s in itertools.product("xyz", repeat=3) if s[0] != s[1] and s[1] != s[2]
]


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


def same(found, expected):
    np.testing.assert_allclose(found.as_matrix(), expected.as_matrix(), rtol=1e-9, atol=1e-12)


def test_what_rotations_are_written_as():
    r = Rotation.from_quat(Q)
    same(r, EXPECTED)
    np.testing.assert_allclose(r.as_quat(canonical=True), EXPECTED.as_quat(canonical=True))
    np.testing.assert_allclose(r.as_quat(scalar_first=True), EXPECTED.as_quat(scalar_first=True))
    np.testing.assert_allclose(r.as_rotvec(), EXPECTED.as_rotvec(), rtol=1e-9)
    np.testing.assert_allclose(r.as_rotvec(degrees=True), EXPECTED.as_rotvec(degrees=True))
    np.testing.assert_allclose(r.as_mrp(), EXPECTED.as_mrp())
    np.testing.assert_allclose(r.magnitude(), EXPECTED.magnitude())
    same(Rotation.from_matrix(r.as_matrix()), EXPECTED)
    same(Rotation.from_rotvec(r.as_rotvec()), EXPECTED)
    same(Rotation.from_rotvec(r.as_rotvec(degrees=True), degrees=True), EXPECTED)
    same(Rotation.from_mrp(r.as_mrp()), EXPECTED)


@pytest.mark.parametrize("seq", [*SEQUENCES, *(s.upper() for s in SEQUENCES)])
def test_angles(seq):
    r = Rotation.from_quat(Q)
    angles = r.as_euler(seq)
    np.testing.assert_allclose(angles, EXPECTED.as_euler(seq), rtol=1e-8, atol=1e-10)
    same(Rotation.from_euler(seq, angles), EXPECTED)
    degrees = r.as_euler(seq, degrees=True)
    same(Rotation.from_euler(seq, degrees, degrees=True), EXPECTED)
    quarter = np.array([[0.3, np.pi / 2, 0.4], [0.3, -np.pi / 2, 0.4], [0.3, 0, 0.4]])
    locked = Rotation.from_euler(seq, quarter)
    same(
        Rotation.from_euler(seq, locked.as_euler(seq)), reference.Rotation.from_euler(seq, quarter)
    )


def test_angles_about_fewer_axes():
    same(Rotation.from_euler("z", 0.3), reference.Rotation.from_euler("z", 0.3))
    many = reference.Rotation.from_euler("Y", [[0.3], [1.0]])
    same(Rotation.from_euler("Y", [[0.3], [1.0]]), many)
    same(Rotation.from_euler("Y", [0.3, 1.0]), many)
    same(Rotation.from_euler("xy", [0.3, 1.0]), reference.Rotation.from_euler("xy", [0.3, 1.0]))


def test_composition():
    r, other = Rotation.from_quat(Q), Rotation.from_quat(Q[::-1])
    same(r * other, EXPECTED * EXPECTED[::-1])
    same(r.inv(), EXPECTED.inv())
    np.testing.assert_allclose(r.apply(VECTORS), EXPECTED.apply(VECTORS))
    np.testing.assert_allclose(
        r.apply(VECTORS, inverse=True), EXPECTED.apply(VECTORS, inverse=True)
    )
    np.testing.assert_allclose(r[3].apply(VECTORS), EXPECTED[3].apply(VECTORS))
    weights = RNG.random(50)
    same(r.mean(), EXPECTED.mean())
    same(r.mean(weights), EXPECTED.mean(weights))
    same(Rotation.concatenate([r[0], r[1:3]]), EXPECTED[:3])
    assert len(r) == 50 and not r.single and r[0].single and bool(r[0])
    assert len(list(r[:4])) == 4
    same(Rotation.identity(2), reference.Rotation.identity(2))
    assert Rotation.identity().quat.shape == (4,)


def test_random_ones_are_uniform():
    v = np.asarray(Rotation.random(jax.random.key(0), 4000).apply(np.array([1.0, 0, 0])))
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), np.ones(4000), rtol=1e-9)
    np.testing.assert_allclose(v.mean(0), np.zeros(3), atol=0.05)
    np.testing.assert_allclose(v.T @ v / 4000, np.eye(3) / 3, atol=0.03)


def test_transformed():
    f = lambda v: Rotation.from_rotvec(v).apply(np.array([1.0, 2, 3])).sum()
    np.testing.assert_allclose(jax.grad(f)(np.zeros(3)), [-1, 2, -1], atol=1e-12)
    there_and_back = lambda v: Rotation.from_rotvec(v).as_rotvec()
    for scale in (0, 1e-4, 1e-2, 1.0):
        slope = jax.jacobian(there_and_back)(VECTORS[0] * scale)
        np.testing.assert_allclose(slope, np.eye(3), atol=1e-9)
    r = Rotation.from_quat(Q)
    turned = jax.jit(jax.vmap(lambda r, v: (r * r).apply(v)))(r, VECTORS)
    np.testing.assert_allclose(turned, (EXPECTED * EXPECTED).apply(VECTORS))
    assert isinstance(jax.jit(lambda r: r.inv())(r), Rotation)


def test_interpolation():
    times = np.array([0.0, 1, 3, 4])
    found = Slerp.init(times, Rotation.from_quat(Q[:4]))
    at = np.array([0, 0.3, 1, 2.5, 4])
    same(found(at), reference.Slerp(times, EXPECTED[:4])(at))
    same(found(2.0), reference.Slerp(times, EXPECTED[:4])(2.0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Rotation.from_quat(np.ones(3)), ValueError, r"expected shape \(4,\).*got \(3,\)"),
        (lambda: Rotation.from_matrix(np.ones((2, 3))), ValueError, r"expected shape \(3, 3\)"),
        (lambda: Rotation.from_euler("xx", np.ones(2)), ValueError, "neighbours different"),
        (lambda: Rotation.from_euler("xYz", np.ones(3)), ValueError, "got 'xYz'"),
        (lambda: Rotation.from_euler("xyz", np.ones(2)), ValueError, r"expected shape \(3,\)"),
        (lambda: Rotation.from_quat(Q).as_euler("xy"), ValueError, "expected three axes"),
        (lambda: len(Rotation.from_quat(Q[0])), TypeError, "has no length"),
        (lambda: Rotation.from_quat(Q[0])[0], TypeError, "has no elements"),
        (lambda: Slerp.init(np.arange(3.0), Rotation.from_quat(Q[:4])), ValueError, "a time for"),
        (lambda: Slerp.init(-np.arange(4.0), Rotation.from_quat(Q[:4])), ValueError, "increase"),
        (lambda: Slerp.init(np.ones(1), Rotation.from_quat(Q[0])), ValueError, "two rotations"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
