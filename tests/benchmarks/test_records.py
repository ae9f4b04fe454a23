"""The benches' arithmetic, and what the README says of speed and torture, which is in the committed records."""
from __future__ import annotations

import json

import pytest
from conftest import ROOT

from benchmarks import growth, measure, step, table

RECORDS = sorted((ROOT / "benchmarks" / "records").glob("*.json"))
TORTURE = ROOT / "tests" / "torture" / "record.json"


def test_the_table_in_the_readme_is_that_of_the_records():
    assert table.table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_torture_in_the_readme_is_that_of_its_record():
    facts = json.loads(TORTURE.read_text(encoding="utf-8"))
    answers = sum(sum(attack["verdicts"].values()) for attack in facts["results"]["hostile answers"].values())
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    tests = facts["results"]["tests"]
    assert f"{answers:,} hostile answers" in readme
    passed, minutes = sum(part.get("passed", 0) for part in tests.values()), facts["wall_seconds"] / 60
    assert f"{passed} tests passed, in {minutes:.0f} minutes" in readme
    assert set(tests) == {path.stem for path in TORTURE.parent.glob("test_*.py")}
    assert not any(part.get("failed") or part.get("skipped") for part in tests.values())


@pytest.mark.parametrize("path", [*RECORDS, TORTURE], ids=lambda path: path.stem)
def test_every_record_says_where_it_was_made(path):
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts["hardware"]["cores"] and facts["versions"]["torch"] and facts["git"]["sha"] and facts["config_hash"]
    assert facts["results"] and facts["wall_seconds"] > 0


def test_there_is_a_record_of_every_bench():
    benches = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"measure", "table"}
    assert {path.stem for path in RECORDS} == benches


def test_the_ways_take_turns_and_swap_places():
    order = []
    ways = {name: lambda name=name: order.append(name) or len(order) for name in "ab"}
    assert measure.in_turn(ways, 3) == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert order == list("abbaab")


def test_a_ratio_is_that_of_pairs():
    assert measure.ratios([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]) == {"median": 3.0, "min": 2.0, "max": 4.0}


def test_the_exponent_is_that_of_the_power_law():
    points = [{"size": size, "seconds": 3 * size ** 1.5, "mib": 0} for size in (1, 2, 4, 8)]
    assert growth.exponent(points, "seconds") == 1.5


def test_a_step_without_the_first_and_its_phases():
    rows = [{"seconds": seconds, "rollouts": 1.0, "rewards": 0.5, "references": 0.25, "loss": 2.0}
            for seconds in (99.0, 4.0, 5.0, 6.0)]
    phases: dict = {}
    assert step.step_seconds(rows, phases) == 5.0
    assert phases["loss"] == [2.0, 2.0, 2.0] and phases["rest"] == [0.25, 1.25, 2.25]
