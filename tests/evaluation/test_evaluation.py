"""Benchmarks before any answer is written (likelihood rows, the lengths of questions), and grading beside writing."""
from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import line_of, write_lines

from rlvr_utils import grading
from rlvr_utils.data.prompts import evaluation_prompts
from rlvr_utils.evaluation.benchmarks import GRADERS, answer_and_grade, check_lengths, load_benchmarks, opening
from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.recipe.identity import grading_rules
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.study.study import open_study

SHORT = {"question": "What is 1+1?", "answer": "2"}
ARC = {"id": "q", "question": "What is 1+1?", "choices": {"text": ["2", "3"], "label": ["A", "B"]}, "answerKey": "A"}


@pytest.fixture
def with_rows(tiny_config, tmp_path):
    """A configuration whose one benchmark has these rows, and the file's path."""
    def make(rows, scoring="generation", **fields):
        path = write_lines(tmp_path / "mine.jsonl", rows)
        benchmark = Benchmark(name="mine", file=str(path), scoring=scoring)
        return tiny_config.changed(benchmarks=(benchmark,), **fields), path
    return make


@pytest.fixture(scope="module")
def policy(tiny_model):
    return load_policy(str(tiny_model))  # 512 positions


def test_a_question_of_ten_megabytes_is_refused_before_anything_is_written(with_rows, tmp_path):
    config, path = with_rows([SHORT, {**SHORT, "question": "How many? " * 1_000_000}], steps=0)
    line = line_of(obtain, config, tmp_path / "results")
    assert line.startswith(f"{path}: the prompt of row 2 has at least ") and "limit of 504; shorten the problem" in line
    assert not (tmp_path / "results").exists()


def test_the_prompt_and_a_whole_answer_have_positions_in_the_model(with_rows, policy):
    config, path = with_rows([SHORT])
    prompt, = evaluation_prompts(policy[1], config.eval_template, [SHORT["question"]])
    room = 512 - len(policy[1](prompt)["input_ids"])
    fits, short = config.changed(eval_max_tokens=room), config.changed(eval_max_tokens=room + 1)
    check_lengths(fits, *policy, load_benchmarks(fits))
    assert f"lower eval_max_tokens (now {room + 1})" in line_of(check_lengths, short, *policy, load_benchmarks(short))


def test_vllm_ends_an_answer_at_its_own_length(with_rows, policy):
    config, path = with_rows([SHORT], engine="vllm")
    prompt, = evaluation_prompts(policy[1], config.eval_template, [SHORT["question"]])
    size = len(policy[1](prompt)["input_ids"])
    fits = config.changed(max_prompt_tokens=size - 9, eval_max_tokens=10)
    check_lengths(fits, *policy, load_benchmarks(fits))
    assert "row 1" in line_of(check_lengths, fits.changed(eval_max_tokens=9), *policy, load_benchmarks(fits))


def test_a_likelihood_row_is_checked_with_its_file_and_its_longest_choice(with_rows, policy):
    config, path = with_rows([ARC], "likelihood")
    check_lengths(config, *policy, load_benchmarks(config))
    assert load_benchmarks(config)[0][1] == [ARC]
    long = {**ARC, "choices": {"text": ["2 " * 9999, "3"], "label": ["A", "B"]}}
    config, path = with_rows([ARC, long], "likelihood")
    line = line_of(check_lengths, config, *policy, load_benchmarks(config))
    assert line.startswith(f"{path}: the prompt of row 2 has at least") and "limit of 512" in line
    config, path = with_rows([ARC, {**ARC, "answerKey": "C"}], "likelihood")
    assert line_of(load_benchmarks, config).startswith(f"{path}: row 2, field `answerKey`")


def writes(respond):
    """A policy that responds so; token 7 is the text \\boxed{7}, and so with every other."""
    def tokenizer(text, add_special_tokens):
        return {"input_ids": [0] * len(text)}

    tokenizer.decode = lambda ids, skip_special_tokens: f"\\boxed{{{ids[0]}}}"
    return SimpleNamespace(tokenizer=tokenizer, respond=respond)


def test_a_batch_is_graded_while_the_next_is_written(tiny_config, monkeypatch):
    graded = threading.Event()

    def grade_batch(*arguments, real=grading.grade_batch):
        graded.set()
        return real(*arguments)

    def respond(prompts, *_):
        yield [len(prompts[0])]
        assert graded.wait(60), "nothing was graded before all was written"
        yield from ([len(prompt)] for prompt in prompts[1:])

    monkeypatch.setattr(grading, "grade_batch", grade_batch)
    prompts, golds = ["333", "1", "22"], ["3", "4", "1", "1", "2", "5"]
    twice = Benchmark(name="mine", file="unread", samples=2)
    ids, texts, verdicts = answer_and_grade(writes(respond), prompts, golds, tiny_config, twice, 0)
    assert ids == [[3], [3], [1], [1], [2], [2]]  # in the order of the prompts, whatever was written first
    assert texts[0] == "\\boxed{3}"
    assert verdicts == {grader: ["right", "wrong", "right", "right", "right", "wrong"] for grader in GRADERS}


