"""Records: JSON lines, appended whole, cut back to a step after a crash."""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.errors import UserError


def append_rows(path: Path, rows: list[dict]) -> None:
    """Append rows as JSON lines in a single write."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(path: Path, partial: bool = False) -> list[dict]:
    """The rows of a JSON-lines file, each with its `step`; none when it does not exist. With `partial`,
    a line cut short by a crash ends the file; without, `UserError` names it."""
    rows: list[dict] = []
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or not isinstance(row.get("step"), int):
            if partial:
                break
            raise UserError(f"{path}: line {number} is no record; remove it, or train the run anew")
        rows.append(row)
    return rows


def keep_rows(path: Path, wanted) -> None:
    """Remove the rows that `wanted` refuses, and a last line cut short; replaced atomically."""
    if path.exists():
        rows = [row for row in read_rows(path, partial=True) if wanted(row)]
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        append_rows(fresh, rows)
        fresh.replace(path)


def drop_rows_after(path: Path, step: int) -> None:
    """Remove rows later than `step`."""
    keep_rows(path, lambda row: row["step"] <= step)
