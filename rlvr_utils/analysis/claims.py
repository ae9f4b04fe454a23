"""The ledger: each claim of the paper, its published number, ours, and a verdict by a fixed rule.

The rules were written before anything was measured. "Above zero" always means that the whole 95 % interval over
seeds is above zero. Accuracies are those of the last checkpoint by the authors' evaluation grader; differences are
paired by seed and given in percentage points.
"""
from __future__ import annotations

from dataclasses import dataclass

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import (
    Runs,
    arc_benchmarks,
    by_seed,
    curves,
    gap,
    main_benchmark,
    math_benchmarks,
    reflecting,
    score,
    share_of_gain,
    steps,
    steps_after_saturation,
    subject_gains,
    training_curve,
)
from rlvr_utils.analysis.published import published_text, published_value
from rlvr_utils.records.run import Run

# A difference smaller than this many points counts as "about equal" (C02, C03).
MARGIN = 0.05
NEVER_SATURATED = "a seed was not evaluated twice after its training accuracy had saturated"


@dataclass(frozen=True)
class Claim:
    """One row of the ledger before it is written."""

    id: str
    statement: str
    rule: str
    unit: str
    published: float | None
    measured: Interval | None
    holds: bool | None
    figure: str
    notebook: str
    reason: str = ""  # why there is no verdict, unless it is for lack of seeds

    def row(self) -> dict:
        """The row of claims.json. A claim without an interval (one seed), or whose condition never occurred, is "not
        measured", and `reason` says why."""
        known = self.measured is not None and self.measured.low is not None and self.holds is not None
        verdict = ("reproduced" if self.holds else "not reproduced") if known else "not measured"
        measured = {"mean": None, "low": None, "high": None, "seeds": 0}
        if self.measured:
            scaled = [None if v is None else round(100 * v, 2)
                      for v in (self.measured.mean, self.measured.low, self.measured.high)]
            measured = dict(zip(("mean", "low", "high"), scaled), seeds=self.measured.n)
        row = {"id": self.id, "statement": self.statement, "rule": self.rule, "unit": self.unit,
               "published": self.published, "measured": measured, "verdict": verdict,
               "figure": self.figure, "notebook": self.notebook}
        return row if known else {**row, "reason": self.reason or "one seed gives no interval"}


def above(interval: Interval | None, bound: float = 0.0) -> bool | None:
    """Is the whole interval above the bound? None if there is no interval."""
    return None if interval is None or interval.low is None else interval.low > bound


def accuracy_gap(runs: Runs, arm: str, other: str, benchmarks: list[str]) -> Interval | None:
    """The gap between two arms; None if one of them was not run because the training file has no example for it."""
    return gap(runs, arm, other, benchmarks) if {arm, other} <= runs.keys() else None


def _without(runs: Runs, arm: str) -> str:
    """Why a claim about this arm is not measured; empty if the arm was run."""
    return "" if arm in runs else f"{arm} was not run: the training file has one problem only"


def _published_gap(column: str, dataset: str, other: str, **match) -> float:
    """`dataset` minus `other` in a column of Table 8; `match` selects among the rows of `other`."""
    return round(published_value(8, column, dataset=dataset)
                 - published_value(8, column, dataset=other, **match), 1)


def c01(runs: Runs) -> Claim:
    main = [main_benchmark(runs["base"][0].config)]
    gain, gain_13 = (accuracy_gap(runs, arm, "base", main) for arm in ("one-shot", "one-shot-13"))
    return Claim("C01", "One example lifts the base far",
                 "the gain of {pi_1} lies above half the published gain, that of {pi_13} above zero",
                 "points on MATH500 or its stand-in", published := _published_gap("MATH500", "{pi_1}", "base"),
                 gain, _all(above(gain, published / 200), above(gain_13)), "figure1_comparison", "02_one_shot_training",
                 _without(runs, "one-shot-13"))


