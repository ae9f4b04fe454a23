"""LoRA: what is trained, what the reference is, what is kept and exported, and that a run resumes bit for bit."""
from __future__ import annotations

import shutil

import pytest
import torch
from conftest import line_of
from peft import PeftModel
from safetensors.torch import load_file

from rlvr_utils.models.adapters import adapted_modules, adapter_settings, adapter_shapes, base_restored, without_wrapper
from rlvr_utils.models.files import check_checkpoint
from rlvr_utils.models.loading import load_policy
from rlvr_utils.records.run import JSON_LINES, find, latest_complete_checkpoint, partial_folder
from rlvr_utils.runs.export import export
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trainer
from rlvr_utils.training.setup import prepare

RANK = 4


@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config.changed(lora_rank=RANK, lora_alpha=8.0, learning_rate=1e-2, steps=4, keep_every=2, eval_every=1)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return obtain(config, tmp_path_factory.mktemp("whole"))


@pytest.fixture
def model(tiny_model):
    return load_policy(str(tiny_model))[0]


def adapter_in(checkpoint) -> dict:
    return load_file(checkpoint / "adapter_model.safetensors")


# ---- which layers -----------------------------------------------------------------------------------------------

def test_every_linear_layer_is_adapted_but_the_output_matrix(model):
    endings = {name.rpartition(".")[2] for name in adapted_modules(model, ())}
    assert endings == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert {*adapted_modules(model, ("q_proj", "1.mlp.up_proj"))} == {
        "model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj", "model.layers.1.mlp.up_proj"}


@pytest.mark.parametrize("target", ["query", "proj", "lm_head", "mlp", "embed_tokens"])
def test_a_target_that_is_no_linear_layer_is_refused_before_anything_is_written(tiny_config, tmp_path, target):
    config = tiny_config.changed(lora_rank=2, lora_targets=("q_proj", target))
    line = line_of(obtain, config, tmp_path)
    assert f"'lora_targets': '{target}'" in line and "q_proj, k_proj" in line
    assert not list(tmp_path.iterdir())


def test_the_matrices_have_the_names_and_shapes_that_peft_stores(tiny_config, run, config, model, tmp_path):
    shapes = adapter_shapes(model, config)
    assert adapter_shapes(model, tiny_config) == {} and adapter_settings(model, tiny_config) is None
    obtain(config, tmp_path, stop_after=2)
    stored = adapter_in(latest_complete_checkpoint(partial_folder(config, tmp_path)))
    assert {name: tuple(matrix.shape) for name, matrix in stored.items()} == shapes


def test_layers_that_keep_their_matrix_the_other_way_round_are_adapted_too(tiny_config):
    from architectures import tiny

    shapes = adapter_shapes(tiny("gpt2"), tiny_config.changed(lora_rank=2))
    assert shapes["base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"] == (2, 32)
    assert shapes["base_model.model.transformer.h.0.attn.c_attn.lora_B.weight"] == (96, 2)


# ---- what is trained --------------------------------------------------------------------------------------------

def test_the_adapter_alone_is_trained_and_no_other_model_is_held(config, tmp_path, monkeypatch):
    seen, original = [], trainer.OneShotTrainer.create_optimizer

    def spy(self, *words, **rest):
        seen.append(self)
        return original(self, *words, **rest)

    monkeypatch.setattr(trainer.OneShotTrainer, "create_optimizer", spy)
    obtain(config.changed(steps=1, keep_every=0), tmp_path)
    own, = seen
    names = [name for name, part in own.model.named_parameters() if part.requires_grad]
    assert names and all("lora_" in name for name in names)
    assert own.ref_model is None
    assert [group["weight_decay"] for group in own.optimizer.param_groups if group["params"]] == [0.01]


def test_the_reference_is_the_base_without_the_adapter(run, tiny_config, config, tmp_path):
    """The policy starts as the base and then moves away. The records of the first step are those of training full
    weights, except for the gradient."""
    rows, full = run.rows("metrics"), obtain(tiny_config.changed(steps=1), tmp_path).rows("metrics")[0]
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-6) and rows[-1]["kl"] > 1e-4
    for name in ("outcome", "entropy", "policy_loss", "response_length"):
        assert rows[0][name] == pytest.approx(full[name], abs=1e-5), name
    assert rows[0]["grad_norm"] != full["grad_norm"] and rows[0]["grad_norm"] > 0


