"""Convolutions, trends, spectra and cosine transforms against SciPy."""

import numpy as np
import pytest
from scipy import fft as reference_fft
from scipy import signal as reference

import gradax as jax
from gradax.scipy import fft, signal

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 300))
IMAGES = [(RNG.normal(size=(8, 9)), RNG.normal(size=k)) for k in ((3, 3), (4, 2), (1, 5))]


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolution(name, method, mode):
    pairs = [
        (X[0, :20], X[1, :5]),
        (X[0, :5], X[1, :20]),
        (X[0, :20] + 1j * X[1, :20], X[2, :6] - 1j),
        *IMAGES,
        (RNG.normal(size=(4, 5, 6)), RNG.normal(size=(2, 3, 2))),
    ]
    for a, b in pairs:
        found = getattr(signal, name)(a, b, mode, method)
        expected = getattr(reference, name)(a, b, mode, method)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(
    "options", [{}, {"fillvalue": 2.0}, {"boundary": "wrap"}, {"boundary": "symm"}]
)
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_images(name, options, mode):
    for a, b in IMAGES:
        found = getattr(signal, name)(a, b, mode, **options)
        expected = getattr(reference, name)(a, b, mode, **options)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_fftconvolve_along_axes(mode):
    b = RNG.normal(size=(1, 7))
    found = signal.fftconvolve(X, b, mode, axes=1)
    np.testing.assert_allclose(found, reference.fftconvolve(X, b, mode, axes=1), atol=1e-12)


def test_convolutions_transformed():
    a, b = X[0, :20], X[1, :5]
    for method in ("direct", "fft"):
        slope = jax.grad(lambda b, m=method: signal.convolve(a, b, "valid", m).sum())(b)
        np.testing.assert_allclose(slope, [a[4 - k : 20 - k].sum() for k in range(5)], rtol=1e-9)
    mapped = jax.jit(jax.vmap(lambda x: signal.convolve(x, b, "same")))(X[:, :20])
    np.testing.assert_allclose(
        mapped, [np.convolve(x, b, "same") for x in X[:, :20]], rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("options", [{}, {"type": "constant"}, {"bp": [50, 120]}, {"axis": 0}])
def test_trends(options):
    data = X + np.linspace(0, 9, 300)
    np.testing.assert_allclose(
        signal.detrend(data, **options), reference.detrend(data, **options), atol=1e-11
    )


SPECTRA = [
    {},
    {"nperseg": 64, "noverlap": 16, "fs": 10.0},
    {"nperseg": 65, "nfft": 80, "window": ("gaussian", 8.0)},
    {"window": np.hanning(50), "detrend": "linear"},
    {"return_onesided": False, "nperseg": 32},
    {"axis": 0, "nperseg": 3},
]


@pytest.mark.parametrize("options", SPECTRA)
@pytest.mark.parametrize("scaling", ["density", "spectrum"])
@pytest.mark.parametrize("average", ["mean", "median"])
def test_power_spectra(options, scaling, average):
    options = {**options, "scaling": scaling, "average": average}
    for found, expected in zip(
        signal.welch(X, **options), reference.welch(X, **options), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-13)
    y = X[:, ::-1].copy()
    for found, expected in zip(
        signal.csd(X, y, **options), reference.csd(X, y, **options), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nperseg": 64, "noverlap": 48, "fs": 10.0},
        {"nperseg": 33, "nfft": 40},
        {"nperseg": 64, "boundary": "even"},
        {"nperseg": 64, "boundary": "odd"},
        {"nperseg": 64, "boundary": "constant", "window": "hamming"},
        {"nperseg": 64, "boundary": None, "padded": False, "window": "boxcar"},
        {"nperseg": 64, "return_onesided": False},
    ],
)
def test_short_time_transforms(options):
    found, expected = signal.stft(X, **options), reference.stft(X, **options)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    names = {"nperseg", "noverlap", "fs", "window", "nfft"}
    back = {k: v for k, v in options.items() if k in names}
    back["input_onesided"] = options.get("return_onesided", True)
    back["boundary"] = options.get("boundary", "zeros") is not None
    times, x = signal.istft(found[2], **back)
    expected_x = reference.istft(expected[2], **back)[1]
    np.testing.assert_allclose(x, expected_x, rtol=1e-9, atol=1e-11)
    # SciPy's are as many as the first axis is long, which is right for vectors only.
    expected_times = reference.istft(expected[2][0], **back)[0]
    np.testing.assert_allclose(times, expected_times, rtol=1e-12)


