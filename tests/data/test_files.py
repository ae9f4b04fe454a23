"""Reading rows: what is a path, what is a hub name, and what is wrong with a file."""
import os
import re

import pytest
from conftest import line_of

from rlvr_utils.data.files import read_json
from rlvr_utils.data.problems import source_rows
from rlvr_utils.errors import UserError, listed, reason, shown


@pytest.mark.parametrize(
    "source", ["gone.jsonl", "./gone", "/gone/x", "~/gone", "a/b/c", "x/gone.parquet"])
def test_a_missing_path_is_an_error_without_a_network_request(no_network, source):
    with pytest.raises(UserError, match="no such file"):
        source_rows(source)


def test_a_hub_name_without_network_is_one_line(no_network):
    with pytest.raises(UserError, match="'nobody/nothing-here' could not be loaded") as caught:
        source_rows("nobody/nothing-here")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("wanted", "expected"), [("train", "a"), ("test", "b"), ("other", "a")])
def test_a_hub_dataset_gives_the_wanted_split_or_its_first(monkeypatch, wanted, expected):
    asked = []

    def load_dataset(repository, subset):
        asked.append((repository, subset))
        return {"train": [{"question": "a"}], "test": [{"question": "b"}]}

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    assert source_rows("owner/name:easy", wanted) == [{"question": expected}]
    assert asked == [("owner/name", "easy")]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.jsonl", b"", "the file has no rows"), ("a.jsonl", b"\n\n", "the file has no rows"),
    ("a.json", b"", "the file has no rows"), ("a.json", b"[]", "the file has no rows"),
    ("a.jsonl", b'{"x": 1}\n{"x": \n', "line 2 is not valid JSON"),
    ("a.json", b'[\n{"x": }]', "line 2 is not valid JSON"),
    ("a.json", b'{"x":\n 1}', "a JSON dict"), ("a.json", b'{"x": 1}\n{"x": }', "line 2 is not valid JSON"),
    ("a.jsonl", b'{"x": "\xff"}', "not UTF-8"), ("a.parquet", b"PAR?", "not a readable Parquet"),
    ("a.jsonl", b'{"x": 1}\n' + b"[" * 100_000, "line 2 is not valid JSON .nested too deeply"),
    ("a.json", b"[" * 100_000, "not valid JSON .nested too deeply"),
    ("a.jsonl", b'{"x": ' + b"9" * 5000 + b"}", "line 1 is not valid JSON .a number has too many digits"),
    ("a.jsonl", b'{"x": 1, "y": 2, "x": 3}', "line 1 is not valid JSON .*'x'"),
    ("a.json", b'[{"x": {"y": 1, "y": 1}}]', "not valid JSON .*'y'"),
    ("a.jsonl", b'{"' + b"n" * 10_000 + b'": 1, "' + b"n" * 10_000 + b'": 2}', "line 1 .*twice"),
    ("a.jsonl", b'{"x": "' + b"long" * 1_000_000, "line 1 is not valid JSON"),
    ("a.csv", b"x\n1\n", "cannot read a .csv")], ids=shown)
def test_a_bad_file_is_one_line_that_names_it(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    line = line_of(source_rows, path)
    assert line.startswith(f"{path}: ") and re.search(message, line)


@pytest.mark.parametrize("content", ['{"x": 1}', '{"x": 1}\n{"x": 2}\n', '\n{"x": 1}\r\n\n{"x": [{}]}'])
def test_json_lines_may_have_the_suffix_json(tmp_path, content):
    path, lines = tmp_path / "a.json", tmp_path / "a.jsonl"
    path.write_bytes(content.encode())
    lines.write_bytes(content.encode())
    assert source_rows(path) == source_rows(lines)


def test_parquet_is_one_line_wherever_it_is_cut_or_its_text_is_no_text(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{"question": "Q" * 50, "answer": "1"}] * 9), path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        assert line_of(source_rows, path).startswith(f"{path}: not a readable Parquet file (")
    parquet.write_table(pyarrow.table({"question": pyarrow.array([b"half \xff"]).view(pyarrow.string())}), path)
    assert line_of(source_rows, path).startswith(f"{path}: not a readable Parquet file (")
    columns = pyarrow.Table.from_arrays([pyarrow.array(["a"]), pyarrow.array(["b"])], names=["x", "x"])
    parquet.write_table(columns, path)
    assert "Multiple matches for FieldRef.Name(x)" in line_of(source_rows, path)


def test_a_pipe_a_device_or_a_file_that_cannot_be_read_is_not_waited_for(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").symlink_to("/dev/zero")
    for name in ("a.jsonl", "b.jsonl"):
        assert "cannot read a pipe or device" in line_of(source_rows, tmp_path / name)

    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "c.jsonl").write_text('{"x": 1}')
    monkeypatch.setattr("pathlib.Path.read_text", forbidden)
    assert line_of(source_rows, tmp_path / "c.jsonl").startswith(f"{tmp_path / 'c.jsonl'}: cannot be read (Permission")


@pytest.mark.parametrize("source", ["~nobody-of-this-name/a.jsonl", "./" + "x" * 300 + ".jsonl", "./nul\0.jsonl",
                                    "./half\ud800.jsonl"])
def test_a_path_that_cannot_be(source):
    assert line_of(source_rows, source)


def test_a_line_break_in_a_name_does_not_break_the_line(tmp_path):
    path = tmp_path / "a\nb\x1b[31m.jsonl"
    path.write_text("{")
    assert "a\\nb\\x1b[31m.jsonl: line 1 is not valid JSON" in line_of(source_rows, path)


def test_a_json_value_of_any_kind_is_read_and_a_missing_file_is_one_line(tmp_path):
    (tmp_path / "a.json").write_text("3")
    assert read_json(tmp_path / "a.json") == 3
    assert "gone.json: cannot be read (No such file" in line_of(read_json, tmp_path / "gone.json")


def test_what_a_message_quotes_is_short_and_on_one_line():
    nested: list = []
    for _ in range(50_000):
        nested = [nested]
    for value in ("x" * 10**7, "a\nb", ["y" * 1000] * 1000, {"k": ["z"] * 99}, nested, 10**5000, b"\0" * 10**6):
        assert len(shown(value)) < 400 and shown(value).isprintable()
    assert shown("a\nb") == "'a\\nb'" and shown(3) == "3"
    assert listed(["a", "b"]) == "a, b" and len(listed(["n" * 1000] * 1000)) < 400
    assert reason(ValueError("first\nsecond")) == "ValueError: first" and reason(ValueError()) == "ValueError"


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(UserError, match="cannot read a folder"):
        source_rows(tmp_path)


def test_blank_lines_a_byte_order_mark_and_line_separators_inside_text_do_no_harm(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"x": "a\u2028b"}\r\n\r\n{"x": 2}'.encode())
    assert source_rows(path) == [{"x": "a\u2028b"}, {"x": 2}]


@pytest.mark.parametrize("source", ["problems.csv", "nothing", "a/b/c", "./x/y", "owner/rows.jsonl"])
def test_what_is_not_owner_and_name_is_a_path(source, no_network):
    with pytest.raises(UserError, match="no such file"):
        source_rows(source)
