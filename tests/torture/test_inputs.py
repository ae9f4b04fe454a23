"""Arbitrary and damaged inputs, for every loader: what comes out is valid, or one short line."""
from __future__ import annotations

import json
import shutil

import pytest
import yaml
from conftest import write_lines
from data.test_problems import FORMATS, arc_row, authors_row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scale import times

from rlvr_utils.cli import _read_config
from rlvr_utils.data import public as public_data
from rlvr_utils.data.problems import distinct, load_benchmark, load_training
from rlvr_utils.data.problems import source_rows as read_data
from rlvr_utils.data.prompts import evaluation_prompts, training_prompt
from rlvr_utils.data.public import PublicSet, load_accuracy_log
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.likelihood import checked_rows
from rlvr_utils.models.files import check_checkpoint
from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.config import FOLDER, RunConfig, from_fields, load_profile, to_fields
from rlvr_utils.recipe.identity import training_identity
from rlvr_utils.records.files import append_rows, drop_rows_after, read_rows
from rlvr_utils.records.run import partial_folder, run_name
from rlvr_utils.runs.obtain import obtain

SUFFIXES = (".jsonl", ".json", ".parquet")


def pressed(short: int, full: int):
    """So many examples, the same in every run."""
    return settings(max_examples=times(short, full), derandomize=True, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck))


def tried(action, *words):
    """What the action gives, or None where it raises its one line; any other error is the test's."""
    try:
        return action(*words)
    except UserError as error:
        assert str(error).isprintable() and 0 < len(str(error)) < 600
        return None


# ---- what is put in ----------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=()), max_size=8)  # lone surrogates and NUL included
NUMBERS = st.one_of(st.integers(-3, 3), st.integers(), st.floats(), st.sampled_from((10**400, 2**31, -1e-9, 1e308)))
HOSTILE = ("x" * 100_000, " ", "\n", "../..", "\0", "half \ud800 a character")
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, st.sampled_from(HOSTILE))
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)), max_leaves=8)
ROWS = [row for row, _ in FORMATS.values()] + [authors_row("Q", "1", 7), arc_row(["A", "B", "C"], "B")]
FIELDS = sorted({name for row in ROWS for name in row} | {"subject", "unique_id", "prompt", "choices"})
SPOILED_ROWS = st.builds(
    lambda row, change, lost: {name: value for name, value in {**row, **change}.items() if name != lost},
    st.sampled_from(ROWS), st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3),
    st.one_of(st.none(), st.sampled_from(FIELDS)))
HOSTILE_ROWS = st.dictionaries(st.sampled_from(("question", "answer", "id", "subject")), st.sampled_from(HOSTILE),
                               min_size=1).map(lambda change: {"question": "Q", "answer": "1", **change})
POCKET = to_fields(load_profile("pocket"))
BENCHMARK_ROWS = st.lists(st.dictionaries(
    st.sampled_from(("name", "file", "samples", "limit", "temperature", "scoring", "x")), VALUES), max_size=3)
SPOILED_FIELDS = st.dictionaries(st.one_of(st.sampled_from(sorted(POCKET)), TEXTS), VALUES, max_size=3)


@st.composite
def damaged(draw, whole: bytes) -> bytes:
    """A file that is cut, has some bytes changed, or a piece of itself or of nothing put in."""
    place = draw(st.integers(0, len(whole)))
    if draw(st.booleans()):
        return whole[:place]
    if draw(st.booleans()):
        changed = bytearray(whole)
        for _ in range(draw(st.integers(1, 4))):
            changed[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
        return bytes(changed)
    start = draw(st.integers(0, len(whole)))
    piece = draw(st.one_of(st.just(whole[start:start + 300]), st.binary(max_size=20)))
    return whole[:place] + piece + whole[place:]


def encoded(suffix: str, rows: list, folder) -> bytes:
    """The file that holds these rows."""
    if suffix != ".parquet":
        return (json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)).encode()
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "whole.parquet")
    return (folder / "whole.parquet").read_bytes()


# ---- what must come out ------------------------------------------------------------------------

def check_problems(problems: list[Problem] | None) -> None:
    """Questions and answers are there and can be written down, and rows are told apart."""
    for problem in problems or []:
        assert problem.question.strip() and problem.answer.strip() and problem.row >= 1
        assert problem.subject is None or problem.subject
        for text in (problem.id, problem.question, problem.answer, problem.subject or ""):
            text.encode("utf-8")
    assert problems is None or problems


def load_both(path) -> None:
    """Load the file as a benchmark and as training problems, of which one id names one."""
    check_problems(tried(load_benchmark, path))
    problems = tried(load_training, path)
    check_problems(problems)
    assert len({problem.id for problem in problems or []}) == len({
        (problem.id, problem.question, problem.answer) for problem in problems or []})
    assert len(distinct(problems or [])) <= len(problems or [])


