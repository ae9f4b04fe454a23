"""The drill of every profile, in a size for a CPU: what would run on a GPU, from the data to the exported folder."""
from __future__ import annotations

import json

import pytest
from transformers import AutoTokenizer

from rlvr_utils import cli
from rlvr_utils.data.problems import load_benchmark, load_training
from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.errors import UserError
from rlvr_utils.models.shapes import known, model_config, parameter_count
from rlvr_utils.recipe.config import load_profile, profile_names
from rlvr_utils.scale.drill import drill, drill_config
from rlvr_utils.scale.stand_ins import TURNS, build_tokenizer, shrunk, write_data

SMALL = {"layers": 2, "hidden": 64, "prompts": 2, "response_tokens": 12}
PROFILES = profile_names()


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Each profile's record, drilled once."""
    found = {}

    def record(name: str) -> tuple[dict, object]:
        if name not in found:
            folder = tmp_path_factory.mktemp(name)
            found[name] = drill(load_profile(name), folder, **SMALL), folder
        return found[name]
    return record


@pytest.mark.slow
@pytest.mark.parametrize("name", PROFILES)
def test_the_whole_pipeline_of_a_profile_runs(records, name):
    record, folder = records(name)
    assert set(record["seconds"]) == {"model", "data", "prompts", "training until the interruption", "resumed training",
                                      "evaluation", "export"}
    assert (record["layers"], record["hidden"]) == (2, 64) and record["parameters"] > 0
    assert record["tokens"] <= 2 * 8 * 12 and record["step"]["seconds"] > 0
    assert record["hours_for_profile"]["steps"] == load_profile(name).steps
    run, = (folder / "results" / "runs").iterdir()
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2] and rows[0]["reward_std"] > 0 and rows[0]["grad_norm"] > 0
    evaluated = [json.loads(line)["benchmark"] for line in (run / "evaluations.jsonl").read_text().splitlines()]
    assert evaluated == ["MATH500", "AIME24", "ARC likelihood"]
    assert (folder / "exported" / "model.safetensors").exists() and not list(folder.rglob("*.bin"))
    assert json.loads((folder / "exported" / "config.json").read_text())["dtype"] == "bfloat16"
    assert "Measured here" in (folder / "exported" / "README.md").read_text()


@pytest.mark.slow
def test_the_first_rollout_step_of_the_released_schedule_changes_no_weight(records):
    _, folder = records("qwen2.5-math-1.5b")
    run, = (folder / "results" / "runs").iterdir()
    first, second = (run / "policies" / f"step-0000{step}" / "model.safetensors" for step in (1, 2))
    start = folder / "model" / "model.safetensors"
    from safetensors.torch import load_file

    before, kept, moved = (load_file(path) for path in (start, first, second))
    assert all((before[name].bfloat16() == kept[name]).all() for name in kept)
    assert any((kept[name] != moved[name]).any() for name in kept)


@pytest.mark.slow
def test_the_prompts_of_each_family_begin_once(records):
    assert records("llama-3.2-3b-instruct")[0]["prompts"]["training"] == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
        "Today Date: 17 Apr 2025\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
        f"1 + 1? {SUFFIX}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
    assert records("deepseek-r1-distill-qwen-1.5b")[0]["prompts"]["training"] == (
        f"<｜begin▁of▁sentence｜><｜User｜>1 + 1? {SUFFIX}<｜Assistant｜><think>\n")
    training = records("qwen2.5-math-1.5b")[0]["prompts"]["training"]
    assert training.count("\\boxed{}") == 2 and training.count(SYSTEM) == training.count(SUFFIX) == 1
    assert records("qwen2.5-math-1.5b")[0]["prompts"]["evaluation"].count("\\boxed{}") == 1


