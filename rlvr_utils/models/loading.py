"""Policies: a causal language model and its tokenizer from a folder, a GGUF file or the hub."""
from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

from rlvr_utils.data.files import expanded, offline
from rlvr_utils.errors import UserError, reason, shown
from rlvr_utils.models.files import check_folder, stored_shapes
from rlvr_utils.models.gguf import gguf_file, gguf_tokenizer, read_gguf
from rlvr_utils.processes import launched_layout
from rlvr_utils.recipe.config import DTYPES


def load_policy(source: str, dtype: str = "float32", device: str | None = None):
    """(model, tokenizer) in evaluation mode on `device`, by default the GPU if there is one.

    `source` is a Hugging Face folder, a .gguf file, a folder with exactly one .gguf file, or a hub id. A
    source that exists, begins with `.`, `/` or `~`, ends in .gguf or has several slashes is local and never
    causes a network request. GGUF weights are dequantized; to train them with a KL term, convert them first,
    since the reference model is read from a folder. Raises `UserError` for a folder that is missing,
    incomplete or damaged, for one without safetensors (pickled weights are refused), for weights or a tokenizer
    of another model, for a hub id that cannot be downloaded, for a model that is not causal, and for one without
    an end-of-text token.
    """
    import torch

    if dtype not in DTYPES:
        raise UserError(f"dtype {dtype!r} does not exist; choose one of: {', '.join(DTYPES)}")
    with _reading(source) as (place, gguf, local):
        if gguf is not None:
            model, tokenizer = read_gguf(gguf, getattr(torch, dtype))
        else:
            model, tokenizer = _read(place, getattr(torch, dtype), local)
    _check_tokens(source, model, tokenizer)
    _set_special_tokens(source, model.generation_config, tokenizer)
    model = model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval()
    if launched_layout() == "replicated":  # otherwise this process may hold only part of the weights
        check_causal(model, source)
    return model, tokenizer


def load_tokenizer(source: str):
    """(tokenizer, generation settings) of a model, as `load_policy` completes them, without reading its weights.
    Raises `UserError` as `load_policy` does."""
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    with _reading(source) as (place, gguf, local):
        options = {"local_files_only": local, "trust_remote_code": False}
        if gguf is not None:
            tokenizer, settings = gguf_tokenizer(gguf)
        else:
            tokenizer = AutoTokenizer.from_pretrained(place, **options)
            try:
                settings = GenerationConfig.from_pretrained(place, local_files_only=local)
            except OSError:  # without generation_config.json, these settings are in config.json
                settings = GenerationConfig.from_model_config(AutoConfig.from_pretrained(place, **options))
    _set_special_tokens(source, settings, tokenizer)
    return tokenizer, settings


@contextmanager
def _reading(source: str):
    """Silence the libraries in the block that reads a model, and turn their errors into one line. Yields what to read,
    the GGUF file or None, and whether the model is local."""
    path = expanded(source)
    local = path.exists() or looks_like_path(source)
    gguf = gguf_file(path) if local else None
    if local and gguf is None:
        check_folder(path)
    try:
        with _silence():
            yield str(path) if local else source, gguf, local
    except Exception as error:  # the libraries raise many types; the user needs one line
        remedy = "save it again" if local else _hub_remedy()
        raise UserError(f"model {source!r} could not be loaded ({reason(error)}); {remedy}") from error


def check_causal(model, source: str) -> None:
    """Raise `UserError` unless a forward pass works, no logits depend on later tokens (as an encoder's do), and a
    model with an unusual cache generates what its full forward pass predicts. Computes a few tokens; dropout
    must be off."""
    import torch

    from rlvr_utils.sampling.cache import has_plain_cache

    ids = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 0]], device=model.device)  # equal except for the last token
    kind = f"model {source!r} of type {model.config.model_type!r}"
    try:
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
        differences = (logits[0] - logits[1]).abs().amax(-1)
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{kind} cannot compute four tokens here ({reason(error)}); give another model") from error
    if differences[:3].max() > torch.finfo(model.dtype).eps ** 0.5 * differences[3]:
        raise UserError(f"{kind} attends to later tokens, so it cannot generate text token by token; give a causal "
                        "language model")
    if not has_plain_cache(model) and not _generates_as_forward(model):
        raise UserError(f"{kind} generates other tokens with its cache than its forward pass predicts, which is an "
                        "error in its code; give another model")


def _generates_as_forward(model) -> bool:
    """Does greedy generation with the cache choose the likeliest tokens of a full forward pass, up to rounding?"""
    import torch

    from rlvr_utils.sampling.rollouts import sample

    prompts = [[0, 1, 2, 3], [3, 2, 1, 0]]
    for prompt, written in zip(prompts, sample(model, prompts, 4, 0.0, {model.get_input_embeddings().num_embeddings})):
        with torch.no_grad():
            logits = model(torch.tensor([prompt + written], device=model.device)).logits[0, len(prompt) - 1:-1].float()
        lost = logits.amax(-1) - logits.gather(-1, torch.tensor(written, device=model.device)[:, None])[:, 0]
        if (lost > torch.finfo(model.dtype).eps ** 0.5 * (logits.amax(-1) - logits.amin(-1))).any():
            return False
    return True


