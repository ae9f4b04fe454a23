"""Policies from folders and GGUF files, and one line for each that cannot be loaded."""
import json
import os
import shutil
import subprocess
import sys

import pytest
import torch

from rlvr_utils.errors import UserError
from rlvr_utils.models.loading import convert_gguf, copy_policy, load_policy

SENTENCE = "  two  spaces\n\n12 apples, \\boxed{\\frac{1}{2}} π\n"


@pytest.fixture
def folder(tiny_model, tmp_path):
    """A copy of the tiny model's folder that a test may damage."""
    return shutil.copytree(tiny_model, tmp_path / "model")


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([[5, 6, 7, 8]])).logits


def test_a_folder_loads_ready_for_evaluation_without_network(tiny_model, no_network):
    model, tokenizer = load_policy(str(tiny_model), "bfloat16")
    assert not model.training and model.dtype == torch.bfloat16
    assert tokenizer.pad_token is not None
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id


def test_the_tokenizer_keeps_every_byte_and_single_digits(tiny_model):
    _, tokenizer = load_policy(str(tiny_model))
    ids = tokenizer(SENTENCE, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == SENTENCE
    assert tokenizer.tokenize("2719") == ["2", "7", "1", "9"]


def test_a_missing_pad_token_becomes_the_end_token(folder, monkeypatch):
    from transformers import AutoTokenizer

    # Qwen2's own tokenizer class has a pad token by default, a Llama folder's need not.
    bare = AutoTokenizer.from_pretrained(folder)
    bare.pad_token = None
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *_, **__: bare)
    _, tokenizer = load_policy(str(folder))
    assert tokenizer.pad_token == tokenizer.eos_token == "<|endoftext|>"


@pytest.mark.parametrize(
    "source", ["./gone", "/gone/model", "~/gone", "models/of/mine", "gone.gguf"])
def test_a_missing_local_model_is_an_error_without_a_network_request(no_network, source):
    with pytest.raises(UserError, match="does not exist"):
        load_policy(source)


@pytest.mark.parametrize(("switch", "named"), [("1", "HF_HUB_OFFLINE"), ("0", "network")])
def test_a_hub_id_that_cannot_be_had_is_one_line_naming_the_switch_that_is_set(monkeypatch, switch, named):
    monkeypatch.setenv("HF_HUB_OFFLINE", switch)  # the library has read its own value long before
    with pytest.raises(UserError, match="nobody/nothing-here") as caught:
        load_policy("nobody/nothing-here")
    assert "\n" not in str(caught.value) and named in str(caught.value)


def without_end(folder, *, tokenizer: bool) -> None:
    """Take the end token out of the model's settings, and out of the tokenizer's too."""
    for name in ("config.json", "generation_config.json", *["tokenizer_config.json"] * tokenizer):
        fields = json.loads((folder / name).read_text())
        fields = {key: value for key, value in fields.items() if key not in ("eos_token_id", "eos_token")}
        (folder / name).write_text(json.dumps(fields))


def test_the_tokenizers_end_token_stands_in_for_one_that_the_settings_lack(folder):
    without_end(folder, tokenizer=False)
    model, tokenizer = load_policy(str(folder))
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id is not None


def test_a_model_without_any_end_token_is_refused(folder, monkeypatch):
    from transformers import AutoTokenizer

    without_end(folder, tokenizer=True)
    bare = AutoTokenizer.from_pretrained(folder)
    bare.eos_token = None  # Qwen2's class has one by default
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda *_, **__: bare)
    with pytest.raises(UserError, match="eos_token_id"):
        load_policy(str(folder))


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_weights_have_the_permissions_that_the_umask_says(tiny_model, tmp_path, umask):
    before = os.umask(umask)
    try:
        copy_policy(tiny_model, tmp_path / "copy", "float32")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "copy").iterdir()} == {0o666 & ~umask}


@pytest.mark.parametrize(("lost", "message"), [
    ("config.json", "no config.json"), ("model.safetensors", "no .safetensors"),
    ("tokenizer.json", "no tokenizer.json")])
