"""One row of any known format: the question, the gold answer, the subject.

Each benchmark in public use names its columns in its own way; a row is recognised by them, and
its gold answer is taken where the authors' evaluation takes it.
"""
from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from rlvr_utils.data.files import SURROGATE
from rlvr_utils.data.prompts import SUFFIX
from rlvr_utils.errors import UserError, listed, shown
from rlvr_utils.grading import boxed_answer

LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Problem:
    """A question without any prompt around it, and its gold answer as text; `row` is its place in
    the file, from 1, for messages."""

    id: str
    question: str
    answer: str
    subject: str | None = None
    row: int = field(default=0, compare=False)


def parse_row(row: dict, number: int, source) -> tuple[Problem, str]:
    """One row of any of the known formats, and the field of its answer (which may be empty)."""
    place = f"{source}: row {number}"
    if not isinstance(row, dict):
        raise UserError(f"{place} is not an object with fields; give one JSON object a row")
    extra = row.get("extra_info") if isinstance(row.get("extra_info"), dict) else {}
    id_field, identity = next((name, value) for name, value in (
        ("extra_info.index", extra.get("index")), ("id", row.get("id")), ("unique_id", row.get("unique_id")),
        ("idx", row.get("idx")), ("", number - 1)) if value is not None)
    subject_field, subject = next(((name, value) for name, value in (
        ("subject", row.get("subject")), ("subfield", row.get("subfield")),
        ("extra_info.subject", extra.get("subject")), ("type", row.get("type") if "solution" in row else None))
        if value and not _is_nan(value)), ("", None))
    question_field, question = _question(row, place)
    answer_field, answer = _gold(row, place)
    texts = {name: _text(value, f"{place}, field `{name}`")
             for name, value in ((id_field, identity), (question_field, question))}
    answer = "" if answer is None or _is_nan(answer) else _text(answer, f"{place}, field `{answer_field}`")
    subject = None if subject is None else _text(subject, f"{place}, field `{subject_field}`")
    return Problem(texts[id_field], texts[question_field], answer, subject, number), answer_field


def _text(value: object, place: str) -> str:
    """A text, or a finite number as text."""
    number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if not (isinstance(value, str) or number):
        raise UserError(f"{place}: expected text or a number, found {shown(value)}; correct it")
    if isinstance(value, str) and SURROGATE.search(value):
        raise UserError(f"{place}: holds half a character (a lone surrogate), which UTF-8 cannot; correct it")
    return str(value)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _question(row: dict, place: str) -> tuple[str, str]:
    """The field of the question and its text there, which is not blank."""
    if isinstance(row.get("prompt"), list):
        roles = [turn.get("role") if isinstance(turn, dict) else turn for turn in row["prompt"]]
        if roles != ["user"]:
            raise UserError(f"{place}, field `prompt`: expected one user message, found {shown(roles)}; "
                            "give the problem alone")
        content = row["prompt"][0].get("content")
        # Only the suffix and its one space: white space before it belongs to the problem.
        question = content.removesuffix(f" {SUFFIX}") if isinstance(content, str) else ""
        if not question.strip():
            raise UserError(f"{place}, field `prompt`: expected a message with text, found {shown(content)}; fill it "
                            "in, or remove the row")
        return "prompt", question
    name = next((name for name in ("question", "problem", "input")
                 if isinstance(row.get(name), str) and row[name].strip()), None)
    if name is None:
        raise UserError(f"{place} has no question; give text in `question`, `problem`, `input` or `prompt` "
                        f"(found: {listed(row) or 'no fields'})")
    if "choices" in row:
        texts, _ = _choices(row, place)
        lines = (f"\n{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))
        return name, row[name] + "".join(lines)
    if "body" in row and not isinstance(row["body"], str):
        raise UserError(f"{place}, field `body`: expected text, found {shown(row['body'])}; correct it")
    return name, f"{row['body']} {row[name]}" if "body" in row else row[name]


def _gold(row: dict, place: str) -> tuple[str, object]:
    """The field that holds the gold answer, and its value there (paper's protocol: MATH500 and
    Minerva from the last box of `solution`, OlympiadBench `final_answer`, ARC by letter)."""
    solution, final = row.get("solution"), row.get("final_answer")
    if isinstance(row.get("reward_model"), dict):
        return "reward_model.ground_truth", row["reward_model"].get("ground_truth")
    if "choices" in row:
        texts, labels = _choices(row, place)
        if labels.count(row.get("answerKey")) != 1:
            raise UserError(f"{place}, field `answerKey`: {shown(row.get('answerKey'))} is not exactly one of the "
                            f"labels {shown(labels)}; correct it")
        return "answerKey", LETTERS[labels.index(row["answerKey"])]
    if isinstance(final, list):
        first = final[0] if final else None
        return "final_answer", first.replace("$", "").strip() if isinstance(first, str) else first
    if "body" in row and isinstance(row.get("answer"), str):  # ASDiv gives the unit in brackets
        return "answer", re.sub(r"\(.*?\)", "", row["answer"]).strip()
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
    if not (isinstance(texts, list) and isinstance(labels, list) and 2 <= len(texts) <= len(LETTERS)
            and len(texts) == len(labels)):
        raise UserError(f"{place}, field `choices`: expected lists `text` and `label` of one "
                        f"length, 2 to {len(LETTERS)}; correct the row")
    return [_text(text, f"{place}, field `choices.text`") for text in texts], labels
