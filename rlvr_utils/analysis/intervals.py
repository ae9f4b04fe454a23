"""95 % confidence intervals: over seeds, over graded answers, over seeds and kinds of problems."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import pandas as pd
from scipy import stats

from rlvr_utils.errors import UserError


@dataclass(frozen=True)
class Interval:
    """A point estimate with its confidence interval, usually as shares (1.0 is 100 %).

    `n` counts the independent units behind it: seeds, trials or clusters. `low` and `high` are None
    if there is only one unit, which says nothing about the spread between units.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    def percent(self) -> str:
        """A share for display, in percent: `78.2 [76.9, 79.5]`, or `78.2 (n=1)` without bounds."""
        bounds = (None, None) if self.low is None or self.high is None else (100 * self.low, 100 * self.high)
        return interval_text(100 * self.mean, *bounds, self.n)

    def __str__(self) -> str:
        return self.percent()


def interval_text(mean: float, low: float | None, high: float | None, n: int, decimals: int = 1) -> str:
    """An interval for display, in its own unit: `78.2 [76.9, 79.5]`.

    If a bound is unknown (None or NaN), `n` is shown instead: `78.2 (n=1)`.
    """
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    mean, low, high = (f"{round(value, decimals) + 0.0:.{decimals}f}" if pd.notna(value) else None
                       for value in (mean, low, high))
    return f"{mean} (n={n})" if low is None or high is None else f"{mean} [{low}, {high}]"


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """The mean over seeds with its two-sided Student-t interval (n - 1 degrees of freedom).

    `values` holds one number per seed. The bounds are not clipped to [0, 1]: with few seeds they may lie outside,
    and clipping would hide how few there are. With one value, `low` and `high` are None. Raises `UserError` for
    no values, a value that is not finite, or a confidence outside (0, 1).
    """
    values = _finite(values, "mean_interval")
    _check_confidence(confidence)
    n, mean = len(values), sum(values) / len(values)
    if n == 1:
        return Interval(mean, None, None, 1)
    error = float(stats.sem(values))
    if error == 0:  # scipy's interval of width 0 is NaN
        return Interval(mean, mean, mean, n)
    low, high = stats.t.interval(confidence, n - 1, loc=mean, scale=error)
    return Interval(mean, float(low), float(high), n)


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """The share successes / n with the Wilson score interval (E. B. Wilson, 1927).

    It stays within [0, 1] and has a positive width even at 0 and at n successes. It describes the sampling error of
    `n` independent trials, not the spread between seeds. Raises `UserError` unless 0 <= successes <= n and n >= 1.
    """
    _check_confidence(confidence)
    if n < 1 or not 0 <= successes <= n:
        raise UserError(f"wilson_interval needs 0 <= successes <= n and n >= 1; it was given {successes}, {n}")
    bounds = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(successes / n, float(bounds.low), float(bounds.high), n)


def crossed_interval(parts: pd.DataFrame, weights: pd.Series, confidence: float = 0.95) -> Interval:
    """A weighted mean over kinds of problems, averaged over seeds, with an interval for both.

    `parts` holds, for each seed (rows) and kind (columns), the kind's share of the mean: its accuracy times its weight.
    `weights` are the kinds' weights, summing to 1. The squared standard error is the sum of two: of the seeds' means,
    and of the kinds as clusters (linearised, with K / (K - 1) for K kinds; Cameron & Miller 2015). Each holds the
    error of the other's remainder, so the sum is a little too large rather than too small. Degrees of freedom by
    Welch and Satterthwaite. With one seed or one kind `low` and `high` are None. `n` is the number of seeds.
    """
    _check_confidence(confidence)
    seeds, kinds = parts.shape
    means = parts.sum(axis=1)
    mean = float(means.mean())
    if seeds == 1 or kinds == 1:
        return Interval(mean, None, None, seeds)
    by_seed = float(means.var(ddof=1)) / seeds
    strayed = parts.mean(axis=0) - mean * weights[parts.columns]
    by_kind = kinds / (kinds - 1) * float((strayed**2).sum())
    error = by_seed + by_kind
    if error == 0:
        return Interval(mean, mean, mean, seeds)
    freedom = error**2 / (by_seed**2 / (seeds - 1) + by_kind**2 / (kinds - 1))
    reach = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error**0.5
    return Interval(mean, mean - reach, mean + reach, seeds)


def _finite(values: Sequence[float], asked: str) -> list[float]:
    """The values as floats. Raises `UserError` if there are none, or if one is not finite."""
    values = [float(value) for value in values]
    if not values or not all(map(isfinite, values)):
        raise UserError(f"{asked} needs finite values, at least one; it was given {values}")
    return values


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise UserError(f"confidence is {confidence}; give a share between 0 and 1, such as 0.95")
