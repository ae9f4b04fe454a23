"""The ledger: each claim of the paper, its published number, ours, and a verdict by a fixed rule.

The rules were written before anything was measured on the model that they judge. A claim is a list of quantities,
each with the bound that it should lie above. A quantity whose whole 95 % interval lies above its bound is reproduced,
one whose whole interval lies at or below it is contradicted, and anything else is inconclusive. A claim is reproduced
when all its quantities are, and contradicted when one of them is; the quantity that decides stands in the ledger.

Intervals are over seeds and over kinds of problems (`intervals.crossed_interval`). Accuracies are of the last
checkpoint under the authors' evaluation grader; differences are paired by seed and given in percentage points. What
happens after saturation is counted from the step at which training accuracy saturates, between two evaluations by
the straight line that joins them.
"""
from __future__ import annotations

from dataclasses import dataclass

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import (
    SATURATED_STEPS,
    Runs,
    arc_benchmarks,
    by_seed,
    curves,
    followed,
    gap,
    main_benchmark,
    math_benchmarks,
    minus,
    over_seeds,
    parts,
    reflecting,
    saturation,
    training_curve,
)
from rlvr_utils.analysis.published import published_text, published_value
from rlvr_utils.records.run import Run

# A difference smaller than this many points counts as "about equal" (C02, C03, C08).
MARGIN = 0.05
VERDICTS = ("reproduced", "contradicted", "inconclusive", "not testable here", "not measured")


@dataclass(frozen=True)
class Quantity:
    """A measured number and the bound that it should lie above, both as shares."""

    name: str
    interval: Interval | None
    bound: float = 0.0

    @property
    def verdict(self) -> str:
        """What its interval says. Without an interval (one seed, or nothing to measure): "not measured"."""
        if self.interval is None or self.interval.low is None:
            return "not measured"
        if self.interval.low > self.bound:
            return "reproduced"
        return "contradicted" if self.interval.high <= self.bound else "inconclusive"

    def row(self) -> dict:
        """For the ledger, in percent."""
        found = self.interval or Interval(float("nan"), None, None, 0)
        numbers = (None if self.interval is None else found.mean, found.low, found.high, self.bound)
        scaled = (None if value is None else round(100 * value, 2) for value in numbers)
        return {"name": self.name, **dict(zip(("mean", "low", "high", "above"), scaled)), "seeds": found.n,
                "verdict": self.verdict}


@dataclass(frozen=True)
class Claim:
    """One row of the ledger before it is written. `untestable` says why the claim cannot be tested on this profile,
    `lacking` why there is nothing to decide."""

    id: str
    statement: str
    unit: str
    published: float | None
    quantities: list[Quantity]
    figure: str
    notebook: str
    untestable: str = ""
    lacking: str = ""

    @property
    def deciding(self) -> Quantity | None:
        """The quantity that decides: the first that is contradicted, else not measured, else inconclusive."""
        for verdict in ("contradicted", "not measured", "inconclusive"):
            for quantity in self.quantities:
                if quantity.verdict == verdict:
                    return quantity
        return self.quantities[0] if self.quantities else None

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        if self.untestable:
            return "not testable here"
        return self.deciding.verdict if self.deciding and not self.lacking else "not measured"

    def row(self) -> dict:
        """The row of claims.json: `measured` is the deciding quantity, `quantities` are all of them."""
        rows = [quantity.row() for quantity in self.quantities]
        deciding = self.deciding.row() if self.deciding and not self.untestable else Quantity("", None).row()
        rule = "; ".join(f"{row['name']} above {row['above']:g}" for row in rows)
        row = {"id": self.id, "statement": self.statement, "rule": rule, "unit": self.unit, "published": self.published,
               "measured": {name: deciding[name] for name in ("mean", "low", "high", "seeds")},
               "deciding": deciding["name"], "quantities": rows, "verdict": self.verdict,
               "figure": self.figure, "notebook": self.notebook}
        if self.verdict not in ("not measured", "not testable here"):
            return row
        return {**row, "reason": self.untestable or self.lacking or "one seed gives no interval"}


