"""The sums and the search for a prompt and an example, on a model that cannot add."""
from __future__ import annotations

import json

import pytest

from rlvr_utils.data.prompts import QUESTION
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import PACKAGE, load_profile
from rlvr_utils.study.study import open_study
from rlvr_utils.sums import problems, prompts, report


def test_the_files_are_what_the_code_writes():
    for name, rows in problems.problems().items():
        text = (problems.DATA / f"{name}.jsonl").read_text(encoding="utf-8")
        assert [json.loads(line) for line in text.splitlines()] == rows


def test_no_sum_is_in_two_sets_and_the_example_of_the_prompts_in_none():
    seen = [frozenset(row["id"].split("+")) for rows in problems.problems().values() for row in rows]
    two_digits = [pair for pair in seen if all(len(number) == 2 for number in pair)]
    assert len(two_digits) == len(set(two_digits)) == problems.POOL + problems.TEST
    assert frozenset(map(str, problems.EXAMPLE)) not in seen
    assert all(str(eval(row["id"])) == row["answer"] for rows in problems.problems().values() for row in rows)


def test_prompts_end_where_the_model_answers_and_examples_are_right():
    for asked in prompts.ASKED:
        for worked in prompts.WORKED:
            text = prompts.prompt(asked, worked)
            assert text.count(QUESTION) == 1 and text.endswith("<|im_start|>assistant\n")
            assert text.count("<|im_end|>") == (3 if prompts.WORKED[worked] else 1)
    assert all("\\boxed{68}" in text for text in prompts.WORKED.values() if text)


def test_the_profile_uses_a_prompt_of_the_search_and_its_example():
    config = load_profile(prompts.PROFILE)
    every = [prompts.prompt(asked, worked) for asked in prompts.ASKED for worked in prompts.WORKED]
    assert config.eval_template == config.train_template and config.eval_template in every
    rows = [json.loads(line) for line in (PACKAGE / "sums/data/pool.jsonl").read_text().splitlines()]
    assert config.ranking[1] in {row["id"] for row in rows}


@pytest.mark.slow
def test_the_search_prints_every_prompt_and_says_if_no_example_can_be_solved(monkeypatch, tiny_model, capsys):
    for name, value in (("ROWS", 2), ("SAMPLES", 1), ("ATTEMPTS", 1), ("LOW", 2.0)):
        monkeypatch.setattr(prompts, name, value)
    config = load_profile(prompts.PROFILE).changed(eval_max_tokens=4)
    monkeypatch.setattr(prompts, "load_profile", lambda name: config)
    pool = prompts.load_benchmark(prompts.DATA / "pool.jsonl")[:3]
    monkeypatch.setattr(prompts, "load_benchmark", lambda path: pool)
    with pytest.raises(SystemExit) as ended:
        prompts.main([str(tiny_model)])
    printed = capsys.readouterr()
    assert ended.value.code == 2 and "no problem is solved" in printed.err
    assert len(printed.out.splitlines()) == len(prompts.ASKED) * len(prompts.WORKED)


def test_the_table_in_the_readme_is_that_of_the_records():
    table = report.table(report.finished(open_study(prompts.PROFILE, report.SEEDS)))
    assert table in (PACKAGE.parent / "README.md").read_text(encoding="utf-8")


def test_an_arm_without_a_finished_run_is_named(tmp_path):
    with pytest.raises(UserError, match="no finished run of base, one-shot"):
        report.finished(open_study(prompts.PROFILE, report.SEEDS, str(tmp_path)))


def test_without_runs_the_report_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(report, "open_study", lambda *known: open_study(*known, str(tmp_path)))
    with pytest.raises(SystemExit, match="rlvr_utils: .*no finished run"):
        report.main()
