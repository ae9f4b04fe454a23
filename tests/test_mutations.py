"""The planted mistakes of `make mutations` still find the lines that they change."""
from __future__ import annotations

import pytest
from conftest import ROOT
from mutations import MUTATIONS


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_to_be_mistaken_stands_there_once(name):
    file, right, wrong, tests = MUTATIONS[name]
    assert (ROOT / "rlvr_utils" / file).read_text(encoding="utf-8").count(right) == 1 and wrong != right
    assert (ROOT / "tests" / tests).is_file()
