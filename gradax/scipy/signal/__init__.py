"""Convolution and spectra of signals: `jax.scipy.signal`'s names."""

from gradax.scipy.signal.convolution import convolve as convolve
from gradax.scipy.signal.convolution import convolve2d as convolve2d
from gradax.scipy.signal.convolution import correlate as correlate
from gradax.scipy.signal.convolution import correlate2d as correlate2d
from gradax.scipy.signal.convolution import fftconvolve as fftconvolve
from gradax.scipy.signal.segments import detrend as detrend
from gradax.scipy.signal.spectra import csd as csd
from gradax.scipy.signal.spectra import istft as istft
from gradax.scipy.signal.spectra import stft as stft
from gradax.scipy.signal.spectra import welch as welch
