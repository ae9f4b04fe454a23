"""Records: JSON lines that are appended in one write and cut back to a step after a crash, and atomic writes."""
from __future__ import annotations

import json
import os
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import naming_file


def append_rows(path: Path, rows: list[dict]) -> None:
    """Append rows as JSON lines in a single write."""
    with naming_file(path), path.open("a", encoding="utf-8") as stream:
        stream.write(_lines(rows))


def read_rows(path: Path) -> list[dict]:
    """The rows of a JSON-lines file, each with its `step`; none if the file does not exist. A last line without
    a line break was truncated by a crash, or is still being written, and does not count. Raises `UserError` for
    any other line that is not a record."""
    rows = []
    data = path.read_bytes() if path.exists() else b""
    for number, line in enumerate(data[:data.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            raise UserError(f"{path}: line {number} is not a record; restore the file from a copy, or delete its "
                            "folder and run again")
        rows.append(row)
    return rows


def keep_rows(path: Path, wanted) -> None:
    """Keep only the rows for which `wanted(row)` is true and drop a truncated last line, atomically."""
    if path.exists():
        write_atomically(path, _lines([row for row in read_rows(path) if wanted(row)]))


def drop_rows_after(path: Path, step: int) -> None:
    """Remove rows later than `step`."""
    keep_rows(path, lambda row: row["step"] <= step)


def write_json(path: Path, data: object) -> None:
    """Write JSON atomically."""
    write_atomically(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file atomically: an interruption leaves either the old or the new content. Two processes may write
    it at the same time."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with naming_file(path):
            fresh.write_bytes(content.encode() if isinstance(content, str) else content)
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
