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
from rlvr_utils.recipe.config import RunConfig

FILE = Path(__file__).with_name("published.json")
NOT_CONDITIONS = ("table", "values", "inferred", "suspect")
MAIN_MODEL = "Qwen2.5-Math-1.5B"
# Small models of this repository that play the main model's part.
STAND_INS = ("package:pocket/base", "models/SmolLM2-135M-Instruct")
# The main results: Table 8 for the main model, these for the others.
MAIN_TABLE, OTHER_TABLES = 8, (4, 10)
# Table 3's short forms of the examples' subjects.
SUBJECTS = {"Alg.": "Algebra", "C. P.": "Counting & Probability", "Geo.": "Geometry", "I. Alg.": "Intermediate Algebra",
            "N. T.": "Number Theory", "Precal.": "Precalculus"}


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


def published_model(config: RunConfig) -> str | None:
    """The paper's name of the configuration's model: its own (the hub id after the slash), the main
    model's for the small ones that stand for it, None where the paper has no such model."""
    if config.model in STAND_INS:
        return MAIN_MODEL
    name = config.model.rstrip("/").rsplit("/", 1)[-1]
    return name if name in {row["model"] for row in _read("tables")} else None


def table_of(model: str | None, table: int = MAIN_TABLE) -> int | None:
    """The table to ask for this model's numbers: `table` itself or, for the main results, the table
    in which the model's are; None where they are not published."""
    asked = (table, *OTHER_TABLES) if table == MAIN_TABLE else (table,)
    return next((number for number in asked if published(number, model=model)), None)


def published_note(config: RunConfig, *tables: int) -> str:
    """A sentence on whose published numbers, from which of these tables (the main results by default),
    stand beside the measured ones."""
    model, asked = published_model(config), tables or (MAIN_TABLE,)
    found = [str(number) for table in asked if (number := table_of(model, table))]
    where = f"Table{'s' if len(found) > 1 else ''} {', '.join(found)}"
    if not any(benchmark.stands_for for benchmark in config.benchmarks):
        return "Published numbers: none for these test sets."
    if not found:
        what = f" of Table {', '.join(map(str, tables))}" if tables else ""
        return f"Published numbers{what}: not published for this model."
    if config.model in STAND_INS:
        return (f"Published numbers are those of {model} ({where}), which the model of this profile stands in for: "
                "another model on other questions.")
    return f"Published numbers are the paper's for {model} ({where})."


def example_subject(rank: int) -> str | None:
    """The subject of the authors' training example of this rank, where Table 3 names it."""
    rows = published(3, dataset=f"{{pi_{rank}}}")
    return SUBJECTS.get(rows[0]["example_category"]) if rows else None


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
