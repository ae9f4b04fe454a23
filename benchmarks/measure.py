"""Shared by all benchmarks: comparing alternatives in one process, and recording what was measured where."""
from __future__ import annotations

import json
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import torch

from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import PACKAGE, RunConfig, load_profile, local_path
from rlvr_utils.records.provenance import provenance
from rlvr_utils.runs.obtain import obtain

HERE = Path(__file__).resolve().parent
BUILD = PACKAGE.parent / "build" / "benchmarks"


def pocket(arm: str = "one-shot", **changes) -> RunConfig:
    """An arm of the pocket profile with seed 0, as trained by `make reproduce`. Also sets torch's threads."""
    config = with_arm(load_profile("pocket"), arm, 0)
    torch.set_num_threads(config.cpu_threads)
    return config.changed(**changes)


def policies() -> dict[str, str]:
    """The folders of the base model and of the 1-shot run's final policy, which is trained if it is missing (about a
    minute)."""
    config = pocket()
    return {"base": local_path(config.model), "trained": str(obtain(config, BUILD).folder / "weights")}


def load(folder: str):
    """(model, tokenizer) from a policy's folder, in float32 on the CPU."""
    return load_policy(folder, "float32", "cpu")


def seconds(work) -> float:
    """The duration of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turn(ways: dict, rounds: int) -> dict[str, list[float]]:
    """The results of each alternative in every round. The order alternates (A B, B A), so that drift favours none."""
    results: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        names = list(ways) if number % 2 == 0 else list(ways)[::-1]
        for name in names:
            results[name].append(ways[name]())
    return results


def spread(values: list[float]) -> dict[str, float]:
    """Median, minimum and maximum."""
    return {"median": round(statistics.median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def ratios(values: list[float], others: list[float]) -> dict[str, float]:
    """`spread` of value / other, pair by pair."""
    return spread([value / other for value, other in zip(values, others, strict=True)])


def record(name: str, config: RunConfig, work, packages: tuple[str, ...] = ()) -> dict:
    """Do the work and write its result to `records/<name>.json`, with versions (also of these packages), hardware and
    commit."""
    with provenance(config) as facts:
        results = work()
    facts["versions"] |= {package: version(package) for package in packages}
    facts["results"] = results
    path = HERE / "records" / f"{name}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))
    print(f"{path.relative_to(PACKAGE.parent)}, {facts['wall_seconds']:.0f} s")
    return facts
