"""Architectures: the shape of a model before its weights are there.

`architectures.yaml` holds the facts of the models in the paper; a local folder speaks for itself.
"""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.data.files import expanded
from rlvr_utils.errors import UserError, reason

FILE = Path(__file__).with_suffix(".yaml")


def known() -> dict[str, dict]:
    """The facts of every known hub id: `parameters`, `config` and `generation`."""
    import yaml

    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def model_config(source: str):
    """The transformers configuration (`PretrainedConfig`) of a Hugging Face folder or a known hub id.

    Nothing is downloaded and no remote code is run. Raises `UserError` for a GGUF file or folder,
    a folder without a readable config.json, and an id that `architectures.yaml` does not have.
    """
    from transformers import AutoConfig

    path, entries = expanded(source), known()
    if not path.exists() and source in entries:
        fields = dict(entries[source]["config"])
        return AutoConfig.for_model(fields.pop("model_type"), **fields)
    if path.suffix == ".gguf" or (path.is_dir() and not (path / "config.json").exists() and any(path.glob("*.gguf"))):
        raise UserError(f"model {source!r} is a GGUF source, whose shape is not read here; convert it: "
                        f"python -m rlvr_utils.models {source} FOLDER")
    if not (path / "config.json").is_file():
        what = "has no config.json" if path.exists() else "is neither a folder here nor a known hub id"
        raise UserError(f"model {source!r} {what}; give a Hugging Face folder or one of: {', '.join(entries)}")
    try:
        return AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{path / 'config.json'} cannot be read ({reason(error)}); save the model again") from error


def parameter_count(config) -> int:
    """Parameters of the causal language model of this configuration, a tied matrix counted once.

    The model is built without memory, on torch's meta device. Raises `UserError` where the
    configuration belongs to no causal language model, or to none that can be.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # sizes that cannot be raise many types
        raise UserError(f"model type {config.model_type!r} is no causal language model ({reason(error)}); "
                        "give the folder of one") from error
    return sum(parameter.numel() for parameter in model.parameters())