@pytest.mark.slow
def test_trls_own_forward_pass_trains_the_same_adapter(config, tmp_path):
    """Without shared prompts TRL computes logits itself."""
    shared, plain = (obtain(config.changed(steps=2, keep_every=0, share_prompts=share), tmp_path)
                     for share in (True, False))
    for row, other in zip(shared.rows("metrics"), plain.rows("metrics"), strict=True):
        assert row == pytest.approx(other, rel=1e-3, abs=1e-5)


@pytest.mark.slow
def test_a_gradient_reaches_the_adapter_through_activation_checkpoints(config, tmp_path, monkeypatch):
    """As on a GPU. The first layer's input needs no gradient, so reentrant checkpointing would give none at all."""
    from rlvr_utils.training import setup

    config = config.changed(steps=2, keep_every=0, share_prompts=False)
    plain = obtain(config, tmp_path / "plain")
    original = setup.GRPOConfig
    monkeypatch.setattr(setup, "GRPOConfig", lambda **words: original(**{**words, "activation_checkpointing": True}))
    kept = obtain(config, tmp_path / "kept")
    for row, other in zip(plain.rows("metrics"), kept.rows("metrics"), strict=True):
        assert row == pytest.approx(other, rel=1e-4, abs=1e-6)


# ---- what is kept -----------------------------------------------------------------------------------------------

def test_kept_and_final_policies_are_the_base_with_the_adapter_merged(run, config, model, tmp_path):
    obtain(config, tmp_path, stop_after=2)
    partial = partial_folder(config, tmp_path)
    ids = torch.arange(12)[None]
    with torch.no_grad():
        base = model(ids).logits
        adapted = PeftModel.from_pretrained(model, latest_complete_checkpoint(partial))(ids).logits
        for folder in (partial / "policies" / "step-00002", run.folder / "policies" / "step-00002"):
            kept = load_policy(str(folder))[0](ids).logits
            assert torch.allclose(kept, adapted, atol=1e-4) and not torch.allclose(kept, base, atol=1e-2)
    last, final = (load_policy(str(folder))[0].state_dict()
                   for folder in (run.folder / "policies" / "step-00004", run.folder / "weights"))
    assert all(torch.equal(last[name], final[name]) for name in last)
    files = {path.name for path in run.folder.rglob("*")}
    assert not [name for name in files if "adapter" in name or name.endswith((".raw", ".bin"))]


def test_what_was_evaluated_in_training_is_what_was_kept(run, tmp_path):
    """The recorder evaluates the adapter beside the weights, `evaluate` the merged ones."""
    from rlvr_utils.evaluation.kept_policies import evaluate_run
    from rlvr_utils.records.run import Run

    again = Run(shutil.copytree(run.folder, tmp_path / run.folder.name), run.config.changed(eval_batch=200))
    evaluate_run(again, [2])
    greedy = [row for row in (*run.evaluations("six"), *again.evaluations("six")) if row["step"] == 2]
    assert len(greedy) == 2 and greedy[0]["accuracy"] == greedy[1]["accuracy"] and (
        greedy[0]["length"] == greedy[1]["length"])


def test_an_export_needs_no_peft(run, tmp_path):
    export(run, tmp_path / "out")
    exported, final = (load_file(folder / "model.safetensors") for folder in (tmp_path / "out", run.folder / "weights"))
    assert exported.keys() == final.keys()
    assert all(torch.equal(exported[name], final[name].bfloat16()) for name in final)
    assert not list((tmp_path / "out").glob("adapter*"))


# ---- stopped and gone on ----------------------------------------------------------------------------------------

