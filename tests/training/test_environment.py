"""What surrounds a run must not change it: launchers' variables, precisions, models that TRL's own pass gets wrong."""
from __future__ import annotations

import json

import pytest
from architectures import tiny

from rlvr_utils.errors import UserError
from rlvr_utils.processes import first_process, processes
from rlvr_utils.recipe.config import to_fields
from rlvr_utils.records.run import find
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training.setup import prepare, trainer_arguments


def test_float16_is_not_trained(tiny_config):
    with pytest.raises(UserError, match="float16.*dtype"):
        prepare(tiny_config.changed(dtype="float16"), None)


@pytest.mark.parametrize(("fields", "found"), [
    ({}, "bf16"), ({}, "FP16"), ({"autocast": True}, "fp16"), ({"dtype": "bfloat16"}, "fp8")])
def test_a_precision_in_the_environment_that_is_not_the_runs_is_refused(tiny_config, monkeypatch, fields, found):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", found)
    with pytest.raises(UserError, match="ACCELERATE_MIXED_PRECISION"):
        prepare(tiny_config.changed(**fields), None)


@pytest.mark.parametrize(("fields", "found"), [({}, "no"), ({"autocast": True}, "bf16"), ({"autocast": True}, "no")])
def test_a_precision_that_is_the_runs_or_none_is_not_refused(tiny_config, tiny_tokenizer, monkeypatch, fields, found):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", found)
    assert len(prepare(tiny_config.changed(**fields), tiny_tokenizer)) > 0


@pytest.mark.parametrize(("rank", "size"), [("1", None), ("2", "2"), ("-1", "1"), ("first", "1"), ("0", "0")])
def test_a_rank_that_no_launcher_gives_is_refused(monkeypatch, rank, size):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size) if size else monkeypatch.delenv("WORLD_SIZE", raising=False)
    for ask in (first_process, processes):
        with pytest.raises(UserError, match="RANK.*WORLD_SIZE"):
            ask()


@pytest.mark.slow
def test_one_process_of_torchrun_trains_as_without_it(tiny_config, tmp_path, forks):
    """Its model is wrapped for data parallel all the same."""
    assert tiny_config.share_prompts
    (tmp_path / "config.json").write_text(json.dumps(to_fields(tiny_config)))
    ended = forks.run("train", "--config", tmp_path / "config.json", "--results", tmp_path / "launched",
                      accident="started by torchrun")
    assert ended.status == 0, ended.err
    alone, launched = obtain(tiny_config, tmp_path / "alone"), find(tiny_config, tmp_path / "launched")
    assert launched.rows("metrics") == alone.rows("metrics")
    assert launched.provenance["weights_sha256"] == alone.provenance["weights_sha256"]


def test_several_processes_cannot_share_prompts(tiny_config, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="share_prompts"):
        prepare(tiny_config.changed(micro_batch=4, eval_every=0), None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "recurrent_gemma", "granite"])
def test_a_model_of_another_type_trains_or_is_refused_by_name(tiny_config, tiny_tokenizer, tmp_path, kind):
    """TRL's pass is right for Granite; it lacks the positions of GPT-2 and RecurrentGemma's cap. Ours has both."""
    tiny(kind, vocab_size=len(tiny_tokenizer)).save_pretrained(tmp_path / "model")
    tiny_tokenizer.save_pretrained(tmp_path / "model")
    config = tiny_config.changed(model=str(tmp_path / "model"), steps=1, eval_every=0)
    plain = config.changed(share_prompts=False)
    if kind == "granite":
        assert obtain(plain, tmp_path).rows("metrics")
    else:
        with pytest.raises(UserError, match=f"{kind}.*share_prompts"):
            obtain(plain, tmp_path)
    assert obtain(config, tmp_path).rows("metrics")


def test_activations_are_computed_again_on_a_gpu_unless_a_prompts_cache_is_shared(tiny_config, tmp_path):
    """Which checkpointing would take away."""
    for share, on_cpu in ((True, False), (False, False), (False, True)):
        arguments = trainer_arguments(tiny_config.changed(share_prompts=share), tmp_path, on_cpu)
        assert arguments.activation_checkpointing == (not share and not on_cpu)
