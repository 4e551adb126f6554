"""Products of floats of any shape and layout: right, and the same for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from .calls import call, code, random_array

SIDES = (1, 2, 3, 6, 7, 8, 12, 13, 16, 17, 25, 32, 33, 49, 64, 65, 100, 128, 129, 257)
N_CASES = 40


def product(a, b, trans, start, n_threads):
    """Return a b, or start + a b, for stacks stored as `trans` says."""
    batch, m, k = a.shape
    n = b.shape[2]
    stored = [x.swapaxes(1, 2).copy() if t else x for x, t in zip((a, b), trans, strict=True)]
    out = np.full((batch, m, n), np.nan, a.dtype)
    params = [code(a), batch, m, n, k, *trans, m * k, k * n, m * n, code(a)]
    if start is None:
        call("gemm", stored, [out], params, n_threads)
    else:
        call("gemm_add", [*stored, start], [out], params, n_threads)
    return out


def check(rng, dtype, batch, m, n, k, trans):
    a = rng.normal(size=(batch, m, k)).astype(dtype)
    b = rng.normal(size=(batch, k, n)).astype(dtype)
    start = rng.normal(size=(batch, m, n)).astype(dtype) if rng.integers(2) else None
    want = a.astype(np.float64) @ b.astype(np.float64) + (0 if start is None else start)
    outs = [product(a, b, trans, start, n_threads) for n_threads in (1, 2, 5)]
    scale = np.sqrt(k + 1.0) * (3e-6 if dtype == np.float32 else 1e-14)
    np.testing.assert_allclose(outs[0], want, rtol=0, atol=8 * scale)
    for out in outs[1:]:
        np.testing.assert_array_equal(out, outs[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_random_shapes(dtype, trans):
    rng = np.random.default_rng(sum(trans))
    for _ in range(N_CASES):
        m, n, k = (int(x) for x in rng.choice(SIDES, 3))
        check(rng, dtype, int(rng.choice([1, 1, 2, 5])), m, n, k, trans)


@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize(
    ("m", "n", "k"),
    [(1, 3000, 70), (3000, 1, 70), (1, 70, 9000), (70, 1, 9000), (5000, 32, 64), (64, 64, 20000),
     (1000, 1000, 8), (5, 4200, 300), (4200, 5, 300), (30, 40, 0)],
)  # fmt: skip
def test_long_and_thin_shapes(m, n, k, trans):
    check(np.random.default_rng(0), np.float32, 1, m, n, k, trans)


@pytest.mark.parametrize("shape", [(1, 40, 50), (40, 1, 50), (30, 40, 50)])
def test_what_is_not_finite_stays_in_its_rows_and_columns(shape):
    m, n, k = shape
    a, b = np.ones((1, m, k), np.float32), np.ones((1, k, n), np.float32)
    a[0, m - 1, 3], b[0, 7, n - 1] = np.inf, np.nan
    for trans in ((0, 0), (0, 1), (1, 0), (1, 1)):
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(product(a, b, trans, None, 2), a @ b)


INTEGERS = ["i1", "u1", "i2", "u2", "i4", "u4"]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_integers(trans, wide, dtype):
    """Sums are those of NumPy, modulo what the result's type holds."""
    rng = np.random.default_rng(sum(trans))
    out_dtype = np.dtype("i4" if wide else dtype)
    for _ in range(N_CASES // 2):
        m, n, k = (int(x) for x in rng.choice(SIDES, 3))
        batch = int(rng.choice([1, 1, 2, 5]))
        a, b = random_array(rng, (batch, m, k), dtype), random_array(rng, (batch, k, n), dtype)
        a.flat[0], b.flat[0] = np.iinfo(dtype).min, np.iinfo(dtype).min
        stored = [x.swapaxes(1, 2).copy() if t else x for x, t in zip((a, b), trans, strict=True)]
        params = [code(a), batch, m, n, k, *trans, m * k, k * n, m * n]
        want = (a.astype("i8") @ b.astype("i8")).astype(out_dtype)
        for n_threads in (1, 2, 5):
            out = np.full((batch, m, n), 7, out_dtype)
            call("gemm", stored, [out], [*params, code(out)], n_threads)
            np.testing.assert_array_equal(out, want)
