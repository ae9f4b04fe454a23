"""The ledger on invented records: each verdict follows its own rule, and flips when the numbers do."""
from __future__ import annotations

import copy
import json

import pytest

from rlvr_utils.analysis import measures
from rlvr_utils.analysis.claims import LEDGER_ARMS, ledger
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import Benchmark, load_profile, to_fields
from rlvr_utils.records.files import append_rows
from rlvr_utils.records.run import Run

SIX = ("P-MATH500", "P-AIME24", "P-AMC23", "P-Minerva", "P-Olympiad", "P-AIME25")
SUBJECTS = ("Algebra", "Geometry", "Prealgebra")
CLAIMS = ("C01", "C02", "C03", "C05", "C06", "C07", "C08", "C09", "C13", "C14")
# What each arm measures at steps 20, 40 and 60: accuracy on the six and on ARC, share of reflecting
# responses; and in training: the reward from step 5 on and the last divergence.
LIKE_THE_PAPER = {
    "base": {"math": [0.30], "arc": [0.25], "reflecting": [0.02], "subjects": [0.3, 0.3, 0.3]},
    "one-shot": {"math": [0.55, 0.58, 0.60], "arc": [0.35, 0.36, 0.40], "reflecting": [0.02, 0.03, 0.06],
                 "subjects": [0.6, 0.5, 0.5], "outcome": 0.99, "kl": 1.5},
    "one-shot-13": {"math": [0.50, 0.52, 0.55]},
    "two-shot": {"math": [0.58, 0.60, 0.61]},
    "full-set": {"math": [0.58, 0.60, 0.61], "arc": [0.30, 0.31, 0.32], "reflecting": [0.02, 0.02, 0.02]},
    "format-reward": {"math": [0.40, 0.44, 0.45]},
    "entropy-only": {"math": [0.45, 0.40, 0.10]},
}


def write_run(folder, arm: str, seed: int, facts: dict, subjects=SUBJECTS) -> Run:
    """The records of a run with these facts; every seed differs a little from the next."""
    config = with_arm(load_profile("pocket"), arm, seed)
    config = config.changed(steps=min(config.steps, 1) * 60)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": to_fields(config), "hash": ""}))
    noise = facts.get("spread", 0.003) * seed
    rows = []
    for place, accuracy in enumerate(facts["math"]):
        for benchmark in config.benchmarks:
            arc = benchmark.stands_for.startswith("ARC")
            value = facts.get("arc", [0.2] * 3)[place] if arc else accuracy
            parts = facts.get("subjects", [0.4] * 3)
            reflecting = facts.get("reflecting", [0.0] * 3)[place] + noise / 10
            rows.append({
                "step": 20 * (place + 1) if config.steps else 0, "benchmark": benchmark.name, "problems": 100,
                "samples": benchmark.samples,
                "accuracy": {"qwen-eval": value + noise * (place + 1), "math-verify": 0.99},
                "reflecting": 100 * benchmark.samples * reflecting,
                "by_subject": {name: {"n": 10, "accuracy": part + noise}
                               for name, part in zip(subjects, parts)}})
    append_rows(folder / "evaluations.jsonl", rows)
    append_rows(folder / "metrics.jsonl", [
        {"step": step, "outcome": 0.2 if step < 5 else facts.get("outcome", 0.5), "kl": facts.get("kl", 0.1)}
        for step in range(1, config.steps + 1)])
    return Run(folder)


@pytest.fixture
def rows_of(tmp_path):
    """The ledger of a paper-like study in which some facts are others, by claim."""
    def build(changes: dict | None = None, seeds=(0, 1, 2), arms=LEDGER_ARMS, subject: str | None = "Algebra",
              subjects=SUBJECTS) -> dict[str, dict]:
        facts = copy.deepcopy(LIKE_THE_PAPER)
        for arm, changed in (changes or {}).items():
            facts[arm].update(changed)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        runs = {arm: [write_run(folder / f"{arm}-{seed}", arm, seed, facts[arm], subjects) for seed in seeds]
                for arm in arms}
        return {row["id"]: row for row in ledger(runs, subject)}
    return build


def test_the_papers_picture_reproduces_every_claim(rows_of):
    rows = rows_of()
    assert tuple(rows) == CLAIMS
    assert {name: row["verdict"] for name, row in rows.items()} == dict.fromkeys(CLAIMS, "reproduced")
    for row in rows.values():
        assert set(row) == {"id", "statement", "rule", "unit", "published", "measured", "verdict", "figure",
                            "notebook"}
        assert row["measured"]["seeds"] == 3
        assert row["measured"]["low"] <= row["measured"]["mean"] <= row["measured"]["high"]
    json.dumps(list(rows.values()))


