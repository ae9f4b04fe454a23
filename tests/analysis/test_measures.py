"""The tidy table of a run, and every number that is read from it."""
from __future__ import annotations

import json

import pytest
from invented import LIKE_THE_PAPER, SIX, write_run

from rlvr_utils.analysis import measures
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.recipe.identity import evaluation_identity
from rlvr_utils.records.files import append_rows, read_rows
from rlvr_utils.records.run import Run


@pytest.fixture
def runs(tmp_path):
    return (write_run(tmp_path / "one-shot", "one-shot", 0, LIKE_THE_PAPER["one-shot"]),
            write_run(tmp_path / "base", "base", 0, LIKE_THE_PAPER["base"]))


def rewrite(run: Run, name: str, change) -> None:
    """The run's rows of a file as `change(row)` leaves them; None removes a row."""
    path = run.folder / f"{name}.jsonl"
    rows = [changed for row in read_rows(path) if (changed := change(row)) is not None]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_the_table_has_a_row_for_each_number(runs):
    run, _ = runs
    table = measures.tidy(run)
    assert tuple(table.columns) == measures.COLUMNS
    assert set(table["run"]) == {"one-shot"} and set(table["arm"]) == {"one-shot"} and set(table["seed"]) == {0}
    at = table.set_index(["step", "benchmark", "measure"])
    assert at.index.is_unique
    assert at.loc[(60, "P-MATH500", "accuracy.qwen-eval"), ["value", "n"]].tolist() == [0.60, 200]
    assert at.loc[(60, "P-AIME24", "accuracy.math-verify"), ["value", "n"]].tolist() == [0.99, 800]
    assert at.loc[(20, "P-MATH500", "subject.Algebra"), ["value", "n"]].tolist() == [0.6, 10]
    assert at.loc[(5, "", "outcome"), ["value", "n"]].tolist() == [0.2, 32]  # training: the rollouts of a step


def test_the_table_follows_its_files_and_cannot_be_spoilt(runs):
    run, _ = runs
    table = measures.tidy(run)
    table.loc[:, "value"] = 0.0
    assert measures.score(run, ["P-MATH500"]) == 0.60
    rewrite(run, "evaluations", lambda row: {**row, "accuracy": {"qwen-eval": 0.5}})
    assert measures.score(run, ["P-MATH500"]) == 0.5


def test_the_table_has_the_evaluation_that_was_asked_for(runs):
    """A run that was evaluated at two lengths has two records of each benchmark and step."""
    run, _ = runs
    longer = run.config.changed(eval_max_tokens=2 * run.config.eval_max_tokens)
    benchmark = longer.benchmarks[0]
    append_rows(run.folder / "evaluations.jsonl", [
        {**row, "accuracy": {"qwen-eval": 0.9}, **evaluation_identity(longer, benchmark)}
        for row in run.evaluations(benchmark.name)])
    assert measures.score(run, [benchmark.name]) == 0.60
    assert measures.score(Run(run.folder, longer), [benchmark.name]) == 0.9


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
    assert measures.score(run, ["P-MATH500"], "accuracy.math-verify") == 0.99


@pytest.mark.parametrize("benchmark", ["P-AIME24", "P-MATH500"])
def test_half_an_evaluation_has_no_average(runs, benchmark):
    run, base = runs
    rewrite(run, "evaluations", lambda row: None if (row["step"], row["benchmark"]) == (60, benchmark) else row)
    for read in (lambda: measures.score(run, list(SIX)), lambda: measures.curve(run, base, list(SIX)),
                 lambda: measures.reflecting(run, list(SIX), 60)):
        with pytest.raises(UserError, match=f"one-shot/evaluations.jsonl .*{benchmark} at step 60"):
            read()
    assert measures.score(run, list(SIX), step=40) == pytest.approx(0.58)


@pytest.mark.parametrize(("benchmarks", "measure", "step"), [
    (["nowhere"], measures.ACCURACY, None), (["P-MATH500"], "accuracy.training", None),
    (["P-MATH500"], measures.ACCURACY, 30)])
def test_what_was_not_measured_is_named(runs, benchmarks, measure, step):
    with pytest.raises(UserError, match=rf"one-shot/evaluations.jsonl .*{measure} .*{benchmarks[0]} at step"):
        measures.score(runs[0], benchmarks, measure, step)


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
    assert measures.subject_sizes(runs[0], "P-MATH500") == {"Algebra": 10, "Geometry": 10, "Prealgebra": 10}


def test_gains_are_shared_seed_by_seed(tmp_path):
    arms = {"base": [0.2], "format-reward": [0.3] * 3, "one-shot": [0.4] * 3}
    made = {arm: [write_run(tmp_path / f"{arm}{seed}", arm, seed, {"math": math, "spread": 0}) for seed in (0, 1)]
            for arm, math in arms.items()}
    assert measures.share_of_gain(made, "format-reward", "one-shot", ["P-MATH500"]).mean == pytest.approx(0.5)
    assert measures.share_of_gain(made, "one-shot", "base", ["P-MATH500"]) is None
    assert measures.gap(made, "one-shot", "base", ["P-MATH500"]).mean == pytest.approx(0.2)


def test_a_gap_compares_runs_of_one_seed(tmp_path):
    values = {"base": (0.2, 0.5), "one-shot": (0.4, 0.7)}
    made = {arm: [write_run(tmp_path / f"{arm}{seed}", arm, seed, {"math": [math] * (3 if arm == "one-shot" else 1),
                                                                 "spread": 0}) for seed, math in enumerate(both)]
            for arm, both in values.items()}
    assert measures.gap(made, "one-shot", "base", ["P-MATH500"]).mean == pytest.approx(0.2)


@pytest.mark.parametrize(("outcomes", "step"), [
    ([1, 1, 1, 1], None), ([1, 1, 1, 1, 0.75], 5), ([1, 1, 1, 1, 0.7], None), ([0.5] + [0.95] * 5, 6),
    ([1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0], 10), ([], None), ([1, 1, None, 1, 1, 1], 6)])
def test_saturation_needs_five_steps_of_at_least_95_percent_on_average(runs, outcomes, step):
    run, _ = runs
    (run.folder / "metrics.jsonl").unlink()
    append_rows(run.folder / "metrics.jsonl", [
        {"step": place, "outcome": value} for place, value in enumerate(outcomes, start=1)])
    assert measures.saturation(run) == step
    assert measures.steps_after_saturation(run) == ([20, 40, 60] if step else [])


def test_one_kind_a_set_is_no_sample_of_kinds(runs):
    """Two sets of one kind each: that one of them is harder says nothing about other kinds."""
    one_shot, _ = runs
    kinds = {"P-ARC-E": "a", "P-ARC-C": "b", "P-MATH500": "cd"}
    rewrite(one_shot, "evaluations", lambda row: {**row, "by_kind": {
        f": {kind}": {"n": 200, "accuracy": 0.5} for kind in kinds.get(row["benchmark"], "")}})
    assert list(measures.parts(one_shot, ["P-ARC-E", "P-ARC-C"]).index) == [""]
    assert list(measures.parts(one_shot, ["P-MATH500"]).index) == [": c", ": d"]