@pytest.mark.parametrize(("stands_for", "verdict"), [("Minerva", "wrong"), ("MATH500", "right"), ("", "right")])
def test_a_benchmark_is_graded_by_the_rules_of_the_set_it_stands_for(tiny_config, stands_for, verdict):
    """Minerva keeps units: `31 m` is not 31 there, whatever the benchmark is called."""
    policy = writes(lambda prompts, *_: ([31] for _ in prompts))
    policy.tokenizer.decode = lambda ids, skip_special_tokens: f"\\boxed{{{ids[0]} m}}"
    benchmark = Benchmark(name="mine", file="unread", stands_for=stands_for)
    _, _, verdicts = answer_and_grade(policy, ["1"], ["31"], tiny_config, benchmark, 0)
    assert verdicts["qwen-eval"] == [verdict]


@pytest.mark.parametrize(("file", "rules"), [
    ("public:Minerva", "minerva_math"), ("public:MATH500", "math500"), ("minerva_math=f.jsonl", "minerva_math"),
    ("Minerva=f.jsonl", "minerva_math"), ("data/math500.jsonl", "math500"), ("asdiv/test.jsonl", "asdiv"),
    ("mawps=f.jsonl", "mawps"), ("aime24=f.jsonl", "aime24"), ("AIME25=f.jsonl", "aime25"), ("amc23.jsonl", "amc23"),
    ("olympiadbench.parquet", "olympiadbench"), ("OlympiadBench=f.jsonl", "olympiadbench"), ("ASDiv=f.jsonl", "asdiv"),
    ("mine.jsonl", None), ("public:ARC-E", None), ("minerva_math/mine.jsonl", None)])
def test_files_of_the_authors_sets_are_graded_by_their_rules(file, rules):
    benchmark, = open_study(eval_files=file).config.benchmarks
    assert grading_rules(benchmark) == rules


def test_what_a_set_stands_for_counts_more_than_its_name():
    assert grading_rules(Benchmark(name="Minerva", file="f.jsonl", stands_for="ARC-E")) is None


def test_ctrl_c_waits_for_one_answer_and_not_for_all(tiny_config, monkeypatch):
    graded = []

    def grade_batch(texts, *_):
        graded.append(texts)
        time.sleep(0.2)

    def respond(prompts, *_):
        yield from ([1] for _ in prompts)
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "grade_batch", grade_batch)
    many = Benchmark(name="many", file="unread")
    with pytest.raises(KeyboardInterrupt):
        answer_and_grade(writes(respond), ["1"] * 100, ["1"] * 100, tiny_config, many, 0)
    assert len(graded) < 20


def test_what_goes_wrong_in_grading_comes_out(tiny_config, monkeypatch):
    def grade_batch(*_):
        raise MemoryError("of the grader")

    monkeypatch.setattr(grading, "grade_batch", grade_batch)
    with pytest.raises(MemoryError, match="of the grader"):
        answer_and_grade(writes(lambda prompts, *_: ([1] for _ in prompts)), ["1"], ["1"], tiny_config,
                         Benchmark(name="one", file="unread"), 0)


def test_an_opening_is_the_first_sentence_whatever_its_numbers():

    assert opening("Let's guess. The answer is 4.") == "Let's guess."
    assert opening("A full solution: First, 3+4=7.") == "A full solution:"
    assert opening("\\boxed{42}.") == opening("\\boxed{7}.") == "\\boxed{#}."
    assert opening("Here is a program.\n```python") == "Here is a program."
    assert opening("x" * 100) == "x" * 60
    assert opening("") == ""


def test_accuracy_is_recorded_by_kind_and_responses_by_their_opening(with_rows):
    rows = [{**SHORT, "kind": kind, "subject": "Sums"} for kind in ("easy", "easy", "hard")]
    config, _ = with_rows(rows, steps=0)
    record = obtain(config, Path(config.benchmarks[0].file).parent / "results").rows("evaluations")[0]
    assert {name: part["n"] for name, part in record["by_kind"].items()} == {"Sums: easy": 2, "Sums: hard": 1}
    assert sum(record["openings"].values()) == 3 and all(len(text) <= 60 for text in record["openings"])
