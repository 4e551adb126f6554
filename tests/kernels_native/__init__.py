"""Library kernels, called directly and compared with NumPy and SciPy."""
