"""The command line: one line and exit status 2 for a mistake, and nothing written."""
from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, write_lines

from rlvr_utils import cli, progress
from rlvr_utils.cli import main
from rlvr_utils.errors import shown
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile, to_fields
from rlvr_utils.records.locks import locked
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.study.reproduce import parameters

POCKET = to_fields(load_profile("pocket"))


@pytest.fixture
def mistake(capsys, tmp_path, monkeypatch):
    """Run a command that must fail in one line; nothing may have been written. Returns the line. No run is trained if
    the mistake is not noticed."""
    monkeypatch.setattr("rlvr_utils.study.reproduce.obtain_all", lambda *_: pytest.fail("the mistake was not noticed"))

    def run(*words: str) -> str:
        before = sorted(os.listdir(tmp_path))
        status = main([*words, "--results", str(tmp_path / "results")])
        out, err = capsys.readouterr()
        assert status == 2 and out == ""
        assert err.startswith("rlvr_utils: ") and err.count("\n") == 1 and err.endswith("\n")
        assert sorted(os.listdir(tmp_path)) == before
        return err
    return run


@pytest.fixture
def spoiled(tmp_path, tiny_config):
    """A function that writes a run's configuration with some fields replaced; returns the path."""
    def write(**fields) -> str:
        path = tmp_path / "mine.json"
        path.write_text(json.dumps({**to_fields(tiny_config), **fields}))
        return str(path)
    return write


@pytest.mark.parametrize("command", ["train", "evaluate", "reproduce"])
def test_an_unknown_profile(mistake, command):
    assert "profile 'laptop' does not exist; choose one of: " in mistake(command, "--profile", "laptop")


def test_an_unknown_arm(mistake):
    assert "arm 'two-shots' does not exist" in mistake("train", "--arm", "two-shots")


def test_an_unknown_notebook(mistake):
    assert "notebook '99' does not exist" in mistake("reproduce", "--only", "99")


@pytest.mark.parametrize("steps", ["0", "-3"])
def test_too_few_steps(mistake, steps):
    assert f"--max-steps is {steps}" in mistake("train", "--max-steps", steps)


@pytest.mark.parametrize(("setting", "message"), [
    ("learning_rat=1", "did you mean 'learning_rate'"), ("learning_rate", "field=value"), ("steps=-1", "'steps' is -1"),
    ("seed=7", "where a command has the option --seed"), ("examples=[1, 13]", "--set examples has no effect")])
def test_a_setting_that_cannot_be_reproduced(mistake, setting, message, monkeypatch):
    monkeypatch.setattr("rlvr_utils.study.reproduce.check_audit", lambda _: None)
    assert message in mistake("reproduce", "--set", setting)


def test_settings_reach_the_runs_and_the_notebooks(monkeypatch, tmp_path, capsys):
    trained, given = [], []
    monkeypatch.setattr("rlvr_utils.study.reproduce.check_audit", lambda _: None)
    monkeypatch.setattr("rlvr_utils.study.reproduce.obtain_all", lambda configs, _: trained.extend(configs))
    monkeypatch.setattr("rlvr_utils.study.reproduce.execute", lambda _, study: given.append(parameters(study)))
    settings = ["kl_coef=0.25", "steps=7", "reward=random"]
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["reproduce", "--only", "02", *words, "--results", str(tmp_path)]) == 0
    assert {(config.arm, config.kl_coef, config.steps, config.reward) for config in trained} >= {
        ("base", 0.25, 0, "random"), ("one-shot", 0.25, 7, "random"), ("format-reward", 0.25, 7, "format")}
    assert [each["settings"] for each in given] == [settings]
    assert "keep their own reward: format-reward" in capsys.readouterr().out


def test_no_seed(mistake):
    assert "--seeds: " in mistake("reproduce", "--seeds", "0")
    assert "--seed: -1" in mistake("train", "--seed", "-1")


def test_a_command_that_does_not_exist(mistake, capsys):
    assert "did you mean 'train'?" in mistake("trian")
    assert main([]) == 2 and "reproduce, train" in capsys.readouterr().err


