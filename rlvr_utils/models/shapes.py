"""Architectures: the shape of a model before its weights are there.

`architectures.yaml` holds the facts of the models in the paper; a local folder speaks for itself.
"""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.data.files import expanded
from rlvr_utils.errors import UserError, reason
from rlvr_utils.models.adapters import adapter_shapes
from rlvr_utils.models.loading import looks_like_path
from rlvr_utils.recipe.config import RunConfig

FILE = Path(__file__).with_suffix(".yaml")


class UnknownShape(UserError):
    """The shape of a model that may well be loaded, but is not known before: a hub id, or a GGUF file."""


def known() -> dict[str, dict]:
    """The facts of every known hub id: `parameters`, `config` and `generation`."""
    import yaml

    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def model_config(source: str):
    """The transformers configuration (`PretrainedConfig`) of a Hugging Face folder, a known hub id, or one
    that has been downloaded before.

    Nothing is downloaded and no remote code is run. Raises `UnknownShape` for a GGUF file or folder and
    for any other hub id, `UserError` for a folder without a readable config.json.
    """
    from transformers import AutoConfig

    path, entries = expanded(source), known()
    if not path.exists() and source in entries:
        fields = dict(entries[source]["config"])
        return AutoConfig.for_model(fields.pop("model_type"), **fields)
    if path.suffix == ".gguf" or (path.is_dir() and not (path / "config.json").exists() and any(path.glob("*.gguf"))):
        raise UnknownShape(f"model {source!r} is a GGUF source, whose shape is not read here; convert it: "
                        f"python -m rlvr_utils.models {source} FOLDER")
    if not (path / "config.json").is_file():
        what = "has no config.json" if path.exists() else "is neither a folder here nor a known hub id"
        remedy = f"give a Hugging Face folder or one of: {', '.join(entries)}"
        if path.exists() or looks_like_path(source):
            raise UserError(f"model {source!r} {what}; {remedy}")
        try:
            return AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
        except Exception:  # the library raises many types; it is not among the downloaded files
            raise UnknownShape(f"model {source!r} {what}; {remedy}") from None
    try:
        return AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{path / 'config.json'} cannot be read ({reason(error)}); save the model again") from error


def parameter_count(config) -> int:
    """Parameters of the causal language model of this configuration, a tied matrix counted once.

    The model is built without memory, on torch's meta device. Raises `UserError` where the
    configuration belongs to no causal language model, or to none that can be.
    """
    return sum(parameter.numel() for parameter in _without_memory(config).parameters())


def adapter_size(config, run: RunConfig) -> int:
    """Numbers of the run's adapter beside a model of this configuration; 0 where the weights are trained. Raises
    as `parameter_count`, and for a target that the model lacks."""
    if not run.lora_rank:
        return 0
    return sum(rows * columns for rows, columns in adapter_shapes(_without_memory(config), run).values())


def _without_memory(config):
    """The model of this configuration, on torch's meta device."""
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # sizes that cannot be raise many types
        raise UserError(f"model type {config.model_type!r} is no causal language model ({reason(error)}); "
                        "give the folder of one") from error