def check_config(config: RunConfig | None) -> None:
    """A configuration reads back to itself, has a hash, and its run a folder beside the others."""
    if config is not None:
        assert from_fields(json.loads(json.dumps(to_fields(config))), "again") == config
        assert len(tried(training_identity, config) or "x" * 64) == 64
        assert "/" not in (tried(run_name, config) or "") and not config.arm.startswith(".")
        assert len({benchmark.name for benchmark in config.benchmarks}) == len(config.benchmarks)


# ---- rows --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("inputs")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arbitrary_bytes(folder, suffix):
    path = folder / f"bytes{suffix}"

    @pressed(25, 1000)
    @given(st.binary(max_size=200))
    def check(content):
        path.write_bytes(content)
        assert tried(read_data, path) != []
        load_both(path)
    check()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files(folder, suffix):
    rows = [{"id": i, "question": f"Q{i} \u00fc", "answer": str(i), "subject": "Algebra"} for i in range(12)]
    authors = [authors_row(f"Q{i}", str(i), i) for i in range(12)]
    path, whole = folder / f"damaged{suffix}", [encoded(suffix, part, folder) for part in (rows, authors)]

    @pressed(40, 1500)
    @given(st.sampled_from(whole).flatmap(damaged))
    def check(content):
        path.write_bytes(content)
        load_both(path)
    check()


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_arbitrary_values_as_rows(folder, suffix):
    path = folder / f"values{suffix}"

    @pressed(30, 1500)
    @given(st.one_of(st.lists(HOSTILE_ROWS, min_size=1, max_size=1),
                     st.lists(st.one_of(HOSTILE_ROWS, SPOILED_ROWS, VALUES), min_size=1, max_size=3)))
    def check(rows):
        path.write_bytes(encoded(suffix, rows, folder))
        load_both(path)
    check()


def test_arbitrary_values_in_parquet(folder):
    path = folder / "values.parquet"
    decimals = st.decimals(allow_nan=False, allow_infinity=False)
    others = st.one_of(st.binary(max_size=5), decimals, st.datetimes(), st.dates(), st.timedeltas(),
                       st.integers(-9, 9), st.floats(), st.text(max_size=5), st.lists(st.floats(), max_size=2))

    @pressed(20, 500)
    @given(st.dictionaries(st.sampled_from(FIELDS), others, max_size=3))
    def check(change):
        import pyarrow

        try:
            path.write_bytes(encoded(".parquet", [{"question": "Q", "answer": "1", **change}], folder))
        except pyarrow.ArrowException:  # a number of more digits than a column can have
            return
        load_both(path)
    check()


@pressed(60, 3000)
@given(st.lists(st.one_of(VALUES, SPOILED_ROWS), max_size=3))
def test_arbitrary_likelihood_rows(rows):
    for row in tried(checked_rows, rows, "mine.jsonl") or []:
        texts, labels = row["choices"]["text"], row["choices"]["label"]
        assert labels.count(row["answerKey"]) == 1 and len(texts) == len(labels) >= 2
        assert all(text.strip() and text.encode() for text in (row["question"], *texts))


# ---- configurations ----------------------------------------------------------------------------

@pressed(40, 1500)
@given(st.one_of(VALUES, SPOILED_FIELDS.map(lambda change: {**POCKET, **change}),
                 BENCHMARK_ROWS.map(lambda rows: {**POCKET, "benchmarks": rows})))
def test_arbitrary_fields(fields):
    check_config(tried(from_fields, fields, "mine.json"))


def test_damaged_configuration_files(folder):
    path, whole = folder / "mine.json", json.dumps(POCKET).encode()

    @pressed(50, 2000)
    @given(st.one_of(damaged(whole), st.binary(max_size=50), VALUES.map(lambda value: json.dumps(value).encode())))
    def check(content):
        path.write_bytes(content)
        check_config(tried(_read_config, path))
    check()


def test_damaged_profiles(folder, monkeypatch):
    (folder / "profiles").mkdir()
    for name in ("pocket", "qwen2.5-math-1.5b"):
        shutil.copy(FOLDER / f"{name}.yaml", folder / "profiles")
    monkeypatch.setattr("rlvr_utils.recipe.config.FOLDER", folder / "profiles")
    path = folder / "profiles" / "mine.yaml"
    like = yaml.safe_dump({"like": "pocket", "steps": 3, "labels": {"near": "1"}, "learning_rate": 1e-4}).encode()

    @pressed(25, 600)
    @given(st.one_of(damaged((FOLDER / "pocket.yaml").read_bytes()), damaged(like), st.binary(max_size=50)))
    def check(content):
        path.write_bytes(content)
        check_config(tried(load_profile, "mine"))
    check()


# ---- models and checkpoints --------------------------------------------------------------------

@pytest.fixture(scope="module")
def broken(tiny_model, folder):
    """A copy of the tiny model's folder, and every file's own content."""
    copy = shutil.copytree(tiny_model, folder / "model")
    return copy, {path.name: path.read_bytes() for path in copy.iterdir()}


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "generation_config.json", "tokenizer.json",
                                  "tokenizer_config.json", "chat_template.jinja"])
