"""What a run, or any folder, holds; and the commands that the tests of kills, races and disks give."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path

from rlvr_utils.recipe.config import RunConfig, to_fields


def train(config: RunConfig, results: Path) -> list:
    """The words of the command that trains this run into this folder."""
    results.mkdir(exist_ok=True)
    request = results.with_name(f"{results.name}-s{config.seed}.json")
    request.write_text(json.dumps(to_fields(config)))
    return ["train", "--config", request, "--results", results, "--quiet"]


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under the folder by its path."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_same_runs(results: Path, whole: Path) -> None:
    """Both hold the same runs and nothing else: file by file and byte for byte; what tells of the time by
    its steps, and the provenance by the hash of the weights."""
    found, wanted = contents(results / "runs"), contents(whole / "runs")
    assert found.keys() == wanted.keys()
    for name, digest in wanted.items():
        one, other = results / "runs" / name, whole / "runs" / name
        if one.name == "timings.jsonl":
            assert steps(one) == steps(other)
        elif one.name == "provenance.json":
            assert weights(one) == weights(other)
        else:
            assert found[name] == digest, name
    assert not [path for path in results.rglob("*") if path.suffix in (".new", ".raw", ".lock", ".partial", ".removed")]


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def weights(path: Path) -> str:
    """The hash of the weights in a provenance."""
    return json.loads(path.read_text())["weights_sha256"]