def c02(runs: Runs) -> Claim:
    difference = accuracy_gap(runs, "one-shot", "full-set", math_benchmarks(runs["base"][0].config))
    return Claim("C02", "One example about equals the whole set",
                 "{pi_1} minus full set lies above -5 points", "points on the six-benchmark average",
                 _published_gap("Avg", "{pi_1}", "DSR-sub", reward_type="outcome"),
                 difference, above(difference, -MARGIN), "figure1_comparison", "02_one_shot_training")


def c03(runs: Runs) -> Claim:
    difference = accuracy_gap(runs, "two-shot", "one-shot", math_benchmarks(runs["base"][0].config))
    return Claim("C03", "Two examples equal or pass one", "two-shot minus {pi_1} lies above -5 points",
                 "points on the six-benchmark average", _published_gap("Avg", "{pi_1,pi_13}", "{pi_1}"),
                 difference, above(difference, -MARGIN), "figure1_comparison", "02_one_shot_training",
                 _without(runs, "two-shot"))


def c05(runs: Runs, own_subject: str | None) -> Claim:
    main = main_benchmark(runs["base"][0].config)
    bases = {run.config.seed: run for run in runs["base"]}

    def gains(run: Run) -> list[float]:
        by_subject = subject_gains(run, bases[run.config.seed], main)
        return [gain for subject, gain in by_subject.items() if subject != own_subject]

    reason = "" if own_subject else "the training example names no subject"
    if not reason and not all(gains(run) for run in runs["one-shot"]):
        reason = f"{main} names no subject but the example's"
    gain = None if reason else mean_interval(list(by_seed(
        runs["one-shot"], lambda run: sum(gains(run)) / len(gains(run))).values()))
    columns = ("Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
               "Precalculus")
    published = [published_value(3, column, dataset="{pi_1}") - published_value(3, column, dataset="base")
                 for column in columns]
    return Claim("C05", "Gains cross categories", "the mean gain over the six other subjects lies above zero",
                 "points, mean over the six subjects that are not the example's",
                 round(sum(published) / 6, 1), gain, above(gain), "table3_subjects", "02_one_shot_training", reason)


def c06(runs: Runs) -> Claim:
    arc = arc_benchmarks(runs["base"][0].config)
    gain, lead = (accuracy_gap(runs, "one-shot", other, arc) if arc else None for other in ("base", "full-set"))
    published = sum(published_value(1, column, dataset="{pi_1}") - published_value(1, column, dataset="base")
                    for column in ("ARC-E", "ARC-C")) / 2
    return Claim("C06", "Gains reach a non-mathematical domain, more than with the full set",
                 "{pi_1} minus base and {pi_1} minus full set both lie above zero",
                 "points, mean of ARC-E and ARC-C or their stand-ins", round(published, 1), gain,
                 _all(above(gain), above(lead)), "table1_arc", "04_arc_transfer",
                 "" if arc else "no ARC set was evaluated")


def _after_saturation(run: Run, value) -> float | None:
    """`value(step)` at the last evaluation minus that at the first one after saturation; None if there are not two."""
    evaluated = steps_after_saturation(run)
    return value(evaluated[-1]) - value(evaluated[0]) if len(evaluated) > 1 else None


def c07(runs: Runs) -> Claim:
    math = math_benchmarks(runs["base"][0].config)
    rises = [_after_saturation(run, lambda step, run=run: score(run, math, step=step)) for run in runs["one-shot"]]
    rise = mean_interval(rises) if None not in rises else None
    return Claim("C07", "Test accuracy goes on rising after training accuracy has saturated",
                 "the rise from the first evaluation after saturation to the last lies above zero; not measured "
                 "if a seed never saturates", "points on the six-benchmark average",
                 published_text("gain_after_saturation")["{pi_1}"], rise,
                 above(rise), "figure2_saturation", "05_post_saturation", "" if rise else NEVER_SATURATED)


