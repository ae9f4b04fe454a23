"""The numbers printed in the paper (arXiv 2504.20571v3), stored in `published.json` with one row per line.

A row is a dict: `table`, `model`, `dataset`, the conditions printed in its table, and `values`, which maps a column
to a number, in percent unless the row has a `unit`. A condition that the table does not print for a row is absent.
The labels are the same for all tables:

- `dataset`: "base" for a model without training, "MATH", "DSR-sub" (the 1,209-example set),
  "{pi_1}", "{pi_1,pi_13}", "{pi_1..pi_16}", "random-16", "{pi_1'}" (the simplified example).
- `reward_type`: "outcome", "format" or "none" (the entropy loss alone).
- `checkpoint_rule`: "best-average" over the six benchmarks, one checkpoint for the whole row;
  "best-per-benchmark", a checkpoint for each column (Avg is still that of one checkpoint);
  "best-MATH500" (Table 3, whose AIME24 has its own best checkpoint); "untrained"; "unstated".
- `entropy_coef` keeps the sign of Table 5: negative rewards entropy.
- `inferred` lists fields that the paper implies without stating them; `suspect` lists columns whose printed number
  contradicts others in the paper. Neither can be used to select rows.
"""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig

FILE = Path(__file__).with_name("published.json")
NOT_CONDITIONS = ("table", "values", "inferred", "suspect")
MAIN_MODEL = "Qwen2.5-Math-1.5B"
# Small models of this repository that stand in for the main model.
STAND_INS = ("package:pocket/base", "package:pocket/base-b", "models/SmolLM2-135M-Instruct")
# The main results: Table 8 for the main model, these for the others.
MAIN_TABLE, OTHER_TABLES = 8, (4, 10)
# Table 3's short forms of the examples' subjects.
SUBJECTS = {"Alg.": "Algebra", "C. P.": "Counting & Probability", "Geo.": "Geometry", "I. Alg.": "Intermediate Algebra",
            "N. T.": "Number Theory", "Precal.": "Precalculus"}


def published(table: int, **match: object) -> list[dict]:
    """The rows of a table, in its order, whose fields equal those in `match`.

    None matches an absent field. The list is empty if no row matches. Raises `UserError` for an unknown table
    and for a field that no row of the table has.
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
    """The number in `column` of the only row of a table with the fields in `match`.

    Raises `UserError`, naming the candidates, unless exactly one row matches and has this column.
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
    """The paper's name for the configuration's model: the hub id after the slash, or the main model for its small
    stand-ins; None if the paper does not have the model."""
    if config.model in STAND_INS:
        return MAIN_MODEL
    name = config.model.rstrip("/").rsplit("/", 1)[-1]
    return name if name in {row["model"] for row in _read("tables")} else None


def table_of(model: str | None, table: int = MAIN_TABLE) -> int | None:
    """The table with this model's numbers: `table` itself or, for the main results, whichever has the model; None if
    they are not published."""
    asked = (table, *OTHER_TABLES) if table == MAIN_TABLE else (table,)
    return next((number for number in asked if published(number, model=model)), None)


def published_note(config: RunConfig, *tables: int) -> str:
    """A sentence saying which model's published numbers are shown, from which of these tables (by default the main
    results)."""
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
    """The subject of the authors' training example of this rank, or None if Table 3 does not name it."""
    rows = published(3, dataset=f"{{pi_{rank}}}")
    return SUBJECTS.get(rows[0]["example_category"]) if rows else None


def published_text(name: str) -> dict[str, float]:
    """The numbers in the paper's running text, by the `name` of their row in `published.json`, which also gives their
    unit, percent or step. Raises `UserError` for an unknown name.
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
    """The fields that can select rows, in order of appearance."""
    seen = {field: None for row in rows for field in row}
    return [field for field in seen if field not in NOT_CONDITIONS]


def _differences(rows: list[dict], only: dict[str, object] | None = None) -> str:
    """The fields in which the rows differ (or those of `only`) with their values, on one line."""
    parts = []
    for field in only if only is not None else _fields(rows):
        values = list(dict.fromkeys(repr(row.get(field)) for row in rows))
        if only is not None or len(values) > 1:
            parts.append(f"{field}: {' | '.join(values)}")
    return "; ".join(parts)
