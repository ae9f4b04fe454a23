"""Problems: training examples and benchmarks, from local files or public datasets by name.

Each benchmark in public use names its columns in its own way; a row is recognised by them, and
its gold answer is taken where the authors' evaluation takes it.
"""
from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.prompts import SUFFIX
from rlvr_utils.sources import read_rows

LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Problem:
    """A question without any prompt around it, and its gold answer as text."""

    id: str
    question: str
    answer: str
    subject: str | None = None


def load_benchmark(source: str | Path, limit: int | None = None) -> list[Problem]:
    """The problems of an evaluation set in file order, at most the first `limit`.

    Raises `UserError` naming file, row (from 1) and field for what cannot be read, for a row
    without an answer and for an `id` that two rows share.
    """
    if limit is not None and limit < 1:
        raise UserError(f"{source}: limit is {limit}; give at least 1, or None for all problems")
    problems, seen = [], {}
    for number, row in enumerate(read_rows(source, "test")[:limit], start=1):
        problem, field = parse_row(row, number, source)
        if not problem.answer.strip():
            raise UserError(f"{source}: row {number} has no answer in `{field}`; fill it in, or "
                            "remove the row")
        if "id" in row and seen.setdefault(problem.id, number) != number:
            raise UserError(f"{source}: row {number} has the `id` {problem.id!r} of row "
                            f"{seen[problem.id]}; give every row its own")
        problems.append(problem)
    return problems


def load_training(source: str | Path, empty_answers: str = "error") -> list[Problem]:
    """Training examples in file order; repeated rows, as in the authors' 128-row files, are kept.

    The authors' suffix is taken off the question: `rlvr_utils.prompts` puts it back. With
    `empty_answers="drop"` rows without an answer are left out: DSR-sub has one (index 265), which
    no boxed response can solve. Raises `UserError` as `load_benchmark`, and when no row is left.
    """
    if empty_answers not in ("error", "drop"):
        raise UserError(f"empty_answers is {empty_answers!r}; choose 'error' or 'drop'")
    problems = []
    for number, row in enumerate(read_rows(source, "train"), start=1):
        problem, field = parse_row(row, number, source)
        if problem.answer.strip():
            problems.append(problem)
        elif empty_answers == "error":
            raise UserError(f"{source}: row {number} has no answer in `{field}`; fill it in, or "
                            "load with empty_answers='drop'")
    if not problems:
        raise UserError(f"{source}: no row has an answer; give a file with question and answer")
    return problems


def distinct(problems: list[Problem]) -> list[Problem]:
    """The first occurrence of each question."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.question, problem)
    return list(first.values())


def parse_row(row: dict, number: int, source) -> tuple[Problem, str]:
    """One row of any of the known formats, and the field of its answer (which may be empty)."""
    place = f"{source}: row {number}"
    if not isinstance(row, dict):
        raise UserError(f"{place} is not an object with fields; give one JSON object a row")
    extra = row.get("extra_info") if isinstance(row.get("extra_info"), dict) else {}
    names = (extra.get("index"), row.get("id"), row.get("unique_id"), row.get("idx"), number - 1)
    identity = next(name for name in names if name is not None)
    subject = row.get("subject") or row.get("subfield") or extra.get("subject")
    if subject is None and "solution" in row:
        subject = row.get("type")
    question = _question(row, place)
    field, value = _gold(row, place)
    answer = _answer_text(value, f"{place}, field `{field}`")
    subject = None if subject is None else str(subject)
    return Problem(str(identity), question, answer, subject), field


def _question(row: dict, place: str) -> str:
    if isinstance(row.get("prompt"), list):
        turns = [turn for turn in row["prompt"] if isinstance(turn, dict)]
        if len(row["prompt"]) != 1 or [turn.get("role") for turn in turns] != ["user"]:
            raise UserError(f"{place}, field `prompt`: expected one user message, found "
                            f"{[turn.get('role') for turn in turns]}; give the problem alone")
        # Only the suffix and its one space: white space before it belongs to the problem.
        return str(turns[0].get("content") or "").removesuffix(f" {SUFFIX}")
    found = next((row[name] for name in ("question", "problem", "input")
                  if isinstance(row.get(name), str) and row[name].strip()), None)
    if found is None:
        raise UserError(f"{place} has no question; give `question`, `problem`, `input` or `prompt` "
                        f"(found: {', '.join(map(str, row)) or 'no fields'})")
    if "choices" in row:
        texts, _ = _choices(row, place)
        lines = (f"\n{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))
        return found + "".join(lines)
    return f"{row['body']} {found}" if "body" in row else found


def _gold(row: dict, place: str) -> tuple[str, object]:
    """The field that holds the gold answer, and its value there (paper's protocol: MATH500 and
    Minerva from the last box of `solution`, OlympiadBench `final_answer`, ARC by letter)."""
    from rlvr_utils.grading import boxed_answer

    solution, final = row.get("solution"), row.get("final_answer")
    if isinstance(row.get("reward_model"), dict):
        return "reward_model.ground_truth", row["reward_model"].get("ground_truth")
    if "choices" in row:
        texts, labels = _choices(row, place)
        if row.get("answerKey") not in labels:
            raise UserError(f"{place}, field `answerKey`: {row.get('answerKey')!r} is none of the "
                            f"labels {labels}; correct it")
        return "answerKey", LETTERS[labels.index(row["answerKey"])]
    if isinstance(final, list):
        return "final_answer", str(final[0]).replace("$", "").strip() if final else None
    if "body" in row:  # ASDiv gives the unit in brackets
        return "answer", re.sub(r"\(.*?\)", "", str(row.get("answer") or "")).strip()
    of_math = "answer" not in row or not row.keys().isdisjoint(("subject", "level", "type"))
    if isinstance(solution, str) and "\\boxed" in solution and of_math:
        return "solution", boxed_answer(solution)
    if "answer" in row or "target" not in row:
        return "answer", row.get("answer")
    target = row["target"]  # MAWPS writes whole numbers as 43.0
    return "target", int(target) if isinstance(target, float) and target.is_integer() else target


def _choices(row: dict, place: str) -> tuple[list[str], list[str]]:
    """ARC's choices and their labels, which are letters in most rows and digits in some."""
    choices = row["choices"] if isinstance(row["choices"], dict) else {}
    texts, labels = choices.get("text"), choices.get("label")
    lists = isinstance(texts, list) and isinstance(labels, list)
    if not (lists and 2 <= len(texts) <= len(LETTERS) and len(texts) == len(labels)):
        raise UserError(f"{place}, field `choices`: expected lists `text` and `label` of one "
                        f"length, 2 to {len(LETTERS)}; correct the row")
    return texts, labels


def _answer_text(value, place: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (str, int, float)):
        return str(value)
    raise UserError(f"{place}: expected text or a number, found a {type(value).__name__}; "
                    "give one answer")