def c08(runs: Runs) -> Claim:
    math = math_benchmarks(runs["base"][0].config)
    tested = [[value for _, value in points] for points in curves(runs, "one-shot", math)]
    kept = mean_interval([values[-1] - max(values) for values in tested])
    strayed = all(training_curve(run, "kl")[-1][1] > 1.0 for run in runs["one-shot"])
    return Claim("C08", "Over-fitting shows late in the training example's own outputs and spares the test",
                 "at the end the k3 divergence on the training example exceeds 1 nat a token in every seed, and test "
                 "accuracy has kept within 5 points of its best", "points, last minus best six-benchmark average",
                 None, kept, _all(strayed, above(kept, -MARGIN)), "figure3_own_outputs", "05_post_saturation")


def c09(runs: Runs) -> Claim:
    math = math_benchmarks(runs["base"][0].config)
    late = [_after_saturation(run, lambda step, run=run: reflecting(run, math, step)) for run in runs["one-shot"]]
    growth = mean_interval(late) if None not in late else None
    full = [reflecting(run, math, steps(run)[-1]) - reflecting(run, math, steps(run)[0]) for run in runs["full-set"]]
    return Claim("C09", "Words of self-reflection grow late with one example, not with the full set",
                 "growth after saturation with {pi_1} lies above zero and the full set's mean growth is smaller; not "
                 "measured if a seed never saturates", "points, share of responses that reflect", None, growth,
                 growth and _all(above(growth), sum(full) / len(full) < growth.mean),
                 "figure4_reflection", "05_post_saturation", "" if growth else NEVER_SATURATED)


def c13(runs: Runs) -> Claim:
    main = [main_benchmark(runs["base"][0].config)]
    tested = [[value for _, value in points] for points in curves(runs, "entropy-only", main)]
    rise = mean_interval([max(values) - values[0] for values in tested])
    fall = mean_interval([max(values) - values[-1] for values in tested])
    return Claim("C13", "Entropy alone, without reward, lifts the base; then it collapses",
                 "best minus base and best minus last both lie above zero", "points, best step minus base on MATH500 "
                 "or its stand-in", round(published_value(6, "MATH500", model="Qwen2.5-Math-1.5B", step=20)
                                          - published_value(8, "MATH500", dataset="base"), 1),
                 rise, _all(above(rise), above(fall)), "figure12_entropy_only", "03_entropy_only_ablation")


def c14(runs: Runs) -> Claim:
    main = [main_benchmark(runs["base"][0].config)]
    rest = accuracy_gap(runs, "one-shot", "format-reward", main)
    lift = accuracy_gap(runs, "format-reward", "base", main)
    share = share_of_gain(runs, "format-reward", "one-shot", main)
    start, form, one = (published_value(14, "MATH500", **row) for row in (
        {"dataset": "base"}, {"dataset": "DSR-sub", "reward_type": "format", "entropy_loss": True},
        {"dataset": "{pi_1}", "reward_type": "outcome", "entropy_loss": True}))
    return Claim("C14", "A format reward explains much of the gain, not all", "format reward minus base and {pi_1} "
                 "minus format reward both lie above zero", "percent of the gain of {pi_1} on MATH500 or its stand-in",
                 round(100 * (form - start) / (one - start), 1), share, _all(above(rest), above(lift)),
                 "figure13_format", "02_one_shot_training", "" if share else "a seed of {pi_1} gained nothing to share")


def _all(*parts: bool | None) -> bool | None:
    """Are all parts true? None if one is unknown."""
    return None if None in parts else all(parts)


def ledger(runs: Runs, own_subject: str | None) -> list[dict]:
    """Every claim as a row of claims.json. Runs of {pi_13} and of both examples may be missing, and the example may
    have no subject; claims that need them are then "not measured"."""
    claims = [c01(runs), c02(runs), c03(runs), c05(runs, own_subject), c06(runs), c07(runs), c08(runs), c09(runs),
              c13(runs), c14(runs)]
    return [claim.row() for claim in claims]


LEDGER_ARMS = ("base", "one-shot", "one-shot-13", "two-shot", "full-set", "format-reward", "entropy-only")
