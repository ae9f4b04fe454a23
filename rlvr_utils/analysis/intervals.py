"""Intervals over seeds and over graded answers."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from rlvr_utils.errors import UserError


@dataclass(frozen=True)
class Interval:
    """A point estimate with its confidence interval, all in shares (1.0 is 100 %).

    `n` is the number of seeds (or of trials, for a single share). `low` and `high` are None
    where n = 1: one seed says nothing about the spread between seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    def percent(self) -> str:
        """The interval in percent: `78.2 [76.9, 79.5]`, or `78.2 (n=1)` without bounds."""
        if self.low is None or self.high is None:
            return f"{_percent(self.mean)} (n={self.n})"
        return f"{_percent(self.mean)} [{_percent(self.low)}, {_percent(self.high)}]"

    def __str__(self) -> str:
        return self.percent()


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean over seeds with its two-sided Student-t interval (n - 1 degrees of freedom).

    `values` holds one share a seed. The bounds are not clipped to [0, 1]: they belong to the
    mean of a few seeds, and a clipped bound would hide how few they are. With one value `low`
    and `high` are None. Raises `UserError` for no value, one that is not finite, or a
    confidence outside (0, 1).
    """
    values = [float(value) for value in values]
    _check_confidence(confidence)
    if not values or not all(map(isfinite, values)):
        raise UserError(f"mean_interval needs finite values, one a seed; it was given {values}")
    n = len(values)
    mean = sum(values) / n
    if n == 1:
        return Interval(mean, None, None, 1)
    from scipy.stats import t

    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * sqrt(variance / n)
    return Interval(mean, mean - half, mean + half, n)


def difference_interval(
    a: Mapping[int, float], b: Mapping[int, float], confidence: float = 0.95
) -> Interval:
    """The mean of a - b with the Student-t interval of the differences paired by seed.

    `a` and `b` map a seed to a share. Pairing removes what the two arms share through the seed.
    Raises `UserError` where the seeds are not the same, or as `mean_interval` does.
    """
    if set(a) != set(b):
        unpaired = sorted(set(a) ^ set(b))
        raise UserError(
            f"difference_interval pairs by seed, but seeds {unpaired} are in one arm only; "
            "leave them out or run the other arm"
        )
    return mean_interval([a[seed] - b[seed] for seed in sorted(a)], confidence)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The share successes / n with the Wilson score interval (E. B. Wilson, 1927).

    It stays inside [0, 1] and keeps a width at 0 and at n successes. It speaks of the sampling
    of `n` independent trials, not of the spread between seeds. Raises `UserError` unless
    0 <= successes <= n and n >= 1.
    """
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise UserError(
            f"wilson_interval needs 0 <= successes <= n and n >= 1; it was given {successes}, {n}"
        )
    from scipy.stats import norm

    z = float(norm.ppf((1 + confidence) / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # Rounding must not push a bound past the share that it bounds.
    return Interval(share, min(share, max(0.0, centre - half)), max(share, centre + half), n)


def _percent(share: float) -> str:
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(100 * share, 1) + 0.0:.1f}"


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise UserError(f"confidence is {confidence}; give a share between 0 and 1, such as 0.95")
