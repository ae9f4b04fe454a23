"""Records: JSON lines, appended whole, cut back to a step after a crash."""
from __future__ import annotations

import json
from pathlib import Path


def append_rows(path: Path, rows: list[dict]) -> None:
    """Append rows as JSON lines in a single write."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(path: Path, partial: bool = False) -> list[dict]:
    """The rows of a JSON-lines file; none when it does not exist. With `partial`, a line cut short
    by a crash ends the file."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            if partial:
                break
            raise
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
