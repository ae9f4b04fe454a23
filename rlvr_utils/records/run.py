"""Runs on disk: a run is named by the hash of what trains it; this module knows its folder.

An unfinished run lives in `<run>.partial` with its checkpoints and takes its final name only
when it is whole, so what stands in `runs/<run>` is always complete.
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
from rlvr_utils.records.locks import held

JSON_LINES = ("metrics.jsonl", "timings.jsonl", "evaluations.jsonl", "samples.jsonl", "responses.jsonl",
              "history.jsonl")
# What the scheduler adds to an unfinished run: the configuration asked for, and the output.
REQUEST, LOG = "request.json", "log.txt"


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder. `asked` is the configuration with which somebody looks at it: the
    same training, perhaps another evaluation; by default its own."""

    folder: Path
    asked: RunConfig | None = None

    @cached_property
    def config(self) -> RunConfig:
        if self.asked:
            return self.asked
        written = read_json(self.folder / "config.json")
        return from_fields(written.get("config") if isinstance(written, dict) else written,
                           f"{self.folder.name}/config.json")

    @cached_property
    def provenance(self) -> dict:
        return json.loads((self.folder / "provenance.json").read_text())

    @cached_property
    def _identities(self) -> dict[str, dict]:
        return {benchmark.name: evaluation_identity(self.config, benchmark) for benchmark in self.config.benchmarks}

    def rows(self, name: str) -> list[dict]:
        """The rows of one of the run's JSON-lines files by step: metrics, evaluations, samples, responses,
        history or timings. Of evaluations and responses only those that `config` asks for."""
        rows = sorted(read_rows(self.folder / f"{name}.jsonl"), key=lambda row: row["step"])
        return [row for row in rows if self.answers_to(row)] if name in ("evaluations", "responses") else rows

    def answers_to(self, row: dict) -> bool:
        """Was this record made by the evaluation that `config` asks for? A set that cannot be had here is
        known by its name."""
        wanted = self._identities.get(row["benchmark"])
        return bool(wanted) and row.get("settings") == wanted["settings"] and (
            wanted["data"] in (None, row.get("data")))

    def evaluations(self, benchmark: str) -> list[dict]:
        """The records of one benchmark by step."""
        return [row for row in self.rows("evaluations") if row["benchmark"] == benchmark]

    def stored_policies(self) -> dict[int, Path]:
        """The folders of the policies that are here, by rollout step: those kept, and that after the last step."""
        folders = {step: kept_policy(self.folder, step) for step in kept_steps(self)}
        if (self.folder / "weights").is_dir():
            folders.setdefault(self.config.steps, self.folder / "weights")
        return folders


def run_name(config: RunConfig) -> str:
    return f"{config.arm}-s{config.seed}-{training_identity(config)[:10]}"


def find(config: RunConfig, results: Path) -> Run | None:
    """The finished run of this training, if there is one, seen with this configuration. Where model or data
    are not here, as on a machine to which records were copied, the fields alone decide."""
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
