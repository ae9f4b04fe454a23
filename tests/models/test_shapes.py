"""The shapes of models that are not here: facts, sizes, and one line for what cannot be read."""
from __future__ import annotations

import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.models.shapes import known, model_config, parameter_count
from rlvr_utils.recipe.config import local_path

# Counts of the hub's safetensors files.
PUBLIC = {"Qwen/Qwen2.5-Math-1.5B": 1_543_714_304, "Qwen/Qwen2.5-Math-7B": 7_615_616_512,
          "meta-llama/Llama-3.2-3B-Instruct": 3_212_749_824, "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B": 1_777_088_000,
          "Qwen/Qwen2.5-1.5B": 1_543_714_304, "Qwen/Qwen2.5-Math-1.5B-Instruct": 1_543_714_304,
          "models/SmolLM2-135M-Instruct": 134_515_008}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_known_model_has_its_public_size(name):
    assert parameter_count(model_config(name)) == PUBLIC[name]


def test_every_known_model_is_counted_above():
    assert set(known()) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_known_models_ids_and_positions_are_taken_over(name):
    config = model_config(name)
    for field, value in known()[name].items():
        assert getattr(config, field) == value, field
    ends = config.eos_token_id
    for end in [*(ends if isinstance(ends, list) else [ends]), config.bos_token_id]:
        assert 0 <= end < config.vocab_size


def test_rotary_positions_reach_the_model():
    import torch
    from transformers import AutoModelForCausalLM

    def frequencies(name):
        config = model_config(name)
        config.num_hidden_layers, config.hidden_size, config.intermediate_size, config.vocab_size = 1, 256, 8, 8
        config.num_attention_heads, config.num_key_value_heads, config.head_dim = 2, 2, 128
        return AutoModelForCausalLM.from_config(config).model.rotary_emb.inv_freq

    plain = lambda theta: theta ** (-torch.arange(0, 128, 2) / 128)  # noqa: E731
    for name, theta in {"Qwen/Qwen2.5-Math-1.5B": 1e4, "Qwen/Qwen2.5-1.5B": 1e6}.items():
        assert torch.allclose(frequencies(name), plain(theta))
    llama = frequencies("meta-llama/Llama-3.2-3B-Instruct")
    assert torch.allclose(llama[0], plain(5e5)[0]) and torch.allclose(llama[-1], plain(5e5)[-1] / 32)


def test_a_folder_speaks_for_itself(tiny_model):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    assert parameter_count(model_config(str(tiny_model))) == model.num_parameters()
    assert parameter_count(model_config(local_path("package:pocket/base"))) == 1_116_288


def test_a_tied_matrix_counts_once(tiny_model):
    config = model_config(str(tiny_model))
    tied, matrix = parameter_count(config), config.vocab_size * config.hidden_size
    config.tie_word_embeddings = False
    assert parameter_count(config) == tied + matrix


def spoiled(tmp_path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(("files", "line"), [
    ({}, "has no config.json; give a Hugging Face folder or one of: Qwen/"),
    ({"model.gguf": "x"}, "is a GGUF source.*python -m rlvr_utils.models"),
    ({"config.json": "{"}, "config.json cannot be read .*save the model again"),
    ({"config.json": '{"model_type": "no-such-model"}'}, "config.json cannot be read"),
    # A folder that brings its own code is refused, not run.
    ({"config.json": '{"model_type": "mine", "auto_map": {"AutoConfig": "code.Mine"}}', "code.py": "1 / 0"},
     "config.json cannot be read")])
def test_what_cannot_be_read_is_one_line(tmp_path, files, line):
    with pytest.raises(UserError, match=line) as caught:
        model_config(spoiled(tmp_path, files))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["someone/unknown", "./nowhere", "models/SmolLM2-135M-Instruct-not-here", ""])
def test_an_unknown_model_is_one_line_that_lists_the_known(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="give a Hugging Face folder or one of: .*Qwen/Qwen2.5-Math-7B") as caught:
        model_config(source)
    assert "\n" not in str(caught.value)


def test_a_gguf_file_is_to_be_converted(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_text("x")
    with pytest.raises(UserError, match="convert it: python -m rlvr_utils.models .*model.gguf FOLDER"):
        model_config(str(file))


def test_a_model_that_writes_no_text_has_no_size(tmp_path):
    folder = spoiled(tmp_path, {"config.json": '{"model_type": "vit"}'})
    with pytest.raises(UserError, match="'vit'"):
        parameter_count(model_config(folder))
