"""Rows of data, from a local file or from a dataset on the hub."""
from __future__ import annotations

import json
import os
import re
from pathlib import Path

from rlvr_utils.errors import UserError, reason, shown

SUFFIXES = (".jsonl", ".json", ".parquet")
ENDINGS = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
# Lone surrogates: JSON can contain them as escapes, but UTF-8 cannot encode them.
SURROGATE = re.compile("[\ud800-\udfff]")


def read_rows(source: str | Path, split: str = "test") -> list[dict]:
    """The rows of a JSON, JSON Lines or Parquet file, or of a dataset on the hub by its name.

    `split` is the preferred split of a hub dataset. A source that begins with `.`, `/` or `~`, ends in a known
    suffix or has several slashes is a path and never causes a network request. Raises `UserError` naming
    file and line if the source cannot be read or has no rows. The content of rows is not checked.
    """
    path = expanded(source)
    if not path.exists():
        if isinstance(source, str) and not _looks_like_path(source):
            return hub_rows(source, split)
        raise UserError(f"{source}: no such file; give a path that ends in {ENDINGS}")
    if path.suffix not in SUFFIXES or not path.is_file():
        kind = ("folder" if path.is_dir() else "pipe or device" if not path.is_file()
                else path.suffix or "file without a suffix")
        raise UserError(f"{source}: cannot read a {kind}; give one that ends in {ENDINGS}")
    rows = {".jsonl": _json_lines, ".json": _json_list, ".parquet": _parquet}[path.suffix](path)
    if not rows:
        raise UserError(f"{source}: the file has no rows; give at least one problem")
    return rows


def _looks_like_path(source: str) -> bool:
    """Anything but `owner/name`: a hub dataset has exactly one slash."""
    return source.startswith((".", "/", "~")) or source.endswith(SUFFIXES) or source.count("/") != 1


def expanded(source: str | Path) -> Path:
    """The path with a leading `~` expanded. Raises `UserError` if it cannot even be looked up: an unknown
    user, a name that is too long, a folder without search permission."""
    try:
        path = Path(source).expanduser()
        path.exists()
    except (OSError, RuntimeError) as error:
        raise UserError(f"{shown(str(source))}: not a usable path ({reason(error)}); correct it") from None
    return path


def is_text(value: object) -> bool:
    """Is this a non-blank string that UTF-8 can encode?"""
    return isinstance(value, str) and bool(value.strip()) and not SURROGATE.search(value)


def hub_rows(name: str, split: str) -> list[dict]:
    """The rows of `owner/name` or `owner/name:config`: of this split if the dataset has it, else of its first."""
    from datasets import load_dataset

    repository, _, subset = name.partition(":")
    try:
        splits = load_dataset(repository, subset or None)
        rows = list(splits[split] if split in splits else splits[next(iter(splits))])
    except Exception as error:  # the hub's client raises many types; the user needs one line
        raise UserError(f"dataset {name!r} could not be loaded ({type(error).__name__}); "
                        f"{offline() or 'check the name and the network'}, or give a local file") from error
    if not rows:
        raise UserError(f"dataset {name!r} has no rows; give another one, or a local file")
    return rows


def offline() -> str:
    """Why the hub's client downloads nothing, and the remedy; "" if no variable of the environment forbids it."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
        if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE"):
            return f"{name} is set, so nothing is downloaded; unset it"
    return ""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file. Raises `UserError` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a readable file") from None


def read_json(path: Path) -> object:
    """The value in a JSON file. Raises `UserError` naming the file, and the line where one is known."""
    return _parsed(read_text(path), path)


def _parsed(text: str, path: Path, line: int | None = None) -> object:
    """The value of a JSON text. A repeated key in an object is an error too: one of its values would be lost."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except UserError as error:
        why = str(error)
    except json.JSONDecodeError as error:
        more = "a second value begins here, as in JSON Lines" if error.msg == "Extra data" else error.msg
        line, why = line or error.lineno, more
    except RecursionError:
        why = "nested too deeply"
    except ValueError:  # Python refuses integers of more than 4,300 digits
        why = "a number has too many digits"
    raise UserError(f"{path}: {f'line {line} is ' if line else ''}not valid JSON ({why}); correct it")


def _object(pairs: list[tuple[str, object]]) -> dict:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise UserError(f"the key {shown(name)} appears twice")
        fields[name] = value
    return fields


def _json_lines(path: Path) -> list[dict]:
    lines = enumerate(read_text(path).split("\n"), start=1)
    return [_parsed(line, path, number) for number, line in lines if line.strip()]


def _json_list(path: Path) -> list[dict]:
    text = read_text(path)
    first = text.strip().partition("\n")[0].rstrip()
    if first.startswith("{") and first.endswith("}"):  # one object per line: JSON Lines under the other suffix
        return _json_lines(path)
    rows = _parsed(text, path) if text.strip() else []
    if not isinstance(rows, list):
        raise UserError(f"{path}: contains a JSON {type(rows).__name__}; give a list of rows, or one row per line")
    return rows


def _parquet(path: Path) -> list[dict]:
    from pyarrow import parquet

    try:
        return parquet.read_table(path).to_pylist()
    except Exception as error:  # the library raises many types; the user needs one line
        raise UserError(f"{path}: not a readable Parquet file ({reason(error)}); create it again") from None
