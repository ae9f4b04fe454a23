"""Rows of data, from a local file or from a public dataset by its name."""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.errors import UserError

SUFFIXES = (".jsonl", ".json", ".parquet")
PUBLIC = "public:"


def read_rows(source: str | Path, split: str = "test") -> list[dict]:
    """The rows of a JSON, JSON Lines or Parquet file, or of a dataset on the hub by its name.

    `split` is the one wanted of a hub dataset. What begins with `.`, `/` or `~`, ends in a known
    suffix or has several slashes is a path and never causes a network request. `public:NAME` is a
    set of `rlvr_utils.public_data`, which knows its own split.
    """
    if isinstance(source, str) and source.startswith(PUBLIC):
        from rlvr_utils.public_data import public_rows  # it reads its files through this module

        return public_rows(source)
    path = Path(source).expanduser()
    if not path.exists():
        if isinstance(source, str) and not _looks_like_path(source):
            return hub_rows(source, split)
        raise UserError(f"{source}: no such file; give a path to a {', '.join(SUFFIXES)} file")
    if path.suffix not in SUFFIXES or not path.is_file():
        kind = "folder" if path.is_dir() else path.suffix or "file without a suffix"
        raise UserError(f"{source}: cannot read a {kind}; give a {', '.join(SUFFIXES)} file")
    rows = {".jsonl": _json_lines, ".json": _json, ".parquet": _parquet}[path.suffix](path)
    if not rows:
        raise UserError(f"{source}: the file has no rows; give at least one problem")
    return rows


def _looks_like_path(source: str) -> bool:
    """Anything but `owner/name`: a hub dataset has exactly one slash."""
    return source.startswith((".", "/", "~")) or source.endswith(SUFFIXES) or source.count("/") != 1


def hub_rows(name: str, split: str) -> list[dict]:
    """`owner/name` or `owner/name:config`, the wanted split where there is one, else the first."""
    from datasets import load_dataset

    repository, _, subset = name.partition(":")
    try:
        splits = load_dataset(repository, subset or None)
    except Exception as error:  # the hub's client raises many types; the user needs one line
        raise UserError(f"dataset {name!r} could not be loaded ({type(error).__name__}); check the "
                        "name and the network, or give a local file") from error
    return list(splits[split] if split in splits else splits[next(iter(splits))])


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _json_lines(path: Path) -> list[dict]:
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise UserError(f"{path}: line {number} is not valid JSON ({error.msg}); mend or "
                                "remove it") from None
    return rows


def _json(path: Path) -> list[dict]:
    text = read_text(path)
    try:
        rows = json.loads(text) if text.strip() else []
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: line {error.lineno} is not valid JSON ({error.msg}); "
                        "mend it") from None
    if not isinstance(rows, list):
        raise UserError(f"{path}: holds a JSON {type(rows).__name__}; give a list of rows")
    return rows


def _parquet(path: Path) -> list[dict]:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"{path}: not a readable Parquet file ({reason}); write it again") from None