def accuracy_gap(runs: Runs, arm: str, other: str, benchmarks: list[str]) -> Interval | None:
    """The gap between two arms; None where one of the two was not run or there is no benchmark."""
    return gap(runs, arm, other, benchmarks) if benchmarks and {arm, other} <= runs.keys() else None


def _lacking(runs: Runs, *arms: str) -> str:
    """Which arms the claim needs and nobody ran; empty where all were."""
    missing = [arm for arm in arms if arm not in runs]
    return f"not run: {', '.join(missing)}" if missing else ""


def _published_gap(column: str, dataset: str, other: str, **match) -> float:
    """`dataset` minus `other` in a column of Table 8; `match` picks one of the rows of `other`."""
    return round(published_value(8, column, dataset=dataset)
                 - published_value(8, column, dataset=other, **match), 1)


def c01(runs: Runs) -> Claim:
    """C01: the gain of one example on the main set, for {pi_1} above half the published gain."""
    main, published = [main_benchmark(runs["base"][0].config)], _published_gap("MATH500", "{pi_1}", "base")
    return Claim("C01", "One example raises the base's accuracy substantially", "points on MATH500 or its stand-in",
                 published, [
        Quantity("{pi_1} minus base", accuracy_gap(runs, "one-shot", "base", main), published / 200),
        Quantity("{pi_13} minus base", accuracy_gap(runs, "one-shot-13", "base", main))],
        "figure1_comparison", "02_one_shot_training", lacking=_lacking(runs, "one-shot-13"))


def c02(runs: Runs) -> Claim:
    """C02: one example minus the full set on the six-benchmark average, at most `MARGIN` below."""
    six = math_benchmarks(runs["base"][0].config)
    return Claim("C02", "One example does about as well as the full set", "points on the six-benchmark average",
                 _published_gap("Avg", "{pi_1}", "DSR-sub", reward_type="outcome"),
                 [Quantity("{pi_1} minus full set", accuracy_gap(runs, "one-shot", "full-set", six), -MARGIN)],
                 "figure1_comparison", "02_one_shot_training")


def c03(runs: Runs) -> Claim:
    """C03: two examples minus one on the six-benchmark average, at most `MARGIN` below."""
    six = math_benchmarks(runs["base"][0].config)
    return Claim("C03", "Two examples do at least as well as one", "points on the six-benchmark average",
                 _published_gap("Avg", "{pi_1,pi_13}", "{pi_1}"),
                 [Quantity("{pi_1, pi_13} minus {pi_1}", accuracy_gap(runs, "two-shot", "one-shot", six), -MARGIN)],
                 "figure1_comparison", "02_one_shot_training", lacking=_lacking(runs, "two-shot"))


def c05(runs: Runs, own_subject: str | None) -> Claim:
    """C05: the gain of {pi_1} on problems of other subjects than its own."""
    main = main_benchmark(runs["base"][0].config)
    bases = {run.config.seed: run for run in runs["base"]}
    columns = ("Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
               "Precalculus")
    published = [published_value(3, column, dataset="{pi_1}") - published_value(3, column, dataset="base")
                 for column in columns]

    def elsewhere(run: Run):
        """The gain on problems of the other subjects, by kind (by subject where kinds are not named)."""
        for group in ("kind", "subject"):
            change = minus(parts(run, [main], group=group), parts(bases[run.config.seed], [main], group=group))
            change = change[[name not in ("", own_subject) and not name.startswith(f"{own_subject}: ")
                             for name in change.index]]
            if len(change):
                return change / change["weight"].sum()
        return None

    found = by_seed(runs["one-shot"], elsewhere) if own_subject else {}
    lacking = "" if own_subject else "the training example names no subject"
    if not lacking and any(frame is None for frame in found.values()):
        lacking = f"{main} names no subject but the example's"
    return Claim("C05", "Gains generalise across categories",
                 "points, on the problems that are not of the example's subject",
                 round(sum(published) / 6, 1),
                 [Quantity("gain of {pi_1} in the other subjects", None if lacking else over_seeds(found))],
                 "table3_subjects", "02_one_shot_training", lacking=lacking)


