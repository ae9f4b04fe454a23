"""Kept policies: evaluated apart from the training, resumed after a crash, exported."""
from __future__ import annotations

import shutil

import pytest
import torch

from rlvr_utils import cli
from rlvr_utils.errors import UserError
from rlvr_utils.evaluation import kept_policies as checkpoints
from rlvr_utils.evaluation.kept_policies import evaluate_run, missing_evaluations
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.records.run import Run, kept_steps, lock_file
from rlvr_utils.runs.export import export
from rlvr_utils.runs.obtain import obtain


@pytest.fixture(scope="module")
def trained(tiny_config, tmp_path_factory):
    """Three steps without evaluation inside, the policy of each kept."""
    config = with_arm(tiny_config, "one-shot", 0).changed(eval_every=0, save_every=1, keep_every=1)
    return obtain(config, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def run(trained, tmp_path):
    """A copy to be evaluated."""
    return Run(shutil.copytree(trained.folder, tmp_path / trained.folder.name))


def test_every_step_is_kept_and_none_is_evaluated(trained):
    assert kept_steps(trained) == [1, 2, 3] == missing_evaluations(trained)
    assert trained.rows("evaluations") == [] and len(trained.rows("metrics")) == 3
    assert [row["step"] for row in trained.rows("samples")] == [1] * 4 + [2] * 4 + [3] * 4
    assert {path.name for path in (trained.folder / "policies").iterdir()} == {f"step-0000{n}" for n in (1, 2, 3)}
    assert not list(trained.folder.rglob("*.bin"))  # no pickle


@pytest.mark.slow
def test_evaluations_afterwards_are_those_of_the_training(run, tiny_config, tmp_path):
    evaluate_run(run)
    inside = obtain(with_arm(tiny_config, "one-shot", 0).changed(eval_every=1), tmp_path / "inside")
    assert run.rows("evaluations") == inside.rows("evaluations")
    assert run.rows("responses") == inside.rows("responses")
    assert missing_evaluations(run) == [] and not lock_file(run.folder).exists()


def test_an_evaluation_goes_on_where_it_was_killed(run, trained, monkeypatch, tmp_path):
    whole = Run(shutil.copytree(trained.folder, tmp_path / "whole"))
    evaluate_run(whole)
    append, calls = checkpoints.append_rows, []

    def dies(path, rows):
        calls.append(path.name)
        if len(calls) == 6:  # the responses of the third benchmark are written, its record is not
            with path.open("a") as stream:
                stream.write('{"step": 2, "bench')
            raise KeyboardInterrupt
        append(path, rows)

    monkeypatch.setattr(checkpoints, "append_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        evaluate_run(run)
    monkeypatch.undo()
    assert missing_evaluations(run) == [2, 3]
    evaluate_run(run)
    for name in ("evaluations.jsonl", "responses.jsonl"):
        assert (run.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    evaluate_run(run)  # nothing is left to do
    assert (run.folder / "evaluations.jsonl").read_bytes() == (whole.folder / "evaluations.jsonl").read_bytes()


def test_steps_out_of_order_are_read_in_order(run):
    evaluate_run(run, [3])
    evaluate_run(run, [1])
    assert [row["step"] for row in run.rows("evaluations")] == [1, 1, 3, 3] and missing_evaluations(run) == [2]


def test_a_step_that_was_not_kept_is_an_error(run, capsys):
    with pytest.raises(UserError, match="step 7; .*: 1, 2, 3"):
        evaluate_run(run, [7])
    assert cli.main(["evaluate", "--run", str(run.folder), "--step", "7"]) == 2
    assert cli.main(["evaluate", "--run", str(run.folder.parent)]) == 2
    assert cli.main(["evaluate", "--step", "7"]) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_a_half_written_policy_is_an_error(run):
    path = run.folder / "policies" / "step-00002" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="step-00002/model.safetensors: "):
        evaluate_run(run, [2])


def test_the_base_is_resumed_by_benchmark_too(tiny_config, tmp_path, monkeypatch):
    config = with_arm(tiny_config, "base", 0)
    from rlvr_utils.evaluation import benchmarks as evaluation

    real, asked = evaluation.evaluate, []

    def dies(policy, loaded, *rest):
        asked.append(loaded[0][0].name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(policy, loaded, *rest)

    monkeypatch.setattr(evaluation, "evaluate", dies)
    with pytest.raises(KeyboardInterrupt):
        obtain(config, tmp_path)
    run = obtain(config, tmp_path)
    assert asked == ["six", "six-sampled", "six-sampled"]
    assert [row["benchmark"] for row in run.rows("evaluations")] == ["six", "six-sampled"]


def test_choices_are_scored_by_likelihood_beside_generation(tiny_config, tmp_path, write_rows):
    rows = [{"id": str(i), "question": "2 + 2?", "answerKey": "1", "choices": {"text": ["4", "5"], "label": ["1", "2"]}}
            for i in range(3)]
    path = write_rows(rows, "arc.jsonl")
    benchmarks = (Benchmark(name="ARC-E", file=str(path), stands_for="ARC-E"),
                  Benchmark(name="ARC-E likelihood", file=str(path), scoring="likelihood"))
    run = obtain(with_arm(tiny_config, "base", 0).changed(benchmarks=benchmarks), tmp_path / "results")
    generated, scored = run.rows("evaluations")
    assert "boxed" in generated and set(scored["accuracy"]) == {"acc", "acc_norm"}
    assert {row["benchmark"] for row in run.rows("responses")} == {"ARC-E"}


# ---- export ------------------------------------------------------------------------------------

@pytest.mark.parametrize("step", [None, 2])
def test_an_exported_policy_loads_generates_and_says_what_it_is(run, tmp_path, step):
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    evaluate_run(run, [2, 3])
    target = tmp_path / "exported"
    export(run, target, step)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(target), AutoTokenizer.from_pretrained(target)
    ends = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}  # where evaluations end too
    assert model.dtype == torch.bfloat16 and {*model.generation_config.eos_token_id} == ends
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "1 + 1?"}], add_generation_prompt=True,
                                        return_tensors="pt", return_dict=True)
    assert model.generate(**ids, max_new_tokens=3, do_sample=False).shape[1] > ids["input_ids"].shape[1]
    source = run.folder / ("weights" if step is None else "policies/step-00002") / "model.safetensors"
    wanted, found = load_file(source), load_file(target / "model.safetensors")
    assert all(torch.equal(wanted[name].bfloat16(), found[name]) for name in wanted)
    card = (target / "README.md").read_text()
    row = next(row for row in run.rows("evaluations") if row["step"] == (step or 3))
    assert f"Step {step or 3}." in card and f"qwen-eval {100 * row['accuracy']['qwen-eval']:.1f}" in card
    assert run.provenance["config_hash"] in card and "arm one-shot, seed 0" in card
    assert str(tmp_path) not in (target / "config.json").read_text()


def test_exports_that_cannot_be(run, tmp_path, capsys):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    for words, message in ((["export", str(run.folder), str(tmp_path / "used")], "not an empty folder"),
                           (["export", str(run.folder), str(tmp_path / "new"), "--step", "9"], "no weights of step 9"),
                           (["export", str(tmp_path), str(tmp_path / "new")], "not a finished run")):
        assert cli.main(words) == 2
        assert message in capsys.readouterr().err
    shutil.rmtree(run.folder / "weights")
    with pytest.raises(UserError, match="no weights .*: 1, 2, 3"):
        export(run, tmp_path / "new")
