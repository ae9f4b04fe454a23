"""What the README says of results stands in the committed records."""
from __future__ import annotations

import json

from conftest import ROOT

from rlvr_utils.study.tables import claims_markdown

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_claims_is_that_of_the_ledger():
    rows = json.loads((ROOT / "results" / "pocket" / "claims.json").read_text(encoding="utf-8"))
    assert claims_markdown(rows) in README
