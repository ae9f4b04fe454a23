"""The pocket world: no test problem is ever trained on, and the files are what the code says."""
from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.pocket import science, world
from rlvr_utils.pocket.sketch import Dice, Sketch

KINDS = {kind.__name__: kind for subjects in (world.MATH, science.SUBJECTS)
         for kinds in subjects.values() for kind in kinds}
SIZES = {"math500": 500, "aime24": 30, "amc23": 40, "minerva": 100, "olympiad": 100, "aime25": 30,
         "arc_easy": 200, "arc_challenge": 200, "validation": 210}
DOCUMENTS = 40_000


def question_in(document: str) -> str:
    question = document.partition("<|im_start|>user\n")[2].partition("<|im_end|>\n<|im_start|>assistant\n")[0]
    return question.removesuffix(" " + SUFFIX)


def bare_question(row: dict) -> str:
    """The question as it is asked, whatever the file's columns."""
    if "prompt" in row:
        return row["prompt"][0]["content"].removesuffix(" " + SUFFIX)
    if "choices" in row:
        return row["question"] + science.choices_text(row["choices"]["text"])
    return row["problem"]


def test_no_test_question_is_in_the_corpus_or_the_pool(pocket_files, pocket_corpus):
    _, sets, pool = pocket_files
    tests = {bare_question(row) for name, rows in sets.items() if name != "validation" for row in rows}
    validation = {bare_question(row) for row in sets["validation"]}
    taught = {question_in(document) for document in pocket_corpus[0]}
    trained = {bare_question(row) for row in pool}
    assert len(tests) > 1150 and len(taught) > 30_000
    for one, other in ((tests, taught), (tests, trained), (tests, validation), (validation, taught),
                       (validation, trained), (trained, taught)):
        assert not one & other


def test_no_numbers_of_a_test_problem_are_in_the_corpus_or_the_pool(pocket_files, pocket_corpus):
    keys = {split: {(kind, sketch.numbers) for kind, sketch in rows}
            for split, rows in pocket_files[0].items()}
    keys["corpus"] = {(kind, sketch.numbers) for kind, sketch in pocket_corpus[1]}
    assert set(keys) == {"test", "pool", "validation", "corpus"}
    names = sorted(keys)
    for place, name in enumerate(names):
        for other in names[place + 1:]:
            assert not keys[name] & keys[other]


def test_every_document_comes_from_a_problem_of_the_corpus_split(pocket_corpus):
    documents, sketches = pocket_corpus
    assert len(sketches) == DOCUMENTS
    assert {world.split_of(KINDS[kind], sketch) for kind, sketch in sketches} == {"corpus"}
    for document, (_, sketch) in zip(documents, sketches, strict=True):
        assert question_in(document) in sketch.wordings


def test_the_split_depends_on_kind_and_numbers_alone():
    rng, linear = random.Random(0), KINDS["linear"]
    splits = Counter()
    for _ in range(3000):
        sketch = linear(Dice(rng, 5))
        reworded = Sketch(sketch.numbers, ("else",), ("else",), "else")
        splits[world.split_of(linear, sketch)] += 1
        assert world.split_of(linear, sketch) == world.split_of(linear, reworded)
    assert set(splits) == {"corpus", "test", "pool", "validation"}


def test_the_shipped_files_are_what_the_code_writes(pocket_files):
    from pyarrow import parquet

    _, sets, pool = pocket_files
    for name, rows in sets.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        assert (world.DATA / f"{name}.jsonl").read_bytes() == text.encode(), name
    assert parquet.read_table(world.DATA / "pool.parquet").to_pylist() == pool
    assert {path.stem for path in world.DATA.iterdir()} == {*sets, "pool"}


def test_sizes_subjects_and_distinct_problems(pocket_files):
    by_split, sets, pool = pocket_files
    assert {name: len(rows) for name, rows in sets.items()} == SIZES
    assert len(pool) == 1209
    assert Counter(row["subject"] for row in sets["math500"]) == {
        "Algebra": 124, "Intermediate Algebra": 97, "Prealgebra": 82, "Number Theory": 62, "Precalculus": 56,
        "Geometry": 41, "Counting & Probability": 38}
    for name, rows in {**sets, "pool": pool}.items():
        assert len({bare_question(row) for row in rows}) == len(rows), name
    assert [row["extra_info"]["index"] for row in pool] == list(range(1209))


def test_a_second_call_writes_the_same_rows(pocket_files):
    assert world.test_sets() == pocket_files[1] and world.pool() == pocket_files[2]


def test_documents_have_the_papers_prompt_parts(pocket_corpus):
    documents = pocket_corpus[0]
    system = sum(document.startswith(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n")
                 for document in documents)
    suffix = sum(f" {SUFFIX}<|im_end|>" in document for document in documents)
    both = sum(document.startswith("<|im_start|>system") and f" {SUFFIX}<|im_end|>" in document
               for document in documents)
    assert system / DOCUMENTS == pytest.approx(0.6, abs=0.02)
    assert suffix / DOCUMENTS == pytest.approx(0.4, abs=0.02)
    assert both / DOCUMENTS == pytest.approx(0.24, abs=0.02)  # independent of each other
    assert all(document.count("<|im_start|>assistant\n") == 1 for document in documents)
