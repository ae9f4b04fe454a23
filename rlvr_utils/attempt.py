"""One attempt at a run: from its last whole checkpoint, or from the start, to its weights."""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from rlvr_utils.profiles import RunConfig, local_path
from rlvr_utils.records import drop_rows_after

JSON_LINES = ("metrics.jsonl", "timings.jsonl", "evaluations.jsonl", "samples.jsonl", "responses.jsonl",
              "history.jsonl")


def first_process() -> bool:
    """Is this the process that writes, of those that train together?"""
    return os.environ.get("RANK", "0") == "0"


def wait_for_everyone() -> None:
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def prepare(config: RunConfig) -> tuple:
    """Model, tokenizer, benchmarks and training rows, all loaded before anything is written."""
    import torch

    from rlvr_utils.evaluation import check_lengths, load_benchmarks
    from rlvr_utils.models import load_policy
    from rlvr_utils.policies import check_engine

    torch.set_num_threads(config.cpu_threads)
    check_engine(config.engine)
    benchmarks = load_benchmarks(config)
    # A model to be trained is put in its place, or cut into shards, by the trainer; vLLM loads its own.
    elsewhere = config.steps or config.engine != "transformers"
    model, tokenizer = load_policy(local_path(config.model), config.dtype, "cpu" if elsewhere else None)
    check_lengths(config, model, tokenizer, benchmarks)  # an unknown template is refused here too
    rows = None
    if config.steps:
        from rlvr_utils.training import prepare as prepare_training

        rows = prepare_training(config, tokenizer)
    return model, tokenizer, benchmarks, rows


def execute(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list, rows,
            stop_after: int | None) -> dict | None:
    """Train (or only evaluate, when there are no steps) into `folder`; the provenance facts, or
    None when the training has stopped early."""
    from rlvr_utils.provenance import provenance

    if (folder / "provenance.json").exists():  # an earlier attempt has done everything but give the run its name
        return json.loads((folder / "provenance.json").read_text())
    with provenance(config) as facts:
        if config.steps == 0:
            _evaluate_base(config, folder, model, tokenizer, benchmarks)
            return facts
        checkpoint = whole_checkpoint(folder)
        step = step_of(checkpoint, config)
        if first_process():
            for name in JSON_LINES:
                drop_rows_after(folder / name, step if checkpoint else -1)
        trainer = _train(config, folder, model, tokenizer, benchmarks, rows, checkpoint, stop_after)
        if trainer.state.global_step < config.steps * config.updates_per_rollout:
            return None
        facts["resumed_from"] = step or None
        facts["weights_sha256"] = save_weights(trainer, folder / "weights")
    return facts


def _evaluate_base(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list) -> None:
    from rlvr_utils.checkpoints import evaluate_policy
    from rlvr_utils.policies import TransformersPolicy

    policy = TransformersPolicy(model, tokenizer) if config.engine == "transformers" else None
    evaluate_policy(config, local_path(config.model), 0, benchmarks, folder, policy)


def _train(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list, rows, checkpoint: Path | None,
           stop_after: int | None):
    from rlvr_utils.model_files import check_checkpoint
    from rlvr_utils.recording import Recorder
    from rlvr_utils.training import build_trainer

    if checkpoint:
        check_checkpoint(checkpoint, model)
    recorder = Recorder(config, folder, tokenizer, benchmarks, stop_after)
    trainer = build_trainer(config, model, tokenizer, rows, folder / "checkpoints", recorder)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return trainer


def save_weights(trainer, folder: Path) -> str | None:
    """Save the policy as a Hugging Face folder; the SHA-256 of its weights, on the first process."""
    import hashlib

    trainer.save_model(str(folder))
    if not first_process():
        return None
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle that nothing here reads
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def whole_checkpoint(folder: Path) -> Path | None:
    """The latest checkpoint that was written to its end."""
    marks = (folder / "checkpoints").glob("checkpoint-*/whole")
    return max((mark.parent for mark in marks), key=lambda p: int(p.name.split("-")[1]), default=None)


def step_of(checkpoint: Path | None, config: RunConfig) -> int:
    """The rollout step after which a checkpoint was written; 0 without one."""
    return int(checkpoint.name.split("-")[1]) // config.updates_per_rollout if checkpoint else 0


def clear_halves(folder: Path) -> None:
    """Remove what was being written when an earlier attempt at the run ended."""
    checkpoints = [path for path in folder.glob("checkpoints/*") if not (path / "whole").exists()]
    for path in [*checkpoints, *folder.glob("policies/*.raw"), *folder.glob("policies/*.new")]:
        shutil.rmtree(path)
    for path in folder.glob("*.new"):
        path.unlink()