def test_a_model_that_does_not_exist_is_named_before_anything_else(mistake):
    for command in ("train", "evaluate"):
        assert "model folder /nowhere does not exist" in mistake(command, "--model", "/nowhere")


def test_results_that_are_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["plan", "--results", str(tmp_path / "file")]) == 2
    assert "--results" in capsys.readouterr().err


def test_a_setting_that_changes_no_prompt(capsys):
    assert main(["prompts", "--set", "learning_rate=1"]) == 2
    assert "learning_rate" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--train-file", "--eval-files", "--model", "--config"])
def test_a_file_that_is_not_there(mistake, tmp_path, option):
    gone = str(tmp_path / "gone.jsonl")
    assert gone in mistake("train", option, gone)


@pytest.mark.parametrize("option", ["--train-file", "--eval-files"])
def test_a_row_without_a_question(mistake, tmp_path, option):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "1+1?", "answer": "2"}\n{"text": "?"}\n')
    assert "mine.jsonl: row 2 has no question" in mistake("train", option, str(path))


@pytest.mark.slow
def test_a_folder_into_which_another_process_reproduces(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("rlvr_utils.study.reproduce.obtain_all", lambda *_: pytest.fail("it was trained"))
    with locked(tmp_path / "reproduce.lock", "it"):
        assert main(["reproduce", "--retrain", "--results", str(tmp_path)]) == 2
        assert os.listdir(tmp_path) == ["reproduce.lock"]
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith("rlvr_utils: the reproduction in ") and f"process {os.getpid()}; wait for it" in line


def test_a_training_file_whose_ids_are_not_numbers_is_no_mistake(tmp_path, write_rows):
    from rlvr_utils.study.study import open_study
    from rlvr_utils.training.examples import chosen_examples

    path = write_rows([{"unique_id": f"test/algebra/{i}.json", "problem": f"Q{i}", "answer": str(i)}
                       for i in range(3)])
    config = open_study(train_file=str(path)).config.changed(examples=(1, 13))
    assert [problem.question for problem in chosen_examples(config)] == ["Q0", "Q1"]


@pytest.mark.parametrize(("content", "message"), [
    ('{"steps": 3', "mine.json: line 1 is not valid JSON"), ("[" * 100_000, "mine.json: not valid JSON (nested"),
    ('{"steps": 3, "steps": 4}', "mine.json: not valid JSON (the key 'steps'"),
    ('{"steps": ' + "9" * 5000 + "}", "mine.json: not valid JSON (a number has too many digits)"),
    ("[]", "mine.json: expected fields"), ('"pocket"', "mine.json: expected fields"),
    ("{}", "mine.json: field 'profile' is missing"),
    (json.dumps({**POCKET, "epochs": 3}), "mine.json: field 'epochs' is not a known field"),
    (json.dumps({**POCKET, "steps": "3"}), "mine.json: field 'steps' is '3'")], ids=shown)
def test_a_configuration_file_that_is_none(mistake, tmp_path, content, message):
    path = tmp_path / "mine.json"
    path.write_text(content)
    assert message in mistake("train", "--config", str(path))


def test_a_configuration_that_is_a_folder(mistake, tmp_path):
    assert str(tmp_path) in mistake("train", "--config", str(tmp_path))


@pytest.mark.parametrize(("fields", "message"), [
    ({"reward": "length"}, "field 'reward' is 'length'"), ({"examples": [7]}, "trains on example 7"),
    ({"micro_batch": 3}, "micro_batch=3 "), ({"micro_batch": 0}, "micro_batch"),
    ({"eval_template": "alpaca"}, "eval_template 'alpaca'"), ({"dtype": "float99"}, "'dtype' is 'float99'"),
    ({"prompts_per_step": 6, "micro_batch": 24}, "exceeds the 5 training rows"),
    ({"max_prompt_tokens": 9}, "shorten the problem")])
def test_a_configuration_that_cannot_be_trained(mistake, spoiled, fields, message):
    assert message in mistake("train", "--config", spoiled(**fields))


def test_a_mistake_leaves_no_trace_on_either_stream_of_a_real_process(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rlvr_utils", "train", "--arm", "none", "--results", "results"],
        capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, os.listdir(tmp_path)) == (2, "", [])
    line, = done.stderr.splitlines()
    assert line.startswith("rlvr_utils: arm 'none' does not exist; choose one of: base, one-shot")


@pytest.mark.parametrize("words", [
    ["--help"], ["train", "--help"], ["evaluate", "--help"], ["reproduce", "--help"]])
def test_help_is_there_and_explains_every_option(capsys, words):
    with pytest.raises(SystemExit) as left:
        main(words)
    text = capsys.readouterr().out
    assert left.value.code == 0 and text.startswith("usage: python -m rlvr_utils")
    if len(words) > 1:
        for option in ("--profile", "--results", "--model", "--train-file", "--eval-files", "--max-steps"):
            trains = words[0] != "evaluate" or option not in ("--train-file", "--max-steps")
            assert (option in text) == trains
    else:
        assert all(command in text for command in ("reproduce", "train", "evaluate"))


def test_help_needs_no_heavy_import():
    code = ("import sys; from rlvr_utils.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
            "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'sympy', 'datasets')))")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_training_by_command_shows_the_folder_and_the_last_evaluation(capsys, spoiled, tmp_path):
    path = spoiled(steps=1, eval_every=1)
    assert main(["train", "--config", path, "--results", str(tmp_path)]) == 0
    folder, *table = capsys.readouterr().out.splitlines()
    assert folder.startswith(str(tmp_path / "runs" / "full-set-s0-"))
    assert [line.split()[:3] for line in table] == [["step", "1", "six"], ["step", "1", "six-sampled"]]
    assert all("qwen-eval" in line and "math-verify" in line and "boxed" in line for line in table)


@pytest.mark.slow
def test_evaluating_ones_own_model_on_ones_own_file(capsys, tiny_model, tiny_config, tmp_path):
    words = ["evaluate", "--model", str(tiny_model), "--eval-files", tiny_config.benchmarks[0].file]
    assert main([*words, "--results", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "template 'chat', answers of up to 256 tokens" in lines[0] and lines[-1].startswith("step    0  six ")



RECORDED = next((ROOT / "results" / "pocket" / "runs").glob("one-shot-s0-*"))


@pytest.mark.parametrize(("words", "message"), [
    (["train", "--set", "learning_rat=1"], "did you mean 'learning_rate'"),
    (["train", "--stop-after", "0"], "--stop-after 0"),
    (["train", "--stop-after", "9999"], "--stop-after 9999: this run"),
    (["train", "--arm", "base", "--stop-after", "1"], "--stop-after 1: this run has 0 steps"),
    (["plan", "--set", "num_generations=7"], "num_generations=7"), (["plan", "--set", "dtype=float16"], "'float16'"),
    (["plan", "--set", "keep_every=7"], "keep_every=7"), (["plan", "--set", "examples=[9999]"], "example 9999"),
    (["plan", "--set", "label=no such one"], "label 'no such one'"),
    (["drill", "--record", "/dev/null/record.json"], "--record /dev/null/record.json"),
    (["evaluate", "--eval-files", "average=/x.jsonl"], "benchmark 1: field 'name' is 'average'"),
    (["evaluate", "--eval-files", "/nowhere.jsonl"], "rlvr_utils: /nowhere.jsonl: no such file"),
    (["train", "--set", "learning_rate=fast"], "field 'learning_rate' is 'fast'"),
    (["train", "--set", "learning_rate"], "field=value"),
    (["plan", "--set", "steps=-1"], "field 'steps' is -1"), (["train", "--set", "eval_files=x"], "--eval-files"),
    (["train", "--config", "x.json", "--set", "steps=1"], "--set steps=1 has no effect together with --config"),
    (["train", "--config", "x.json", "--eval-template", "chat"], "--set eval_template=chat has no effect"),
    (["evaluate", "--set", "report_to=trackio"], "report_to"),
    (["prompts", "--eval-template", "alpaca"], "eval_template 'alpaca'"),
    (["train", "--set", "lora_alpha=8"], "lora_rank"), (["plan", "--set", "lora_targets=[q_proj]"], "lora_rank"),
    (["train", "--profile", "pocket-lora", "--set", "lora_rank=0"], "learning_rate"),
    (["train", "--profile", "pocket-lora", "--set", "lora_rank=1000"], "above 128 adds nothing"),
    (["train", "--profile", "pocket-lora", "--set", "lora_targets=q_proj,nosuch"], "'nosuch' is not a linear layer"),
    (["plan", "--profile", "pocket-lora", "--layout", "sharded"], "lora_rank=8: an adapter"),
    (["export", str(RECORDED), "/tmp/nowhere"], "has no weights of its last step; train the run here"),
    (["evaluate", "--max-steps", "5"], "--max-steps is not an option"),
    (["evaluate", "--set", "steps=5"], "--set steps=5 has no effect"),
    (["evaluate", "--eval-file", "x.jsonl"], "did you mean '--eval-files'"),
    (["train", "--profile", "poket"], "did you mean 'pocket'"),
    (["train", "--arm", "oneshot"], "did you mean 'one-shot'"),
    (["train", "--seed", "one"], "--seed"), (["export", "a", "b", "c"], "c is an unexpected argument of"),
    (["drill", "--steps", "1"], "--steps 1"),
    (["drill", "--quiet", "--set", "prompts_per_step=300", "--layers", "1"], "--prompts"),
    (["train", "--arm", "base", "--max-steps", "3"], "--max-steps 3 has no effect together with --arm base"),
    (["evaluate", "--run", str(RECORDED), "--model", "nonsense"], "--model has no effect together with --run"),
    (["evaluate", "--run", str(RECORDED), "--seed", "3"], "--seed has no effect together with --run"),
    (["evaluate", "--run", str(RECORDED), "--seed", "0"], "--seed has no effect together with --run"),
    (["evaluate", "--run", str(RECORDED), "--profile", "pocket"], "--profile has no effect together with --run"),
    (["train", "--config", "x.json", "--profile", "pocket"], "--profile has no effect together with --config"),
    (["train", "--config", "x.json", "--arm", "one-shot"], "--arm has no effect together with --config"),
    (["train", "--config", "x.json", "--seed", "0"], "--seed has no effect together with --config"),
    (["evaluate", "--run", str(RECORDED), "--eval-files", "/nowhere.jsonl"], "/nowhere.jsonl: no such file"),
    (["evaluate", "--run", str(RECORDED), "--set", "eval_max_tokens=64"], "its weights are not in"),
    (["evaluate", "--run", str(RECORDED), "--set", "kl_coef=1"], "--set kl_coef=1: field 'kl_coef'"),
])
def test_an_option_without_effect_or_meaning_is_named(words, message, capsys):
    assert cli.main(words) == 2
    line, = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(("words", "field"), [
    (["train", "--max-steps", "3", "--set", "steps=4"], "steps"),
    (["train", "--model", "a", "--set", "model=b"], "model"),
    (["train", "--train-file", "a.jsonl", "--set", "pool=b.jsonl"], "pool"),
    (["plan", "--set", "steps=3", "--set", "steps=5"], "steps"),
    (["plan", "--set", "steps=3", "--set", "steps=3"], "steps"),
    (["evaluate", "--eval-files", "a.jsonl", "--set", "benchmarks=[]"], "benchmarks"),
    (["evaluate", "--run", str(RECORDED), "--eval-files", "a.jsonl", "--set", "benchmarks=[]"], "benchmarks"),
    (["prompts", "--eval-template", "chat", "--set", "eval_template=qwen-boxed"], "eval_template"),
    (["drill", "--set", "kl_coef=0", "--set", "kl_coef=1"], "kl_coef"),
    (["train", "--seed", "1", "--seed", "2"], "--seed"),
    (["train", "--profile", "pocket", "--profile", "x"], "--profile"),
    (["train", "--eval-files", "a.jsonl", "--eval-files", "b.jsonl"], "--eval-files")])
def test_two_values_for_one_field_are_refused(words, field, capsys):
    assert cli.main(words) == 2
    line, = capsys.readouterr().err.splitlines()
    assert field in line and ("twice" in line or "leave one of them out" in line)


def test_an_interrupted_command_says_what_it_keeps(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rlvr_utils.recipe.config.load_profile", interrupted)
    monkeypatch.setattr("rlvr_utils.study.study.load_profile", interrupted)
    for command, kept in (("drill", "keeps nothing"), ("train", "if there is none yet"), ("plan", "repeat")):
        assert cli.main([command]) == 130
        line, = capsys.readouterr().err.splitlines()
        assert kept in line


def test_a_plan_only_advises(monkeypatch, capsys):
    """What does not fit here is planned all the same, and a model that is not here has no estimate."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert cli.main(["plan", "--profile", "qwen2.5-math-1.5b", "--hardware", "1 x V100 1"]) == 0
    seen = capsys.readouterr()
    assert seen.out.startswith("Plan of qwen2.5-math-1.5b") and "warning" in seen.err
    assert cli.main(["plan", "--model", "nobody/nothing"]) == 0
    line, = capsys.readouterr().err.splitlines()
    assert "warning" in line and "nobody/nothing" in line and "HF_HUB_OFFLINE" in line


def test_a_plan_says_whose_problems_it_could_not_count(tmp_path, capsys):
    (tmp_path / "empty.jsonl").touch()
    assert cli.main(["plan", "--eval-files", str(tmp_path / "empty.jsonl"), str(tmp_path / "nowhere.jsonl")]) == 0
    seen = capsys.readouterr()
    assert "2 x 1,000 answers" in seen.out
    assert [line.split(": ")[:2] for line in seen.err.splitlines()] == [["rlvr_utils", "warning"]] * 2
    assert "empty.jsonl" in seen.err and "nowhere.jsonl" in seen.err


def test_a_quiet_command_notes_nothing_of_other_processes(capsys):
    progress.note("one")
    assert capsys.readouterr().out == "one\n"
    assert cli.main(["evaluate", "--quiet", "--step", "1"]) == 2
    progress.note("two")
    assert capsys.readouterr().out == ""
    progress.hush(False)


def test_nested_progress_in_a_log_is_plain_lines(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_shown", True)
    with progress.progress(2, "outer", "steps") as outer:
        for _ in progress.tracked(range(2), 2, "inner", "answers"):
            pass
        outer.update()
    text = capsys.readouterr().err
    assert "inner" in text and "\x1b" not in text and "s/ steps" not in text


def test_settings_count_more_than_the_arm(capsys):
    """An arm must not take back what the user has just asked for."""
    from types import SimpleNamespace

    from rlvr_utils.study.study import open_study

    options = SimpleNamespace(settings=["examples=[13]", "learning_rate=1e-5"], arm="one-shot", max_steps=None)
    config = cli._arm_config(options, open_study(), 0)
    assert (config.arm, config.examples, config.learning_rate) == ("one-shot", (13,), 1e-5)


def test_a_finished_run_is_evaluated_on_another_file_by_name(tiny_config, tmp_path, capsys):
    run = obtain(with_arm(tiny_config, "one-shot", 0), tmp_path)
    other = write_lines(tmp_path / "mine.jsonl", [{"problem": "What is 1+1?", "answer": "2"}])
    assert cli.main(["evaluate", "--run", str(run.folder), "--eval-files", f"sums={other}"]) == 0
    seen = capsys.readouterr()
    assert "sums" in seen.out and "answers/s" in seen.err  # the record, and how far it was
    assert cli.main(["evaluate", "--run", str(run.folder), "--quiet"]) == 0
    seen = capsys.readouterr()
    assert "six-sampled" in seen.out and "sums" not in seen.out and not seen.err
