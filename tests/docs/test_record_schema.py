"""docs/records.md has every file and every field of a run's folder, with its type, and none that is not there."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT, write_lines

from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.runs.obtain import obtain

pytestmark = pytest.mark.slow  # what scores choices is slow to import
PAGE = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
CHAPTERS = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
FIELDS = {name: re.findall(r"^\| `([^`]+)` \| ([a-z ]+) \|([^|]*)\|[^|]*\|$", text, re.M)
          for name, text in CHAPTERS.items() if not name.endswith("/")}
TYPES = {
    "text": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "share": lambda value: type(value) in (int, float) and 0 <= value <= 1,
    "true or false": lambda value: isinstance(value, bool),
}


@pytest.fixture(scope="module")
def folders(tiny_config, tmp_path_factory):
    """A run with everything that can be recorded, and one of the model before any training."""
    results = tmp_path_factory.mktemp("records") / "results"
    file = write_lines(results.with_name("choices.jsonl"), [
        {"question": f"What is {i}+1?", "choices": {"text": ["1", "22"], "label": ["A", "B"]}, "answerKey": "A"}
        for i in range(3)])
    choices = Benchmark(name="choices", file=str(file), scoring="likelihood")
    config = tiny_config.changed(benchmarks=(*tiny_config.benchmarks, choices), keep_every=2, labels={"far": "929725"},
                                 examples=(1, 13), arms=("one-shot",), lora_rank=2, lora_targets=("q_proj", "up_proj"))
    return [obtain(config, results).folder, obtain(with_arm(tiny_config, "base", 0), results).folder]


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value that is no object or list, with its path."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, f"{path}[]")
    else:
        yield path, value


def fits(value: object, kind: str) -> bool:
    return value is None and kind.endswith(" or null") or TYPES[kind.removesuffix(" or null")](value)


def pattern(field: str) -> str:
    """The paths that a documented field stands for."""
    return re.sub(r"<[a-z]+>", r"[^\\[\\]]+", re.sub(r"([.\[\]-])", r"\\\1", field))


def written(folders, name: str) -> list[tuple[str, object]]:
    """The values in all files of this name."""
    found = []
    for path in (folder / name for folder in folders if (folder / name).exists()):
        text = path.read_text(encoding="utf-8")
        for record in text.splitlines() if name.endswith("l") else [text]:
            found += leaves(json.loads(record))
    return found


def test_every_file_has_its_chapter(folders):
    there = {path.name + "/" * path.is_dir() for folder in folders for path in folder.iterdir()}
    assert there == CHAPTERS.keys()


@pytest.mark.parametrize("name", FIELDS)
def test_every_line_of_a_table_is_a_field(name):
    lines = re.findall(r"^\| `", CHAPTERS[name], re.M)
    assert len(lines) == len(FIELDS[name]) == len({field for field, *_ in FIELDS[name]}) > 0


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_those_written(folders, name):
    values, unseen = written(folders, name), {field for field, *_ in FIELDS[name]}
    for path, value in values:
        matching = [(field, kind) for field, kind, _ in FIELDS[name] if re.fullmatch(pattern(field), path)]
        assert len(matching) == 1, f"{name}: {path} is described {len(matching)} times in docs/records.md"
        (field, kind), = matching
        assert fits(value, kind), f"{name}: {path} is {value!r}, and no {kind} as docs/records.md has it"
        unseen.discard(field)
    if name == "provenance.json":
        unseen -= {"git.sha", "git.changed", "hardware.gpus[]"}  # of a checkout, of a GPU
    if name == "metrics.jsonl":
        unseen -= {"engine_difference"}  # of vLLM
    unseen -= {"config.report_to[]"}  # of packages that are not among the pins
    assert not unseen, f"{name}: docs/records.md describes what is not written: {sorted(unseen)}"


def test_numbers_that_are_no_shares_have_a_unit_or_need_none():
    """Of what is measured; of settings some are mere factors."""
    bare = {"loss", "policy_loss", "grad_norm", "seed", "asked.seed", "asked.temperature"}
    for name in FIELDS.keys() - {"config.json"}:
        for field, kind, unit in FIELDS[name]:
            if kind.startswith(("number", "integer")) and field not in bare:
                assert unit.strip(), f"{name}: {field} has no unit in docs/records.md"
