"""Intervals against hand-computed numbers and textbook formulas, and the way they are shown."""
import math
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT
from scipy import stats

from rlvr_utils.analysis.intervals import (
    Interval,
    crossed_interval,
    interval_text,
    mean_interval,
    wilson_interval,
)
from rlvr_utils.errors import UserError


def test_mean_interval_of_three_seeds_is_students():
    # Mean 0.5, standard deviation 0.1, t(0.975, 2) = 4.302653.
    interval = mean_interval([0.4, 0.5, 0.6])
    assert interval.mean == pytest.approx(0.5)
    assert interval.high - 0.5 == pytest.approx(4.302653 * 0.1 / 3**0.5, abs=1e-6)
    assert 0.5 - interval.low == pytest.approx(interval.high - 0.5)
    assert interval.n == 3


def test_mean_interval_narrows_with_a_lower_confidence():
    # t(0.95, 2) = 2.919986.
    assert mean_interval([0.4, 0.5, 0.6], 0.9).high == pytest.approx(0.5 + 2.919986 * 0.1 / 3**0.5)


def test_one_seed_has_no_bounds():
    interval = mean_interval([0.782])
    assert interval == Interval(0.782, None, None, 1)
    assert str(interval) == "78.2 (n=1)"


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([0.25, 0.25]) == Interval(0.25, 0.25, 0.25, 2)


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [float("inf")]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(UserError, match="mean_interval"):
        mean_interval(values)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_in_percent_is_refused(confidence):
    with pytest.raises(UserError, match="confidence"):
        mean_interval([0.1, 0.2], confidence)
    with pytest.raises(UserError, match="confidence"):
        wilson_interval(1, 2, confidence)


def test_wilson_interval_of_eight_in_ten():
    # 95 %: centre 0.7167, bounds 0.4902 and 0.9433 (z = 1.959964).
    interval = wilson_interval(8, 10)
    assert (interval.mean, interval.n) == (0.8, 10)
    assert interval.low == pytest.approx(0.4902, abs=1e-4)
    assert interval.high == pytest.approx(0.9433, abs=1e-4)


def test_wilson_interval_keeps_a_width_at_the_ends():
    none, all_ = wilson_interval(0, 10), wilson_interval(10, 10)
    assert none.low == 0.0 and none.high == pytest.approx(0.2775, abs=1e-4)
    assert all_.high == pytest.approx(1.0) and all_.high <= 1.0
    assert all_.low == pytest.approx(0.7225, abs=1e-4)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 4)])
def test_wilson_interval_refuses_impossible_counts(successes, n):
    with pytest.raises(UserError, match="successes"):
        wilson_interval(successes, n)


KINDS = pd.Series({"a": 0.5, "b": 0.3, "c": 0.2})


def table(accuracies):
    """Contributions from accuracies, one list a seed."""
    return pd.DataFrame(accuracies, columns=list("abc"), index=range(len(accuracies))) * KINDS


def test_seeds_that_agree_leave_the_error_of_the_kinds():
    found = crossed_interval(table([[0.9, 0.4, 0.6]] * 3), KINDS)
    mean = 0.5 * 0.9 + 0.3 * 0.4 + 0.2 * 0.6
    strayed = [0.5 * (0.9 - mean), 0.3 * (0.4 - mean), 0.2 * (0.6 - mean)]
    error = math.sqrt(3 / 2 * sum(each**2 for each in strayed))
    assert (found.mean, found.n) == (pytest.approx(mean), 3)
    assert found.high - found.mean == pytest.approx(4.302653 * error)  # t(0.975, 2): three kinds


def test_kinds_that_agree_leave_the_error_of_the_seeds():
    found = crossed_interval(table([[value] * 3 for value in (0.4, 0.5, 0.6)]), KINDS)
    plain = mean_interval([0.4, 0.5, 0.6])
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_both_errors_add_up_with_the_degrees_of_freedom_of_welch_and_satterthwaite():
    found = crossed_interval(table([[0.9, 0.4, 0.6], [0.8, 0.3, 0.5], [1.0, 0.5, 0.7]]), KINDS)
    seeds, kinds = 0.1**2 / 3, 3 / 2 * sum(each**2 for each in (0.5 * 0.21, 0.3 * -0.29, 0.2 * -0.09))
    freedom = (seeds + kinds)**2 / (seeds**2 / 2 + kinds**2 / 2)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(seeds + kinds))


def test_one_seed_or_one_kind_has_no_bounds_and_no_scatter_no_width():
    assert crossed_interval(table([[0.9, 0.4, 0.6]]), KINDS).low is None
    assert crossed_interval(table([[0.9, 0.4, 0.6]] * 2)[["a"]], KINDS[["a"]]).high is None
    still = crossed_interval(table([[0.5] * 3] * 3), KINDS)
    assert (still.low, still.mean, still.high) == pytest.approx((0.5, 0.5, 0.5))


def test_text_has_one_decimal_and_never_a_minus_zero():
    assert Interval(0.782, 0.76894, 0.79506, 3).percent() == "78.2 [76.9, 79.5]"
    assert str(Interval(-0.0001, -0.02, 0.0199, 3)) == "0.0 [-2.0, 2.0]"
    assert interval_text(53.81, math.nan, math.nan, 1) == "53.8 (n=1)"


def test_the_command_line_starts_without_the_statistics():
    """Half a second each, for which `--help` would have to wait."""
    code = ("import runpy, sys; import rlvr_utils; sys.argv = ['rlvr_utils', '--help']\n"
            "try: runpy.run_module('rlvr_utils', run_name='__main__')\n"
            "except SystemExit: sys.exit(bool({'pandas', 'scipy', 'statsmodels'} & sys.modules.keys()))")
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "usage" in done.stdout, done.stderr
