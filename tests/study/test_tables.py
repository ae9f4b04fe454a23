"""Tables: numbers in the files, text only on display, and one number for one quantity."""
from __future__ import annotations

import dataclasses
import json

import pandas as pd
import pytest
from conftest import ROOT

from rlvr_utils.analysis.measures import arm_interval, gap, math_benchmarks
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.records.run import Run
from rlvr_utils.study import tables
from rlvr_utils.study.study import open_study

RESULTS = ROOT / "results" / "pocket"
STUDY = open_study("pocket")


@pytest.fixture(scope="module")
def runs():
    """The committed runs of the pocket profile by arm."""
    found = sorted((Run(path.parent) for path in RESULTS.glob("runs/*/provenance.json")), key=lambda r: r.config.seed)
    return {arm: [run for run in found if run.config.arm == arm]
            for arm in ("base", "one-shot", "one-shot-13", "full-set", "format-reward")}


@pytest.mark.parametrize(("name", "make"), [
    ("table8", lambda runs: tables.arms_table(STUDY, runs, math_benchmarks(STUDY.config), table=8)),
    ("table3", lambda runs: tables.subject_table(STUDY, runs)),
    ("last_and_best", lambda runs: tables.last_and_best(STUDY, runs)),
    ("solved_once", tables.solved_table), ("graders", lambda runs: tables.grader_table(runs["base"])),
    ("sampled", lambda runs: tables.sampled_table(runs["base"]))])
def test_the_committed_tables_follow_from_the_committed_records(runs, tmp_path, name, make):
    tables.save_table(make(runs), dataclasses.replace(STUDY, results=tmp_path), name)
    assert (tmp_path / "tables" / f"{name}.csv").read_text() == (RESULTS / "tables" / f"{name}.csv").read_text()


@pytest.mark.parametrize("path", sorted(RESULTS.glob("tables/*.csv")), ids=lambda path: path.stem)
def test_a_table_holds_labels_and_numbers(path):
    table = pd.read_csv(path)
    numbers = table.drop(columns=["arm", "benchmark", "subject", "quantity", "published_set"], errors="ignore")
    assert len(table) and all(dtype.kind in "if" for dtype in numbers.dtypes)
    if path.stem != "after_saturation":  # a row per run
        assert {"mean", "low", "high", "n"} <= set(numbers)
        assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()


def test_ledger_and_table_agree(runs):
    table = pd.read_csv(RESULTS / "tables" / "table8.csv").set_index(["arm", "benchmark"])["mean"]
    ledger = {each["name"]: each["mean"] for row in json.loads((RESULTS / "claims.json").read_text())
              for each in row["quantities"] if row["id"] in ("C01", "C02")}
    gain, behind = ledger["{pi_1} minus base"], ledger["{pi_1} minus full set"]
    assert table["one-shot", "P-MATH500"] - table["base", "P-MATH500"] == pytest.approx(gain, abs=0.006)
    assert table["one-shot", "average"] - table["full-set", "average"] == pytest.approx(behind, abs=0.006)
    assert 100 * gap(runs, "one-shot", "base", ["P-MATH500"]).mean == pytest.approx(gain, abs=0.006)


def test_text_is_made_of_the_tables_numbers(runs):
    shown = tables.as_text(tables.arms_table(STUDY, runs, math_benchmarks(STUDY.config), table=8))
    assert list(shown.index[:2]) == ["base", r"$\{\pi_1\}$"]
    assert shown.loc["base", "P-MATH500"] == str(arm_interval(runs["base"], ["P-MATH500"]))
    assert shown.loc["base", "published OlympiadBench"] == 22.2
    assert list(shown)[6:8] == ["average", "published MATH500"]


def test_one_seed_leaves_the_bounds_empty(runs, tmp_path):
    table = tables.sampled_table(runs["base"][:1])
    assert tables.as_text(table).loc["P-AIME24", "avg@8"].endswith("(n=1)")
    tables.save_table(table, dataclasses.replace(STUDY, results=tmp_path), "one")
    assert pd.read_csv(tmp_path / "tables" / "one.csv")[["low", "high"]].isna().all(axis=None)


def test_a_benchmark_named_like_an_arm_keeps_its_name():
    row = {"mean": 50.0, "low": 40.0, "high": 60.0, "n": 3}
    frame = pd.DataFrame([row], index=pd.MultiIndex.from_tuples([("full-set", "pass@8")], names=["benchmark", "of"]))
    assert list(tables.as_text(frame).index) == ["full-set"]


def test_without_sampled_sets_or_published_numbers_there_is_less_to_show(runs):
    alone = STUDY.config.changed(benchmarks=(Benchmark(name="P-MATH500", file="mine.jsonl"),))
    own = dataclasses.replace(STUDY, config=alone)
    table = tables.arms_table(own, {"base": runs["base"]}, ["P-MATH500"], table=8)
    assert table["published"].isna().all() and list(tables.as_text(table)) == ["P-MATH500"]
    assert len(tables.subject_table(own, {})) == len(tables.likelihood_table(own, runs)) == 0


@pytest.mark.parametrize(("measured", "text"), [
    ({"mean": 109.15, "low": 90.32, "high": 127.98, "seeds": 3}, "109.15 [90.32, 127.98]"),
    ({"mean": 1.0, "low": None, "high": None, "seeds": 1}, "1.00 (n=1)"),
    ({"mean": None, "low": None, "high": None, "seeds": 0}, "-")])
def test_the_ledger_is_shown_as_it_is_written(measured, text):
    row = json.loads((RESULTS / "claims.json").read_text())[0]
    assert tables.claims_frame([{**row, "measured": measured}])["measured here"].tolist() == [text]
