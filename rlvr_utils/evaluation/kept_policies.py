"""Evaluate saved policies: one benchmark after the other, so that a crash costs one benchmark."""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig, local_path
from rlvr_utils.records.files import append_rows, keep_rows, read_rows
from rlvr_utils.records.run import Run, hold


def evaluate_run(run: Run, steps: list[int] | None = None) -> None:
    """Evaluate the policies of a finished run that are here, all or those of `steps`, as `run.config` asks;
    what is in the run's records already is left alone. Raises `UserError` for a step without a policy."""
    from rlvr_utils.evaluation.benchmarks import load_benchmarks
    from rlvr_utils.models.engines import check_engine

    stored = policies(run)
    wanted = [*stored] if steps is None else steps
    if not stored and not run.rows("evaluations"):
        raise UserError(f"run {run.folder.name}: its weights are not in {run.folder}, so it cannot be evaluated as "
                        "asked; give the folder in which it was trained")
    for step in wanted:
        if step not in stored:
            raise UserError(f"run {run.folder.name} has no policy of step {step} here; it has: "
                            f"{', '.join(map(str, stored)) or 'none (its weights are not in this folder)'}")
    if not {*wanted} & {*missing_evaluations(run)}:
        return  # nothing is written, so that a folder that is only to be read will do
    check_engine(run.config.engine)
    loaded = load_benchmarks(run.config)
    with hold(run.folder):
        for step in wanted:
            evaluate_policy(run.config, stored[step], step, loaded, run.folder)


def policies(run: Run) -> dict[int, str]:
    """Where the run's policies are, by rollout step; the base run's is the model itself."""
    if run.config.steps == 0:
        return {0: local_path(run.config.model)}
    return {step: str(folder) for step, folder in run.stored_policies().items()}


def missing_evaluations(run: Run) -> list[int]:
    """The steps whose policy is here and for which some benchmark of the run's configuration has no record."""
    done = _done(run)
    return [step for step in policies(run)
            if any((step, benchmark.name) not in done for benchmark in run.config.benchmarks)]


def evaluate_policy(config: RunConfig, source: str, step: int, loaded: list, folder: Path, policy=None) -> None:
    """Evaluate the policy in `source` on the benchmarks that have no record of this step yet, and
    write the records; `policy` is it, where it is open already."""
    from rlvr_utils.evaluation.benchmarks import evaluate
    from rlvr_utils.models.engines import open_policy

    run = Run(folder, config)
    done = _done(run)
    # Responses are written before the record that makes them count.
    keep_rows(folder / "responses.jsonl", lambda row: row["step"] != step or not run.answers_to(row)
              or (step, row["benchmark"]) in done)
    keep_rows(folder / "evaluations.jsonl", lambda row: True)
    for scoring in ("generation", "likelihood"):
        waiting = [pair for pair in loaded if pair[0].scoring == scoring and (step, pair[0].name) not in done]
        if not waiting:
            continue
        # vLLM cannot score choices; one engine at a time is open, since each fills the GPU.
        serving = open_policy(config, source, scoring) if policy is None else policy
        for pair in waiting:
            rows, responses = evaluate(serving, [pair], config, config.seed)
            append_rows(folder / "responses.jsonl", [{"step": step, **row} for row in responses])
            append_rows(folder / "evaluations.jsonl", [{"step": step, **row} for row in rows])
        del serving


def _done(run: Run) -> set[tuple[int, str]]:
    rows = read_rows(run.folder / "evaluations.jsonl")
    return {(row["step"], row["benchmark"]) for row in rows if run.answers_to(row)}
