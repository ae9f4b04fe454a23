"""Sentences from records stay true whatever came out: a rise, a fall, nothing that can be told, one seed."""
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from invented import LIKE_THE_PAPER, write_run

from rlvr_utils.analysis.intervals import Interval
from rlvr_utils.study import sentences
from rlvr_utils.study.study import open_study

UP, DOWN = Interval(0.1, 0.06, 0.14, 3), Interval(-0.1, -0.14, -0.06, 3)
NOTHING, EQUAL, ALONE = Interval(0.02, -0.08, 0.12, 3), Interval(0.01, -0.02, 0.04, 3), Interval(0.1, None, None, 1)


@pytest.mark.parametrize(("found", "text"), [
    (UP, "rises by 10.0 points [6.0, 14.0]"), (DOWN, "falls by 10.0 points [6.0, 14.0]"),
    (NOTHING, "does not change by more than its interval (+2.0 points [-8.0, +12.0])"),
    (ALONE, "changes by +10.0 points in the one seed, which has no interval")])
def test_a_change_is_named_by_its_interval(found, text):
    assert sentences.moves(found) == text


@pytest.mark.parametrize(("found", "word"), [
    (UP, "ends above"), (DOWN, "ends below"), (NOTHING, "cannot be told apart"), (EQUAL, "about equal"),
    (ALONE, "in the one seed")])
def test_a_comparison_is_named_by_its_interval(found, word):
    assert word in sentences.compared(found, "A", "B")


def made(folder, changes: dict, seeds=(0, 1, 2)) -> dict:
    """Runs of invented records by arm; `changes` replaces the facts of some arms, None leaves one out."""
    facts = {arm: {**known, **(changes.get(arm) or {})} for arm, known in LIKE_THE_PAPER.items()
             if changes.get(arm, {}) is not None}
    return {arm: [write_run(folder / f"{arm}-{seed}", arm, seed, known) for seed in seeds]
            for arm, known in facts.items()}


def test_the_headline_says_rise_and_fall(tmp_path):
    study = replace(open_study("pocket"), results=tmp_path)
    assert "rises by" in sentences.headline(study, made(tmp_path / "up", {}))
    fallen = {"one-shot": {"math": [0.2, 0.15, 0.1]}}
    assert "falls by" in sentences.headline(study, made(tmp_path / "down", fallen))
    assert "one seed" in sentences.headline(study, made(tmp_path / "one", {}, seeds=(0,)))


def test_what_was_not_run_is_said(tmp_path):
    study, runs = replace(open_study("pocket"), results=tmp_path), made(tmp_path / "runs", {"two-shot": None})
    assert "Not run here: $\\{\\pi_1,\\pi_{13}\\}$." in sentences.comparison(study, runs)
    assert "Not run here" in sentences.headline(study, {"base": runs["base"]})


def test_the_ledgers_sentence_names_what_decides(tmp_path):
    study = replace(open_study("pocket"), results=tmp_path)
    assert "Not written yet" in sentences.verdicts(study, "C01")
    row = {"id": "C01", "statement": "S", "verdict": "contradicted", "deciding": "a minus b",
           "measured": {"mean": -3.0, "low": -5.0, "high": -1.0, "seeds": 3},
           "quantities": [{"name": "a minus b", "above": 0.0}]}
    (tmp_path / "claims.json").write_text(json.dumps([row]))
    said = sentences.verdicts(study, "C01", "C99")
    assert "*contradicted*" in said and "a minus b, -3.0 [-5.0, -1.0]" in said and "above 0" in said


def test_verdicts_are_counted_with_the_contradicted_first():
    rows = [{"id": "C01", "verdict": "reproduced"}, {"id": "C02", "verdict": "contradicted"}]
    assert "1 contradicted (C02) and 1 reproduced (C01)" in sentences.claims(rows)
