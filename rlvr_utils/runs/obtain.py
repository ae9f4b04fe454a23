"""Obtain a run: load it if it is finished, resume it if it was interrupted, train it otherwise."""
from __future__ import annotations

import json
import shutil
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.processes import first_process, processes, wait_for_everyone
from rlvr_utils.progress import progress
from rlvr_utils.recipe.config import RunConfig, local_path, to_fields
from rlvr_utils.recipe.identity import sources, training_identity
from rlvr_utils.records.disks import disk_refusal
from rlvr_utils.records.files import drop_rows_after, write_json
from rlvr_utils.records.run import (
    JSON_LINES,
    LOG,
    REQUEST,
    Run,
    find,
    latest_complete_checkpoint,
    lock_run,
    partial_folder,
    remove_incomplete,
    step_of,
)


def obtain(config: RunConfig, results: Path, stop_after: int | None = None) -> Run | None:
    """Load, resume or train the run; None if `stop_after` ended it before its last step.

    Under `accelerate launch` every process calls this with the same results folder; the main process
    writes. Raises `UserError` if another program works on the run, for disk errors, and for a `stop_after` that is not
    before the end or that the run has passed.
    """
    if stop_after is not None and stop_after >= config.steps:
        raise UserError(f"--stop-after {stop_after}: this run has {config.steps} steps; give an earlier step, or leave "
                        "it out")
    finished = find(config, results)
    if finished:
        return finished
    prepared = prepare(config)
    partial = partial_folder(config, results)
    with lock_run(partial) if first_process() else nullcontext(), _readable_disk_errors(partial, config):
        if first_process():
            if find(config, results):  # by another program, while this one was loading
                return _finished_meanwhile(partial, config)
            remove_incomplete(partial)
            write_json(partial / "config.json", {"config": to_fields(config), "hash": training_identity(config),
                                                 "sources": sources(config)})
        facts = execute(config, partial, *prepared, stop_after)
        if facts is None:
            return None
        wait_for_everyone()
        if first_process():
            _finish(partial, facts)
    wait_for_everyone()
    return Run(partial.with_suffix(""), config)


@contextmanager
def _readable_disk_errors(partial: Path, config: RunConfig):
    """Turn disk errors of any library into one line, and delete incomplete files to free their space."""
    try:
        yield
    except Exception as error:
        reason = disk_refusal(error, partial)
        if reason is None:
            raise
        with suppress(OSError):
            remove_incomplete(partial)
        step = step_of(latest_complete_checkpoint(partial), config)
        raise UserError(f"{reason}; the same command then continues from step {step} of {config.steps}") from error


def _finished_meanwhile(partial: Path, config: RunConfig) -> Run:
    """The run that another program has just finished. In distributed training the other processes would miss it."""
    shutil.rmtree(partial, ignore_errors=True)
    if processes() > 1:
        raise UserError(f"run {partial.stem} has been finished by another process; repeat the command")
    return Run(partial.with_suffix(""), config)


def _finish(partial: Path, facts: dict) -> None:
    """Give a complete run its final name. Its provenance is written before anything is removed."""
    write_json(partial / "provenance.json", facts)
    shutil.rmtree(partial / "checkpoints", ignore_errors=True)
    for name in (REQUEST, LOG):
        (partial / name).unlink(missing_ok=True)
    partial.rename(partial.with_suffix(""))


def prepare(config: RunConfig) -> tuple:
    """Model, tokenizer, benchmarks and training rows, all loaded before anything is written."""
    import torch

    from rlvr_utils.evaluation.benchmarks import check_lengths, load_benchmarks
    from rlvr_utils.models.engines import check_engine
    from rlvr_utils.models.loading import load_policy

    torch.set_num_threads(config.cpu_threads)
    check_engine(config.engine)
    benchmarks = load_benchmarks(config)
    # The trainer moves a model to its device, or shards it; vLLM loads its own copy.
    elsewhere = config.steps or config.engine != "transformers"
    model, tokenizer = load_policy(local_path(config.model), config.dtype, "cpu" if elsewhere else None)
    check_lengths(config, model, tokenizer, benchmarks)  # an unknown template is refused here too
    rows = None
    if config.steps:
        from rlvr_utils.models.adapters import adapter_shapes
        from rlvr_utils.training.setup import prepare as prepare_training

        adapter_shapes(model, config)  # a target that the model lacks is refused here
        rows = prepare_training(config, tokenizer)
    return model, tokenizer, benchmarks, rows


def execute(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list, rows,
            stop_after: int | None) -> dict | None:
    """Train (or, with 0 steps, only evaluate) into `folder`. Returns the provenance facts, or None if training
    stopped early."""
    from rlvr_utils.records.provenance import provenance

    if (folder / "provenance.json").exists():  # an earlier attempt finished, but did not rename the run
        return json.loads((folder / "provenance.json").read_text())
    with provenance(config) as facts:
        if config.steps == 0:
            _evaluate_base(config, folder, model, tokenizer, benchmarks)
            return facts
        checkpoint = latest_complete_checkpoint(folder)
        step = step_of(checkpoint, config)
        if stop_after is not None and stop_after <= step:
            if stop_after == step:
                return None
            raise UserError(f"--stop-after {stop_after}: this run has reached step {step}; give a later step, or leave "
                            "it out")
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
    from rlvr_utils.evaluation.kept_policies import evaluate_policy
    from rlvr_utils.models.engines import TransformersPolicy

    policy = TransformersPolicy(model, tokenizer) if config.engine == "transformers" else None
    evaluate_policy(config, local_path(config.model), 0, benchmarks, folder, policy)


def _train(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list, rows, checkpoint: Path | None,
           stop_after: int | None):
    from rlvr_utils.models.adapters import adapter_shapes
    from rlvr_utils.models.files import check_checkpoint
    from rlvr_utils.training.recorder import Recorder
    from rlvr_utils.training.setup import build_trainer

    if checkpoint:
        check_checkpoint(checkpoint, model, adapter_shapes(model, config))
    with progress(config.steps, "training", "steps", step_of(checkpoint, config)) as bar:
        recorder = Recorder(config, folder, tokenizer, benchmarks, stop_after, bar)
        trainer = build_trainer(config, model, tokenizer, rows, folder / "checkpoints", recorder)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return trainer


def save_weights(trainer, folder: Path) -> str | None:
    """Save the policy as a Hugging Face folder, with its adapter merged. Returns the SHA-256 of its weights on the
    main process, else None."""
    import hashlib

    from rlvr_utils.models.adapters import merge_policy
    from rlvr_utils.models.loading import readable_as_umask_says

    config, raw = trainer.run_config, folder.with_suffix(".raw")
    trainer.save_model(str(raw if config.lora_rank else folder))
    if not first_process():
        return None
    if config.lora_rank:
        shutil.rmtree(folder, ignore_errors=True)  # from an interrupted attempt
        merge_policy(local_path(config.model), raw, folder, config.dtype)
        shutil.rmtree(raw)
    readable_as_umask_says(folder)
    (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle that nothing reads
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
