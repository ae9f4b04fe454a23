r"""The evaluation grader ("qwen-eval"): Qwen2.5-Math's rules as the authors run them.

`extract` finds the answer, `quick` settles all that strings and plain numbers can settle and
`full` (run in the worker) also uses sympy. The authors delete unit words except on Minerva, whose
golds are full of variables named like units; the gold itself tells us here, see `_forms`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from math import isclose

from rlvr_utils.grading.arithmetic import rational, value
from rlvr_utils.grading.boxes import MAX_ANSWER, closing_brace
from rlvr_utils.grading.qwen_normal import normalise

Symbolic = Callable[[str, str], bool]

_TOLERANCE = 1e-4
_LETTERS = "ABCDE"


class Undecided(Exception):
    """Strings and numbers do not settle the matter; sympy has to."""


def _after_last_box(response: str) -> str:
    r"""Text of the last "boxed": an unclosed brace, and none at all, are accepted."""
    after = response.rpartition("boxed")[2][: MAX_ANSWER + 2]
    if not after.startswith("{"):
        return after.partition("$")[0].strip()
    end = closing_brace(after)
    return after[1:end]


def _last_number(response: str) -> str:
    response = response.replace(",", "")
    end = 1 + max(response.rfind(digit) for digit in "0123456789")
    numbers = re.findall(r"-?\d*\.?\d+", response[max(0, end - MAX_ANSWER) : end], re.ASCII)
    return numbers[-1] if numbers else ""


def _raw_answer(response: str) -> str:
    """Where the answer stands, by the authors' order of looking."""
    _, minerva, rest = response.partition("final answer is $")
    if minerva and "$. I hope" in response:
        return rest.partition("$. I hope")[0].strip()
    if "boxed" in response:
        return _after_last_box(response)
    for phrase in ("he answer is", "final answer is"):
        if phrase in response:
            return response.rpartition(phrase)[2].strip()
    return _last_number(response)


def extract(response: str) -> str:
    """The answer in a response; "" when there is none, or one of over 4000 characters.

    Order: "final answer is $...$. I hope"; the last "boxed"; after the last "he answer is";
    after the last "final answer is"; the last number of the text.
    """
    answer = _raw_answer(response)
    if len(answer) > MAX_ANSWER:
        return ""
    return re.sub(r"\n\s*", "", answer).removeprefix(":").removesuffix(".").removesuffix("/")


def _as_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _choice(answer: str) -> str:
    """The last of the letters A to E that stands alone, else the answer itself."""
    letters = re.findall(r"\b[A-E]\b", answer.upper())
    return letters[-1] if letters else answer.strip(" .:/")


def _bare(text: str) -> str:
    return re.sub(r"[{}()]", "", text).lower()


def _same_bare(answer: str, gold: str) -> bool:
    """Equality without braces and parentheses, and without brackets round the whole."""
    closed = (answer[:1], answer[-1:])
    if (closed == ("[", "]") and gold[0] != "(") or (closed == ("(", ")") and gold[0] != "["):
        answer, gold = answer.strip("[]()"), gold.strip("[]()")
    return _bare(answer) == _bare(gold)


def _matrix_rows(text: str) -> list[list[str]] | None:
    begin, end = "\\begin{pmatrix}", "\\end{pmatrix}"
    if not (text.startswith(begin) and text.endswith(end)):
        return None
    rows = text[len(begin) : -len(end)].split("\\\\")
    return [row.strip().split("&") for row in rows if row.strip()]


def _same_items(answers: list[str], golds: list[str], symbolic: Symbolic) -> bool:
    return len(answers) == len(golds) and all(
        equal(a, g, symbolic) for a, g in zip(answers, golds, strict=True)
    )


def _same_collection(answer: str, gold: str, symbolic: Symbolic) -> bool:
    """Bracketed lists item by item, in order, whatever the brackets; matrices entry by entry."""
    bracketed = all(re.match(r"[(\[].+[)\]]", text) for text in (answer, gold))
    if bracketed and _same_items(answer[1:-1].split(","), gold[1:-1].split(","), symbolic):
        return True
    ours, theirs = _matrix_rows(answer), _matrix_rows(gold)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    return all(_same_items(a, g, symbolic) for a, g in zip(ours, theirs, strict=True))


def _same_equation(answer: str, gold: str, symbolic: Symbolic) -> bool:
    """Equations by their difference, up to sign; `x=` against a bare value by the value."""
    sides, gold_sides = answer.split("="), gold.split("=")
    if len(sides) == 2 and len(gold_sides) == 2:
        ours, theirs = (f"{a.strip()} - ({b.strip()})" for a, b in (sides, gold_sides))
        return symbolic(ours, theirs) or symbolic(f"-({ours})", theirs)
    if len(sides) == 2 and len(sides[0].strip()) <= 2 and len(gold_sides) == 1:
        return equal(sides[1], gold, symbolic)
    if len(gold_sides) == 2 and len(gold_sides[0].strip()) <= 2 and len(sides) == 1:
        return equal(answer, gold_sides[1], symbolic)
    return False


def equal(answer: str, gold: str, symbolic: Symbolic) -> bool:
    """Whether two normalised answers are equal; `symbolic` decides what is left over."""
    if answer.strip().lower() == gold.strip().lower():
        return True
    if gold in tuple(_LETTERS) and _choice(answer) == gold:
        return True
    ours, theirs = _as_number(answer), _as_number(gold)
    if ours is not None and theirs is not None:  # a percent may be given either way; final
        return any(isclose(ours, theirs * f, rel_tol=_TOLERANCE) for f in (0.01, 1, 100))
    answer, gold = answer.strip(), gold.strip()
    if not answer or not gold:
        return False
    return (
        _same_bare(answer, gold)
        or _same_collection(answer, gold, symbolic)
        or _same_equation(answer, gold, symbolic)
        or symbolic(answer, gold)
    )


def _numbers_only(answer: str, gold: str) -> bool:
    """What sympy would say of two numbers, however they are written."""
    ours, theirs = value(answer), value(gold)
    if ours is None or theirs is None:
        raise Undecided
    return isclose(ours, theirs, rel_tol=_TOLERANCE)


@lru_cache(maxsize=4096)
def _gold_form(gold: str) -> tuple[str, bool]:
    """The normalised gold, and whether its unit words are variables and were kept.

    Deleting units from "20 cm" leaves a number, from "east" nothing; where it leaves anything
    else, as in `\\frac{1}{s+a}`, the "units" were variables.
    """
    bare, kept = normalise(gold), normalise(gold, keep_units=True)
    variables = bare not in ("", kept) and rational(bare) is None
    return (kept if variables else bare), variables


def _forms(answer: str, gold: str) -> tuple[str, str]:
    gold, variables = _gold_form(gold)
    answer = normalise(answer, keep_units=variables)
    if set(gold) <= set(_LETTERS) and not set(answer) <= set(_LETTERS):
        # A multiple-choice gold: other characters of the answer are dropped. (So an answer
        # without a capital A to E equals a gold that normalises to nothing, such as "east".)
        answer = "".join(letter for letter in answer if letter in _LETTERS)
    return answer, gold


def quick(answer: str, gold: str) -> bool | None:
    """Verdict where strings and plain numbers suffice; None where sympy is needed."""
    try:
        return equal(*_forms(answer, gold), _numbers_only)
    except Undecided:
        return None


def full(answer: str, gold: str) -> bool:
    """Verdict with sympy. Unbounded in time: for the worker."""
    from rlvr_utils.grading.qwen_symbolic import symbolic_equal

    return equal(*_forms(answer, gold), symbolic_equal)
