"""Checks of a model's or a checkpoint's files before anything is loaded: settings, the names and shapes of
weights, and the state from which training resumes. The only pickles opened are a checkpoint's optimizer,
scheduler and random states."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

from rlvr_utils.data.files import read_json
from rlvr_utils.errors import UserError, reason, shown

TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
INDEX = "model.safetensors.index.json"
SETTINGS = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "vocab.json",
            "special_tokens_map.json", "added_tokens.json", INDEX)


def check_folder(path: Path) -> None:
    """Raise `UserError` if a model folder lacks a file, or for the first damaged file."""
    if not path.is_dir():
        raise UserError(f"model folder {path} does not exist; give a folder or a hub id")
    if not (path / "config.json").is_file():
        raise UserError(f"model folder {path} has no config.json; give a Hugging Face folder")
    if not list(path.glob("*.safetensors")):
        raise UserError(f"model folder {path} has no .safetensors file (pickled weights are "
                        "refused); save it with save_pretrained")
    # Without one of these the library silently builds a tokenizer with an empty vocabulary.
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise UserError(f"model folder {path} has no tokenizer.json; save its tokenizer too")
    for file in [path / name for name in SETTINGS if (path / name).exists()]:
        _check_settings(file)
    stored_shapes(path, "save the model again")


def _check_settings(file: Path) -> None:
    """The library would ignore a damaged generation_config.json, and follow an index to any path."""
    if not file.is_file():
        raise UserError(f"{file}: not a file; save the model again")
    fields = read_json(file)
    if not isinstance(fields, dict):
        raise UserError(f"{file}: contains {shown(fields)}; give a JSON object")
    if file.name != INDEX:
        return
    places = fields.get("weight_map")
    for name, place in places.items() if isinstance(places, dict) else [("weight_map", places)]:
        if not (isinstance(place, str) and place.endswith(".safetensors") and Path(place).name == place):
            raise UserError(f"{file}: {shown(name)} is {shown(place)}; give the name of a .safetensors file beside it")


def stored_shapes(folder: Path, remedy: str) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in the folder's safetensors files, read from their headers alone. Raises
    `UserError` naming the first file that is damaged or incomplete."""
    from safetensors import safe_open

    shapes = {}
    for file in sorted(folder.glob("*.safetensors")):
        if not file.is_file():
            raise UserError(f"{file}: not a file; {remedy}")
        try:
            with safe_open(file, framework="pt") as tensors:
                shapes |= {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}
        except Exception as error:  # the library raises many types; the user needs one line
            raise UserError(f"{file}: not a complete safetensors file ({reason(error)}); {remedy}") from None
    return shapes


# Where DeepSpeed, and FSDP with gathered or sharded checkpoints, keep the optimizer's state.
SHARDED = ("global_step*", "optimizer.bin", "optimizer_0")


def check_checkpoint(folder: Path, model, adapter: dict[str, tuple[int, int]]) -> None:
    """Raise `UserError` unless training of this model, or of its `adapter` with these names and shapes (empty for
    none), can resume from the checkpoint: its weights have those names and shapes; optimizer, scheduler and random
    states are readable; and it belongs to the step in its name. Tensor contents are not read. Checkpoints sharded by
    FSDP or DeepSpeed are left to them.
    """
    remedy = f"delete {folder.name} to resume from an earlier checkpoint, or from the beginning"
    try:
        state = read_json(folder / "trainer_state.json")
    except UserError:
        state = None
    if not isinstance(state, dict) or f"checkpoint-{state.get('global_step')}" != folder.name:
        raise UserError(f"{folder / 'trainer_state.json'}: not the trainer's state after this step; {remedy}")
    shapes = stored_shapes(folder, remedy)
    if not shapes:
        return
    expected = adapter or {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    missing = expected.keys() - shapes.keys() - set(getattr(model, "_tied_weights_keys", None) or ())
    wrong = sorted(missing | {name for name, shape in shapes.items() if expected.get(name) != shape})
    if wrong:
        raise UserError(f"{folder}: weights of another model, such as {wrong[0]} with shape {shapes.get(wrong[0])} "
                        f"instead of {expected.get(wrong[0])}; {remedy}")
    if not any(path for name in SHARDED for path in folder.glob(name)):
        trained = adapter.values() or [tuple(part.shape) for part in model.parameters() if part.requires_grad]
        _check_states(folder, Counter(trained), remedy)


def _check_states(folder: Path, trained: Counter, remedy: str) -> None:
    """Without one of these files the library would silently start with a fresh optimizer."""
    for name in ("optimizer.pt", "scheduler.pt"):
        if not (folder / name).is_file():
            raise UserError(f"{folder}: has no {name}; {remedy}")
    states = {}
    for file in (folder / "optimizer.pt", folder / "scheduler.pt", *sorted(folder.glob("rng_state*.pth"))):
        states[file.name] = _unpickled(file, remedy)
    try:
        moments = Counter(tuple(state["exp_avg"].shape) for state in states["optimizer.pt"]["state"].values())
    except (AttributeError, KeyError, TypeError):
        moments = Counter()
    if moments != trained:
        raise UserError(f"{folder / 'optimizer.pt'}: belongs to another model; {remedy}")


def _unpickled(file: Path, remedy: str) -> object:
    """A file saved by torch, loaded as the trainer does: tensors and plain data only, no code is executed."""
    import torch
    from transformers.trainer_pt_utils import safe_globals

    try:
        with safe_globals():
            return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{file}: cannot be read ({type(error).__name__}); {remedy}") from None
