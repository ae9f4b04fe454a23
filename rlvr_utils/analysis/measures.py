"""Numbers taken from the records of runs: accuracies, averages, curves, saturation."""
from __future__ import annotations

from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.run import Run

SIX = ("MATH500", "AIME24", "AMC23", "Minerva", "OlympiadBench", "AIME25")  # the paper's average
ARC = ("ARC-E", "ARC-C")
GRADER = "qwen-eval"
# Training counts as saturated once this many steps in a row average this training accuracy.
SATURATED, SATURATED_STEPS = 0.95, 5


def main_benchmark(config: RunConfig) -> str:
    """The benchmark that stands for MATH500, or the first one of the reader's own files."""
    names = {benchmark.stands_for: benchmark.name for benchmark in config.benchmarks}
    return names.get("MATH500", config.benchmarks[0].name)


def math_benchmarks(config: RunConfig) -> list[str]:
    """The benchmarks of the paper's six-fold average; all of the reader's own files."""
    six = [benchmark.name for benchmark in config.benchmarks if benchmark.stands_for in SIX]
    return six or [benchmark.name for benchmark in config.benchmarks if benchmark.scoring == "generation"]


def arc_benchmarks(config: RunConfig) -> list[str]:
    return [benchmark.name for benchmark in config.benchmarks if benchmark.stands_for in ARC]


def transfer_benchmarks(config: RunConfig) -> list[str]:
    """ARC or what stands for it; all of the reader's own files; none where a profile has mathematics only."""
    own = not any(benchmark.stands_for for benchmark in config.benchmarks)
    return arc_benchmarks(config) or (math_benchmarks(config) if own else [])


def steps(run: Run) -> list[int]:
    """The evaluated steps in order."""
    return sorted({row["step"] for row in run.rows("evaluations")})


def score(run: Run, benchmarks: list[str], field: str = "accuracy", step: int | None = None) -> float:
    """Mean over benchmarks of one field at a step (the last evaluated one by default)."""
    step = steps(run)[-1] if step is None else step
    values = [row[field][GRADER] if field == "accuracy" else row[field]
              for row in run.rows("evaluations") if row["step"] == step and row["benchmark"] in benchmarks]
    return sum(values) / len(values)


def reflecting(run: Run, benchmarks: list[str], step: int) -> float:
    """Share of responses with a word of self-reflection (paper §3.2.4), over all benchmarks."""
    rows = [row for row in run.rows("evaluations") if row["step"] == step and row["benchmark"] in benchmarks]
    return sum(row["reflecting"] for row in rows) / sum(row["problems"] * row["samples"] for row in rows)


def machines(runs: list[Run]) -> list[str]:
    """What the runs were made on, each kind of machine once."""
    found = [run.provenance["hardware"] for run in runs]
    return list(dict.fromkeys(", ".join(each["gpus"]) or f"{each['cpu']}, {each['cores']} cores" for each in found))


def spread(items: list, most: int = 6) -> list:
    """At most so many items, evenly spread from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def by_seed(runs: list[Run], value) -> dict[int, float]:
    """`value(run)` of each run, by seed."""
    return {run.config.seed: value(run) for run in runs}


def curve(run: Run, base: Run, benchmarks: list[str], field: str = "accuracy") -> list[tuple[int, float]]:
    """(step, value) of a run, the base run giving step 0."""
    start = [] if run.config.steps == 0 else [(0, score(base, benchmarks, field))]
    return start + [(step, score(run, benchmarks, field, step)) for step in steps(run)]


def best_step(run: Run, base: Run, benchmarks: list[str]) -> int:
    """The step with the best score: chosen on the test sets, as the paper does, so optimistic."""
    return max(curve(run, base, benchmarks), key=lambda point: point[1])[0]


def saturation(run: Run) -> int | None:
    """The first step that ends SATURATED_STEPS steps of at least SATURATED training accuracy on
    average; None when that never happens."""
    rows = run.rows("metrics")
    for end in range(SATURATED_STEPS, len(rows) + 1):
        window = rows[end - SATURATED_STEPS:end]
        if sum(row["outcome"] for row in window) / SATURATED_STEPS >= SATURATED:
            return window[-1]["step"]
    return None


def subject_gains(run: Run, base: Run, benchmark: str) -> dict[str, float]:
    """Accuracy after the last step minus the base's, by subject."""
    last, start = run.evaluations(benchmark)[-1]["by_subject"], base.evaluations(benchmark)[-1]["by_subject"]
    return {subject: last[subject]["accuracy"] - start[subject]["accuracy"] for subject in last}
