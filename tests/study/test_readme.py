"""What the README says of results stands in the committed records."""
from __future__ import annotations

import json

from conftest import ROOT

from rlvr_utils.analysis.intervals import mean_interval
from rlvr_utils.analysis.measures import math_benchmarks, score
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.records.run import find
from rlvr_utils.study.tables import claims_markdown

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_claims_is_that_of_the_ledger():
    rows = json.loads((ROOT / "results" / "pocket" / "claims.json").read_text(encoding="utf-8"))
    assert claims_markdown(rows) in README


def test_the_table_of_the_adapter_is_that_of_the_runs():
    def runs(profile: str, arm: str) -> list:
        config = load_profile(profile)
        return [find(with_arm(config, arm, seed), ROOT / "results" / profile) for seed in range(3)]

    columns = [runs("pocket", "base"), runs("pocket", "one-shot"), runs("pocket-lora", "one-shot")]
    sets = {"P-MATH500, T = 0.6": ["P-MATH500"], "P-MATH500, greedy": ["P-MATH500 greedy"],
            "average of six sets": math_benchmarks(load_profile("pocket"))}
    for name, asked in sets.items():
        cells = [mean_interval([score(run, asked) for run in column]).percent() for column in columns]
        assert f"| {name} | {' | '.join(cells)} |" in README
