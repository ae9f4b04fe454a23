"""A study from a notebook's parameters: what cannot be is one line that names the parameter."""
from __future__ import annotations

import re

import pytest
from conftest import line_of, write_lines

from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.study.study import open_study


@pytest.mark.parametrize(("parameters", "message"), [
    ({"seeds": []}, "seeds: there are none"), ({"seeds": 0}, "seeds: there are none"), ({"seeds": [-1]}, "seeds: -1"),
    ({"seeds": [0, 0]}, "seeds: 0 "), ({"seeds": ["0"]}, "seeds: '0'"),
    ({"seeds": [2**31]}, "seeds: 2147483648"), ({"seeds": [0.5]}, "seeds: 0.5"),
    ({"seeds": "[0]"}, r"seeds is '\[0\]'.*-y"),
    ({"seeds": None}, "seeds is None"), ({"seeds": True}, "seeds is True"), ({"seeds": [True]}, "seeds: True"),
    ({"seeds": 10**12}, "seeds is 1000000000000"),
    ({"max_steps": 0}, "max_steps is 0"), ({"max_steps": "3"}, "max_steps is '3'"),
    ({"max_steps": 2.5}, "max_steps is 2.5"), ({"max_steps": True}, "max_steps is True"),
    ({"profile": 3}, "profile 3 "), ({"profile": ["pocket"]}, r"profile \['pocket'\] "),
    ({"model": "a\0b"}, r"field 'model' is 'a\\x00b'"), ({"model": " "}, "field 'model' is ' '"),
    ({"eval_files": ["x.jsonl", "./x.jsonl"]}, "eval_files: two files are called 'x'.*name=path"),
    ({"eval_files": ["a=x.jsonl", "a=y.jsonl"]}, "eval_files: two files are called 'a'"),
    ({"eval_files": []}, "eval_files is empty"), ({"eval_files": ""}, "eval_files: ''"), ({"train_file": ""}, "folder"),
    ({"model": ""}, "field 'model' is ''"), ({"eval_files": ["a="]}, "eval_files: 'a=' "),
    ({"results_dir": 3}, "results_dir is 3"),
    ({"eval_files": [3]}, "eval_files: 3 "), ({"eval_files": 3}, "eval_files: 3 "),
    ({"eval_files": [""]}, "eval_files: ''"), ({"eval_files": ["/"]}, "benchmark 1: field 'name'"),
    ({"settings": 3}, "settings is 3"), ({"settings": [3]}, r"settings is \[3\]"),
    ({"settings": ["learning_rat=1"]}, "learning_rate"),
    ({"results_dir": "~nobody-of-this-name/x"}, "~nobody"),
    ({"train_file": "~nobody-of-this-name/x.jsonl"}, "~nobody")])
def test_a_parameter_that_cannot_be_is_named(parameters, message):
    assert re.search(message, line_of(open_study, **parameters))


def test_what_the_reader_brings_is_studied(tmp_path):
    path = write_lines(tmp_path / "mine.jsonl", [{"question": "Q", "answer": "1"}])
    study = open_study(eval_files=path, seeds=2, max_steps=3)
    assert [(benchmark.name, benchmark.file) for benchmark in study.config.benchmarks] == [("mine", str(path))]
    assert study.seeds == (0, 1) and study.config.steps == 3
    assert with_arm(open_study(max_steps=500).config, "one-shot", 0).steps == 500  # more than the profile's
    assert open_study().config == load_profile("pocket")
    assert open_study(settings="kl_coef=0").config == load_profile("pocket").changed(kl_coef=0.0)


def test_training_rows_that_are_left_out_are_counted(tmp_path, capsys):
    rows = [{"question": "Q", "answer": "1"}, {"question": "R", "answer": ""}, {"question": "S", "answer": "2"}]
    study = open_study(train_file=write_lines(tmp_path / "mine.jsonl", rows))
    assert study.config.ranking == {1: "0", 13: "2"} and "1 row without an answer left out\n" in capsys.readouterr().out
    open_study(train_file=write_lines(tmp_path / "mine.jsonl", rows[:1]))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("files", "named"), [
    (["math500/test.jsonl", "aime24/test.jsonl"], {"math500-test": "math500/test.jsonl",
                                                   "aime24-test": "aime24/test.jsonl"}),
    (["x/a/test.jsonl", "y/a/test.jsonl", "y/b/test.jsonl", "amc.jsonl"], {
        "x-a-test": "x/a/test.jsonl", "y-a-test": "y/a/test.jsonl", "b-test": "y/b/test.jsonl", "amc": "amc.jsonl"}),
    (["mine=math500/test.jsonl", "test.jsonl"], {"mine": "math500/test.jsonl", "test": "test.jsonl"}),
    (["public:AIME24", "aime=public:AIME25"], {"public:AIME24": "public:AIME24", "aime": "public:AIME25"}),
    ("mine=a.jsonl", {"mine": "a.jsonl"}), ("runs/lr=1/a.jsonl", {"a": "runs/lr=1/a.jsonl"})])
def test_evaluation_files_have_names_of_their_own(files, named):
    assert {benchmark.name: benchmark.file for benchmark in open_study(eval_files=files).config.benchmarks} == named


def test_a_file_whose_name_has_an_equals_sign_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "k=1.jsonl", [{"question": "Q", "answer": "1"}])
    assert open_study(eval_files="k=1.jsonl").config.benchmarks[0].file == "k=1.jsonl"


def test_one_arm_may_be_given_by_its_name_alone():
    assert open_study().possible("one-shot") == ["base", "one-shot"]


@pytest.mark.parametrize("arms", ["two-shots", ["base", "two-shots"], ["base", ["one-shot"]], 3, None])
def test_what_is_no_arm_is_named(arms):
    assert line_of(open_study().possible, arms).startswith("arms")
