"""The ledger on invented records: each verdict follows its own rule, and flips when the numbers do."""
from __future__ import annotations

import copy
import json

import pytest
from conftest import ROOT
from invented import LIKE_THE_PAPER, SUBJECTS, write_run

from rlvr_utils.analysis.claims import LEDGER_ARMS, _best_and_last, ledger
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import open_study

CLAIMS = ("C01", "C02", "C03", "C05", "C06", "C07", "C08", "C09", "C12", "C13", "C14", "C25")


@pytest.fixture
def rows_of(tmp_path):
    """The ledger of a paper-like study in which some facts are others, by claim."""
    def build(changes: dict | None = None, seeds=(0, 1, 2), arms=LEDGER_ARMS, subject: str | None = "Algebra",
              subjects=SUBJECTS, untestable: dict | None = None) -> dict[str, dict]:
        facts = copy.deepcopy(LIKE_THE_PAPER)
        for arm, changed in (changes or {}).items():
            facts[arm].update(changed)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        runs = {arm: [write_run(folder / f"{arm}-{seed}", arm, seed, facts[arm], subjects) for seed in seeds]
                for arm in arms}
        return {row["id"]: row for row in ledger(runs, subject, untestable)}
    return build


def test_the_papers_picture_reproduces_every_claim(rows_of):
    rows = rows_of()
    assert tuple(rows) == CLAIMS
    assert {name: row["verdict"] for name, row in rows.items()} == dict.fromkeys(CLAIMS, "reproduced")
    for row in rows.values():
        assert set(row) == {"id", "statement", "rule", "unit", "published", "measured", "deciding", "quantities",
                            "verdict", "figure", "notebook"}
        assert row["measured"]["mean"] == next(each["mean"] for each in row["quantities"]
                                               if each["name"] == row["deciding"])
        assert row["measured"]["seeds"] == 3
        assert row["measured"]["low"] <= row["measured"]["mean"] <= row["measured"]["high"]
    json.dumps(list(rows.values()))


def test_published_numbers_are_the_papers(rows_of):
    published = {name: row["published"] for name, row in rows_of().items()}
    assert published["C01"] == 36.8 and published["C02"] == -0.9 and published["C03"] == 1.6  # Table 8
    assert published["C07"] == 3.4 and published["C12"] == 4.0 and published["C14"] == 7.8


def test_measured_numbers_are_points_paired_by_seed(rows_of):
    rows = rows_of()
    # one-shot's third evaluation bears three times the noise of the seed, the base's single one once
    assert rows["C01"]["measured"]["mean"] == pytest.approx(100 * (0.30 + 0.003 * 2), abs=0.01)
    assert rows["C02"]["measured"] == {"mean": -1.0, "low": -1.0, "high": -1.0, "seeds": 3}
    assert rows["C05"]["measured"]["mean"] == pytest.approx(20.0)  # Algebra, the example's own, left out
    assert rows["C09"]["measured"]["mean"] == pytest.approx(100 * (0.04 - 0.01 * 4 / 20), abs=0.01)
    assert rows["C13"]["measured"]["mean"] == pytest.approx(15.0, abs=0.2)
    assert rows["C25"]["measured"]["mean"] == pytest.approx(72.2, abs=0.1)  # in 3 of 10 steps no group disagrees


def test_the_rise_after_saturation_does_not_hang_on_when_evaluations_lie(rows_of):
    """Training saturates at step 24, a fifth of the way from the first evaluation (20) to the second (40)."""
    rise = 0.60 - (0.55 + (0.58 - 0.55) * 4 / 20)
    assert rows_of()["C07"]["measured"]["mean"] == pytest.approx(100 * (rise + 0.003 * (3 - 1.2)), abs=0.01)


CONTRADICTIONS = {
    "C01": [{"one-shot": {"math": [0.4, 0.4, 0.45]}}, {"one-shot-13": {"math": [0.3, 0.3, 0.25]}}],
    "C02": [{"full-set": {"math": [0.6, 0.6, 0.67]}}],
    "C03": [{"two-shot": {"math": [0.5, 0.5, 0.54]}}],
    "C05": [{"one-shot": {"subjects": [0.9, 0.1, 0.1]}}],
    "C06": [{"one-shot": {"arc": [0.3, 0.3, 0.24]}}, {"full-set": {"arc": [0.3, 0.4, 0.45]}}],
    "C07": [{"one-shot": {"math": [0.6, 0.6, 0.57]}}],
    "C08": [{"one-shot": {"kl": 0.9}}, {"one-shot": {"math": [0.55, 0.70, 0.60]}}],
    "C09": [{"one-shot": {"reflecting": [0.06, 0.06, 0.05]}},
            {"full-set": {"reflecting": [0.02, 0.02, 0.07]}}],
    "C12": [{"one-shot-no-entropy": {"math": [0.5, 0.6, 0.7]}}],
    "C13": [{"entropy-only": {"math": [0.2, 0.21, 0.25]}}],
    "C14": [{"format-reward": {"math": [0.5, 0.6, 0.62]}}, {"format-reward": {"math": [0.3, 0.3, 0.27]}}],
    "C25": [{"one-shot": {"silent": 8}}],
}


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "changes"), [
    (claim, changes) for claim in CLAIMS for changes in CONTRADICTIONS[claim]])
