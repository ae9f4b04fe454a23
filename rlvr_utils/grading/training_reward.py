r"""The training reward ("training"): last box, string equality or sympy equality, no tolerance.

The authors score prompt and response together, so that a response without a box is judged by the
prompt's own empty `\boxed{}` and is wrong; here the response is scored alone, and without a box
it is wrong. (The one difference, a label that is empty, is refused by the grader as a whole.)
Unlike the authors' code, sympy works under the worker's time limit and reads no text that could
be anything but mathematics.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import isclose

from rlvr_utils.grading.arithmetic import value
from rlvr_utils.grading.boxes import boxed_answer
from rlvr_utils.grading.training_normal import as_integer, hendrycks, prm800k

_BRACKETS = "()[]"
_FRACTION = re.compile(r"-?\d+.?/0*[1-9]\d*.?")
_NUMBER = re.compile(r"-?(?:\d{1,12}/0*[1-9]\d{0,11}|\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})")
_REFUSED_POWERS = re.compile(r"\^[{(]|\^\d+\^|\^\d\d")


def extract(response: str) -> str:
    """Content of the last closed box; "" when there is none."""
    return boxed_answer(response) or ""


def _items(text: str) -> list[str]:
    """Items of a bracketed list without inner brackets; anything else is one item."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    inside = text[1:-1]
    enclosed = len(text) > 2 and text[0] in _BRACKETS and text[-1] in _BRACKETS
    if enclosed and not any(bracket in inside for bracket in _BRACKETS):
        return [item.strip() for item in inside.split(",")]
    return [text] if text else []


def _exact(text: str) -> Fraction | None:
    if not _NUMBER.fullmatch(text):
        return None
    return Fraction(text) if "/" in text else Fraction(Decimal(text))


def _worth_sympy(answer: str, gold: str) -> bool:
    """PRM800K's guard: at most two unknown letters, no bracketed, repeated or long exponents."""
    both = f"({gold})-({answer})"
    letters = {c for c in both.replace("sqrt", "").replace("frac", "") if c.isalpha()}
    return len(letters) <= 2 and not _REFUSED_POWERS.search(both)


def _quick_item(answer: str, gold: str) -> bool | None:
    if _FRACTION.fullmatch(answer) and _FRACTION.fullmatch(gold):
        return answer == gold  # unreduced is wrong
    if (as_integer(answer) is None) != (as_integer(gold) is None):
        return False  # a whole-number label wants a whole number
    ours, theirs = _exact(answer), _exact(gold)
    if ours is not None and theirs is not None:
        return ours == theirs
    near, wanted = value(answer), value(gold)
    if near is not None and wanted is not None and not isclose(near, wanted, rel_tol=1e-8):
        return False
    return None if _worth_sympy(answer, gold) else False


def _pairs(answer: str, gold: str) -> list[tuple[str, str]] | None:
    """Items to compare one by one; None where the lists differ in length or brackets."""
    ours, theirs = _items(answer), _items(gold)
    if len(ours) != len(theirs) or not ours:
        return None
    if len(theirs) > 1 and (answer[0], answer[-1]) != (gold[0], gold[-1]):
        return None
    return list(zip(ours, theirs, strict=True))


def quick(answer: str, gold: str) -> bool | None:
    """Verdict where strings and plain numbers suffice; None where sympy is needed."""
    if hendrycks(answer) == hendrycks(gold):
        return True
    answer, gold = prm800k(answer), prm800k(gold)
    if answer == gold:
        return True
    pairs = _pairs(answer, gold)
    if pairs is None:
        return False
    verdicts = [_quick_item(ours, theirs) for ours, theirs in pairs]
    return False if False in verdicts else None if None in verdicts else True


def _equal_item(answer: str, gold: str) -> bool:
    import sympy

    from rlvr_utils.grading.symbolic import python_expression

    verdict = _quick_item(answer, gold)
    if verdict is not None:
        return verdict
    try:
        return bool(sympy.simplify(python_expression(f"({gold})-({answer})", implicit=True)) == 0)
    except Exception:  # noqa: BLE001  whatever sympy makes of nonsense, it is not equal
        return False


def full(answer: str, gold: str) -> bool:
    """Verdict with sympy. Unbounded in time: for the worker."""
    verdict = quick(answer, gold)
    if verdict is not None:
        return verdict
    pairs = _pairs(prm800k(answer), prm800k(gold)) or []
    return all(_equal_item(ours, theirs) for ours, theirs in pairs)
