"""Runs as records: a run is named by the hash of its configuration, and asking for it loads it
when it is finished, resumes it when it is not, and trains it otherwise.

An unfinished run lives in `<run>.partial` with its checkpoints and takes its final name only
when it is whole, so what stands in `runs/<run>` is always complete.
"""
from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.profiles import RunConfig, config_hash, from_fields, local_path, to_fields
from rlvr_utils.records import drop_rows_after, read_rows
from rlvr_utils.sources import read_json

JSON_LINES = ("metrics.jsonl", "timings.jsonl", "evaluations.jsonl", "samples.jsonl", "responses.jsonl",
              "history.jsonl")

# What the scheduler adds to an unfinished run: the configuration asked for, and the output.
REQUEST, LOG = "request.json", "log.txt"


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path

    @cached_property
    def config(self) -> RunConfig:
        written = read_json(self.folder / "config.json")
        return from_fields(written.get("config") if isinstance(written, dict) else written,
                           f"{self.folder.name}/config.json")

    @cached_property
    def provenance(self) -> dict:
        return json.loads((self.folder / "provenance.json").read_text())

    def rows(self, name: str) -> list[dict]:
        """The rows of one of the run's JSON-lines files by step: metrics, evaluations, samples,
        responses, history or timings."""
        return sorted(read_rows(self.folder / f"{name}.jsonl"), key=lambda row: row["step"])

    def evaluations(self, benchmark: str) -> list[dict]:
        """The records of one benchmark by step."""
        return [row for row in self.rows("evaluations") if row["benchmark"] == benchmark]


def run_name(config: RunConfig) -> str:
    return f"{config.arm}-s{config.seed}-{config_hash(config)[:10]}"


def find(config: RunConfig, results: Path) -> Run | None:
    """The finished run of this configuration, if there is one."""
    folder = results / "runs" / run_name(config)
    return Run(folder) if (folder / "provenance.json").exists() else None


def obtain(config: RunConfig, results: Path, stop_after: int | None = None) -> Run | None:
    """Load, resume or train the run; None when it was told to stop after a step before its last.

    Under `accelerate launch` every process calls this, with one results folder in common; the
    first one writes. Raises `UserError` when another program holds the run.
    """
    finished = find(config, results)
    if finished:
        return finished
    prepared = _prepare(config)
    partial = partial_folder(config, results)
    with held(partial) if first_process() else nullcontext():
        if first_process():
            _write_json(partial / "config.json", {"config": to_fields(config), "hash": config_hash(config)})
        facts = _execute(config, partial, *prepared, stop_after)
        if facts is None:
            return None
        if first_process():
            _finish(partial, facts)
    _wait_for_everyone()
    return Run(partial.with_suffix(""))


def first_process() -> bool:
    """Is this the process that writes, of those that train together?"""
    return os.environ.get("RANK", "0") == "0"


def _wait_for_everyone() -> None:
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def _finish(partial: Path, facts: dict) -> None:
    """Give a whole run its final name."""
    shutil.rmtree(partial / "checkpoints", ignore_errors=True)
    _write_json(partial / "provenance.json", facts)
    for name in ("lock", REQUEST, LOG):
        (partial / name).unlink(missing_ok=True)
    partial.rename(partial.with_suffix(""))


def kept_policy(folder: Path, step: int) -> Path:
    """Where a run keeps the policy of a rollout step."""
    return folder / "policies" / f"step-{step:05d}"


def kept_steps(run: Run) -> list[int]:
    """The rollout steps whose policies the run has kept."""
    return sorted(int(path.name.removeprefix("step-")) for path in (run.folder / "policies").glob("step-?????"))


def partial_folder(config: RunConfig, results: Path) -> Path:
    """The folder of the unfinished run, made where it is missing."""
    folder = results / "runs" / f"{run_name(config)}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write results to {folder}: {error.strerror}; "
                        "choose another --results folder") from None
    return folder


def discard(config: RunConfig, results: Path) -> None:
    """Forget a finished run, so that the next request trains it anew."""
    run = find(config, results)
    if run:
        shutil.rmtree(run.folder)


@contextmanager
def held(folder: Path):
    """Hold the run against other processes; the lock goes with the process, however it ends."""
    with (folder / "lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise UserError(f"run {folder.stem} is being trained by process {stream.read().strip()}; "
                            "wait for it, or choose another --results folder") from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def holder(folder: Path) -> str | None:
    """The process id that holds the run, if any does."""
    lock = folder / "lock"
    if not lock.exists():
        return None
    with lock.open("r+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return stream.read().strip() or "unknown"
    return None


def whole_checkpoint(folder: Path) -> Path | None:
    """The latest checkpoint that was written to its end."""
    marks = (folder / "checkpoints").glob("checkpoint-*/whole")
    return max((mark.parent for mark in marks), key=lambda p: int(p.name.split("-")[1]), default=None)


def _prepare(config: RunConfig) -> tuple:
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
        from rlvr_utils.training import prepare

        rows = prepare(config, tokenizer)
    return model, tokenizer, benchmarks, rows


def _execute(config: RunConfig, folder: Path, model, tokenizer, benchmarks: list, rows,
             stop_after: int | None) -> dict | None:
    """Train (or only evaluate, when there are no steps) into `folder`; the provenance facts, or
    None when the training has stopped early."""
    from rlvr_utils.provenance import provenance

    with provenance(config) as facts:
        if config.steps == 0:
            _evaluate_base(config, folder, model, tokenizer, benchmarks)
            return facts
        checkpoint = whole_checkpoint(folder)
        step = int(checkpoint.name.split("-")[1]) // config.updates_per_rollout if checkpoint else 0
        if first_process():
            for name in JSON_LINES:
                drop_rows_after(folder / name, step if checkpoint else -1)
        trainer = _train(config, folder, model, tokenizer, benchmarks, rows, checkpoint, stop_after)
        if trainer.state.global_step < config.steps * config.updates_per_rollout:
            return None
        facts["resumed_from"] = step or None
        facts["weights_sha256"] = _save_weights(trainer, folder / "weights")
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


def _save_weights(trainer, folder: Path) -> str | None:
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


def _write_json(path: Path, data: dict) -> None:
    """Write JSON atomically."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
