"""The ledger on invented records: each verdict follows its own rule, and flips when the numbers do."""
from __future__ import annotations

import copy
import json

import pytest
from conftest import ROOT
from invented import LIKE_THE_PAPER, SUBJECTS, write_run

from rlvr_utils.analysis.claims import LEDGER_ARMS, ledger
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import open_study

CLAIMS = ("C01", "C02", "C03", "C05", "C06", "C07", "C08", "C09", "C13", "C14")


@pytest.fixture(scope="module")
def rows_of(tmp_path_factory):
    """A function that returns the ledger of a paper-like study with some facts changed, by claim. Runs with the same
    facts are written once."""
    place, written = tmp_path_factory.mktemp("invented"), {}

    def run(*facts) -> Run:
        key = json.dumps(facts)
        if key not in written:
            written[key] = write_run(place / str(len(written)), *facts)
        return written[key]
    def build(changes: dict | None = None, seeds=(0, 1, 2), arms=LEDGER_ARMS, subject: str | None = "Algebra",
              subjects=SUBJECTS) -> dict[str, dict]:
        facts = copy.deepcopy(LIKE_THE_PAPER)
        for arm, changed in (changes or {}).items():
            facts[arm].update(changed)
        runs = {arm: [run(arm, seed, facts[arm], subjects) for seed in seeds] for arm in arms}
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


@pytest.mark.slow
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


def test_the_committed_ledger_follows_from_the_committed_records():
    results = ROOT / "results" / "pocket"
    found = sorted((Run(path.parent) for path in results.glob("runs/*/provenance.json")), key=lambda r: r.config.seed)
    runs = {arm: [run for run in found if run.config.arm == arm] for arm in LEDGER_ARMS}
    own_subject = open_study("pocket").example_subject()
    assert ledger(runs, own_subject) == json.loads((results / "claims.json").read_text())
