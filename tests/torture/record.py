"""The torture in full, and a record of what was tried, how often, for how long and with what outcome.

    python tests/torture/record.py        exits as pytest does; about 20 minutes on two cores
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from rlvr_utils.grading.verdicts import GRADERS
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.records.files import write_json
from rlvr_utils.records.provenance import provenance

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record.json"
OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


def summary(report: Path) -> dict:
    """Outcomes and seconds of each file of tests, and what came of the hostile answers, from pytest's JUnit report."""
    suite = ElementTree.parse(report).getroot()[0]
    parts: dict[str, Counter] = {}
    for case in suite.iter("testcase"):
        part = parts.setdefault(case.get("classname", "").rpartition(".")[2], Counter())
        part["seconds"] += float(case.get("time", 0))
        part[OUTCOMES[case[0].tag] if len(case) else "passed"] += 1
    attacks = {note.get("name"): json.loads(note.get("value")) for note in suite.iterfind("properties/property")
               if note.get("name") in GRADERS}
    tests = {name: {**part, "seconds": round(part["seconds"])} for name, part in sorted(parts.items())}
    return {"tests": tests, "hostile answers": attacks}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, provenance(load_profile("pocket")) as facts:
        report = Path(folder) / "report.xml"
        code = subprocess.call([sys.executable, "-m", "pytest", "-m", "torture", HERE, f"--junitxml={report}"],
                               env={**os.environ, "RLVR_TORTURE": "1"})
        results = summary(report)
    for of_this_process in ("grading", "peak_memory_gib"):
        del facts[of_this_process]
    write_json(RECORD, {**facts, "results": results})
    return code


if __name__ == "__main__":
    sys.exit(main())
