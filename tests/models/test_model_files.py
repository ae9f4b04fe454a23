"""The files of a model and of a checkpoint: each that is damaged, foreign or a pickle is one line."""
from __future__ import annotations

import json
import logging
import os
import pickle
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from conftest import line_of, tiny_qwen2
from safetensors.torch import load_file, save_file

from rlvr_utils.errors import UserError
from rlvr_utils.models.files import check_checkpoint
from rlvr_utils.models.loading import load_policy
from rlvr_utils.records.run import find, partial_folder
from rlvr_utils.runs.obtain import obtain

opened: list[str] = []
# Hooks stay for the life of the process, so this one only remembers.
sys.addaudithook(lambda event, words: opened.append(str(words[0])) if event == "open" else None)


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A copy of the tiny model's folder that a test may damage."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


class Planted:
    """Unpickling this leaves a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_weights_that_are_cut_short_are_named(folder, keep):
    cut(folder / "model.safetensors", keep)
    line = line_of(load_policy, str(folder))
    assert line.startswith(f"{folder / 'model.safetensors'}: ")


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json"])
def test_damaged_settings_are_named(folder, name):
    for content in ('{"a": ', "[1]", "", "[" * 100_000, '{"a": 1, "a": 2}', '{"a": ' + "9" * 5000 + "}"):
        (folder / name).write_text(content)
        assert line_of(load_policy, str(folder)).startswith(f"{folder / name}: ")


def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    (folder / "tokenizer.json").unlink()
    os.mkfifo(folder / "tokenizer.json")
    assert "no tokenizer.json" in line_of(load_policy, str(folder))
    os.mkfifo(folder / "vocab.json")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_text("")
    assert line_of(load_policy, str(folder)).startswith(f"{folder / 'vocab.json'}: ")


@pytest.mark.parametrize("place", ["pytorch_model.bin", "../other/model.safetensors", "/tmp/model.safetensors",
                                   "sub/model.safetensors", "..", 3, None])
def test_an_index_leads_nowhere_but_to_safetensors_beside_it(folder, place):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": {"model.norm.weight": place}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    line = line_of(load_policy, str(folder))
    assert line.startswith(f"{folder / 'model.safetensors.index.json'}: 'model.norm.weight' is ")
    assert line.endswith("give the name of a .safetensors file beside it")


@pytest.mark.parametrize("places", [{}, {"weight_map": ["model.safetensors"]}])
def test_an_index_without_a_map_is_named(folder, places):
    (folder / "model.safetensors.index.json").write_text(json.dumps(places))
    assert "model.safetensors.index.json: 'weight_map' is " in line_of(load_policy, str(folder))


PICKLES = ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth", "x.pkl")


@pytest.mark.parametrize("weights", [True, False])
def test_no_pickle_in_a_model_folder_is_ever_opened(folder, tmp_path, weights):
    for name in PICKLES:
        (folder / name).write_bytes(pickle.dumps(Planted(tmp_path / "ran")))
    opened.clear()
    if weights:
        load_policy(str(folder))
        assert any(name.endswith("tokenizer.json") for name in opened)  # the watch works
    else:
        (folder / "model.safetensors").unlink()
        assert "pickled weights are refused" in line_of(load_policy, str(folder))
    assert not any(name.endswith(PICKLES) for name in opened) and not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("fields", "message"), [
    ({"hidden_size": 64}, "such as .* with shape"), ({"vocab_size": 2**31 - 1}, "with shape .* .2147483647"),
    ({"num_hidden_layers": 1, "layer_types": None}, "config.json, such as model.layers.1"),
    ({"model_type": "llama"}, "config.json, such as"), ({"model_type": "t5"}, "Unrecognized configuration"),
    ({"hidden_size": "large"}, "hidden_size"), ({"num_attention_heads": 0}, "ZeroDivisionError")])
def test_settings_of_another_model_are_one_line_and_no_table(folder, fields, message):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    said, library = [], logging.getLogger("transformers")
    handler = logging.Handler()
    handler.emit = said.append
    library.addHandler(handler)
    assert re.search(message, line_of(load_policy, str(folder)))
    library.removeHandler(handler)
    assert said == []


def test_a_tokenizer_of_another_model_is_refused_before_it_is_used(folder):
    settings = json.loads((folder / "tokenizer.json").read_text())
    settings["added_tokens"].append({**settings["added_tokens"][0], "id": 5000, "content": "<|other|>"})
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    assert f"{folder}': its tokenizer has token ids up to " in line_of(load_policy, str(folder))


@pytest.mark.parametrize("end", ["x", [1, "x"], 1.5])
def test_an_end_that_is_no_token_is_named(folder, end):
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))
    assert "eos_token_id in its generation_config.json is " in line_of(load_policy, str(folder))


# ---- checkpoints -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def config(tiny_config):
    return tiny_config.changed(save_every=1, eval_every=0)


@pytest.fixture(scope="module")
def stopped(config, tmp_path_factory):
    """Results in which a run of three steps was stopped after its second."""
    results = tmp_path_factory.mktemp("stopped")
    assert obtain(config, results, stop_after=2) is None
    return results


@pytest.fixture
def results(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "results")


def test_a_run_stops_only_before_its_end_and_never_goes_back(config, results):
    assert obtain(config, results, stop_after=2) is None
    assert not find(config, results)
    with pytest.raises(UserError, match="--stop-after 1: this run has reached step 2"):
        obtain(config, results, stop_after=1)
    with pytest.raises(UserError, match="--stop-after 3: this run has 3 steps"):
        obtain(config, results, stop_after=3)


@pytest.fixture
def checkpoint(results, config):
    return partial_folder(config, results) / "checkpoints" / "checkpoint-2"


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_policy(str(tiny_model))[0]


def test_a_checkpoint_of_the_run_passes(checkpoint, model):
    check_checkpoint(checkpoint, model, {})
    check_checkpoint(checkpoint.with_name("checkpoint-1"), model, {})


def rewritten(change):
    """A damage that changes the tensors of the weights."""
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return damage


def another_model(folder: Path) -> None:
    tiny_qwen2(600, 0).save_pretrained(folder)


def another_optimizer(folder: Path) -> None:
    state = torch.load(folder / "optimizer.pt", weights_only=True)
    state["state"][0]["exp_avg"] = torch.zeros(3)
    torch.save(state, folder / "optimizer.pt")


def hostile_optimizer(folder: Path) -> None:
    torch.save(Planted(folder / "ran"), folder / "optimizer.pt")


DAMAGES = {
    "weights cut short": (lambda folder: cut(folder / "model.safetensors", 5000), "model.safetensors: "),
    "weights of another model": (another_model, "checkpoint-2: weights of another model, such as "),
    "a tensor too few": (rewritten(lambda tensors: tensors.pop("model.norm.weight")), "such as model.norm.weight"),
    "a tensor too many": (rewritten(lambda tensors: tensors.update(x=torch.zeros(2))), "such as x with shape"),
    "an optimizer cut short": (lambda folder: cut(folder / "optimizer.pt", 9000), "optimizer.pt: cannot be read"),
    "an optimizer of another model": (another_optimizer, "optimizer.pt: belongs to another model"),
    "an optimizer that runs code": (hostile_optimizer, "optimizer.pt: cannot be read"),
    "no optimizer": (lambda folder: (folder / "optimizer.pt").unlink(), "has no optimizer.pt"),
    "no schedule": (lambda folder: (folder / "scheduler.pt").unlink(), "has no scheduler.pt"),
    "a damaged schedule": (lambda folder: (folder / "scheduler.pt").write_bytes(b"x"), "scheduler.pt: cannot be read"),
    "damaged random states": (lambda folder: cut(folder / "rng_state.pth", 100), "rng_state.pth: cannot be read"),
    "no state": (lambda folder: (folder / "trainer_state.json").unlink(), "trainer_state.json: "),
    "a damaged state": (lambda folder: (folder / "trainer_state.json").write_text("{"), "trainer_state.json: "),
    "the state of another step": (lambda folder: (folder / "trainer_state.json").write_text('{"global_step": 1}'),
                                  "trainer_state.json: "),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_one_line_with_the_remedy(checkpoint, model, name):
    damage, message = DAMAGES[name]
    damage(checkpoint)
    line = line_of(check_checkpoint, checkpoint, model, {})
    assert message in line and str(checkpoint) in line and "delete checkpoint-2" in line
    assert not (checkpoint / "ran").exists()


def test_what_is_cut_into_pieces_is_left_to_the_trainer(checkpoint, model):
    for name in ("optimizer.pt", "scheduler.pt"):
        (checkpoint / name).unlink()
    (checkpoint / "global_step2").mkdir()  # DeepSpeed's
    check_checkpoint(checkpoint, model, {})
    (checkpoint / "global_step2").rmdir()
    (checkpoint / "model.safetensors").unlink()
    (checkpoint / "pytorch_model_fsdp_0").mkdir()
    check_checkpoint(checkpoint, model, {})


def test_without_the_damaged_checkpoint_the_run_goes_on_from_the_earlier_one(config, results, checkpoint):
    another_model(checkpoint)
    assert str(checkpoint) in line_of(obtain, config, results)
    shutil.rmtree(checkpoint)
    run = obtain(config, results)
    assert run.provenance["resumed_from"] == 1 and [row["step"] for row in run.rows("metrics")] == [1, 2, 3]