def c06(runs: Runs, untestable: str) -> Claim:
    """C06: the gain of {pi_1} on ARC, over the base and over the full set."""
    arc = arc_benchmarks(runs["base"][0].config)
    published = sum(published_value(1, column, dataset="{pi_1}") - published_value(1, column, dataset="base")
                    for column in ("ARC-E", "ARC-C")) / 2
    return Claim("C06", "Gains reach a non-mathematical domain, more than with the full set",
                 "points, mean of ARC-E and ARC-C or their stand-ins", round(published, 1),
                 [Quantity(f"{{pi_1}} minus {name}", accuracy_gap(runs, "one-shot", other, arc))
                  for name, other in (("base", "base"), ("full set", "full-set"))],
                 "table1_arc", "04_arc_transfer", untestable=untestable,
                 lacking="" if arc else "no ARC set was evaluated")


def _unsaturated(runs: Runs, evaluations: int = 2) -> str:
    """Why nothing can be counted from saturation on; empty where it can."""
    seeds = [run.config.seed for run in runs["one-shot"] if not followed(run, evaluations)]
    return f"training accuracy of {{pi_1}} saturated too late or never, in seeds {seeds}" if seeds else ""


def c07(runs: Runs) -> Claim:
    """C07: the rise of the six-benchmark average from saturation to the last step."""
    six, lacking = math_benchmarks(runs["base"][0].config), _unsaturated(runs)
    rise = None if lacking else over_seeds(by_seed(
        runs["one-shot"], lambda run: minus(parts(run, six), parts(run, six, saturation(run)))))
    return Claim("C07", "Test accuracy keeps rising after training accuracy has saturated",
                 "points on the six-benchmark average", published_text("gain_after_saturation")["{pi_1}"],
                 [Quantity("last step minus saturation, {pi_1}", rise)],
                 "figure2_saturation", "05_post_saturation", lacking=lacking)


def c08(runs: Runs) -> Claim:
    """C08: the divergence on the training example late in training, and the test average's last minus best."""
    six = math_benchmarks(runs["base"][0].config)
    tested = _best_and_last(curves(runs, "one-shot", six))
    strayed = mean_interval([_last_mean(run, "kl") for run in runs["one-shot"]])
    return Claim("C08", "Over-fitting appears late, on the training example, and does not lower test accuracy",
                 "points; a divergence of 1 nat a token counts as 100", None, [
                     Quantity("divergence from the base on the training example, last steps", strayed, 1.0),
                     Quantity("six-benchmark average, last minus best",
                              mean_interval([last - best for _, best, last in tested]), -MARGIN)],
                 "figure3_own_outputs", "05_post_saturation")


def _best_and_last(points: list[list[tuple[int, float]]]) -> list[tuple[float, float, float]]:
    """(first, best, last) value of each seed's curve, where the best step is the one that the other seeds together
    find best: the maximum of one's own noisy values would lie above them all by chance. One seed has only itself."""
    rows = [[value for _, value in curve] for curve in points]
    found = []
    for place, row in enumerate(rows):
        others = [values for at, values in enumerate(rows) if at != place] or [row]
        means = [sum(column) / len(others) for column in zip(*others)]
        found.append((row[0], row[means.index(max(means))], row[-1]))
    return found


def _last_mean(run: Run, metric: str) -> float:
    """A training metric, averaged over the last `SATURATED_STEPS` steps that have it."""
    values = [value for _, value in training_curve(run, metric)][-SATURATED_STEPS:]
    return sum(values) / len(values)


def c09(runs: Runs) -> Claim:
    """C09: the growth of reflecting responses after saturation, alone and beside the full set's."""
    six, lacking = math_benchmarks(runs["base"][0].config), _unsaturated(runs)
    grown, ahead = None, None
    if not lacking:
        late = by_seed(runs["one-shot"], lambda run: reflecting(run, six) - reflecting(run, six, saturation(run)))
        starts = by_seed(runs["base"], lambda run: reflecting(run, six))
        full = by_seed(runs["full-set"], lambda run: reflecting(run, six) - starts[run.config.seed])
        grown = mean_interval([*late.values()])
        ahead = mean_interval([late[seed] - full[seed] for seed in late])
    return Claim("C09", "Words of self-reflection become more frequent late with one example, not with the full set",
                 "points, share of responses that reflect", None, [
                     Quantity("growth after saturation, {pi_1}", grown),
                     Quantity("that growth minus the full set's", ahead)],
                 "figure4_reflection", "05_post_saturation", lacking=lacking)


