"""The numbers printed in the paper (arXiv 2504.20571v3), kept in `published.json` one row a line.

A row is a dict: `table`, `model`, `dataset`, the conditions that its table prints, and `values`,
which maps a column to a number: percent, unless the row has a `unit`. A condition that a table
does not print for a row is absent from it. The labels are the same in every table:

- `dataset`: "base" for a model without training, "MATH", "DSR-sub" (the 1,209-example set),
  "{pi_1}", "{pi_1,pi_13}", "{pi_1..pi_16}", "random-16", "{pi_1'}" (the simplified example).
- `reward_type`: "outcome", "format" or "none" (the entropy loss alone).
- `checkpoint_rule`: "best-average" over the six benchmarks, one checkpoint for the whole row;
  "best-per-benchmark", a checkpoint for each column (Avg is still that of one checkpoint);
  "best-MATH500" (Table 3, whose AIME24 has its own best checkpoint); "untrained"; "unstated".
- `entropy_coef` keeps the sign of Table 5: negative rewards entropy.
- `inferred` names the fields that the paper implies without stating them; `suspect` names the
  columns whose printed number contradicts others in the paper. Neither can be matched on.
"""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.errors import UserError

FILE = Path(__file__).with_name("published.json")
NOT_CONDITIONS = ("table", "values", "inferred", "suspect")


def published(table: int, **match: object) -> list[dict]:
    """The rows of a table, in its order, whose fields equal those in `match`.

    None matches an absent field. The list is empty where no row matches. Raises `UserError` for
    a table that is not there and for a field that no row of the table has.
    """
    everything = _read("tables")
    rows = [row for row in everything if row["table"] == table]
    if not rows:
        tables = sorted({row["table"] for row in everything})
        raise UserError(f"{FILE.name} has no table {table!r}; choose one of {tables}")
    fields = _fields(rows)
    for field in match:
        if field not in fields:
            choices = ", ".join(fields)
            raise UserError(f"table {table} has no field {field!r}; choose from {choices}")
    return [row for row in rows if _matches(row, match)]


def published_value(table: int, column: str, **match: object) -> float:
    """The number in `column` of the one row of a table that has the fields in `match`.

    Raises `UserError`, naming the candidates, where no row or several rows match, and where the
    row has no such column.
    """
    rows = published(table, **match)
    asked = ", ".join(f"{field}={value!r}" for field, value in match.items()) or "no condition"
    if not rows:
        candidates = _differences(published(table), only=match)
        raise UserError(f"table {table} has no row with {asked}; its rows have {candidates}")
    if len(rows) > 1:
        candidates = _differences(rows)
        raise UserError(f"table {table} has {len(rows)} rows with {asked}; add one of {candidates}")
    values = rows[0]["values"]
    if column not in values:
        raise UserError(f"table {table} has no column {column!r}; choose from {', '.join(values)}")
    return float(values[column])


def published_text(name: str) -> dict[str, float]:
    """The numbers that the paper gives in its running text, by the `name` of their row.

    The row's `unit` in `published.json` is percent or step. Raises `UserError` for another name.
    """
    rows = {row["name"]: row for row in _read("text")}
    if name not in rows:
        raise UserError(f"{FILE.name} has no text {name!r}; choose one of {', '.join(rows)}")
    return rows[name]["values"]


def _read(key: str) -> list[dict]:
    return json.loads(FILE.read_text(encoding="utf-8"))[key]


def _matches(row: dict, match: dict[str, object]) -> bool:
    return all(row.get(field) == value for field, value in match.items())


def _fields(rows: list[dict]) -> list[str]:
    """The fields to match on, in the order of the rows."""
    seen = {field: None for row in rows for field in row}
    return [field for field in seen if field not in NOT_CONDITIONS]


def _differences(rows: list[dict], only: dict[str, object] | None = None) -> str:
    """The fields in which rows differ (or those of `only`) with their values, on one line."""
    parts = []
    for field in only if only is not None else _fields(rows):
        values = list(dict.fromkeys(repr(row.get(field)) for row in rows))
        if only is not None or len(values) > 1:
            parts.append(f"{field}: {' | '.join(values)}")
    return "; ".join(parts)
