"""The workloads that users write with PyTorch: convolutions, linear algebra, Fourier transforms.

Images lie as the workload has them, features last: permuted views cost nothing, and the library
knows the layout.
"""

import torch
from torch.nn import functional

from .torch_entry import eager_peer, enter, gradient, stepwise


def first(x):
    """Return a view with the features second."""
    return x.movedim(-1, 1)


def last(x):
    """Return a view with the features last."""
    return x.movedim(1, -1)


def filters(w):
    """Return a kernel's view in the library's order: out, in, then space."""
    return w.movedim(-1, 0).movedim(-1, 1)


def convolve(x, w, **options):
    return last(functional.conv2d(first(x), filters(w), **options))


def padded(x):
    """Return images padded behind, as "SAME" does for windows of 3 in steps of 2."""
    return functional.pad(x, (0, 0, 0, 1, 0, 1))


enter(
    {
        "conv_1d": lambda x, w: last(functional.conv1d(first(x), filters(w), padding=2)),
        "conv_channels_last": lambda x, w: convolve(x, w, padding=1),
        "conv_channels_first": lambda x, w: functional.conv2d(x, w, padding=1),
        "conv_images": lambda x, w: convolve(padded(x), w, stride=2),
        "conv_pointwise": lambda x, w: convolve(x, w),
        "conv_strided": lambda x, w: convolve(padded(x), w, stride=2),
        "conv_dilated": lambda x, w: convolve(x, w, padding=2, dilation=2),
        "conv_grouped": lambda x, w: convolve(x, w, padding=1, groups=4),
        "conv_depthwise": lambda x, w: convolve(x, w, padding=1, groups=64),
        "conv_3d": lambda x, w: last(functional.conv3d(first(x), filters(w), padding=1)),
        "max_pool": lambda x: last(
            functional.max_pool2d(
                functional.pad(first(x), (0, 1, 0, 1), value=-torch.inf), 3, stride=2
            )
        ),
        "cholesky_512": torch.linalg.cholesky,
        "cholesky_batch": torch.linalg.cholesky,
        "solve_triangle": lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        "solve_512": torch.linalg.solve,
        "solve_batch": torch.linalg.solve,
        "inverse_512": torch.linalg.inv,
        "inverse_batch": torch.linalg.inv,
        "qr_512": lambda x: tuple(torch.linalg.qr(x)),
        "slogdet_512": lambda x: tuple(torch.linalg.slogdet(x)),
        "det_batch": torch.linalg.det,
        "power_spectrum": lambda x: torch.fft.fft(x).abs() ** 2,
        "many_spectra": lambda x: torch.fft.rfft(x).abs() ** 2,
    },
    compiles=False,
)


@eager_peer
def eigh_256(x):
    values, vectors = torch.linalg.eigh(x)
    return values, vectors.abs()


@eager_peer
def eigh_batch(x):
    return eigh_256(x)


@eager_peer
def svd_256(x):
    u, s, vt = torch.linalg.svd(x)
    return u.abs(), s, vt.abs()


@gradient(compiles=False)
def slogdet_gradient(x):
    return torch.linalg.slogdet(x)[1]


@gradient(compiles=False)
def gaussian_process(params, x, y):
    scale, noise = params["scale"].exp(), params["noise"].exp()
    apart = ((x[:, None] - x[None]) / scale) ** 2
    cov = torch.exp(-0.5 * apart.sum(-1)) + noise * torch.eye(len(x))
    lower = torch.linalg.cholesky(cov)
    half = torch.linalg.solve_triangular(lower, y[:, None], upper=False)[:, 0]
    return 0.5 * half @ half + lower.diagonal().log().sum()


@eager_peer
def blur_images(x):
    rate = torch.fft.fftfreq(256)
    damp = torch.exp(-100 * (rate[:, None] ** 2 + rate[None] ** 2))
    return torch.fft.ifft2(torch.fft.fft2(x) * damp).real


@eager_peer
def fourier_convolution(x, y):
    n = x.shape[0]
    return torch.fft.irfft(torch.fft.rfft(x, 2 * n) * torch.fft.rfft(y, 2 * n), 2 * n)


@gradient(compiles=False)
def spectral_gradient(x, target):
    return ((torch.fft.rfft(x).abs() - target) ** 2).mean()


@gradient(compiles=False)
def conv_gradient_input(x, w):
    return (convolve(x, w, padding=1) ** 2).sum()


@eager_peer
def conv_gradient_kernel(x, w):
    w.requires_grad_()
    return torch.autograd.grad((convolve(x, w, padding=1) ** 2).sum(), w)


@gradient(compiles=False)
def max_pool_gradient(x, weights):
    return (last(functional.max_pool2d(first(x), 2)) * weights).sum()


@gradient(compiles=False)
def mean_pool_gradient(x, weights):
    return (last(functional.avg_pool2d(first(x), 2)) * weights).sum()


@stepwise
def game_of_life(compile):
    @compile
    def step(cells):
        turns = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
        n = sum(cells.roll(turn, (0, 1)) for turn in turns)
        return ((n == 3) | ((n == 2) & (cells == 1))).int()

    def f(cells):
        for _ in range(20):
            cells = step(cells)
        return cells

    return f


@eager_peer
def power_iteration(x, start):
    v = start
    for _ in range(50):
        v = x @ v
        v = v / torch.linalg.vector_norm(v)
    return v @ x @ v
