"""Two identities: what trains a run names it, what evaluates it stands in each of its evaluations."""
from __future__ import annotations

import os
import shutil

import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.kept_policies import evaluate_run, missing_evaluations
from rlvr_utils.recipe import identity
from rlvr_utils.recipe.arms import ARMS, with_arm
from rlvr_utils.recipe.config import Benchmark, load_profile
from rlvr_utils.recipe.identity import EVALUATION_FIELDS, evaluation_identity, file_hash, training_identity
from rlvr_utils.records.run import Run, find
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.runs.pool import obtain_all

EVALUATED = {"eval_max_tokens": 5, "eval_batch": 3, "eval_top_p": 0.5, "eval_dtype": "bfloat16",
             "eval_template": "chat"}


@pytest.fixture(scope="module")
def run(tiny_config, tmp_path_factory):
    """A finished run of three steps."""
    return obtain(with_arm(tiny_config, "one-shot", 0), tmp_path_factory.mktemp("results"))


def on_other_set(run: Run, tmp_path, answer: str = "2") -> Run:
    """The run, looked at with another benchmark than the one it was trained with."""
    path = tmp_path / "mine.jsonl"
    path.write_text(f'{{"problem": "What is 1+1?", "answer": "{answer}"}}\n')
    return Run(run.folder, run.config.changed(benchmarks=(Benchmark(name="mine", file=str(path)),)))


def test_each_training_field_names_another_run(tiny_config):
    base = training_identity(tiny_config)
    changes = {"learning_rate": 1e-9, "seed": 7, "steps": 99, "policy_loss": False}
    for name, value in changes.items():
        assert training_identity(tiny_config.changed(**{name: value})) != base, name
    assert len({training_identity(with_arm(tiny_config, arm, 0)) for arm in ARMS}) == len(ARMS)


def test_only_the_ranks_and_labels_that_a_run_uses_name_it(tiny_config):
    config = tiny_config.changed(ranking={1: "5", 2: "6"}, examples=(1,), label="near", labels={"near": "1"})
    same = config.changed(ranking={1: "5", 2: "7", 3: "8"}, labels={"near": "1", "far": "9"})
    assert training_identity(same) == training_identity(config)
    for change in ({"ranking": {1: "6", 2: "6"}}, {"labels": {"near": "2"}}, {"examples": (2,)}):
        assert training_identity(config.changed(**change)) != training_identity(config), change


def test_how_it_is_evaluated_does_not_name_a_run_but_its_evaluations(tiny_config):
    before = evaluation_identity(tiny_config, tiny_config.benchmarks[0])
    assert {*EVALUATED, "benchmarks"} == set(EVALUATION_FIELDS)
    for name, value in EVALUATED.items():
        changed = tiny_config.changed(**{name: value})
        assert training_identity(changed) == training_identity(tiny_config), name
        assert evaluation_identity(changed, changed.benchmarks[0])["settings"] != before["settings"], name


def test_grading_rules_name_evaluations_where_they_can_change_a_verdict(tiny_config):
    def settings(**fields) -> str:
        benchmark = Benchmark(**{"name": "mine", "file": "unread.jsonl", **fields})
        return evaluation_identity(tiny_config, benchmark)["settings"]

    common = settings()
    assert settings(stands_for="AIME24") == settings(stands_for="ARC-E") == common
    minerva = settings(stands_for="Minerva")
    assert minerva == settings(name="Minerva") == settings(name="minerva_math") == settings(file="public:Minerva")
    assert len({common, minerva, settings(stands_for="MATH500"), settings(name="asdiv")}) == 4


def test_a_set_that_stands_for_another_is_graded_anew(run, tmp_path):
    seen = on_other_set(run, tmp_path, answer="rules")
    evaluate_run(seen)
    before, = (row["settings"] for row in seen.rows("evaluations") if row["step"] == 3)
    minerva = seen.config.benchmarks[0].model_copy(update={"stands_for": "Minerva"})
    other = Run(run.folder, seen.config.changed(benchmarks=(minerva,)))
    assert missing_evaluations(other) == [3]
    evaluate_run(other)
    after, = (row["settings"] for row in other.rows("evaluations") if row["step"] == 3)
    assert before != after and missing_evaluations(seen) == []


