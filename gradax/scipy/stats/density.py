"""Densities estimated from samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradax import nn, random
from gradax import numpy as gnp
from gradax.errors import ArgumentError, ShapeError, at_user_line
from gradax.lax import linalg as lax_linalg
from gradax.scipy import special
from gradax.tree_util import register_pytree_node


def scott_factor(neff: Any, d: int) -> Any:
    """Return Scott's factor of the bandwidth."""
    return gnp.power(neff, -1.0 / (d + 4))


def silverman_factor(neff: Any, d: int) -> Any:
    """Return Silverman's factor of the bandwidth."""
    return gnp.power(neff * (d + 2) / 4.0, -1.0 / (d + 4))


@dataclass(frozen=True, init=False, eq=False)
class gaussian_kde:
    """An estimate of a density: a normal one around each sample.

    `bw_method` is "scott", "silverman", a factor, or a function of the estimate that gives one.
    Shapes: dataset T[d, n] or T[n], weights T[n].
    Errors: ValueError for other shapes and methods.
    """

    neff: Any
    dataset: Any
    weights: Any
    covariance: Any
    inv_cov: Any

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        points = gnp.atleast_2d(gnp.asarray(dataset))
        points = points.astype(gnp.result_type(points, 1.0))
        if points.ndim != 2 or points.size < 2:
            raise ShapeError(
                "gaussian_kde: the dataset has one or two axes and two numbers or more; got shape"
                f" {np.shape(dataset)}.{at_user_line()}"
            )
        n = points.shape[1]
        if weights is None:
            shares = gnp.full(n, 1.0 / n, points.dtype)
        else:
            shares = gnp.atleast_1d(gnp.asarray(weights, points.dtype))
            shares = shares / gnp.sum(shares)
        if shares.shape != (n,):
            raise ShapeError(
                f"gaussian_kde: there is one weight for each of {n} samples; got shape"
                f" {shares.shape}.{at_user_line()}"
            )
        set_field = object.__setattr__
        set_field(self, "dataset", points)
        set_field(self, "weights", shares)
        set_field(self, "neff", 1 / gnp.sum(gnp.square(shares)))
        factor = self.bandwidth(bw_method)
        covariance = gnp.atleast_2d(gnp.cov(points, rowvar=True, bias=False, aweights=shares))
        set_field(self, "covariance", covariance * factor**2)
        set_field(self, "inv_cov", gnp.linalg.inv(covariance) / factor**2)

    def bandwidth(self, method: Any) -> Any:
        """Return the factor of the bandwidth that a method names."""
        if method is None or (isinstance(method, str) and method == "scott"):
            return scott_factor(self.neff, self.d)
        if isinstance(method, str) and method == "silverman":
            return silverman_factor(self.neff, self.d)
        if callable(method):
            return method(self)
        if not isinstance(method, str) and gnp.ndim(method) == 0:
            return method
        raise ArgumentError(
            "gaussian_kde: bw_method is 'scott', 'silverman', a number or a function; got"
            f" {method!r}.{at_user_line()}"
        )

    @property
    def d(self) -> int:
        """The number of dimensions."""
        return self.dataset.shape[0]

    @property
    def n(self) -> int:
        """The number of samples."""
        return self.dataset.shape[1]

    def points(self, points: Any) -> Any:
        """Return points as columns. Errors: ValueError for another number of dimensions."""
        found = gnp.atleast_2d(gnp.asarray(points))
        if found.shape[0] != self.d and found.shape == (1, self.d):
            found = found.T
        if found.shape[0] != self.d:
            raise ShapeError(
                f"gaussian_kde: points have {self.d} dimensions; got shape {np.shape(points)}."
                f"{at_user_line()}"
            )
        return found.astype(self.dataset.dtype)

    def logpdf(self, x: Any) -> Any:
        """Return the logarithms of the density at points.

        Shapes: x T[d, m] or T[m] -> T[m].
        """
        points = self.points(x)
        gaps = points[:, :, None] - self.dataset[:, None, :]
        energy = 0.5 * gnp.einsum("imn,ij,jmn->mn", gaps, self.inv_cov, gaps)
        factor = lax_linalg.cholesky(self.covariance)
        log_norm = 0.5 * self.d * np.log(2 * np.pi) + gnp.sum(gnp.log(gnp.diagonal(factor)))
        return nn.logsumexp(-energy, axis=1, b=self.weights) - log_norm

    def pdf(self, x: Any) -> Any:
        """Return the density at points."""
        return gnp.exp(self.logpdf(x))

    def evaluate(self, points: Any) -> Any:
        """Return the density at points."""
        return self.pdf(points)

    def __call__(self, points: Any) -> Any:
        """Return the density at points."""
        return self.pdf(points)

    def resample(self, key: Any, shape: Any = ()) -> Any:
        """Return points drawn from the estimate.

        Shapes: -> T[d, shape].
        """
        key_place, key_step = random.split(key)
        places = random.choice(key_place, self.n, shape, p=self.weights)
        zero = gnp.zeros(self.d, self.dataset.dtype)
        step = random.multivariate_normal(
            key_step, zero, self.covariance, places.shape, self.dataset.dtype
        )
        return self.dataset[:, places] + gnp.moveaxis(step, -1, 0)

    def integrate_gaussian(self, mean: Any, cov: Any) -> Any:
        """Return the integral of the estimate times a normal density."""
        mean, cov = gnp.atleast_1d(gnp.asarray(mean)), gnp.atleast_2d(gnp.asarray(cov))
        total = self.covariance + cov
        return self.mixture(total, mean[:, None] - self.dataset, self.weights)

    def mixture(self, cov: Any, gaps: Any, weights: Any) -> Any:
        """Return a weighted sum of normal densities of one covariance at gaps."""
        factor = lax_linalg.cholesky(cov)
        solved = lax_linalg.triangular_solve(factor, gaps, left_side=True, lower=True)
        log_norm = 0.5 * self.d * np.log(2 * np.pi) + gnp.sum(gnp.log(gnp.diagonal(factor)))
        energy = 0.5 * gnp.sum(gnp.square(solved), 0)
        return gnp.sum(weights * gnp.exp(-energy - log_norm))

    def integrate_box_1d(self, low: Any, high: Any) -> Any:
        """Return the mass between two bounds. Errors: ValueError unless there is one dimension."""
        if self.d != 1:
            raise ShapeError(
                f"gaussian_kde.integrate_box_1d: the estimate has {self.d} dimensions."
                f"{at_user_line()}"
            )
        width = gnp.sqrt(self.covariance[0, 0])
        ends = [special.ndtr((end - self.dataset[0]) / width) for end in (low, high)]
        return gnp.sum(self.weights * (ends[1] - ends[0]))

    def integrate_kde(self, other: gaussian_kde) -> Any:
        """Return the integral of the product with another estimate of as many dimensions."""
        if other.d != self.d:
            raise ShapeError(
                f"gaussian_kde.integrate_kde: got {self.d} and {other.d} dimensions."
                f"{at_user_line()}"
            )
        gaps = (self.dataset[:, :, None] - other.dataset[:, None, :]).reshape(self.d, -1)
        weights = (self.weights[:, None] * other.weights[None, :]).reshape(-1)
        return self.mixture(self.covariance + other.covariance, gaps, weights)


FIELDS = ("neff", "dataset", "weights", "covariance", "inv_cov")


def with_fields(_: None, values: Any) -> gaussian_kde:
    """Return an estimate of given fields."""
    out = object.__new__(gaussian_kde)
    for name, value in zip(FIELDS, values, strict=True):
        object.__setattr__(out, name, value)
    return out


register_pytree_node(gaussian_kde, lambda k: ([getattr(k, n) for n in FIELDS], None), with_fields)