@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_bits(run, config, tmp_path):
    obtain(config, tmp_path, stop_after=2)
    again = obtain(config, tmp_path)
    assert again.provenance["resumed_from"] == 2
    assert again.provenance["weights_sha256"] == run.provenance["weights_sha256"]
    for name in {*JSON_LINES} - {"timings.jsonl"}:
        assert (again.folder / name).read_bytes() == (run.folder / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("death", ["after the row of step 3", "with a checkpoint half written",
                                   "before the weights are saved", "before the provenance"])
def test_a_killed_run_ends_with_the_same_bits(run, config, forks, tmp_path, death):
    import json
    import signal

    from rlvr_utils.recipe.config import to_fields

    request = tmp_path / "config.json"
    request.write_text(json.dumps(to_fields(config)))
    ended = forks.run("train", "--config", request, "--results", tmp_path / "results", accident=death)
    assert ended.status == -signal.SIGKILL, ended.err
    again = obtain(config, tmp_path / "results")
    assert again.provenance["weights_sha256"] == run.provenance["weights_sha256"]
    assert {path.name for path in again.folder.iterdir()} == {path.name for path in run.folder.iterdir()}


@pytest.mark.slow
def test_one_process_of_torchrun_trains_the_same_adapter(run, config, forks, tmp_path):
    """Its model has two wrappers: data parallelism's and peft's."""
    import json

    from rlvr_utils.recipe.config import to_fields

    request = tmp_path / "config.json"
    request.write_text(json.dumps(to_fields(config)))
    ended = forks.run("train", "--config", request, "--results", tmp_path / "results", accident="started by torchrun")
    assert ended.status == 0, ended.err
    assert find(config, tmp_path / "results").provenance["weights_sha256"] == run.provenance["weights_sha256"]


@pytest.mark.parametrize("variable", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_an_adapter_is_not_sharded(config, monkeypatch, variable):
    monkeypatch.setenv(variable, "true")
    assert "lora_rank" in line_of(prepare, config.changed(engine="vllm"), None)


def test_keeping_policies_changes_no_training(run, config, tmp_path):
    """To load an adapter for merging, peft initialises one, which draws random numbers."""
    other = obtain(config.changed(keep_every=0), tmp_path)
    assert other.provenance["weights_sha256"] == run.provenance["weights_sha256"]


def test_a_checkpoint_of_another_adapter_is_refused(config, model, tmp_path):
    obtain(config, tmp_path, stop_after=2)
    checkpoint = latest_complete_checkpoint(partial_folder(config, tmp_path))
    check_checkpoint(checkpoint, model, adapter_shapes(model, config))
    for wrong in (config.changed(lora_rank=2), config.changed(lora_targets=("q_proj",))):
        assert "weights of another model" in line_of(
            check_checkpoint, checkpoint, model, adapter_shapes(model, wrong))


def test_the_base_has_its_own_bits_after_every_merge(config, model):
    """TRL merges the adapter in place to send the weights to vLLM, and unmerges it afterwards."""
    from peft import get_peft_model

    model = model.to(torch.bfloat16)
    wrapped = get_peft_model(model, adapter_settings(model, config))
    with torch.no_grad():
        for name, part in wrapped.named_parameters():
            if "lora_B" in name:
                part.normal_()
    weight = without_wrapper(wrapped).model.layers[0].mlp.up_proj.base_layer.weight
    before = weight.clone()

    def merged_and_back():
        wrapped.merge_adapter()
        assert not torch.equal(weight, before)
        wrapped.unmerge_adapter()

    with base_restored(wrapped):
        merged_and_back()
    assert torch.equal(weight, before)
    merged_and_back()
    assert not torch.equal(weight, before)  # why it has to be restored


# ---- names ------------------------------------------------------------------------------------------------------

def test_a_rank_names_another_run_and_none_leaves_the_name(tiny_config, config, run):
    from rlvr_utils.recipe.identity import training_fields
    from rlvr_utils.records.run import run_name

    assert not [name for name in training_fields(tiny_config) if name.startswith("lora")]
    assert len({run_name(one) for one in (tiny_config, tiny_config.changed(lora_rank=2),
                                          tiny_config.changed(lora_rank=2, lora_alpha=1.0),
                                          tiny_config.changed(lora_rank=2, lora_targets=("q_proj",)))}) == 4
    assert find(config, run.folder.parents[1]).folder == run.folder


@pytest.mark.parametrize("fields", [{"lora_alpha": 4.0}, {"lora_targets": ("q_proj",)}])
def test_settings_of_an_adapter_without_a_rank_are_refused(tiny_config, fields):
    name, = fields
    assert f"field '{name}'" in line_of(lambda: tiny_config.changed(**fields))
