"""Evaluation and start-up: 500 pocket problems, greedy, two graders; importing the package; `--help`.

    python -m benchmarks.evaluation
"""
from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import load, pocket, policies, record, seconds, spread
from rlvr_utils.analysis.measures import greedy_benchmark
from rlvr_utils.errors import take_no_options
from rlvr_utils.evaluation.benchmarks import evaluate, load_benchmarks
from rlvr_utils.grading import sandbox as worker
from rlvr_utils.grading import verdicts as batch
from rlvr_utils.models.engines import TransformersPolicy
from rlvr_utils.recipe.config import RunConfig

ROUNDS = 5
STARTS = {"import rlvr_utils": ["-c", "import rlvr_utils"], "--help": ["-m", "rlvr_utils", "--help"],
          "train --help": ["-m", "rlvr_utils", "train", "--help"]}


def evaluations(folder: str, config: RunConfig) -> dict:
    """Seconds for complete evaluations, each with a new grading worker and an empty cache."""
    policy = TransformersPolicy(*load(folder))
    loaded = [pair for pair in load_benchmarks(config) if pair[0].name == greedy_benchmark(config)]
    took = []
    for _ in range(ROUNDS):
        worker.stop()
        batch._cache.clear()
        took.append(seconds(lambda: evaluate(policy, loaded, config, config.seed)))
    return {"problems": len(loaded[0][1]), "seconds": spread(took)}


def starts() -> dict:
    """Seconds for complete processes, after a first one that fills the file cache."""
    def once(words: list[str]) -> float:
        return seconds(lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL))

    return {name: spread([once(words) for _ in range(ROUNDS + 1)][1:]) for name, words in STARTS.items()}


def bench(config: RunConfig) -> dict:
    return {"evaluation": {name: evaluations(folder, config) for name, folder in policies().items()},
            "start_seconds": starts()}


if __name__ == "__main__":
    take_no_options("benchmarks.evaluation", __doc__)
    settings = pocket()
    record("evaluation", settings, lambda: bench(settings))