def c12(runs: Runs) -> Claim:
    """C12: one example with the entropy bonus minus one without."""
    main = [main_benchmark(runs["base"][0].config)]
    start = published_value(5, "MATH500", row=4)
    return Claim("C12", "A moderate entropy bonus helps", "points on MATH500 or its stand-in",
                 round(published_value(5, "MATH500", row=5) - start, 1),
                 [Quantity("{pi_1} minus {pi_1} without bonus",
                           accuracy_gap(runs, "one-shot", "one-shot-no-entropy", main))],
                 "entropy_terms", "03_entropy_only_ablation", lacking=_lacking(runs, "one-shot-no-entropy"))


def c13(runs: Runs) -> Claim:
    """C13: entropy alone, its best step minus the base, and its best minus its last."""
    main = [main_benchmark(runs["base"][0].config)]
    lacking = _lacking(runs, "entropy-only")
    tested = [] if lacking else _best_and_last(curves(runs, "entropy-only", main))
    gained, lost = ([best - start for start, best, _ in tested], [best - last for _, best, last in tested])
    return Claim("C13", "The entropy bonus alone, without a reward, improves the base, which later collapses",
                 "points on MATH500 or its stand-in",
                 round(published_value(6, "MATH500", model="Qwen2.5-Math-1.5B", step=20)
                       - published_value(8, "MATH500", dataset="base"), 1), [
                     Quantity("best step minus base", mean_interval(gained) if gained else None),
                     Quantity("best step minus last", mean_interval(lost) if lost else None)],
                 "figure12_entropy_only", "03_entropy_only_ablation", lacking=lacking)


def c14(runs: Runs) -> Claim:
    """C14: one example minus the format reward, and the format reward minus the base."""
    main = [main_benchmark(runs["base"][0].config)]
    form, one = (published_value(14, "MATH500", **row) for row in (
        {"dataset": "DSR-sub", "reward_type": "format", "entropy_loss": True},
        {"dataset": "{pi_1}", "reward_type": "outcome", "entropy_loss": True}))
    return Claim("C14", "A format reward explains much of the gain, not all", "points on MATH500 or its stand-in",
                 round(one - form, 1), [
                     Quantity("{pi_1} minus format reward", accuracy_gap(runs, "one-shot", "format-reward", main)),
                     Quantity("format reward minus base", accuracy_gap(runs, "format-reward", "base", main))],
                 "figure13_format", "02_one_shot_training")


def c25(runs: Runs) -> Claim:
    """C25: how often some group disagrees after saturation."""
    lacking = _unsaturated(runs, 1)
    alive = None if lacking else mean_interval([_alive(run) for run in runs["one-shot"]])
    return Claim("C25", "The policy gradient stays above zero after saturation",
                 "percent of the steps after saturation", None,
                 [Quantity("steps after saturation in which some group disagrees", alive, 0.5)],
                 "figure2_saturation", "05_post_saturation", lacking=lacking)


def _alive(run: Run) -> float:
    """The share of the steps after saturation in which rewards differ within some group: elsewhere every advantage,
    and with it the policy gradient, is zero."""
    start = saturation(run)
    silent = [value == 1 for step, value in training_curve(run, "zero_std_groups") if step > start]
    return 1 - sum(silent) / len(silent)


def ledger(runs: Runs, own_subject: str | None, untestable: dict[str, str] | None = None) -> list[dict]:
    """Every claim as a row of claims.json. Arms may be missing, and the example may have no subject: what that leaves
    undecided is "not measured". `untestable` says of claims, by id, why this model cannot test them."""
    why = untestable or {}
    claims = [c01(runs), c02(runs), c03(runs), c05(runs, own_subject), c06(runs, why.get("C06", "")), c07(runs),
              c08(runs), c09(runs), c12(runs), c13(runs), c14(runs), c25(runs)]
    return [claim.row() for claim in claims]


LEDGER_ARMS = ("base", "one-shot", "one-shot-13", "two-shot", "full-set", "format-reward", "entropy-only",
               "one-shot-no-entropy")
