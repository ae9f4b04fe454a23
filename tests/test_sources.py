"""Reading rows: what is a path, what is a hub name, and what is wrong with a file."""
import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.sources import read_rows


@pytest.mark.parametrize(
    "source", ["gone.jsonl", "./gone", "/gone/x", "~/gone", "a/b/c", "x/gone.parquet"])
def test_a_missing_path_is_an_error_without_a_network_request(no_network, source):
    with pytest.raises(UserError, match="no such file"):
        read_rows(source)


def test_a_hub_name_without_network_is_one_line(no_network):
    with pytest.raises(UserError, match="'nobody/nothing-here' could not be loaded") as caught:
        read_rows("nobody/nothing-here")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("wanted", "expected"), [("train", "a"), ("test", "b"), ("other", "a")])
def test_a_hub_dataset_gives_the_wanted_split_or_its_first(monkeypatch, wanted, expected):
    asked = []

    def load_dataset(repository, subset):
        asked.append((repository, subset))
        return {"train": [{"question": "a"}], "test": [{"question": "b"}]}

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    assert read_rows("owner/name:easy", wanted) == [{"question": expected}]
    assert asked == [("owner/name", "easy")]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.jsonl", b"", "the file has no rows"), ("a.jsonl", b"\n\n", "the file has no rows"),
    ("a.json", b"", "the file has no rows"), ("a.json", b"[]", "the file has no rows"),
    ("a.jsonl", b'{"x": 1}\n{"x": \n', "line 2 is not valid JSON"),
    ("a.json", b'[\n{"x": }]', "line 2 is not valid JSON"),
    ("a.json", b'{"x": 1}', "holds a JSON dict"),
    ("a.jsonl", b'{"x": "\xff"}', "not UTF-8"), ("a.parquet", b"PAR?", "not a readable Parquet"),
    ("a.csv", b"x\n1\n", "cannot read a .csv")])
def test_a_bad_file_is_one_line_that_names_it(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_rows(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(UserError, match="cannot read a folder"):
        read_rows(tmp_path)


def test_blank_lines_a_byte_order_mark_and_line_separators_inside_text_do_no_harm(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes('\ufeff{"x": "a\u2028b"}\r\n\r\n{"x": 2}'.encode())
    assert read_rows(path) == [{"x": "a\u2028b"}, {"x": 2}]


@pytest.mark.parametrize("source", ["problems.csv", "nothing", "a/b/c", "./x/y", "owner/rows.jsonl"])
def test_what_is_not_owner_and_name_is_a_path(source, no_network):
    with pytest.raises(UserError, match="no such file"):
        read_rows(source)
