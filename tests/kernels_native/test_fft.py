from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from .calls import call, code, random_array

LENGTHS = [
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    12,
    16,
    30,
    61,
    64,
    67,
    97,
    128,
    360,
    1000,
    1009,
    1024,
    2**12,
    2**13,
]
TOLERANCE = {"complex64": 2e-6, "complex128": 1e-14}


def fft(x, inverse=False):
    x3 = x if x.ndim == 3 else x[..., None]
    out = np.zeros_like(x3)
    call("fft", [x3], [out], [code(x), int(inverse), *x3.shape])
    return out.reshape(x.shape)


def close(got, want, scale=1.0):
    dtype = np.result_type(got.dtype, np.complex64)
    norm = max(float(np.max(np.abs(want), initial=0)), 1e-30)
    tolerance = TOLERANCE[dtype.name] * scale
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * norm)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("rows", [0, 1, 3, 16, 37])
@pytest.mark.parametrize("n", LENGTHS)
def test_rows(n, rows, dtype, inverse):
    x = random_array(np.random.default_rng(n), (rows, n), dtype)
    want = (scipy.fft.ifft if inverse else scipy.fft.fft)(x.astype(np.complex128), axis=1)
    close(fft(x, inverse), want)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("inner", [2, 8, 16, 37])
@pytest.mark.parametrize("n", [1, 6, 67, 256, 4100])
def test_columns(n, inner, dtype, inverse):
    x = random_array(np.random.default_rng(n), (2, n, inner), dtype)
    want = (scipy.fft.ifft if inverse else scipy.fft.fft)(x.astype(np.complex128), axis=1)
    close(fft(x, inverse), want)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("n", [2**17, 2**20, 3**11, 100_000, 65_537, 2 * 3 * 5 * 7 * 11 * 13 * 17])
def test_long_rows(n, dtype):
    x = random_array(np.random.default_rng(n), (1, n), dtype)
    close(fft(x), scipy.fft.fft(x.astype(np.complex128), axis=1))
    close(fft(fft(x), inverse=True), x)


def test_rows_longer_than_two_buffers():
    n = 2**24 + 2**23
    x = random_array(np.random.default_rng(0), (1, n), "c8")
    close(fft(x), scipy.fft.fft(x, axis=1))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("rows", [0, 1, 3, 20])
@pytest.mark.parametrize("n", [*LENGTHS, 100_001, 2**18])
def test_real(n, rows, dtype):
    x = random_array(np.random.default_rng(n), (rows, n), dtype)
    out = np.zeros((rows, n // 2 + 1), np.result_type(dtype, np.complex64))
    call("fft", [x], [out], [code(out), 2, rows, n, 1])
    close(out, scipy.fft.rfft(x.astype(np.float64), axis=1))
    back = np.zeros_like(x)
    call("fft", [out], [back], [code(out), 3, rows, n, 1])
    close(back, x)


@pytest.mark.parametrize("n", [7, 8, 30])
def test_back_to_real_ignores_impossible_parts(n):
    x = random_array(np.random.default_rng(n), (3, n // 2 + 1), "c16")
    back = np.zeros((3, n))
    call("fft", [x], [back], [code(x), 3, 3, n, 1])
    close(back, scipy.fft.irfft(x, n, axis=1))


def test_wrong_kind_is_an_error():
    x = np.zeros((1, 4, 1), np.complex64)
    with pytest.raises(ValueError, match="fft"):
        call("fft", [x], [x.copy()], [code(x), 7, 1, 4, 1])
