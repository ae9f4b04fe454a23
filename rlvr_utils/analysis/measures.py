"""Numbers from the records of runs: one tidy table per run, and measures computed from it."""
from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

from rlvr_utils.analysis.intervals import Interval, difference_interval, mean_interval
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig, from_fields
from rlvr_utils.records.run import Run

SIX = ("MATH500", "AIME24", "AMC23", "Minerva", "OlympiadBench", "AIME25")  # the paper's average
ARC = ("ARC-E", "ARC-C")
GRADER = "qwen-eval"
ACCURACY = f"accuracy.{GRADER}"  # the default measure
# Training has saturated once this many consecutive steps have at least this training accuracy on average.
SATURATED, SATURATED_STEPS = 0.95, 5
# The fields of an evaluation record that become measures; those in `PARTS` contain one number per name.
FIELDS = ("solved_once", "boxed", "length", "truncated", "reflecting")
PARTS = ("accuracy", "timeouts", "reflection")
COLUMNS = ("run", "arm", "seed", "step", "benchmark", "measure", "value", "n")
Runs = dict[str, list[Run]]


def main_benchmark(config: RunConfig) -> str:
    """MATH500 or its stand-in, or the first of the reader's own files."""
    names = {benchmark.stands_for: benchmark.name for benchmark in config.benchmarks}
    return names.get("MATH500", config.benchmarks[0].name)


def math_benchmarks(config: RunConfig) -> list[str]:
    """The benchmarks of the paper's average over six, or all of the reader's own files."""
    six = [benchmark.name for benchmark in config.benchmarks if benchmark.stands_for in SIX]
    return six or [benchmark.name for benchmark in config.benchmarks if benchmark.scoring == "generation"]


def arc_benchmarks(config: RunConfig) -> list[str]:
    """ARC or its stand-ins; empty if the profile has neither."""
    return [benchmark.name for benchmark in config.benchmarks if benchmark.stands_for in ARC]


def transfer_benchmarks(config: RunConfig) -> list[str]:
    """ARC or its stand-ins, or all of the reader's own files; empty if a profile has only mathematics."""
    own = not any(benchmark.stands_for for benchmark in config.benchmarks)
    return arc_benchmarks(config) or (math_benchmarks(config) if own else [])


def tidy(run: Run) -> pd.DataFrame:
    """Everything measured in a run, one number per row, with the columns `COLUMNS`.

    An evaluation gives a row per step, benchmark and measure: `accuracy.<grader>` (or `.acc`,
    `.acc_norm` of scored choices), `boxed`, `truncated` and `solved_once` are shares in 0 to 1;
    `length` is a mean in tokens; `timeouts.<grader>`, `reflection.<word>` and `reflecting` count
    responses; `subject.<name>` is the accuracy on one subject. A training metric (`outcome`, `kl`,
    `grad_norm`, ...) has an empty `benchmark`; a step without a value for it has no row. `n` is the number of
    responses behind the number: problems x samples, for `solved_once` the problems, for training the rollouts
    of a step.

    The evaluations are those made as the run's `config` says. The table is cached until one of the run's files
    changes. Raises `UserError` as `Run.rows` does.
    """
    files = ((path, path.stat()) for path in sorted(run.folder.glob("**/*.jsonl")))
    versions = tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in files)
    return _tidy(run.folder, run.config.model_dump_json(), versions).copy()


@lru_cache(maxsize=128)
def _tidy(folder: Path, config_json: str, _versions: tuple) -> pd.DataFrame:
    config = from_fields(json.loads(config_json), folder.name)
    run = Run(folder, config)
    rollouts = config.prompts_per_step * config.num_generations
    rows = [(row["step"], row["benchmark"], *number) for row in run.rows("evaluations") for number in _numbers(row)]
    rows += [(row["step"], "", metric, value, rollouts) for row in run.rows("metrics")
             for metric, value in row.items() if metric != "step" and isinstance(value, int | float)]
    table = pd.DataFrame(rows, columns=list(COLUMNS[3:])).astype({"value": float})
    table.insert(0, "seed", config.seed)
    table.insert(0, "arm", config.arm)
    table.insert(0, "run", folder.name)
    return table


