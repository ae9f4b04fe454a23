"""Records: JSON lines, appended whole, cut back to a step after a crash; files that are replaced whole."""
from __future__ import annotations

import json
import os
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import naming


def append_rows(path: Path, rows: list[dict]) -> None:
    """Append rows as JSON lines in a single write."""
    with naming(path), path.open("a", encoding="utf-8") as stream:
        stream.write(_lines(rows))


def read_rows(path: Path) -> list[dict]:
    """The rows of a JSON-lines file, each with its `step`; none when it does not exist. A last line without
    its end was cut short by a crash, or is being written, and does not count. Raises `UserError` for another
    that is no record."""
    rows = []
    data = path.read_bytes() if path.exists() else b""
    for number, line in enumerate(data[:data.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            raise UserError(f"{path}: line {number} is no record; take the file from a copy, or remove its folder "
                            "and run it again")
        rows.append(row)
    return rows


def keep_rows(path: Path, wanted) -> None:
    """Remove the rows that `wanted` refuses, and a last line cut short; replaced atomically."""
    if path.exists():
        write_whole(path, _lines([row for row in read_rows(path) if wanted(row)]))


def drop_rows_after(path: Path, step: int) -> None:
    """Remove rows later than `step`."""
    keep_rows(path, lambda row: row["step"] <= step)


def write_json(path: Path, data: object) -> None:
    """Write JSON atomically."""
    write_whole(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically: an interruption leaves the earlier one or this one. Two processes may
    write it at once."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with naming(path):
            fresh.write_bytes(content.encode() if isinstance(content, str) else content)
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