def _hub_remedy() -> str:
    return f"{offline() or 'check the id and the network'}, or give a folder"


def _set_special_tokens(source: str, settings, tokenizer) -> None:
    """Fill in the end-of-text and padding tokens if the generation settings lack them. Raises `UserError` for an
    end-of-text id that is not a number."""
    ends = settings.eos_token_id
    for end in ends if isinstance(ends, list) else [ends]:
        if end is not None and not isinstance(end, int):
            raise UserError(f"model {source!r}: eos_token_id in its generation_config.json is {shown(end)}; give a "
                            "token id")
    if settings.eos_token_id is None:
        settings.eos_token_id = tokenizer.eos_token_id
    if settings.eos_token_id is None:
        raise UserError(f"model {source!r}: neither generation_config.json nor the tokenizer has an end-of-text token; "
                        "set eos_token_id in generation_config.json")
    if tokenizer.eos_token is None:
        ends = settings.eos_token_id
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ends[0] if isinstance(ends, list) else ends)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    settings.pad_token_id = tokenizer.pad_token_id


def readable_as_umask_says(folder: Path) -> None:
    """Give the weights in a folder a new file's usual permissions: safetensors lets only the owner read them."""
    umask = os.umask(0)
    os.umask(umask)
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o666 & ~umask)


def copy_policy(source: Path, target: Path, dtype: str) -> None:
    """Copy the Hugging Face folder `source` to `target`, with its weights as safetensors of `dtype`.

    Raises `UserError` unless `target` is new or empty, and as `load_policy` does for the source.
    """
    check_target(target)
    model, tokenizer = load_policy(str(source.absolute()), dtype, "cpu")
    model.save_pretrained(target)
    readable_as_umask_says(target)
    tokenizer.save_pretrained(target)


def check_target(target: Path) -> None:
    """Raise `UserError` if an output folder is neither new nor empty."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target}: exists already and is not an empty folder; choose a new folder")


def convert_gguf(source: Path, target: Path) -> None:
    """Convert a GGUF file, or a folder with exactly one, into a float32 Hugging Face folder.

    Raises `UserError` unless there is exactly one file and `target` is new or empty.
    """
    if gguf_file(source) is None:
        raise UserError(f"{source}: no .gguf file there; give one, or the folder that holds it")
    copy_policy(source, target, "float32")


def looks_like_path(source: str) -> bool:
    """Does this look like a path rather than a hub id, whether or not it exists?"""
    path_like = source.startswith((".", "/", "~")) or source.endswith(".gguf")
    return path_like or source.count(os.sep) > 1


@contextmanager
def _silence():
    """Suppress progress bars, which would clutter notebooks and logs, and the library's table of mismatched
    weights, which we report in one line."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _check_tokens(source: str, model, tokenizer) -> None:
    """A tokenizer of another model would fail in the middle of a run."""
    most, rows = max(tokenizer.get_vocab().values(), default=0), model.get_input_embeddings().num_embeddings
    if most >= rows:
        raise UserError(f"model {source!r}: its tokenizer has token ids up to {most}, but its embeddings have only "
                        f"{rows} rows; save this model's own tokenizer with it")


def _read(source: str, dtype, local: bool):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Explicitly False: otherwise the library asks on the terminal and waits for an answer.
    options = {"local_files_only": local, "trust_remote_code": False}
    if local:
        _check_shapes(Path(source))
    tokenizer = AutoTokenizer.from_pretrained(source, **options)
    model, report = AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, use_safetensors=True, output_loading_info=True, **options)
    wrong = sorted(map(str, {*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]}))
    if wrong:  # the library would only warn, and initialise them randomly
        raise ValueError(f"{len(wrong)} weights do not match its config.json, such as {wrong[0]}")
    return model, tokenizer


def _check_shapes(folder: Path) -> None:
    """Compare the stored shapes with those in config.json before any memory is allocated, so that a mismatch costs
    nothing, however large the model. Names are left to the library, which knows former ones."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if hasattr(config, "quantization_config"):  # stored in packed form
        return
    with torch.device("meta"):
        wanted = AutoModelForCausalLM.from_config(config, trust_remote_code=False).state_dict()
    for name, shape in stored_shapes(folder, "save the model again").items():
        if name in wanted and tuple(wanted[name].shape) != shape:
            raise ValueError(f"weights do not match its config.json, such as {name} with shape {shape} instead of "
                             f"{tuple(wanted[name].shape)}")
