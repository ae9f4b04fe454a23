"""Numbers from the records of runs: one tidy table per run, and measures computed from it."""
from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

from rlvr_utils.analysis.intervals import Interval, crossed_interval, mean_interval
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


def greedy_benchmark(config: RunConfig) -> str | None:
    """The main benchmark's problems answered greedily; None if it is greedy itself, or if nothing else asks them."""
    files = {benchmark.name: benchmark.file for benchmark in config.benchmarks}
    main = main_benchmark(config)
    return next((benchmark.name for benchmark in config.benchmarks if benchmark.name != main
                 and benchmark.file == files[main] and benchmark.temperature == 0
                 and benchmark.scoring == "generation"), None)


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
    groups = [(f"{group}.{name}", part["accuracy"], part["n"]) for group in ("subject", "kind")
              for name, part in row.get(f"by_{group}", {}).items()]
    return parts + plain + groups


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


def parts(run: Run, benchmarks: list[str], step: float | None = None, group: str = "kind") -> pd.DataFrame:
    """What each kind of problem contributes to `score`: `value` (accuracy times weight) and `weight`, by kind.

    Within a benchmark every response weighs the same, and every benchmark does. `group` may be "subject" instead.
    Records that name no kinds, or one kind a benchmark (which is no sample of kinds), give one row, named "". A `step`
    between two evaluations gets what lies on the straight line between them. Raises `UserError` as `score` does, and
    for a step outside of what was evaluated.
    """
    return at_step(run, step, lambda at: _parts(run, benchmarks, at, group))


def at_step(run: Run, step: float | None, value):
    """`value(step)`, by default of the last evaluated step; between two evaluations what lies on the straight line
    between theirs. Raises `UserError` for a step outside of what was evaluated."""
    evaluated = steps(run)
    step = evaluated[-1] if step is None else step
    if step in evaluated:
        return value(step)
    before, after = ([at for at in evaluated if at < step], [at for at in evaluated if at > step])
    if not before or not after:
        raise UserError(f"{run.folder.name}: step {step:g} lies outside of its evaluations, which are of steps "
                        f"{evaluated[0]} to {evaluated[-1]}")
    start, end = value(before[-1]), value(after[0])
    return start + (end - start) * ((step - before[-1]) / (after[0] - before[-1]))


def _parts(run: Run, benchmarks: list[str], step: int, group: str) -> pd.DataFrame:
    table = tidy(run)
    rows = table[(table["step"] == step) & table["benchmark"].isin(benchmarks)
                 & table["measure"].str.startswith(f"{group}.")]
    if set(rows["benchmark"]) != set(benchmarks) or len(rows) == len(benchmarks):
        return pd.DataFrame({"value": [score(run, benchmarks, step=step)], "weight": [1.0]}, index=[""])
    weight = rows["n"] / rows.groupby("benchmark")["n"].transform("sum") / len(benchmarks)
    columns = pd.DataFrame({"value": rows["value"] * weight, "weight": weight})
    return columns.groupby(rows["measure"].str.removeprefix(f"{group}.")).sum()


def minus(parts_of: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The difference of two `parts` of the same problems, with the weights of the first."""
    return parts_of.assign(value=parts_of["value"] - other["value"])


def over_seeds(frames: dict[int, pd.DataFrame]) -> Interval:
    """The sum of each seed's `parts`, with an interval over seeds and kinds; over seeds alone without kinds."""
    first = next(iter(frames.values()))
    table = pd.DataFrame({seed: frame["value"] for seed, frame in frames.items()}).T
    return crossed_interval(table, first["weight"]) if len(first) > 1 else mean_interval(table.sum(axis=1).tolist())


def count(run: Run, benchmarks: list[str], measure: str, step: int) -> int:
    """The total of a measure that counts responses, such as `reflection.recheck`, over all benchmarks."""
    return int(_by_step(run, benchmarks, measure, step).loc[step].sum())


def reflecting(run: Run, benchmarks: list[str], step: float | None = None) -> float:
    """Share of responses with a word of self-reflection (paper §3.2.4), over all benchmarks; `step` as for `parts`."""
    return at_step(run, step, lambda at: _reflecting(run, benchmarks, at))


def _reflecting(run: Run, benchmarks: list[str], step: int) -> float:
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


def followed(run: Run, evaluations: int = 2) -> bool:
    """Did training accuracy saturate after the first evaluation and before at least so many others? With only one
    after it, a change of test accuracy would be a piece of the line that leads up to saturation."""
    start = saturation(run)
    return start is not None and steps(run)[0] <= start and sum(step > start for step in steps(run)) >= evaluations


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
    """`score` after the last step, over the runs of an arm; accuracies also over kinds of problems."""
    if measure == ACCURACY:
        return over_seeds(by_seed(runs, lambda run: parts(run, benchmarks)))
    return mean_interval([score(run, benchmarks, measure) for run in runs])


def gap(runs: Runs, arm: str, other: str, benchmarks: list[str]) -> Interval:
    """Accuracy of `arm` minus that of `other` after the last step, paired by seed and by kind of problem. Raises
    `UserError` for seeds that only one of the arms has."""
    first, second = (by_seed(runs[name], lambda run: parts(run, benchmarks)) for name in (arm, other))
    if set(first) != set(second):
        raise UserError(f"{arm} and {other} are compared seed by seed, but only one of them has seeds "
                        f"{sorted(set(first) ^ set(second))}; run the other, or leave them out")
    return over_seeds({seed: minus(frame, second[seed]) for seed, frame in first.items()})


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