def test_an_incomplete_folder_is_an_error_that_names_the_gap(folder, lost, message):
    (folder / lost).unlink()
    with pytest.raises(UserError, match=message):
        load_policy(str(folder))


def test_pickled_weights_are_refused_and_never_opened(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickled weights are refused"):
        load_policy(str(folder))


def test_an_unknown_kind_of_model_is_one_line(folder):
    (folder / "config.json").write_text('{"model_type": "no_such_model"}')
    with pytest.raises(UserError, match="could not be loaded") as caught:
        load_policy(str(folder))
    assert "\n" not in str(caught.value)


def test_weights_of_another_model_are_refused_and_not_filled_up(folder):
    """The library would only warn, and put random numbers where a tensor is missing."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    lost = tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="config.json, such as model.layers.1"):
        load_policy(str(folder))
    save_file({**tensors, "model.layers.1.mlp.up_proj.weight": lost, "model.layers.9.mlp.up_proj.weight": lost + 1},
              folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="config.json, such as model.layers.9"):
        load_policy(str(folder))


def test_a_missing_shard_is_one_line(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    weights = {"lm_head.weight": "model-00002-of-00002.safetensors", "x": "model-00001-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    with pytest.raises(UserError, match="could not be loaded") as caught:
        load_policy(str(folder))
    assert "\n" not in str(caught.value)


def test_code_that_comes_with_a_model_is_refused(folder, tmp_path, monkeypatch):
    modules, ran = tmp_path / "modules", tmp_path / "ran"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(modules))
    config = json.loads((folder / "config.json").read_text())
    classes = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    config.update(model_type="own", auto_map=classes)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(
        f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n")
    with pytest.raises(UserError, match="could not be loaded"):
        load_policy(str(folder))
    assert not ran.exists()


def test_an_unknown_dtype_is_an_error(tiny_model):
    with pytest.raises(UserError, match="'int8'"):
        load_policy(str(tiny_model), "int8")


def test_gguf_weights_give_the_same_logits_and_can_be_trained(tiny_model, gguf_folder, no_network):
    original, _ = load_policy(str(tiny_model))
    for source in (gguf_folder, gguf_folder / "tiny.gguf"):
        model, tokenizer = load_policy(str(source))
        torch.testing.assert_close(logits(model), logits(original))
        assert getattr(model, "hf_quantizer", None) is None and not model.training
        assert model.generation_config.eos_token_id == tokenizer.eos_token_id
        assert tokenizer.chat_template


def test_smollm_splits_digits_before_white_space(gguf_folder):
    _, tokenizer = load_policy(str(gguf_folder))
    splits = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str("so\n\n27 apples")
    assert [piece for piece, _ in splits] == ["so", "ĊĊ", "2", "7", "Ġapples"]


def test_several_gguf_files_must_be_told_apart(gguf_folder, tmp_path):
    for name in ("a.gguf", "b.gguf"):
        shutil.copy(gguf_folder / "tiny.gguf", tmp_path / name)
    with pytest.raises(UserError, match=r"2 GGUF files \(a.gguf, b.gguf\)"):
        load_policy(str(tmp_path))


def test_conversion_writes_a_folder_that_loads_to_the_same_policy(gguf_folder, tmp_path):
    convert_gguf(gguf_folder, tmp_path / "converted")
    read, converted = load_policy(str(gguf_folder)), load_policy(str(tmp_path / "converted"))
    torch.testing.assert_close(logits(read[0]), logits(converted[0]))
    assert converted[1](SENTENCE)["input_ids"] == read[1](SENTENCE)["input_ids"]
    assert converted[1].chat_template == read[1].chat_template
    assert converted[0].generation_config.eos_token_id == read[0].generation_config.eos_token_id
    with pytest.raises(UserError, match="not an empty folder"):
        convert_gguf(gguf_folder, tmp_path / "converted")


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    done = subprocess.run([sys.executable, "-m", "rlvr_utils.models", tmp_path, tmp_path / "new"],
                          capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("rlvr_utils: ") and "no .gguf file" in done.stderr
    assert len(done.stderr.splitlines()) == 1