def test_published_numbers_are_the_papers(rows_of):
    published = {name: row["published"] for name, row in rows_of().items()}
    assert published["C01"] == 36.8 and published["C02"] == -0.9 and published["C03"] == 1.6  # Table 8
    assert published["C07"] == 3.4 and published["C14"] == pytest.approx(100 * 29.0 / 36.8, abs=0.1)


def test_measured_numbers_are_points_paired_by_seed(rows_of):
    rows = rows_of()
    # one-shot's third evaluation bears three times the noise of the seed, the base's single one once
    assert rows["C01"]["measured"]["mean"] == pytest.approx(100 * (0.30 + 0.003 * 2), abs=0.01)
    assert rows["C02"]["measured"] == {"mean": -1.0, "low": -1.0, "high": -1.0, "seeds": 3}
    assert rows["C05"]["measured"]["mean"] == pytest.approx(20.0)  # Algebra, the example's own, left out
    assert rows["C07"]["measured"]["mean"] == pytest.approx(100 * (0.05 + 0.003 * 2), abs=0.01)
    assert rows["C09"]["measured"]["mean"] == pytest.approx(4.0)
    assert rows["C13"]["measured"]["mean"] == pytest.approx(15.0, abs=0.2)


FLIPS = {
    "C01": [{"one-shot": {"math": [0.4, 0.4, 0.45]}}, {"one-shot-13": {"math": [0.3, 0.3, 0.28]}}],
    "C02": [{"full-set": {"math": [0.6, 0.6, 0.66]}}],
    "C03": [{"two-shot": {"math": [0.5, 0.5, 0.54]}}],
    "C05": [{"one-shot": {"subjects": [0.9, 0.3, 0.3]}}, {"one-shot": {"subjects": [0.9, 0.2, 0.35]}}],
    "C06": [{"one-shot": {"arc": [0.3, 0.3, 0.24]}}, {"full-set": {"arc": [0.3, 0.4, 0.45]}}],
    "C07": [{"one-shot": {"math": [0.6, 0.6, 0.57]}}],
    "C08": [{"one-shot": {"kl": 0.9}}, {"one-shot": {"math": [0.55, 0.70, 0.60]}}],
    "C09": [{"one-shot": {"reflecting": [0.06, 0.06, 0.05]}},
            {"full-set": {"reflecting": [0.02, 0.02, 0.07]}}],
    "C13": [{"entropy-only": {"math": [0.25, 0.2, 0.1]}}, {"entropy-only": {"math": [0.4, 0.42, 0.45]}}],
    "C14": [{"format-reward": {"math": [0.5, 0.6, 0.61]}}, {"format-reward": {"math": [0.3, 0.3, 0.29]}}],
}


@pytest.mark.parametrize(("claim", "changes"), [
    (claim, changes) for claim in CLAIMS for changes in FLIPS[claim]])
def test_a_verdict_flips_when_its_numbers_do(rows_of, claim, changes):
    row = rows_of(changes)[claim]
    assert row["verdict"] == "not reproduced" and row["measured"]["mean"] is not None


@pytest.mark.parametrize(("claim", "changes"), [
    ("C01", {"one-shot": {"math": [0.45] * 3, "spread": 0.05}}),
    ("C01", {"one-shot-13": {"math": [0.32] * 3, "spread": 0.03}}),
    ("C03", {"two-shot": {"math": [0.61] * 3, "spread": 0.03}}),
    ("C13", {"entropy-only": {"math": [0.40, 0.40, 0.10], "spread": 0.05}})])
def test_a_mean_that_might_be_chance_reproduces_nothing(rows_of, claim, changes):
    """Each mean lies on the claim's side, but the seeds scatter too far for the interval to do so."""
    row = rows_of(changes)[claim]
    assert row["verdict"] == "not reproduced" and row["measured"]["mean"] > 0


def test_what_never_saturated_is_not_measured(rows_of):
    rows = rows_of({"one-shot": {"outcome": 0.9}})
    for claim in ("C07", "C09"):
        assert rows[claim]["verdict"] == "not measured"
        assert rows[claim]["measured"] == {"mean": None, "low": None, "high": None, "seeds": 0}
    assert rows["C01"]["verdict"] == "reproduced"


