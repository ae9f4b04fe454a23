"""Runs on disk: the layout of a run's folder, which is named by the hash of what trains the run.

An unfinished run is in `<run>.partial` with its checkpoints and gets its final name only when it is complete, so
`runs/<run>` is always a complete run.
"""
from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rlvr_utils.data.files import read_json
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig, from_fields
from rlvr_utils.recipe.identity import evaluation_identity, sources, training_fields, training_identity
from rlvr_utils.records.files import read_rows
from rlvr_utils.records.locks import locked

JSON_LINES = ("metrics.jsonl", "timings.jsonl", "evaluations.jsonl", "samples.jsonl", "responses.jsonl",
              "history.jsonl")
# What `rlvr_utils.runs.pool` adds to an unfinished run: the requested configuration, and the output.
REQUEST, LOG = "request.json", "log.txt"


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder. `requested` is a configuration with the same training but possibly
    another evaluation; by default the run's own."""

    folder: Path
    requested: RunConfig | None = None

    @cached_property
    def config(self) -> RunConfig:
        """The requested configuration, or the one in the run's folder. Raises `UserError` as `from_fields` does."""
        if self.requested:
            return self.requested
        written = read_json(self.folder / "config.json")
        return from_fields(written.get("config") if isinstance(written, dict) else written,
                           f"{self.folder.name}/config.json")

    @cached_property
    def provenance(self) -> dict:
        """Where the run comes from: versions, hardware, code and time."""
        return json.loads((self.folder / "provenance.json").read_text())

    @cached_property
    def _identities(self) -> dict[str, dict]:
        return {benchmark.name: evaluation_identity(self.config, benchmark) for benchmark in self.config.benchmarks}

    def rows(self, name: str) -> list[dict]:
        """The rows of one of the run's JSON-lines files by step: metrics, evaluations, samples, responses,
        history or timings. Of evaluations and responses, only those made as `config` says."""
        rows = sorted(read_rows(self.folder / f"{name}.jsonl"), key=lambda row: row["step"])
        return [row for row in rows if self.was_asked_for(row)] if name in ("evaluations", "responses") else rows

    def was_asked_for(self, row: dict) -> bool:
        """Was this record made by the evaluation in `config`? A data set that is not available here is identified
        by its name alone."""
        wanted = self._identities.get(row["benchmark"])
        return bool(wanted) and row.get("settings") == wanted["settings"] and (
            wanted["data"] in (None, row.get("data")))

    def evaluations(self, benchmark: str) -> list[dict]:
        """The records of one benchmark by step."""
        return [row for row in self.rows("evaluations") if row["benchmark"] == benchmark]

    def stored_policies(self) -> dict[int, Path]:
        """The folders of the stored policies by rollout step: those kept during training, and the final one."""
        folders = {step: kept_policy(self.folder, step) for step in kept_steps(self)}
        if (self.folder / "weights").is_dir():
            folders.setdefault(self.config.steps, self.folder / "weights")
        return folders


def run_name(config: RunConfig) -> str:
    """The name of a run's folder: arm, seed, and the beginning of its training identity."""
    return f"{config.arm}-s{config.seed}-{training_identity(config)[:10]}"


def find(config: RunConfig, results: Path) -> Run | None:
    """The finished run with this training, if there is one, to be evaluated as this configuration says. If model or
    data are not available, as on a machine to which only records were copied, the fields alone identify the run."""
    folder = results / "runs" / run_name(config)
    if not folder.exists() and None in sources(config).values():
        folder = _with_equal_fields(config, results) or folder
    return Run(folder, config) if (folder / "provenance.json").exists() else None


def _with_equal_fields(config: RunConfig, results: Path) -> Path | None:
    wanted, found = training_fields(config), []
    for file in sorted((results / "runs").glob(f"{config.arm}-s{config.seed}-*/config.json")):
        if training_fields(Run(file.parent).config) == wanted:
            found.append(file.parent)
    return found[0] if len(found) == 1 else None


def kept_policy(folder: Path, step: int) -> Path:
    """The folder in which a run keeps the policy of a rollout step."""
    return folder / "policies" / f"step-{step:05d}"


def kept_steps(run: Run) -> list[int]:
    """The rollout steps whose policies the run has kept."""
    return sorted(int(path.name.removeprefix("step-")) for path in (run.folder / "policies").glob("step-?????"))


def partial_folder(config: RunConfig, results: Path) -> Path:
    """The folder of the unfinished run, created if it is missing."""
    folder = results / "runs" / f"{run_name(config)}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write results to {folder}: {error.strerror}; "
                        "choose another --results folder") from None
    return folder


def discard(config: RunConfig, results: Path) -> None:
    """Delete a finished run, so that the next request trains it again. It is renamed first, so that a partly
    deleted run is never mistaken for a finished one."""
    run, removed = find(config, results), results / "runs" / f"{run_name(config)}.removed"
    shutil.rmtree(removed, ignore_errors=True)  # from an interrupted attempt
    if run:
        with lock_run(run.folder):
            run.folder.rename(removed)
        shutil.rmtree(removed)


def lock_file(folder: Path) -> Path:
    """The lock file of a run, finished or not."""
    return folder.with_name(f"{folder.name.removesuffix('.partial')}.lock")


def lock_run(folder: Path):
    """Lock the run in this folder against other processes, as `locked` does."""
    return locked(lock_file(folder), f"run {folder.name.removesuffix('.partial')}")


def latest_complete_checkpoint(folder: Path) -> Path | None:
    """The latest checkpoint that was completely written."""
    marks = (folder / "checkpoints").glob("checkpoint-*/whole")
    return max((mark.parent for mark in marks), key=lambda p: int(p.name.split("-")[1]), default=None)


def step_of(checkpoint: Path | None, config: RunConfig) -> int:
    """The rollout step after which a checkpoint was written; 0 for None."""
    return int(checkpoint.name.split("-")[1]) // config.updates_per_rollout if checkpoint else 0


def remove_incomplete(folder: Path) -> None:
    """Remove incomplete files that an interrupted attempt at the run has left."""
    checkpoints = [path for path in folder.glob("checkpoints/*") if not (path / "whole").exists()]
    for path in [*checkpoints, *folder.glob("policies/*.raw"), *folder.glob("policies/*.new")]:
        shutil.rmtree(path)
    for path in folder.glob("*.new"):
        path.unlink()
