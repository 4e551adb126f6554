"""Fourier transforms."""

from gradax.lax.fft import Fft, FftType
from tests.ops.sample import COMPLEXES, Sample, arr

REALS = ("float32", "float64")
SAMPLES = [
    Sample(Fft(kind, lengths), arr((2, *lengths)), name=kind.name, dtypes=COMPLEXES)
    for kind in (FftType.FFT, FftType.IFFT)
    for lengths in ((6,), (7,), (1,), (3, 4), (2, 3, 5))
]
SAMPLES += [
    Sample(Fft(FftType.RFFT, lengths), arr((2, *lengths)), dtypes=REALS)
    for lengths in ((6,), (7,), (1,), (2,), (3, 4), (4, 5), (2, 3, 4))
]
SAMPLES += [
    Sample(
        Fft(FftType.IRFFT, lengths),
        arr((2, *lengths[:-1], lengths[-1] // 2 + 1)),
        name=f"to {lengths}",
        dtypes=COMPLEXES,
    )
    for lengths in ((6,), (7,), (1,), (2,), (3, 4), (4, 5), (2, 3, 4))
]