def _numbers(row: dict) -> list[tuple[str, float, int]]:
    """(measure, value, n) for each number in an evaluation record; likelihood records have only accuracies."""
    n = row["problems"] * row["samples"]
    plain = [(field, row[field], row["problems"] if field == "solved_once" else n) for field in FIELDS if field in row]
    parts = [(f"{field}.{name}", value, n) for field in PARTS for name, value in row.get(field, {}).items()]
    subjects = [(f"subject.{name}", part["accuracy"], part["n"]) for name, part in row.get("by_subject", {}).items()]
    return parts + plain + subjects


def _by_step(run: Run, benchmarks: list[str], measure: str, step: int | None = None,
             column: str = "value") -> pd.DataFrame:
    """One measure, with a row per evaluated step (or only for `step`) and a column per benchmark.

    Raises `UserError` if a benchmark lacks the measure at a step: an incomplete evaluation has no average.
    """
    table = tidy(run)
    chosen = table[(table["measure"] == measure) & table["benchmark"].isin(benchmarks)]
    wide = chosen.pivot(index="step", columns="benchmark", values=column).reindex(columns=benchmarks)
    wide = wide if step is None else wide.reindex([step])
    if wide.empty or wide.isna().any(axis=None):
        missing = [f"{name} at step {at}" for at in wide.index for name in wide if pd.isna(wide.loc[at, name])]
        raise UserError(f"{run.folder.name}/evaluations.jsonl has no {measure} for "
                        f"{', '.join(missing[:3] or benchmarks)}; evaluate the run again")
    return wide


def steps(run: Run) -> list[int]:
    """The evaluated steps, ascending."""
    table = tidy(run)
    return sorted(table.loc[table["benchmark"] != "", "step"].unique().tolist())


def score(run: Run, benchmarks: list[str], measure: str = ACCURACY, step: int | None = None) -> float:
    """Mean over benchmarks of one measure at a step, by default the last evaluated one.

    Raises `UserError` for a benchmark without it.
    """
    step = steps(run)[-1] if step is None else step
    return float(_by_step(run, benchmarks, measure, step).loc[step].mean())


def curve(run: Run, base: Run, benchmarks: list[str], measure: str = ACCURACY) -> list[tuple[int, float]]:
    """(step, value) of a run at each evaluated step; the base run gives step 0."""
    start = [] if run.config.steps == 0 else [(0, score(base, benchmarks, measure))]
    return start + list(_by_step(run, benchmarks, measure).mean(axis=1).items())


def count(run: Run, benchmarks: list[str], measure: str, step: int) -> int:
    """The total of a measure that counts responses, such as `reflection.recheck`, over all benchmarks."""
    return int(_by_step(run, benchmarks, measure, step).loc[step].sum())


def reflecting(run: Run, benchmarks: list[str], step: int) -> float:
    """Share of responses with a word of self-reflection (paper §3.2.4), over all benchmarks."""
    responses = _by_step(run, benchmarks, "reflecting", step, "n").loc[step].sum()
    return count(run, benchmarks, "reflecting", step) / int(responses)


def subjects(run: Run, benchmark: str) -> dict[str, float]:
    """Accuracy by subject after the last step; empty for a benchmark without subjects."""
    last = _last_subjects(run, benchmark)
    return dict(zip(last.index, last["value"].tolist()))


def subject_sizes(run: Run, benchmark: str) -> dict[str, int]:
    """The number of responses behind each accuracy of `subjects`."""
    last = _last_subjects(run, benchmark)
    return dict(zip(last.index, last["n"].tolist()))


