"""Evaluate saved policies, one benchmark at a time, so that a crash loses at most one benchmark."""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.files import append_rows, keep_rows, read_rows
from rlvr_utils.records.run import Run, lock_run


def evaluate_run(run: Run, steps: list[int] | None = None) -> None:
    """Evaluate the stored policies of a finished run, all of them or those of `steps`, as `run.config` says.
    Evaluations that are already recorded are not repeated. Raises `UserError` for a step without a policy."""
    from rlvr_utils.evaluation.benchmarks import load_benchmarks
    from rlvr_utils.models.engines import check_engine

    stored = policies(run)
    wanted = [*stored] if steps is None else steps
    if not stored and not run.rows("evaluations"):
        raise UserError(f"run {run.folder.name} cannot be evaluated: its weights are not in {run.folder}; give the "
                        "folder in which it was trained")
    for step in wanted:
        if step not in stored:
            remedy = f"choose one of: {', '.join(map(str, stored))}" if stored else "its weights are not in this folder"
            raise UserError(f"run {run.folder.name} has no stored policy of step {step}; {remedy}")
    if not {*wanted} & {*missing_evaluations(run)}:
        return  # write nothing, so that a read-only folder works too
    check_engine(run.config.engine)
    loaded = load_benchmarks(run.config)
    with lock_run(run.folder):
        for step in wanted:
            evaluate_policy(run.config, stored[step], step, loaded, run.folder)


def policies(run: Run) -> dict[int, str]:
    """The location of each stored policy, by rollout step; for the base run it is the model itself."""
    if run.config.steps == 0:
        return {0: local_path(run.config.model)}
    return {step: str(folder) for step, folder in run.stored_policies().items()}


def missing_evaluations(run: Run) -> list[int]:
    """The steps whose policy is stored, but not evaluated on every benchmark of the run's configuration."""
    done = _done(run)
    return [step for step in policies(run)
            if any((step, benchmark.name) not in done for benchmark in run.config.benchmarks)]


def evaluate_policy(config: RunConfig, source: str, step: int, loaded: list, folder: Path, policy=None) -> None:
    """Evaluate the policy in `source` on the benchmarks that have no record of this step yet, and write the
    records. Pass `policy` if it is already loaded."""
    from rlvr_utils.evaluation.benchmarks import evaluate
    from rlvr_utils.models.engines import open_policy

    run = Run(folder, config)
    done = _done(run)
    # Responses are written before their evaluation record, without which they do not count.
    keep_rows(folder / "responses.jsonl", lambda row: row["step"] != step or not run.was_asked_for(row)
              or (step, row["benchmark"]) in done)
    keep_rows(folder / "evaluations.jsonl", lambda row: True)
    for scoring in ("generation", "likelihood"):
        waiting = [pair for pair in loaded if pair[0].scoring == scoring and (step, pair[0].name) not in done]
        if not waiting:
            continue
        # vLLM cannot score choices. Only one engine is open at a time, since each fills the GPU.
        serving = open_policy(config, source, scoring) if policy is None else policy
        for pair in waiting:
            rows, responses = evaluate(serving, [pair], config, config.seed)
            append_rows(folder / "responses.jsonl", [{"step": step, **row} for row in responses])
            append_rows(folder / "evaluations.jsonl", [{"step": step, **row} for row in rows])
        del serving


def _done(run: Run) -> set[tuple[int, str]]:
    rows = read_rows(run.folder / "evaluations.jsonl")
    return {(row["step"], row["benchmark"]) for row in rows if run.was_asked_for(row)}
