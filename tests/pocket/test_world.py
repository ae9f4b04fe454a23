"""The pocket world's files: no test problem is ever trained on, and they are what the code writes."""
from __future__ import annotations

import json
import random
from collections import Counter
from itertools import islice

import pytest

from rlvr_utils.data.problems import load_benchmark, load_training
from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.pocket import world
from rlvr_utils.pocket.corpus import KINDS, WITH_SUFFIX, WITH_SYSTEM, corpus, draw, split_of

SIZES = {"math500": 500, "aime24": 30, "amc23": 40, "minerva": 100, "olympiad": 100, "aime25": 30,
         "arc_easy": 200, "arc_challenge": 200, "validation": 210}


@pytest.fixture(scope="module")
def sets():
    return world.test_sets()


@pytest.fixture(scope="module")
def pool():
    return world.pool()


@pytest.fixture(scope="module")
def documents():
    return list(islice(corpus(0), 20_000))


def identities(rows):
    return {(row["kind"], tuple(row["numbers"])) for row in rows}


def test_every_row_belongs_to_its_split(sets, pool):
    for name, rows in sets.items():
        assert {split_of(*key) for key in identities(rows)} == {"validation" if name == "validation" else "test"}
    assert {split_of(*key) for key in identities(row["extra_info"] for row in pool)} == {"pool"}


def test_corpus_problems_are_of_the_corpus_split_in_any_wording():
    rng = random.Random(0)
    for kind in KINDS:
        for _ in range(20):
            worded = draw(kind, "corpus", rng)
            assert split_of(kind, worded.problem.numbers) == "corpus"


@pytest.mark.slow
def test_no_test_question_is_in_the_corpus_or_the_pool(sets, pool, documents):
    text = "".join(documents)
    asked = {problem.question for name in sets for problem in load_benchmark(world.DATA / f"{name}.jsonl")}
    assert len(asked) > 1300 and not any(question in text for question in asked)
    assert not asked & {problem.question for problem in load_training(world.DATA / "pool.parquet")}


def test_occurrences_counts_what_a_leak_would_bring(monkeypatch):
    monkeypatch.setattr(world, "pool", lambda: [{"extra_info": row} for row in world.test_sets()["aime24"]])
    assert world.occurrences(200) >= 30


@pytest.mark.slow
def test_nothing_occurs_twice():
    assert world.occurrences(2000) == 0


def test_the_shipped_files_are_what_the_code_writes(sets, pool):
    from pyarrow import parquet

    for name, rows in sets.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        assert (world.DATA / f"{name}.jsonl").read_bytes() == text.encode(), name
    assert parquet.read_table(world.DATA / "pool.parquet").to_pylist() == pool
    assert {path.stem for path in world.DATA.iterdir()} == {*sets, "pool"}


def test_sizes_subjects_and_distinct_problems(sets, pool):
    assert {name: len(rows) for name, rows in sets.items()} == SIZES and len(pool) == 1209
    assert Counter(row["subject"] for row in sets["math500"]) == {
        "Algebra": 124, "Intermediate Algebra": 97, "Prealgebra": 82, "Number Theory": 62, "Precalculus": 56,
        "Geometry": 41, "Counting & Probability": 38}
    for rows in (*sets.values(), [row["extra_info"] for row in pool]):
        assert len(identities(rows)) == len(rows)
    assert [row["extra_info"]["index"] for row in pool] == list(range(1209))
    assert len({row["kind"] for row in sets["math500"]}) == 42


def test_answers_take_many_forms(sets):
    answers = " ".join(row["answer"] for rows in sets.values() for row in rows if "answer" in row)
    for form in (r"\frac{", r"\pi", "x^2", "i", "(", "x+"):
        assert form in answers, form


@pytest.mark.slow
def test_documents_have_the_papers_prompt_parts(documents):
    dialogues = [document for document in documents if "<|im_start|>assistant\n" in document]
    system = [document.startswith(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n") for document in dialogues]
    suffix = [f" {SUFFIX}<|im_end|>" in document for document in dialogues]
    both = sum(map(all, zip(system, suffix))) / len(dialogues)
    assert sum(system) / len(dialogues) == pytest.approx(WITH_SYSTEM, abs=0.02)
    assert sum(suffix) / len(dialogues) == pytest.approx(WITH_SUFFIX, abs=0.02)
    assert both == pytest.approx(WITH_SYSTEM * WITH_SUFFIX, abs=0.02)  # independent of each other
