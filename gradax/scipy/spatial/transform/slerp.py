"""Rotations between rotations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gradax import numpy as gnp
from gradax.errors import ArgumentError, at_user_line
from gradax.scipy.spatial.transform.rotation import Rotation


class Slerp(NamedTuple):
    """Interpolation by turning at constant speed from each rotation to the next; see `init`."""

    times: Any
    timedelta: Any
    rotations: Rotation
    rotvecs: Any

    @classmethod
    def init(cls, times: Any, rotations: Rotation) -> Slerp:
        """Return the interpolation of rotations at increasing times.

        Shapes: times T[n], n rotations, n >= 2.
        Errors: ValueError for fewer, another number of times, or NumPy's times that do not
        increase.
        """
        if not isinstance(rotations, Rotation) or rotations.single or len(rotations) < 2:
            raise ArgumentError(f"Slerp: expected two rotations or more.{at_user_line()}")
        places = gnp.asarray(times)
        if places.shape != (len(rotations),):
            raise ArgumentError(
                f"Slerp: there is a time for each of {len(rotations)} rotations; got shape"
                f" {places.shape}.{at_user_line()}"
            )
        if isinstance(times, np.ndarray) and not np.all(np.diff(times) > 0):
            raise ArgumentError(f"Slerp: times increase.{at_user_line()}")
        first, second = rotations[:-1], rotations[1:]
        return cls(places, gnp.diff(places), first, (first.inv() * second).as_rotvec())

    def __call__(self, times: Any) -> Rotation:
        """Return the rotations at times, those outside by turning on. Shapes: T[] or T[n]."""
        times = gnp.asarray(times)
        last = self.times.shape[0] - 2
        place = gnp.clip(gnp.searchsorted(self.times, times, side="right") - 1, 0, last)
        share = (times - self.times[place]) / self.timedelta[place]
        turn = Rotation.from_rotvec(share[..., None] * self.rotvecs[place])
        return self.rotations[place] * turn
