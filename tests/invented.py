"""Invented records of runs, for tests of what is read from them."""
from __future__ import annotations

import json

from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile, to_fields
from rlvr_utils.recipe.identity import evaluation_identity
from rlvr_utils.records.files import append_rows
from rlvr_utils.records.run import Run

SIX = ("P-MATH500", "P-AIME24", "P-AMC23", "P-Minerva", "P-Olympiad", "P-AIME25")
SUBJECTS = ("Algebra", "Geometry", "Prealgebra")
# What each arm measures at steps 20, 40 and 60: accuracy on the six and on ARC, share of reflecting
# responses; and in training: the reward from step 5 on and the last divergence.
LIKE_THE_PAPER = {
    "base": {"math": [0.30], "arc": [0.25], "reflecting": [0.02], "subjects": [0.3, 0.3, 0.3]},
    "one-shot": {"math": [0.55, 0.58, 0.60], "arc": [0.35, 0.36, 0.40], "reflecting": [0.02, 0.03, 0.06],
                 "subjects": [0.6, 0.5, 0.5], "outcome": 0.99, "kl": 1.5},
    "one-shot-13": {"math": [0.50, 0.52, 0.55]},
    "two-shot": {"math": [0.58, 0.60, 0.61]},
    "full-set": {"math": [0.58, 0.60, 0.61], "arc": [0.30, 0.31, 0.32], "reflecting": [0.02, 0.02, 0.02]},
    "format-reward": {"math": [0.40, 0.44, 0.45]},
    "entropy-only": {"math": [0.45, 0.40, 0.10]},
    "one-shot-no-entropy": {"math": [0.50, 0.53, 0.55]},
}


def write_run(folder, arm: str, seed: int, facts: dict, subjects=SUBJECTS) -> Run:
    """The records of a run with these facts; every seed differs a little from the next."""
    config = with_arm(load_profile("pocket"), arm, seed)
    config = config.changed(steps=min(config.steps, 1) * 60)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"config": to_fields(config), "hash": ""}))
    noise = facts.get("spread", 0.003) * seed
    rows = []
    for place, accuracy in enumerate(facts["math"]):
        for benchmark in config.benchmarks:
            arc = benchmark.stands_for.startswith("ARC")
            value = facts.get("arc", [0.2] * 3)[place] if arc else accuracy
            parts = facts.get("subjects", [0.4] * 3)
            reflecting = facts.get("reflecting", [0.0] * 3)[place] + noise / 10
            rows.append({
                "step": 20 * (place + 1) if config.steps else 0, "benchmark": benchmark.name, "problems": 100,
                "samples": benchmark.samples,
                "accuracy": {"qwen-eval": value + noise * (place + 1), "math-verify": 0.99},
                "reflecting": 100 * benchmark.samples * reflecting,
                "by_subject": {name: {"n": 10, "accuracy": part + noise}
                               for name, part in zip(subjects, parts)},
                **evaluation_identity(config, benchmark)})
    append_rows(folder / "evaluations.jsonl", rows)
    append_rows(folder / "metrics.jsonl", [
        {"step": step, "outcome": 0.2 if step < facts.get("rises", 20) else facts.get("outcome", 0.5),
         "kl": facts.get("kl", 0.1), "zero_std_groups": float(step % 10 < facts.get("silent", 3))}
        for step in range(1, config.steps + 1)])
    return Run(folder)