def _last_subjects(run: Run, benchmark: str) -> pd.DataFrame:
    table = tidy(run)
    chosen = table[(table["benchmark"] == benchmark) & table["measure"].str.startswith("subject.")
                   & (table["step"] == steps(run)[-1])]
    return chosen.set_index(chosen["measure"].str.removeprefix("subject."))


def subject_gains(run: Run, base: Run, benchmark: str) -> dict[str, float]:
    """Accuracy after the last step minus that of the base, by subject."""
    last, start = subjects(run, benchmark), subjects(base, benchmark)
    return {subject: last[subject] - start[subject] for subject in last}


def training_curve(run: Run, metric: str) -> list[tuple[int, float]]:
    """(step, value) of a training metric, without steps that lack it."""
    table = tidy(run)
    chosen = table[(table["benchmark"] == "") & (table["measure"] == metric)]
    return list(zip(chosen["step"].tolist(), chosen["value"].tolist()))


def saturation(run: Run) -> int | None:
    """The last of the first SATURATED_STEPS consecutive steps whose average training accuracy is at least SATURATED;
    None if there are none."""
    outcomes = training_curve(run, "outcome")
    for end in range(SATURATED_STEPS, len(outcomes) + 1):
        window = [value for _, value in outcomes[end - SATURATED_STEPS:end]]
        if sum(window) / SATURATED_STEPS >= SATURATED:
            return outcomes[end - 1][0]
    return None


def steps_after_saturation(run: Run) -> list[int]:
    """The evaluated steps from saturation on; empty if training never saturates."""
    start = saturation(run)
    return [step for step in steps(run) if start is not None and step >= start]


def best_step(run: Run, base: Run, benchmarks: list[str]) -> int:
    """The step with the best score, chosen on the test sets as in the paper, and therefore optimistic."""
    return max(curve(run, base, benchmarks), key=lambda point: point[1])[0]


# ---- over seeds --------------------------------------------------------------------------------

def by_seed(runs: list[Run], value) -> dict[int, float]:
    """`value(run)` of each run, by seed."""
    return {run.config.seed: value(run) for run in runs}


def arm_interval(runs: list[Run], benchmarks: list[str], measure: str = ACCURACY) -> Interval:
    """`score` after the last step, over the runs of an arm."""
    return mean_interval([score(run, benchmarks, measure) for run in runs])


def gap(runs: Runs, arm: str, other: str, benchmarks: list[str]) -> Interval:
    """Accuracy of `arm` minus that of `other` after the last step, paired by seed."""
    return difference_interval(by_seed(runs[arm], lambda run: score(run, benchmarks)),
                               by_seed(runs[other], lambda run: score(run, benchmarks)))


def share_of_gain(runs: Runs, arm: str, whole: str, benchmarks: list[str]) -> Interval | None:
    """The gain of `arm` over the base as a share of the gain of `whole`, seed by seed; None if `whole` gains nothing
    in some seed."""
    value = {name: by_seed(runs[name], lambda run: score(run, benchmarks)) for name in ("base", arm, whole)}
    gains = [(value[arm][seed] - start, value[whole][seed] - start) for seed, start in value["base"].items()]
    return mean_interval([part / gain for part, gain in gains]) if all(gain for _, gain in gains) else None


def curves(runs: Runs, arm: str, benchmarks: list[str], measure: str = ACCURACY) -> list[list[tuple[int, float]]]:
    """The `curve` of each run of an arm, starting from the base run of the same seed."""
    bases = {run.config.seed: run for run in runs["base"]}
    return [curve(run, bases[run.config.seed], benchmarks, measure) for run in runs[arm]]


def machines(runs: list[Run]) -> list[str]:
    """The hardware on which the runs were made, without duplicates."""
    found = [run.provenance["hardware"] for run in runs]
    return list(dict.fromkeys(", ".join(each["gpus"]) or f"{each['cpu']}, {each['cores']} cores" for each in found))


def spread(items: list, most: int = 6) -> list:
    """At most `most` items, evenly spaced from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]