def test_a_claim_is_contradicted_where_a_whole_interval_lies_below_its_bound(rows_of, claim, changes):
    row = rows_of(changes)[claim]
    assert row["verdict"] == "contradicted"
    deciding = next(each for each in row["quantities"] if each["name"] == row["deciding"])
    assert deciding["high"] <= deciding["above"]


@pytest.mark.slow
@pytest.mark.parametrize(("claim", "changes"), [
    ("C01", {"one-shot": {"math": [0.49] * 3, "spread": 0.05}}),
    ("C01", {"one-shot-13": {"math": [0.32] * 3, "spread": 0.03}}),
    ("C03", {"two-shot": {"math": [0.61] * 3, "spread": 0.03}}),
    ("C13", {"entropy-only": {"math": [0.40, 0.40, 0.10], "spread": 0.05}})])
def test_an_interval_that_holds_the_bound_decides_nothing(rows_of, claim, changes):
    assert rows_of(changes)[claim]["verdict"] == "inconclusive"


def test_the_best_step_is_the_one_that_other_seeds_find_best():
    noisy = [[(0, 0.5), (1, 0.9), (2, 0.5)], [(0, 0.5), (1, 0.5), (2, 0.8)]]
    assert _best_and_last(noisy) == [(0.5, 0.5, 0.5), (0.5, 0.5, 0.8)]
    assert _best_and_last(noisy[:1]) == [(0.5, 0.9, 0.5)]


def test_what_never_saturated_is_not_measured(rows_of):
    rows = rows_of({"one-shot": {"outcome": 0.9}})
    for claim in ("C07", "C09", "C25"):
        assert rows[claim]["verdict"] == "not measured" and "saturated" in rows[claim]["reason"]
        assert rows[claim]["measured"] == {"mean": None, "low": None, "high": None, "seeds": 0}
    assert rows["C01"]["verdict"] == "reproduced"


def test_one_evaluation_after_saturation_is_not_enough_for_what_evaluations_show(rows_of):
    rows = rows_of({"one-shot": {"rises": 42}})
    for claim in ("C07", "C09"):
        assert rows[claim]["verdict"] == "not measured" and "saturated too late" in rows[claim]["reason"]
    assert rows["C25"]["verdict"] != "not measured"


@pytest.mark.parametrize("profile", ["pocket", "pocket-b"])
def test_a_profile_with_fewer_arms_has_a_ledger(rows_of, profile):
    rows = rows_of(arms=load_profile(profile).arms)
    assert rows["C01"]["verdict"] == "reproduced"
    assert rows["C03"]["verdict"] == rows["C12"]["verdict"] == "not measured"
    assert (rows["C13"]["verdict"] == "not measured") == (profile == "pocket-b")


def test_what_the_model_cannot_test_is_not_testable(rows_of):
    row = rows_of(untestable={"C06": "the base does not know the science"})["C06"]
    assert row["verdict"] == "not testable here" and row["reason"] == "the base does not know the science"
    assert row["measured"]["mean"] is None and len(row["quantities"]) == 2


@pytest.mark.slow
def test_what_a_training_file_does_not_offer_is_not_measured(rows_of):
    """One problem: no second example. No subject, or none but the example's: nothing to cross into."""
    for row in (rows_of(arms=["base", "one-shot", "full-set", "format-reward", "entropy-only"]),
                rows_of(subject=None), rows_of(subjects=("Algebra",)), rows_of(subjects=())):
        lacking = {claim: each["reason"] for claim, each in row.items() if each["verdict"] == "not measured"}
        assert lacking and set(lacking) <= {"C01", "C03", "C05", "C12"} and "one seed" not in str(lacking)
        assert all("reason" not in each for claim, each in row.items() if claim not in lacking)


def test_one_seed_measures_but_decides_nothing(rows_of):
    for row in rows_of(seeds=(4,)).values():
        assert row["verdict"] == "not measured"
        assert row["measured"]["mean"] is not None and row["measured"]["low"] is None


def test_the_committed_ledger_follows_from_the_committed_records():
    results = ROOT / "results" / "pocket"
    found = sorted((Run(path.parent) for path in results.glob("runs/*/provenance.json")), key=lambda r: r.config.seed)
    runs = {arm: [run for run in found if run.config.arm == arm] for arm in LEDGER_ARMS}
    runs = {arm: some for arm, some in runs.items() if some}
    own_subject = open_study("pocket").example_subject()
    assert ledger(runs, own_subject) == json.loads((results / "claims.json").read_text())
