"""The effect of the number of threads: the same run with one thread, again with one, and with two.

    python -m benchmarks.threads
"""
from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import pocket, record
from rlvr_utils.analysis.measures import main_benchmark
from rlvr_utils.errors import take_no_options
from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.records.run import Run
from rlvr_utils.runs.obtain import obtain

STEPS = 30


def run_on(threads: int, config: RunConfig, folder: str) -> Run:
    main = [benchmark for benchmark in config.benchmarks if benchmark.name == main_benchmark(config)]
    return obtain(config.changed(cpu_threads=threads, steps=STEPS, eval_every=STEPS, benchmarks=tuple(main)),
                  Path(folder))


def first_difference(run: Run, other: Run, field: str) -> int | None:
    """The first step at which the runs' metrics differ in a field, or None."""
    rows = zip(run.rows("metrics"), other.rows("metrics"), strict=True)
    return next((row["step"] for row, there in rows if row[field] != there[field]), None)


def compare(run: Run, other: Run) -> dict:
    """Where two runs diverge, and their final accuracies."""
    accuracy = [each.rows("evaluations")[-1]["accuracy"]["qwen-eval"] for each in (run, other)]
    return {"weights_equal": run.provenance["weights_sha256"] == other.provenance["weights_sha256"],
            "loss_differs_from_step": first_difference(run, other, "loss"),
            "rollouts_differ_from_step": first_difference(run, other, "response_length"), "accuracies": accuracy}


def bench(config: RunConfig) -> dict:
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as other:
        first, again, two = run_on(1, config, place), run_on(1, config, other), run_on(2, config, place)
        return {"steps": STEPS, "one thread twice": compare(first, again), "one thread and two": compare(first, two)}


if __name__ == "__main__":
    take_no_options("benchmarks.threads", __doc__)
    settings = pocket()
    record("threads", settings, lambda: bench(settings))
