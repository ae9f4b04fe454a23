"""docs/training-step.md is what happens: its list is the order of calls, and TRL still has what is overridden."""
from __future__ import annotations

import inspect
import re
from importlib.metadata import version

import pytest
from conftest import ROOT
from trl import GRPOTrainer

from rlvr_utils.recipe.config import load_profile
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training import trainer
from rlvr_utils.training.recorder import Recorder
from rlvr_utils.training.trainer import OneShotTrainer

PAGE = (ROOT / "docs" / "training-step.md").read_text(encoding="utf-8")
# Number, name and kind of every entry, in order.
ENTRIES = re.findall(r"^(\d+)\. `([\w.]+)` \((overridden|TRL's|ours)\): ", PAGE, re.M)
# The arguments, in TRL 1.16, of what is overridden: those that we take, pass on or are called with.
SEAM = {
    "training_step": ["model", "inputs", "num_items_in_batch"],
    "_prepare_inputs": ["generation_batch"],
    "_generate_and_score_completions": ["inputs"],
    "_tokenize_prompts": ["prompts"],
    "_generate_single_turn": ["prompt_ids", "images", "multimodal_fields", "num_generations", "has_tool_images"],
    "_calculate_rewards": ["inputs", "prompts", "completions", "completion_ids_list"],
    "_compute_loss": ["model", "inputs"],
    "_get_per_token_logps_and_entropies": ["model", "input_ids", "attention_mask", "logits_to_keep", "batch_size",
                                           "compute_entropy"],
    "_save_checkpoint": ["model", "trial"],
    "create_model_card": [],
    "create_scheduler": ["num_training_steps", "optimizer"],
    "get_decay_parameter_names": ["model"],
}


def methods(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if inspect.isfunction(value)}


def overridden() -> set[str]:
    return {name for name in methods(OneShotTrainer) if hasattr(GRPOTrainer, name)}


def owner(name: str) -> tuple[object, str]:
    """Where an entry is looked up when it is called: a class, or the module of the trainer for a function."""
    if name.startswith("Recorder."):
        return Recorder, name.partition(".")[2]
    return (OneShotTrainer if hasattr(OneShotTrainer, name) else trainer), name


def lost(base: type, seam: dict[str, list[str]]) -> list[str]:
    """One sentence for each method that `base` no longer has, or calls with other arguments."""
    found = []
    for name, arguments in seam.items():
        method = getattr(base, name, None)
        if method is None:
            found.append(f"TRL {version('trl')} has no method {name} any more, which OneShotTrainer overrides")
        elif list(inspect.signature(method).parameters)[1:len(arguments) + 1] != arguments:
            found.append(f"TRL {version('trl')} has changed the arguments of {name}, which OneShotTrainer overrides: "
                         f"{inspect.signature(method)} does not begin with {', '.join(arguments)}")
    return found


def test_trl_has_what_is_overridden():
    assert not lost(GRPOTrainer, SEAM), "\n".join(lost(GRPOTrainer, SEAM))


def test_a_changed_seam_is_named_with_trls_version():
    class Another:
        def _compute_loss(self, model, batch):
            """Takes another argument."""

    sentences = lost(Another, {"_compute_loss": ["model", "inputs"], "_prepare_inputs": ["generation_batch"]})
    assert len(sentences) == 2 and all(version("trl") in sentence for sentence in sentences)
    assert "_compute_loss" in sentences[0] and "_prepare_inputs" in sentences[1]


def test_the_seam_is_all_that_is_overridden():
    assert SEAM.keys() | {"__init__"} == overridden()


def test_the_page_names_every_override_and_nothing_else_as_one():
    assert {name for _, name, kind in ENTRIES if kind == "overridden"} == overridden()
    for _, name, kind in ENTRIES:
        place, attribute = owner(name)
        assert hasattr(place, attribute), f"docs/training-step.md names {name}, which is not there"
        if kind == "TRL's":
            assert hasattr(GRPOTrainer, name) and name not in methods(OneShotTrainer)
        if kind == "ours":
            assert not hasattr(GRPOTrainer, name)


def test_the_page_counts_from_one_and_names_the_pinned_trl():
    assert [int(number) for number, *_ in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert len(re.findall(r"^\d+\. ", PAGE, re.M)) == len(ENTRIES)
    assert f"TRL {'.'.join(version('trl').split('.')[:2])} calls it" in PAGE


def watched(name: str, function, seen: list[str]):
    """The function, noting its calls under `name`."""
    def wrapper(*args, **kwargs):
        seen.append(name)
        return function(*args, **kwargs)
    return wrapper


def calls(config, results) -> list[str]:
    """The entries of the page as they are called until the first checkpoint is complete."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        for name in {name for _, name, _ in ENTRIES}:
            place, attribute = owner(name)
            patch.setattr(place, attribute, watched(name, getattr(place, attribute), seen))
        obtain(config, results)
    return seen[:seen.index("Recorder.on_save") + 1]


def test_the_list_is_the_order_of_calls(tiny_config, tmp_path):
    config = tiny_config.changed(steps=1, eval_every=1, save_every=1, keep_every=1)
    assert calls(config, tmp_path) == [name for _, name, _ in ENTRIES]


def test_later_micro_steps_repeat_the_loss_only(tiny_config, tmp_path):
    """As the headings say: generation in the first micro-step, the loss in each."""
    names = [name for _, name, _ in ENTRIES]
    start, end = names.index("compute_loss"), names.index("_log_terms") + 1
    again = ["training_step", "_prepare_inputs", *names[start:end]]
    config = tiny_config.changed(steps=1, eval_every=1, save_every=1, keep_every=1, micro_batch=4, shortcuts=False)
    assert calls(config, tmp_path) == [*names[:end], *again, *names[end:]]


def test_the_shapes_are_those_of_the_pocket_profile():
    config = load_profile("pocket")
    prompts, group = config.prompts_per_step, config.num_generations
    sizes = {"N": f"{prompts} × {group} = {prompts * group}", "G": group, "B": config.micro_batch,
             "P": f"at most {config.max_prompt_tokens}", "T": f"at most {config.max_response_tokens}"}
    for symbol, size in sizes.items():
        assert re.search(rf"^\| `{symbol}` \|.*\| {size} \|$", PAGE, re.M)
