"""Each function gives what NumPy's gives, eagerly and under jit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy_cases import CASES
from numpy_operands import Case

import gradax as jax
import gradax.numpy as jnp


def as_ours(arg: Any) -> Any:
    """Return an operand of ours; what is no array stays as it is."""
    if isinstance(arg, np.ndarray):
        return jnp.asarray(arg)
    return [as_ours(a) for a in arg] if isinstance(arg, list) else arg


def wide(arg: Any) -> Any:
    """Return NumPy's operand: doubles for floats, so that the reference is exact."""
    if isinstance(arg, np.ndarray) and arg.dtype == np.float32:
        return arg.astype(np.float64)
    return [wide(a) for a in arg] if isinstance(arg, list) else arg


NARROW = {
    "nan_to_num", "nextafter", "spacing", "sort", "sort_complex", "searchsorted", "digitize",
    "histogram",
}  # fmt: skip


def expected(case: Case, args: list[Any]) -> Any:
    """Return NumPy's answer."""
    function = case.reference or getattr(np, case.name)
    operands = args if case.name in NARROW else [wide(a) for a in args]
    with np.errstate(all="ignore"):
        return function(*operands, **case.kwargs)


def assert_same(got: Any, want: Any, tol: float) -> None:
    """Compare arrays, or sequences of them."""
    if isinstance(want, (tuple, list)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w, tol)
        return
    want = np.asarray(want)
    got = np.asarray(got)
    assert got.shape == want.shape
    if want.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want)
    else:
        scale = np.max(np.abs(want[np.isfinite(want)]), initial=1.0)
        assert_allclose(got, want, rtol=tol, atol=tol * min(scale, 1e3))


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.label}" for i, c in enumerate(CASES)])
def test_as_numpy(case: Case) -> None:
    args = case.operands()
    want = expected(case, args)
    got = getattr(jnp, case.name)(*map(as_ours, args), **case.kwargs)
    assert_same(got, want, case.tol)


# Their results' shapes depend on values, or they take Python values alone.
NOT_STAGED = {
    "unique", "union1d", "intersect1d", "setdiff1d", "setxor1d", "nonzero", "argwhere",
    "flatnonzero", "compress", "extract", "bincount", "trim_zeros", "choose", "ravel_multi_index",
    "array_equiv", "array_equal", "ix_", "einsum", "insert", "delete",
}  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES[::3], ids=[f"{3 * i}-{c.label}" for i, c in enumerate(CASES[::3])]
)
def test_under_jit(case: Case) -> None:
    args = case.operands()
    arrays = [i for i, a in enumerate(args) if isinstance(a, np.ndarray)]
    if case.name in NOT_STAGED or not arrays:
        pytest.skip("the result's shape depends on values, or there is no array")
    if case.name == "repeat" and len(arrays) > 1:
        pytest.skip("counts are known values")

    def call(*values: Any) -> Any:
        full = list(map(as_ours, args))
        for i, v in zip(arrays, values, strict=True):
            full[i] = v
        out = getattr(jnp, case.name)(*full, **case.kwargs)
        return tuple(out) if isinstance(out, list) else out

    got = jax.jit(call)(*(args[i] for i in arrays))
    assert_same(got, expected(case, args), max(case.tol, 1e-5))
