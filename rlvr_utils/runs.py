"""Runs as records: a run is named by the hash of its configuration, and asking for it loads it
when it is finished, resumes it when it is not, and trains it otherwise.

An unfinished run lives in `<run>.partial` with its checkpoints and takes its final name only
when it is whole, so what stands in `runs/<run>` is always complete.
"""
from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rlvr_utils.attempt import (
    clear_halves,
    execute,
    first_process,
    prepare,
    step_of,
    wait_for_everyone,
    whole_checkpoint,
)
from rlvr_utils.disks import refusal
from rlvr_utils.errors import UserError
from rlvr_utils.locks import held
from rlvr_utils.profiles import RunConfig, config_hash, from_fields, to_fields
from rlvr_utils.records import read_rows, write_json
from rlvr_utils.sources import read_json

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
    first one writes. Raises `UserError` when another program holds the run, and when the disk refuses.
    """
    finished = find(config, results)
    if finished:
        return finished
    prepared = prepare(config)
    partial = partial_folder(config, results)
    with hold(partial) if first_process() else nullcontext(), _told_of_the_disk(partial, config):
        if first_process():
            if find(config, results):  # by another program, while this one was loading
                return _found_late(partial)
            clear_halves(partial)
            write_json(partial / "config.json", {"config": to_fields(config), "hash": config_hash(config)})
        facts = execute(config, partial, *prepared, stop_after)
        if facts is None:
            return None
        wait_for_everyone()
        if first_process():
            _finish(partial, facts)
    wait_for_everyone()
    return Run(partial.with_suffix(""))


@contextmanager
def _told_of_the_disk(partial: Path, config: RunConfig):
    """Turn what the libraries raise on a full disk into one line; what was half written gives its room back."""
    try:
        yield
    except Exception as error:
        reason = refusal(error, partial)
        if reason is None:
            raise
        with suppress(OSError):
            clear_halves(partial)
        step = step_of(whole_checkpoint(partial), config)
        raise UserError(f"{reason}; the same command then goes on from step {step} of {config.steps}") from error


def _found_late(partial: Path) -> Run:
    """The run that another program has finished; processes that train together would be parted by it."""
    shutil.rmtree(partial, ignore_errors=True)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise UserError(f"run {partial.stem} has been finished by another process; give the same command again")
    return Run(partial.with_suffix(""))


def _finish(partial: Path, facts: dict) -> None:
    """Give a whole run its final name; what makes it whole is written before anything is removed."""
    write_json(partial / "provenance.json", facts)
    shutil.rmtree(partial / "checkpoints", ignore_errors=True)
    for name in (REQUEST, LOG):
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
    """Forget a finished run, so that the next request trains it anew. It loses its name first: a run
    that is removed in part is no run."""
    run, removed = find(config, results), results / "runs" / f"{run_name(config)}.removed"
    shutil.rmtree(removed, ignore_errors=True)  # of an attempt that was cut short
    if run:
        with hold(run.folder):
            run.folder.rename(removed)
        shutil.rmtree(removed)


def lock_of(folder: Path) -> Path:
    """The lock of a run, finished or not."""
    return folder.with_name(f"{folder.name.removesuffix('.partial')}.lock")


def hold(folder: Path):
    """Hold the run in the folder against other processes, as `held`."""
    return held(lock_of(folder), f"run {folder.name.removesuffix('.partial')}")