def test_short_time_transforms_along_another_axis():
    x = X.T
    found, expected = signal.stft(x, nperseg=64, axis=0), reference.stft(x, nperseg=64, axis=0)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-9, atol=1e-12)
    turned = found[2].transpose(2, 0, 1)
    axes = {"time_axis": 0, "freq_axis": 1}
    back, expected_back = signal.istft(turned, **axes), reference.istft(np.asarray(turned), **axes)
    np.testing.assert_allclose(back[1], expected_back[1], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("name", ["dct", "idct"])
def test_cosine_transforms(name, kind, norm):
    f, expected = getattr(fft, name), getattr(reference_fft, name)
    for n in (None, 1, 2, 5, 300, 311):
        np.testing.assert_allclose(
            f(X, kind, n, norm=norm), expected(X, kind, n, norm=norm), rtol=1e-9, atol=1e-11
        )
    np.testing.assert_allclose(f(X, kind, axis=0), expected(X, kind, axis=0), atol=1e-11)
    many, expected_many = getattr(fft, name + "n"), getattr(reference_fft, name + "n")
    np.testing.assert_allclose(
        many(X, kind, norm=norm), expected_many(X, kind, norm=norm), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(
        many(X, kind, (4, 6), (0, 1), norm), expected_many(X, kind, (4, 6), (0, 1), norm),
        rtol=1e-9, atol=1e-9,
    )  # fmt: skip


def test_cosine_transforms_of_single_precision():
    x = X.astype(np.float32)
    assert fft.dct(x).dtype == np.float32
    np.testing.assert_allclose(fft.idct(fft.dct(x)), x, atol=1e-5)
    slope = jax.grad(lambda x: fft.dct(x)[3])(X[0, :8])
    np.testing.assert_allclose(slope, reference_fft.dct(np.eye(8))[:, 3], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: signal.convolve(X, X[0]), ValueError, r"of one rank, with elements; got shapes"),
        (lambda: signal.convolve(X, X, "odd"), ValueError, "mode is one of 'full'"),
        (lambda: signal.convolve(X[:2], X[:, :5], "valid"), ValueError, "at least as large"),
        (lambda: signal.convolve(X, X, method="odd"), ValueError, "method is one of 'auto'"),
        (lambda: signal.convolve2d(X, X, boundary="odd"), ValueError, "boundary is one of"),
        (lambda: signal.convolve2d(X[0], X[0]), ValueError, "expected two matrices"),
        (lambda: signal.fftconvolve(X, X, axes=(0, 0)), ValueError, "different axes"),
        (lambda: signal.detrend(X, type="odd"), ValueError, "type is 'constant' or 'linear'"),
        (lambda: signal.detrend(X, bp=301), ValueError, "from 0 to 300; got 301"),
        (lambda: signal.welch(X, noverlap=256), ValueError, "less than nperseg, 256; got 256"),
        (lambda: signal.welch(X, nperseg=64, nfft=3), ValueError, "at least nperseg, 64; got 3"),
        (lambda: signal.welch(X, detrend="odd"), ValueError, "detrend is False, 'constant'"),
        (lambda: signal.welch(X, window=np.ones(301)), ValueError, "longer than the signal"),
        (lambda: signal.stft(X, boundary="odd?"), ValueError, r"got 'odd\?'"),
        (lambda: signal.istft(X[0]), ValueError, "with a time axis and another"),
        (lambda: fft.dct(X, 1), NotImplementedError, "types 2 and 3 are supported; got 1"),
        (lambda: fft.dct(X, norm="odd"), ValueError, "got 'odd'"),
        (lambda: fft.dct(X * 1j), NotImplementedError, "expected real numbers; got complex128"),
        (lambda: fft.dct(X, axis=2), ValueError, "axis 2 is outside"),
        (lambda: fft.dctn(X, s=(3, 4), axes=(0,)), ValueError, "a size for each of 1 axes"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
