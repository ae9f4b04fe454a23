"""A study from a notebook's parameters: what cannot be is one line that names the parameter."""
from __future__ import annotations

import re

import pytest
from conftest import line_of, write_lines

from rlvr_utils.recipe.config import load_profile
from rlvr_utils.study.study import open_study


@pytest.mark.parametrize(("parameters", "message"), [
    ({"seeds": []}, "seeds is empty"), ({"seeds": 0}, "seeds is empty"), ({"seeds": [-1]}, "seeds: -1 is no whole"),
    ({"seeds": [0, 0]}, "seeds: 0 is no whole number from 0, or stands twice"), ({"seeds": ["0"]}, "seeds: '0' is no"),
    ({"seeds": [2**31]}, "seeds: 2147483648"), ({"seeds": [0.5]}, "seeds: 0.5"), ({"seeds": "01"}, "seeds: '01'"),
    ({"seeds": None}, "seeds: None"), ({"seeds": True}, "seeds: True"), ({"seeds": [True]}, "seeds: True"),
    ({"seeds": 10**12}, "seeds: 1000000000000"),
    ({"max_steps": 0}, "max_steps=0: give at least 1"), ({"max_steps": "3"}, "max_steps='3': give at least 1"),
    ({"max_steps": 2.5}, "max_steps=2.5"), ({"max_steps": True}, "max_steps=True"),
    ({"profile": 3}, "profile 3 does not exist"), ({"profile": ["pocket"]}, r"profile \['pocket'\] does not exist"),
    ({"model": "a\0b"}, r"field 'model' is 'a\\x00b'"), ({"model": " "}, "field 'model' is ' '"),
    ({"eval_files": ["a/x.jsonl", "b/x.jsonl"]}, "benchmark 2: field 'name' is 'x', as of an earlier one"),
    ({"eval_files": [3]}, "eval_files: 3 "), ({"eval_files": 3}, "eval_files: 3 "),
    ({"eval_files": [""]}, "eval_files: ''"), ({"eval_files": ["/"]}, "benchmark 1: field 'name'"),
    ({"results_dir": "~nobody-of-this-name/x"}, "no usable path"),
    ({"train_file": "~nobody-of-this-name/x.jsonl"}, "no usable path")])
def test_a_parameter_that_cannot_be_is_named(parameters, message):
    assert re.search(message, line_of(open_study, **parameters))


def test_what_the_reader_brings_is_studied(tmp_path):
    path = write_lines(tmp_path / "mine.jsonl", [{"question": "Q", "answer": "1"}])
    study = open_study(eval_files=path, seeds=2, max_steps=3)
    assert [(benchmark.name, benchmark.file) for benchmark in study.config.benchmarks] == [("mine", str(path))]
    assert study.seeds == (0, 1) and study.config.steps == 3
    assert open_study().config == load_profile("pocket")
