"""One row of any known format: the question, the gold answer, the subject.

Every public benchmark names its columns differently. A row's format is recognised by its columns, and the gold
answer is taken from where the authors' evaluation takes it.
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
COLUMNS = ("id", "unique_id", "idx", "subject", "subfield", "type", "level", "question", "problem", "input", "prompt",
           "body", "choices", "answerKey", "solution", "answer", "final_answer", "target", "reward_model", "extra_info")
# GSM8K ends its worked solutions with this mark and the answer, and annotates calculations as <<48/2=24>>.
MARK = "####"
ANNOTATION = re.compile(r"<<[^<>=]*=[^<>]*>>")
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")  # no LaTeX command
SENTENCE = 4  # words that make a text with a full stop a sentence: no gold of the public benchmarks is one
GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")  # 1,234.5
# Math delimiters that may enclose a whole gold answer.
DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)"))


@dataclass(frozen=True)
class Problem:
    """A question without any prompt around it, and its gold answer as text; `row` is its place in the file, from 1, for
    messages. Problems of one `kind` go right or wrong together, and intervals allow for that."""

    id: str
    question: str
    answer: str
    subject: str | None = None
    row: int = field(default=0, compare=False)
    kind: str | None = None


def parse_row(row: dict, number: int, source) -> tuple[Problem, str]:
    """The problem in a row of any known format, and the name of its answer field. The answer may be empty."""
    place = f"{source}: row {number}"
    if not isinstance(row, dict):
        raise UserError(f"{place} is not an object with fields; give one JSON object per row")
    row = _lower_case(row, place)
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
    answer_place = f"{place}, field `{answer_field}`"
    answer = "" if answer is None or _is_nan(answer) else final_answer(_text(answer, answer_place), answer_place)
    subject = None if subject is None else _text(subject, f"{place}, field `{subject_field}`")
    kind = next((found for found in (row.get("kind"), extra.get("kind")) if isinstance(found, str)), None)
    return Problem(texts[id_field], texts[question_field], answer, subject, number, kind), answer_field


def _lower_case(row: dict, place: str) -> dict:
    """The row with the names of known columns in their usual case, such as `answer` for AIME's `Answer`. A column
    that has that name already is taken."""
    names = {name.lower(): name for name in COLUMNS}
    fields: dict = {}
    for column, value in row.items():
        usual = names.get(str(column).lower(), column)
        name = column if usual in row else usual
        if name in fields:
            raise UserError(f"{place}: two columns differ from {shown(name)} only in capitals; rename or remove one")
        fields[name] = value
    return fields


def final_answer(text: str, place: str) -> str:
    r"""The gold answer alone: what follows `####` on the last line (thousands separators removed) or the content
    of `\boxed{}`, without math delimiters around the whole.

    Raises `UserError` naming `place` for an unclosed box, for several boxes, and for a worked solution that
    does not mark its answer: no response could ever match these.
    """
    marked = _marked(text)
    if marked is not None:
        number = marked.removeprefix("$")
        return number.replace(",", "") if GROUPED.fullmatch(number) else _undelimited(marked)
    if "\\boxed" in text:
        boxed = boxed_answer(text)
        if boxed is None or text.count("\\boxed") > 1:
            raise UserError(f"{place}: expected one closed box, found {shown(text)}; give the answer alone")
        return _undelimited(boxed)
    if ANNOTATION.search(text) or f"\n{MARK}" in f"\n{text}" or _is_prose(text):
        raise UserError(f"{place}: {shown(text)} is a worked solution or a sentence; end it with a line `{MARK} "
                        "answer`, or give the answer alone")
    return _undelimited(text)


def _is_prose(text: str) -> bool:
    """Several lines, or a sentence: no answer that a response could match."""
    lines = [line for line in text.splitlines() if line.strip()]
    sentence = text.rstrip().endswith(".") and len(WORD.findall(text)) >= SENTENCE
    return sentence or len(lines) > 1 and "\\begin" not in text


def _marked(text: str) -> str | None:
    """What follows the mark on the last line; None if there is no mark."""
    _, mark, answer = text.rstrip().rpartition("\n")[2].rpartition(MARK)
    return answer.strip() if mark else None


def _undelimited(text: str) -> str:
    """The text without the math delimiters that enclose all of it. `$5` is money, and `$1$ and $2$` are
    two formulas, so both stay."""
    text = text.strip()
    for left, right in DELIMITERS:
        inner = text.removeprefix(left).removesuffix(right)
        encloses = len(inner) + len(left) + len(right) == len(text) and inner.strip() and not inner.endswith("\\")
        if encloses and left not in inner.replace("\\$", ""):
            return _undelimited(inner)
    return text


def _text(value: object, place: str) -> str:
    """A string, or a finite number as a string."""
    number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if not (isinstance(value, str) or number):
        raise UserError(f"{place}: expected text or a number, found {shown(value)}; correct it")
    if isinstance(value, str) and SURROGATE.search(value):
        raise UserError(f"{place}: contains a lone surrogate, which UTF-8 cannot encode; correct it")
    return str(value)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _question(row: dict, place: str) -> tuple[str, str]:
    """The name of the question field and its non-blank text."""
    if isinstance(row.get("prompt"), list):
        roles = [turn.get("role") if isinstance(turn, dict) else turn for turn in row["prompt"]]
        if roles != ["user"]:
            raise UserError(f"{place}, field `prompt`: expected one user message, found {shown(roles)}; give the "
                            "problem alone")
        content = row["prompt"][0].get("content")
        # Remove only the suffix and one space: other white space belongs to the problem.
        question = content.removesuffix(f" {SUFFIX}") if isinstance(content, str) else ""
        if not question.strip():
            raise UserError(f"{place}, field `prompt`: expected a message with text, found {shown(content)}; fill it "
                            "in, or remove the row")
        return "prompt", question
    name = next((name for name in ("question", "problem", "input", "prompt")
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
    question = row[name].removesuffix(f" {SUFFIX}") if name == "prompt" else row[name]
    return name, f"{row['body']} {question}" if "body" in row else question


def _gold(row: dict, place: str) -> tuple[str, object]:
    """The name of the answer field and its value. As in the paper's evaluation, MATH500 and Minerva use the last
    box of `solution`, OlympiadBench uses `final_answer`, and ARC uses the letter."""
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
    if isinstance(solution, str) and "answer" not in row and _marked(solution) is not None:
        return "solution", solution
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