@pytest.mark.parametrize("template", ["llama", "deepseek-distill"])
def test_the_trainer_sees_one_beginning_of_text(template, tmp_path):
    """These tokenizers write the token by themselves, and so does their chat template."""
    from rlvr_utils.data.prompts import training_prompt
    from rlvr_utils.training.trainer import OneShotTrainer

    tokenizer = build_tokenizer(template)
    assert tokenizer("x")["input_ids"][0] == tokenizer.bos_token_id
    trainer = type("Bare", (), {"processing_class": tokenizer})()
    ids, = OneShotTrainer._tokenize_prompts(trainer, [training_prompt(tokenizer, "1 + 1?")])[0]
    assert ids.count(tokenizer.bos_token_id) == 1 and ids[0] == tokenizer.bos_token_id


def test_the_stand_ins_are_read_by_the_loaders_of_the_real_files(tmp_path):
    files = write_data(tmp_path)
    training = load_training(files["DSR-sub"])
    assert len(training) == 8 and SUFFIX not in training[0].question and training[0].answer == "5"
    assert load_benchmark(files["MATH500"])[0].subject == "Algebra" and len(load_benchmark(files["AIME24"])) == 3
    assert load_benchmark(files["ARC"])[0].answer == "B"


def test_shrinking_keeps_the_family_and_the_drills_settings_are_the_profiles(tmp_path):
    for name in known():
        shape = shrunk(model_config(name), 2, 64)
        assert parameter_count(shape) < 3e6 and shape.model_type == model_config(name).model_type
    config = load_profile("qwen2.5-math-1.5b")
    small = drill_config(config, tmp_path, write_data(tmp_path), 2, 12, 2)
    for field in ("learning_rate", "kl_coef", "entropy_coef", "updates_per_rollout", "micro_batch_tokens",
                  "idle_first_step", "temperature", "share_prompts", "num_generations"):
        assert getattr(small, field) == getattr(config, field), field


def test_every_template_has_a_tokenizer_that_writes_and_reads(tmp_path):
    for template in TURNS:
        build_tokenizer(template).save_pretrained(tmp_path / template)
        again = AutoTokenizer.from_pretrained(tmp_path / template)
        assert again.decode(again("7 apples", add_special_tokens=False)["input_ids"]) == "7 apples"


@pytest.mark.slow
def test_the_command_writes_its_record(tmp_path, capsys):
    words = "drill --profile pocket --layers 1 --hidden 32 --prompts 1 --response-tokens 4".split()
    assert cli.main([*words, "--record", str(tmp_path / "record.json")]) == 0
    assert json.loads((tmp_path / "record.json").read_text()) == json.loads(capsys.readouterr().out)


def test_one_step_cannot_be_resumed(tmp_path):
    with pytest.raises(UserError, match="--steps 1"):
        drill(load_profile("pocket"), tmp_path, steps=1)


@pytest.mark.parametrize("wrong", [{"hidden": 63}, {"hidden": 0}, {"layers": 0}, {"prompts": -1},
                                   {"response_tokens": 0}])
def test_sizes_that_cannot_be_are_one_line(tmp_path, wrong):
    with pytest.raises(UserError, match=f"--{next(iter(wrong)).replace('_', '-')} "):
        drill(load_profile("pocket"), tmp_path, **wrong)


def test_with_vllm_every_stage_is_a_command_of_its_own(tmp_path, monkeypatch):
    """vLLM cannot run here: the commands are what a user would type, and their failure is one line."""
    from rlvr_utils.recipe.config import from_fields
    from rlvr_utils.scale import drill as module

    config = load_profile("qwen2.5-math-1.5b")
    seen = []
    monkeypatch.setattr(module, "_command", lambda *words: seen.append(words))
    module._obtain(config, tmp_path / "results", stop_after=1)
    (name, flag, request, *rest), = seen
    assert (name, flag, rest) == ("train", "--config", ["--results", str(tmp_path / "results"), "--stop-after", "1"])
    assert from_fields(json.loads(open(request).read()), "request") == config
    monkeypatch.undo()
    with pytest.raises(UserError, match="'evaluate' ended with exit code 2"):
        module._command("evaluate", "--run", str(tmp_path))
