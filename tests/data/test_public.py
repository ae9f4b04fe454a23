"""Public data sets by name: where they are looked for, and what is checked, on small made-up files."""
import hashlib
import json
import re
from pathlib import Path

import pytest
from conftest import line_of, write_lines

from rlvr_utils.data import public as public_data
from rlvr_utils.data.files import SUFFIXES
from rlvr_utils.data.problems import load_benchmark, load_training, source_rows
from rlvr_utils.data.prompts import SUFFIX
from rlvr_utils.data.public import CATALOGUE, PublicSet, check_all, find_file, load_accuracy_log, public_set
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError, shown

COLUMNS = ("prompt", "reward_model", "extra_info")
REAL = dict(CATALOGUE)


def training_row(question, answer, index=0):
    return {"prompt": [{"role": "user", "content": f"{question} {SUFFIX}"}],
            "reward_model": {"style": "rule", "ground_truth": answer}, "extra_info": {"index": index}}


def plain_row(number):
    return {"problem": f"What is {number}+1?", "answer": str(number + 1)}


ROWS = [training_row("Two and two? ", "4"), training_row("One and one?", "2", 1), training_row("No label", "", 2)]
SMALL = {
    "pool": PublicSet("owner/pool", "train/pool.parquet", 3, COLUMNS, {0: "four", 1: "two"}, split="pool"),
    "same": PublicSet(None, "train/same.parquet", 4, COLUMNS, dict.fromkeys(range(4), "two")),
    "TEST": PublicSet("owner/test", "eval/test.jsonl", 2, ("problem", "answer")),
    "acc_step_500": PublicSet(None, "train/acc_step_500.json", 2, (), published="data"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of data with a small catalogue whose sums are of the rows above, taken by hand."""
    sums = {name: hashlib.sha256(text.encode()).hexdigest()
            for name, text in (("four", "Two and two? \n4"), ("two", "One and one?\n2"))}
    monkeypatch.setattr(public_data, "CATALOGUE", SMALL)
    monkeypatch.setattr(public_data, "SUMS", sums)
    monkeypatch.setattr(public_data, "LOG_ENTRIES", 3)
    monkeypatch.setenv("RLVR_DATA", str(tmp_path / "mine"))
    for name in ("train", "eval"):
        (tmp_path / "mine" / name).mkdir(parents=True)
    return tmp_path / "mine"


@pytest.fixture
def hub(monkeypatch):
    """Data sets on the hub as repository -> split -> rows, and what was asked of it."""
    splits, asked = {}, []

    def load_dataset(repository, subset=None):
        asked.append((repository, subset))
        return splits[repository]

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    splits["asked"] = asked
    return splits


def parquet(path, rows):
    import pyarrow
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def only_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("place", ["train/pool.parquet", "pool.parquet"])
def test_a_file_is_found_in_its_subfolder_or_directly_and_read_without_the_hub(folder, hub, place):
    path = parquet(folder / place, ROWS)
    assert find_file("pool") == find_file("public:pool") == path
    assert load_training("public:pool") == [
        Problem("0", "Two and two? ", "4"), Problem("1", "One and one?", "2")]
    assert hub["asked"] == []


def test_the_subfolder_comes_first(folder):
    parquet(folder / "pool.parquet", ROWS[:1])
    first = parquet(folder / "train/pool.parquet", ROWS)
    assert find_file("pool") == first and len(source_rows("public:pool", "train")) == 3


def test_without_the_variable_the_folder_is_data_here(tmp_path, monkeypatch):
    monkeypatch.delenv("RLVR_DATA")
    monkeypatch.chdir(tmp_path)
    assert find_file("TEST") is None
    (tmp_path / "data/eval").mkdir(parents=True)
    write_lines(tmp_path / "data/eval/test.jsonl", [plain_row(0), plain_row(1)])
    assert [problem.answer for problem in load_benchmark("public:TEST")] == ["1", "2"]
    assert len(load_benchmark("public:TEST", limit=1)) == 1


def test_a_folder_that_does_not_exist_is_an_error_and_no_download(tmp_path, monkeypatch, hub):
    monkeypatch.setenv("RLVR_DATA", str(tmp_path / "slip"))
    with pytest.raises(UserError, match="RLVR_DATA=.*slip"):
        load_benchmark("public:TEST")
    assert hub["asked"] == []


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_rows_is_an_error(folder, count):
    path = write_lines(folder / "eval/test.jsonl", [plain_row(number) for number in range(count)])
    with pytest.raises(UserError) as caught:
        load_benchmark("public:TEST")
    assert only_line(caught).startswith(f"{path}: expected 2 rows, found {count}; ")


@pytest.mark.parametrize(("row", "found"), [({"problem": "Q", "gold": "1"}, "problem, gold"), ("Q", "none")])
def test_a_missing_column_is_an_error_in_any_row(folder, row, found):
    path = write_lines(folder / "eval/test.jsonl", [plain_row(0), row])
    with pytest.raises(UserError) as caught:
        load_benchmark("public:TEST")
    line = only_line(caught)
    assert line.startswith(f"{path}: row 2: expected column ") and f"answer, found {found}; " in line


@pytest.mark.parametrize("wrong", [training_row("One and  one?", "2"), training_row("One and one?", "3"),
                                   training_row("One and one? ", "2")])
def test_another_example_is_an_error(folder, wrong):
    path = parquet(folder / "train/pool.parquet", [ROWS[0], wrong, ROWS[2]])
    with pytest.raises(UserError) as caught:
        load_training("public:pool")
    line, expected = only_line(caught), public_data.SUMS["two"][:12]
    assert line.startswith(f"{path}: row 2: ") and expected in line and line.endswith("owner/pool")


@pytest.mark.parametrize("row", [0, 1, 3])
def test_every_row_of_a_one_shot_file_is_the_same_problem(folder, row):
    rows = [training_row("One and one?", "2", index) for index in range(4)]
    parquet(folder / "train/same.parquet", rows)
    assert len(load_training("public:same")) == 4
    rows[row] = training_row("Two and two? ", "4", row)
    parquet(folder / "train/same.parquet", rows)
    with pytest.raises(UserError, match=f"row {row + 1}: expected example two"):
        load_training("public:same")


def test_a_malformed_training_row_is_one_line_with_its_place(folder):
    path = parquet(folder / "train/pool.parquet", [ROWS[0], {**ROWS[1], "prompt": []}, ROWS[2]])
    with pytest.raises(UserError, match="row 2, field `prompt`") as caught:
        load_training("public:pool")
    assert only_line(caught).startswith(str(path))


def test_what_is_neither_here_nor_on_the_hub_says_where_the_authors_publish_it(folder, hub):
    with pytest.raises(UserError) as caught:
        load_training("public:same")
    line = only_line(caught)
    assert line.startswith(f"public:same: no train/same.parquet in {folder}") and "set RLVR_DATA" in line
    assert "data/train/one_shot_rlvr of github.com/ypwang61/One-Shot-RLVR" in line and hub["asked"] == []


@pytest.mark.parametrize("load", [load_benchmark, load_training, public_set, find_file, load_accuracy_log])
def test_an_unknown_name_lists_the_known_ones(load, hub):
    with pytest.raises(UserError, match="'Test' is not known; choose one of: pool, same, TEST, acc_step_500") as caught:
        load("public:Test")
    assert "\n" not in str(caught.value) and hub["asked"] == []


def test_without_a_file_the_hub_is_asked_for_the_split_of_the_set(hub):
    hub["owner/pool"] = {"train": ROWS[:1], "pool": ROWS}
    assert source_rows("public:pool", "train") == ROWS
    assert hub["asked"] == [("owner/pool", None)]


def test_what_the_hub_gives_is_checked_too(hub):
    hub["owner/test"] = {"test": [plain_row(0)]}
    with pytest.raises(UserError) as caught:
        load_benchmark("public:TEST")
    assert only_line(caught).startswith("dataset 'owner/test': expected 2 rows, found 1; ")
    hub["owner/pool"] = {"pool": [ROWS[1], ROWS[0], ROWS[2]]}
    with pytest.raises(UserError, match="dataset 'owner/pool': row 1: expected example four"):
        load_training("public:pool")


def test_a_hub_that_cannot_be_reached_is_one_line_with_both_places(folder):
    with pytest.raises(UserError, match="could not be loaded") as caught:  # no network in tests
        load_benchmark("public:TEST")
    assert only_line(caught).startswith(f"public:TEST: no eval/test.jsonl in {folder} (RLVR_DATA), and dataset 'owner")


ARC = {"id": "Q1", "question": "Which?", "choices": {"text": ["wood", "iron"], "label": ["1", "2"]}, "answerKey": "2"}


@pytest.mark.parametrize(("name", "row", "expected"), [
    ("MATH500", {"problem": "Q", "solution": "So \\boxed{2}.", "answer": "2", "subject": "Algebra", "level": 1,
                 "unique_id": "u"}, Problem("u", "Q", "2", "Algebra")),
    ("AIME24", {"id": 60, "problem": "Q", "solution": "So \\boxed{7}.", "answer": "007", "url": "u", "year": "2024"},
     Problem("60", "Q", "007")),
    ("AIME25", {"problem": "Q", "answer": "70", "id": "3"}, Problem("3", "Q", "70")),
    ("AMC23", {"id": 0, "answer": "27.0", "url": "u", "question": "Q"}, Problem("0", "Q", "27.0")),
    ("Minerva", {"problem": "Q", "solution": "So \\boxed{2}.", "idx": 4}, Problem("4", "Q", "2")),
    ("OlympiadBench", {"id": 1, "subfield": "Algebra", "question": "Q", "solution": ["S"], "final_answer": ["$2$"]},
     Problem("1", "Q", "2", "Algebra")),
    ("ARC-E", ARC, Problem("Q1", "Which?\nA. wood\nB. iron", "B")),
    ("ARC-C", ARC, Problem("Q1", "Which?\nA. wood\nB. iron", "B"))])
def test_the_columns_on_the_hub_load_as_problems(monkeypatch, hub, name, row, expected):
    entry = REAL[name]
    monkeypatch.setattr(public_data, "CATALOGUE", {name: PublicSet(entry.hub, entry.file, 1, entry.columns,
                                                                   split=entry.split)})
    repository, _, subset = entry.hub.partition(":")
    hub[repository] = {"other": [], entry.split: [row]}
    assert load_benchmark(f"public:{name}") == [expected]
    assert hub["asked"] == [(repository, subset or None)]


def write_log(folder, log):
    path = folder / "train/acc_step_500.json"
    path.write_text(log if isinstance(log, str) else json.dumps(log))
    return path


def test_the_accuracy_log_keeps_the_order_of_its_rows(folder):
    path = write_log(folder, {"7": [0.5, 1], "3": [0.0]})
    for source in ("public:acc_step_500", path, str(path)):
        log = load_accuracy_log(source)
        assert list(log.items()) == [(7, [0.5, 1.0]), (3, [0.0])]
    assert load_accuracy_log() == log


@pytest.mark.parametrize(("log", "found"), [({"7": [0.5, 1, 1]}, "1 with 3"), ({"7": [0.5], "3": [1]}, "2 with 2")])
def test_another_size_of_the_accuracy_log_is_an_error_only_by_its_public_name(folder, log, found):
    path = write_log(folder, log)
    with pytest.raises(UserError) as caught:
        load_accuracy_log()
    line = only_line(caught)
    assert line.startswith(f"{path}: expected 2 rows with 3 accuracies, found {found}; ")
    assert line.endswith("data of github.com/ypwang61/One-Shot-RLVR")
    assert len(load_accuracy_log(path)) == len(log)


@pytest.mark.parametrize(("log", "message"), [
    ("{", "line 1 is not valid JSON"), ([[0.5]], "expected a mapping .*, found a list"),
    ({"x": [1]}, "entry 'x'"), ({"1": 0.5}, "entry '1'"), ({"1": []}, "entry '1'"), ({"1": ["0.5"]}, "entry '1'"),
    ({"1": [True]}, "entry '1'"), ({"1": [1.5]}, "entry '1'"), ('{"1": [NaN]}', "entry '1'"),
    ('{"1": [1], "1": [0]}', "'1' appears twice"), ({"01": [1]}, "entry '01'"), ({"9" * 5000: [1]}, "entry '9"),
    ({"\u0663": [1]}, "entry"), ("[" * 100_000, "nested too deeply"), ({"1": ["x" * 10**6]}, "entry '1'")], ids=shown)
def test_a_malformed_accuracy_log_is_one_line(folder, log, message):
    path = write_log(folder, log)
    line = line_of(load_accuracy_log, path)
    assert line.startswith(str(path)) and re.search(message, line)


def test_problems_are_no_accuracy_log_nor_the_reverse(folder):
    write_log(folder, {"7": [0.5, 1], "3": [0.0]})
    with pytest.raises(UserError, match="public:acc_step_500: .*load_accuracy_log"):
        load_training("public:acc_step_500")
    with pytest.raises(UserError, match="the accuracy log is public:acc_step_500"):
        load_accuracy_log("public:TEST")


def test_a_missing_accuracy_log_is_an_error(folder):
    with pytest.raises(UserError, match="no train/acc_step_500.json in .*publish it in data of github.com"):
        load_accuracy_log()
    with pytest.raises(UserError, match="gone.json: no such file"):
        load_accuracy_log(folder / "gone.json")


def test_checking_all_goes_on_after_a_failure(folder, hub):
    parquet(folder / "pool.parquet", ROWS[:2])
    write_log(folder, {"7": [0.5, 1], "3": [0.0]})
    hub["owner/test"] = {"test": [plain_row(0), plain_row(1)]}
    pool, same, test, log = check_all()
    assert (pool.name, pool.place, pool.rows) == ("pool", str(folder / "pool.parquet"), None)
    assert "expected 3 rows, found 2" in pool.error
    assert (same.place, same.rows) == ("nowhere", None) and "train/same.parquet" in same.error
    assert test == ("TEST", "owner/test", 2, "")
    assert log == ("acc_step_500", str(folder / "train/acc_step_500.json"), 2, "")


def test_the_catalogue_is_well_formed(monkeypatch):
    monkeypatch.undo()
    assert {name: entry.rows for name, entry in CATALOGUE.items()} == {
        "dsr_sub": 1209, "pi1_r128": 128, "pi2_r128": 128, "pi13_r128": 128, "pi1209_r128": 128,
        "merge_pi1_pi13_r128": 128, "merge_pi1_pi2_pi13_pi1209_r128": 128, "acc_step_500": 1209, "MATH500": 500,
        "AIME24": 30, "AIME25": 30, "AMC23": 40, "Minerva": 272, "OlympiadBench": 675, "ARC-E": 2376, "ARC-C": 1172}
    assert all(re.fullmatch("[0-9a-f]{64}", found) for found in public_data.SUMS.values())
    assert len(set(public_data.SUMS.values())) == len(public_data.SUMS) == 4
    base_names = [Path(entry.file).name for entry in CATALOGUE.values()]
    assert len(set(base_names)) == len(base_names)  # they may all lie in one folder
    for name, entry in CATALOGUE.items():
        assert entry.file.endswith(SUFFIXES) and entry.file.startswith(("train/", "eval/")) and ":" not in name
        assert entry.hub is None or re.fullmatch(r"[\w.-]+/[\w.-]+(:[\w.-]+)?", entry.hub)
        assert all(0 <= row < entry.rows and example in public_data.SUMS for row, example in entry.examples.items())


@pytest.mark.parametrize(("name", "blocks"), [
    ("pi1_r128", {"pi1": 128}), ("pi2_r128", {"pi2": 128}), ("pi13_r128", {"pi13": 128}),
    ("pi1209_r128", {"pi1209": 128}), ("merge_pi1_pi13_r128", {"pi1": 64, "pi13": 64}),
    ("merge_pi1_pi2_pi13_pi1209_r128", {"pi1": 32, "pi2": 32, "pi13": 32, "pi1209": 32})])
def test_the_few_shot_files_are_blocks_of_their_examples(name, blocks):
    examples = REAL[name].examples
    assert list(examples) == list(range(128))
    assert list(examples.values()) == [example for example, count in blocks.items() for _ in range(count)]
    assert REAL["dsr_sub"].examples == {124: "pi1", 267: "pi2", 682: "pi13", 789: "pi1209"}


def test_columns_without_end_are_not_all_listed(folder):
    write_lines(folder / "eval/test.jsonl", [plain_row(0), {f"column {'n' * 99} {i}": i for i in range(10_000)}])
    assert "row 2: expected column problem, answer, found column nnnnnnnn" in line_of(load_benchmark, "public:TEST")


def test_a_folder_of_an_unknown_user_is_one_line(monkeypatch):
    monkeypatch.setenv("RLVR_DATA", "~nobody-of-this-name/data")
    assert "nobody-of-this-name" in line_of(load_benchmark, "public:TEST")