def test_a_record_says_in_clear_how_it_was_asked(run, tmp_path):
    other = on_other_set(run, tmp_path, answer="clear")
    other = Run(run.folder, other.config.changed(eval_max_tokens=5, eval_top_p=0.5))
    evaluate_run(other)
    row = other.rows("evaluations")[-1]
    expected = {"eval_max_tokens": 5, "eval_top_p": 0.5, "eval_template": other.config.eval_template, "samples": 1,
                "temperature": 0.0, "rules": None, "engine": "transformers", "dtype": other.config.dtype}
    assert expected.items() <= row["asked"].items()


def test_contents_count_and_paths_do_not(tiny_config, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_config.model, moved)
    elsewhere = tiny_config.changed(model=str(moved))
    assert training_identity(elsewhere) == training_identity(tiny_config)
    (moved / "README.md").write_text("a note")
    assert training_identity(elsewhere) == training_identity(tiny_config)
    (moved / "generation_config.json").write_text('{"eos_token_id": 1}')
    assert training_identity(elsewhere) != training_identity(tiny_config)


def test_a_pipe_in_a_model_folder_is_not_waited_for(tiny_config, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(tiny_config.model, moved)
    os.mkfifo(moved / "x.json")
    assert training_identity(tiny_config.changed(model=str(moved))) == training_identity(tiny_config)


def test_the_data_of_a_benchmark_count(tmp_path, tiny_config):
    path = tmp_path / "set.jsonl"
    found = []
    for answer in "12":
        path.write_text(f'{{"problem": "x", "answer": "{answer}"}}\n')
        found.append(evaluation_identity(tiny_config, Benchmark(name="set", file=str(path))))
    assert found[0]["settings"] == found[1]["settings"] and found[0]["data"] != found[1]["data"]


def test_a_raised_recipe_version_is_another_run(tiny_config, monkeypatch):
    before = training_identity(tiny_config)
    monkeypatch.setattr(identity, "RECIPE_VERSION", 99)
    assert training_identity(tiny_config) != before


def test_hub_ids_and_sets_that_are_not_here_do_not_stop_the_reading_of_records():
    config = load_profile("qwen2.5-math-1.5b")
    assert identity.sources(config)["model"] is None and len(training_identity(config)) == 64


def test_a_large_file_is_read_once_and_again_when_it_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(identity, "LARGE", 4)
    path = tmp_path / "weights"
    path.write_bytes(b"12345")
    first = file_hash(path)
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", lambda *_: pytest.fail("it was read again"))
        assert file_hash(path) == first
    path.write_bytes(b"123456")
    assert file_hash(path) != first


def test_a_finished_run_is_evaluated_on_another_set_without_training(run, tmp_path, monkeypatch):
    monkeypatch.setattr("rlvr_utils.runs.obtain.execute", None)
    other = on_other_set(run, tmp_path)
    assert other.rows("evaluations") == [] and missing_evaluations(other) == [run.config.steps]
    evaluate_run(other)
    row, = other.rows("evaluations")
    assert (row["step"], row["benchmark"], row["problems"]) == (run.config.steps, "mine", 1)
    assert "mine" not in {row["benchmark"] for row in Run(run.folder).rows("evaluations")}
    assert find(other.config, run.folder.parents[1]) == other


def test_a_run_without_weights_and_without_the_evaluation_is_refused_by_name(run, tmp_path):
    results = tmp_path / "copied"
    shutil.copytree(run.folder, results / "runs" / run.folder.name, ignore=shutil.ignore_patterns("weights"))
    with pytest.raises(UserError, match="never evaluated on mine"):
        obtain_all([on_other_set(run, tmp_path, "3").config], results)
