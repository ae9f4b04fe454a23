"""Problems: training examples and benchmarks, from local files or public datasets by name."""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.data.files import read_rows
from rlvr_utils.data.public import PUBLIC, public_rows
from rlvr_utils.data.rows import Problem, parse_row
from rlvr_utils.errors import UserError, listed, shown


def source_rows(source: str | Path, split: str = "test") -> list[dict]:
    """The rows of a public set (`public:NAME`, whose split is fixed), a local file or a hub dataset.
    Raises `UserError` as `read_rows` does."""
    if isinstance(source, str) and source.startswith(PUBLIC):
        return public_rows(source)
    return read_rows(source, split)


def load_benchmark(source: str | Path, limit: int | None = None) -> list[Problem]:
    """The problems of an evaluation set in file order, at most the first `limit`.

    Raises `UserError` naming file, row (from 1) and field if a row cannot be read, has no answer, or shares its
    `id` or `unique_id` with another row.
    """
    if limit is not None and limit < 1:
        raise UserError(f"{source}: limit is {limit}; give at least 1, or None for all problems")
    problems, seen = [], {}
    for number, row in enumerate(source_rows(source, "test")[:limit], start=1):
        problem, answer_field = parse_row(row, number, source)
        if not problem.answer.strip():
            raise UserError(f"{source}: row {number} has no answer in `{answer_field}` (its columns: {listed(row)}); "
                            "fill it in, or remove the row")
        columns = {column.lower() for column in row}
        named = next((name for name in ("id", "unique_id") if name in columns), None)
        if named and seen.setdefault(problem.id, number) != number:
            raise UserError(f"{source}: row {number} has the same `{named}` {shown(problem.id)} as row "
                            f"{seen[problem.id]}; give every row its own")
        problems.append(problem)
    return problems


def load_training(source: str | Path) -> list[Problem]:
    """Training examples in file order; repeated rows, as in the authors' 128-row files, are kept.

    The authors' suffix is removed from the question: `rlvr_utils.data.prompts` adds it again. Rows without an answer,
    which no response can solve, are left out: DSR-sub has one (index 265). Raises `UserError` if a row cannot be
    read, for two different problems with the same id (examples are chosen by id), for one question with two answers,
    and if no row remains.
    """
    problems, first, asked = [], {}, {}
    for number, row in enumerate(source_rows(source, "train"), start=1):
        problem, answer_field = parse_row(row, number, source)
        if not problem.answer.strip():
            continue
        problems.append(problem)
        earlier = first.setdefault(problem.id, problem)
        if (earlier.question, earlier.answer) != (problem.question, problem.answer):
            raise UserError(f"{source}: row {number} has the same `id` {shown(problem.id)} as row {earlier.row}, but "
                            "another question or answer; give every problem its own id")
        same = asked.setdefault(problem.question, problem)
        if same.answer != problem.answer:
            raise UserError(f"{source}: row {number} has the question of row {same.row}, but the answer "
                            f"{shown(problem.answer)} and not {shown(same.answer)}; correct one of them, or remove it")
    if not problems:
        raise UserError(f"{source}: no row has an answer in `{answer_field}` (the last row has: {listed(row)}); give a "
                        "file with questions and answers")
    return problems


def distinct(problems: list[Problem]) -> list[Problem]:
    """The first occurrence of each question."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.question, problem)
    return list(first.values())