def test_what_a_training_file_does_not_offer_is_not_measured(rows_of):
    """One problem: no second example. No subject, or none but the example's: nothing to cross into."""
    for row in (rows_of(arms=["base", "one-shot", "full-set", "format-reward", "entropy-only"]),
                rows_of(subject=None), rows_of(subjects=("Algebra",)), rows_of(subjects=())):
        lacking = {claim: each["reason"] for claim, each in row.items() if each["verdict"] == "not measured"}
        assert lacking and set(lacking) <= {"C01", "C03", "C05"} and "one seed" not in str(lacking)
        assert all("reason" not in each for claim, each in row.items() if claim not in lacking)


def test_one_seed_measures_but_decides_nothing(rows_of):
    for row in rows_of(seeds=(4,)).values():
        assert row["verdict"] == "not measured"
        assert row["measured"]["mean"] is not None and row["measured"]["low"] is None


def test_a_run_that_gained_nothing_does_not_break_the_ledger(rows_of):
    """The share of a gain that is exactly zero has no value; every other claim still has a verdict."""
    rows = rows_of({"one-shot": {"math": [0.294, 0.294, 0.294]}, "base": {"math": [0.3]}}, seeds=(0, 1, 2))
    assert rows["C01"]["verdict"] == "not reproduced"
    same = rows_of({"one-shot": {"math": [0.3, 0.3, 0.3]}}, seeds=(0, 1))
    assert same["C01"]["verdict"] == "not reproduced" and same["C14"]["verdict"] != "reproduced"


# ---- measures ----------------------------------------------------------------------------------

@pytest.fixture
def runs(tmp_path):
    return (write_run(tmp_path / "one-shot", "one-shot", 0, LIKE_THE_PAPER["one-shot"]),
            write_run(tmp_path / "base", "base", 0, LIKE_THE_PAPER["base"]))


def test_benchmarks_are_found_by_what_they_stand_for(runs):
    config = runs[0].config
    assert measures.main_benchmark(config) == "P-MATH500"
    assert tuple(measures.math_benchmarks(config)) == SIX
    assert measures.arc_benchmarks(config) == ["P-ARC-E", "P-ARC-C"]
    own = config.changed(benchmarks=(Benchmark(name="a", file="a.jsonl"), Benchmark(name="b", file="b.jsonl")))
    assert measures.main_benchmark(own) == "a" and measures.math_benchmarks(own) == ["a", "b"]


def test_scores_default_to_the_last_evaluation_and_the_authors_grader(runs):
    run, base = runs
    assert measures.steps(run) == [20, 40, 60]
    assert measures.score(run, ["P-MATH500"]) == 0.60 and measures.score(run, ["P-MATH500"], step=20) == 0.55
    assert measures.score(run, ["P-MATH500", "P-ARC-E"]) == pytest.approx(0.5)
    assert measures.score(base, ["P-ARC-C"]) == 0.25
    assert measures.score(run, ["P-MATH500"], field="problems") == 100


def test_reflection_is_a_share_of_responses_whatever_the_samples(runs):
    assert measures.reflecting(runs[0], list(SIX), 60) == pytest.approx(0.06)


def test_a_curve_starts_with_the_base(runs):
    run, base = runs
    assert measures.curve(run, base, ["P-MATH500"]) == [(0, 0.30), (20, 0.55), (40, 0.58), (60, 0.60)]
    assert measures.curve(base, base, ["P-MATH500"]) == [(0, 0.30)]
    assert measures.best_step(run, base, ["P-MATH500"]) == 60


def test_the_best_step_may_be_the_start(tmp_path, runs):
    worse = write_run(tmp_path / "worse", "entropy-only", 0, {"math": [0.2, 0.1, 0.0]})
    assert measures.best_step(worse, runs[1], ["P-MATH500"]) == 0


def test_gains_by_subject(runs):
    assert measures.subject_gains(*runs, "P-MATH500") == pytest.approx(
        {"Algebra": 0.3, "Geometry": 0.2, "Prealgebra": 0.2})


@pytest.mark.parametrize(("outcomes", "step"), [
    ([1, 1, 1, 1], None), ([1, 1, 1, 1, 0.75], 5), ([1, 1, 1, 1, 0.7], None), ([0.5] + [0.95] * 5, 6),
    ([1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0], 10), ([], None)])
def test_saturation_needs_five_steps_of_at_least_95_percent_on_average(tmp_path, outcomes, step):
    append_rows(tmp_path / "metrics.jsonl", [
        {"step": place, "outcome": value} for place, value in enumerate(outcomes, start=1)])
    assert measures.saturation(Run(tmp_path)) == step
