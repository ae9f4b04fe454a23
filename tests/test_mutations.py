"""The planted mistakes of `make mutations` still find the lines that they change."""
from __future__ import annotations

from conftest import ROOT
from mutations import MUTATIONS


def findable(file: str, right: str, wrong: str, tests: str) -> bool:
    once = (ROOT / "rlvr_utils" / file).read_text(encoding="utf-8").count(right) == 1
    return once and wrong != right and (ROOT / "tests" / tests).is_file()


def test_what_is_to_be_mistaken_stands_there_once():
    assert [name for name, mutation in MUTATIONS.items() if not findable(*mutation)] == []
