"""The shape of a model, known before its weights are there.

`shapes.yaml` holds the configurations of the paper's models; a local folder brings its own.
"""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.data.files import expanded, offline
from rlvr_utils.errors import UserError, reason
from rlvr_utils.models.adapters import adapter_shapes
from rlvr_utils.models.loading import looks_like_path
from rlvr_utils.recipe.config import RunConfig

FILE = Path(__file__).with_suffix(".yaml")


class UnknownShape(UserError):
    """A model that may well be loadable, but whose shape is not known in advance: a hub id, or a GGUF file."""


def known() -> dict[str, dict]:
    """The configuration of every known hub id, as the fields of its config.json."""
    import yaml

    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def model_config(source: str):
    """The transformers configuration (`PretrainedConfig`) of a Hugging Face folder, or of a hub id that is listed in
    `shapes.yaml` or has been downloaded before.

    Nothing is downloaded and no remote code is run. Raises `UnknownShape` for a GGUF file or folder and for any
    other hub id, `UserError` for a folder without a readable config.json.
    """
    from transformers import AutoConfig

    path, entries = expanded(source), known()
    if not path.exists() and source in entries:
        fields = entries[source]
        return AutoConfig.for_model(fields.pop("model_type"), **fields)
    if path.suffix == ".gguf" or (path.is_dir() and not (path / "config.json").exists() and any(path.glob("*.gguf"))):
        raise UnknownShape(f"model {source!r} is a GGUF source, whose shape is not read in advance; convert it: "
                           f"python -m rlvr_utils.models {source} FOLDER")
    if not (path / "config.json").is_file():
        what = "has no config.json" if path.exists() else "is neither a folder here nor a known hub id"
        ids = [name for name in entries if not name.startswith("models/")]  # the other is a folder that is not here
        remedy = f"give a Hugging Face folder or one of: {', '.join(ids)}"
        if path.exists() or looks_like_path(source):
            raise UserError(f"model {source!r} {what}; {remedy}")
        try:
            return AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False)
        except Exception:  # the library raises many types; the model has not been downloaded
            what += f" ({offline()})" if offline() else ""
            raise UnknownShape(f"model {source!r} {what}; {remedy}") from None
    try:
        return AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{path / 'config.json'} cannot be read ({reason(error)}); save the model again") from error


def parameter_count(config) -> int:
    """The number of parameters of this configuration's causal language model, counting a tied matrix once.

    The model is built on torch's meta device, without allocating memory. Raises `UserError` if the
    configuration is invalid or not that of a causal language model.
    """
    return sum(parameter.numel() for parameter in _meta_model(config).parameters())


def adapter_size(config, run: RunConfig) -> int:
    """The number of parameters of the run's adapter for a model of this configuration; 0 without an adapter. Raises
    `UserError` as `parameter_count` does, and for a target that the model lacks."""
    if not run.lora_rank:
        return 0
    return sum(rows * columns for rows, columns in adapter_shapes(_meta_model(config), run).values())


def _meta_model(config):
    import torch
    from transformers import AutoModelForCausalLM

    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except Exception as error:  # impossible sizes raise many types
        raise UserError(f"model type {config.model_type!r} is not a causal language model ({reason(error)}); "
                        "give the folder of one") from error