def test_damaged_model_folders(broken, name):
    copy, whole = broken

    @pressed(5, 150)
    @given(damaged(whole[name]))
    def check(content):
        (copy / name).write_bytes(content)
        loaded = tried(load_policy, str(copy))
        if loaded:
            model, tokenizer = loaded
            prompt = tried(training_prompt, tokenizer, "What is 1+1?") or "What is 1+1?"
            ids = tokenizer(prompt)["input_ids"]
            assert max(ids, default=0) < model.get_input_embeddings().num_embeddings
    try:
        check()
    finally:
        (copy / name).write_bytes(whole[name])


def test_a_damaged_gguf_file(gguf_folder, folder):
    path, whole = folder / "tiny.gguf", (gguf_folder / "tiny.gguf").read_bytes()

    @pressed(4, 50)
    @given(damaged(whole))
    def check(content):
        path.write_bytes(content)
        tried(load_policy, str(path))
    check()


FRAGMENTS = ("{{", "}}", "{%", "%}", " if ", " endif ", " set x = ", "messages", "[0]", ".content", "['role']", "m",
             "__class__", " for m in messages ", " endfor ", "x", " + ", "'", "raise_exception('no')", "date_string",
             "{#", "1/0")


def test_arbitrary_chat_templates(tiny_model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)

    @pressed(40, 1500)
    @given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), TEXTS), min_size=1, max_size=9).map("".join))
    def check(template):
        tokenizer.chat_template = template
        for prompt in (tried(training_prompt, tokenizer, "Q"), tried(evaluation_prompts, tokenizer, "chat", ["Q"])):
            assert prompt is None or isinstance(prompt, (str, list))
    check()


@pytest.fixture(scope="module")
def checkpoint(tiny_config, tmp_path_factory):
    """The checkpoint of a run that was stopped after its first step."""
    results, config = tmp_path_factory.mktemp("stopped"), tiny_config.changed(save_every=1, eval_every=0)
    assert obtain(config, results, stop_after=1) is None
    return partial_folder(config, results) / "checkpoints" / "checkpoint-1"


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth",
                                  "trainer_state.json"])
def test_damaged_checkpoints(checkpoint, tiny_model, name):
    model, whole = load_policy(str(tiny_model))[0], (checkpoint / name).read_bytes()
    check_checkpoint(checkpoint, model, {})

    @pressed(12, 300)
    @given(damaged(whole))
    def check(content):
        (checkpoint / name).write_bytes(content)
        tried(check_checkpoint, checkpoint, model, {})
    try:
        check()
    finally:
        (checkpoint / name).write_bytes(whole)


# ---- records and public sets -------------------------------------------------------------------

def test_damaged_records(folder):
    path, rows = folder / "metrics.jsonl", [{"step": step, "outcome": step / 7} for step in range(1, 9)]
    append_rows(path, rows)
    whole = path.read_bytes()

    @pressed(50, 3000)
    @given(st.one_of(damaged(whole), st.binary(max_size=60).map(lambda tail: whole + tail)))
    def check(content):
        path.write_bytes(content)
        found = tried(read_rows, path)
        tried(drop_rows_after, path, 5)  # what a resumed run does
        if found is None:  # a line in the middle is damaged: nothing is cut back on a guess
            assert path.read_bytes() == content
            return
        kept = read_rows(path)
        assert kept == [row for row in found if row["step"] <= 5]
        assert content[:len(whole)] != whole or kept[:5] == rows[:5]
    check()


def test_damaged_accuracy_logs(folder):
    path, whole = folder / "log.json", json.dumps({str(row): [0.5, 1.0, 0.0] for row in range(9)}).encode()
    entries = st.dictionaries(st.one_of(TEXTS, st.integers(0, 99).map(str)), VALUES, max_size=3)

    @pressed(50, 3000)
    @given(st.one_of(damaged(whole), st.binary(max_size=40), entries.map(lambda log: json.dumps(log).encode())))
    def check(content):
        path.write_bytes(content)
        for row, accuracies in (tried(load_accuracy_log, path) or {}).items():
            assert row >= 0 and accuracies and all(0 <= accuracy <= 1 for accuracy in accuracies)
    check()


def test_damaged_public_sets(folder, monkeypatch):
    small = {"TEST": PublicSet("owner/test", "eval/test.jsonl", 3, ("problem", "answer"))}
    monkeypatch.setattr(public_data, "CATALOGUE", small)
    monkeypatch.setenv("RLVR_DATA", str(folder))
    (folder / "eval").mkdir()
    path = write_lines(folder / "eval/test.jsonl", [{"problem": f"Q{i}", "answer": str(i)} for i in range(3)])
    whole = path.read_bytes()
    rows = st.lists(st.one_of(VALUES, SPOILED_ROWS), min_size=3, max_size=3)

    @pressed(40, 1500)
    @given(st.one_of(damaged(whole), rows.map(lambda rows: encoded(".jsonl", rows, folder))))
    def check(content):
        path.write_bytes(content)
        found = tried(load_benchmark, "public:TEST")
        check_problems(found)
        assert found is None or len(found) == 3
    check()
