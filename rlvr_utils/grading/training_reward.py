r"""The training reward ("training"): last box, string equality or sympy equality, no tolerance.

The authors score prompt and response together, so a response without a box is judged by the prompt's own empty
`\boxed{}` and is wrong. Here the response is scored alone, and without a box it is wrong too. (The two differ
only for an empty label, which `grade_batch` counts as wrong.) Unlike in the authors' code, sympy runs under the
worker's time limit and parses only text that is plainly mathematics.

An answer is right if either of two public normalisers makes it equal to the label: `hendrycks`, from the MATH
benchmark, as a string; `prm800k`, from PRM800K, as a string, or item by item with sympy.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import isclose

from pylatexenc.latex2text import LatexNodes2Text

from rlvr_utils.grading.arithmetic import value
from rlvr_utils.grading.boxes import boxed_answer

_HENDRYCKS = [
    ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"),
    ("\\left", ""), ("\\right", ""), ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
]
_UNIT = re.compile(
    r"(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)"
    r"(?:es)?s? *(?:\^[0-9]+)?"
)
_MAGNITUDES = [("million", "*10^6"), ("billion", "*10^9"), ("trillion", "*10^12")]
_OPERATORS = str.maketrans({"√": "sqrt", "π": "pi", "∞": "inf", "∪": "U", "·": "*", "×": "*"})
_BRACKETS = "()[]"
_FRACTION = re.compile(r"-?[0-9]+.?/0*[1-9][0-9]*.?")
_NUMBER = re.compile(r"-?(?:\d{1,12}/0*[1-9]\d{0,11}|\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_REFUSED_POWERS = re.compile(r"\^[{(]|\^\d+\^|\^\d\d")


def forms(response: str, gold: str, benchmark: str | None = None) -> tuple[str, str]:
    """Content of the last box ("" if there is no closed one) and the label; the benchmark makes no difference.

    If the label contains a box, only the content of that box counts.
    """
    del benchmark
    return boxed_answer(response) or "", gold if "\\boxed" not in gold else boxed_answer(gold) or ""


def unwrap_text(text: str) -> str:
    r"""`\text{12.8}` is 12.8, if that is the whole answer."""
    match = re.fullmatch(r"\\text\{(.+?)\}", text)
    return match[1] if match else text


def _braced_roots(text: str) -> str:
    r"""`\sqrt2` as `\sqrt{2}`; IndexError for a root without content."""
    head, *pieces = text.split("\\sqrt")
    return "\\sqrt".join([head, *(piece if piece[0] == "{" else f"{{{piece[0]}}}{piece[1:]}" for piece in pieces)])


def _braced_fractions(text: str) -> str:
    r"""`\frac12` and `\frac1{2}` as `\frac{1}{2}`; IndexError for a fraction without content."""
    head, *pieces = text.split("\\frac")
    fixed = [head]
    for piece in pieces:
        if piece[0] == "{":
            fixed.append(piece)
        elif len(piece) < 2:
            return text
        else:
            bottom = piece[1:] if piece[1] == "{" else f"{{{piece[1]}}}{piece[2:]}"
            fixed.append(f"{{{piece[0]}}}{bottom}")
    return "\\frac".join(fixed)


def _plain_fraction(text: str) -> str:
    r"""A whole-number quotient such as 64/5 as `\frac{64}{5}`."""
    match = re.fullmatch(r"(0|-?[1-9]\d*)/(0|-?[1-9]\d*)", text)
    return rf"\frac{{{match[1]}}}{{{match[2]}}}" if match else text


def _hendrycks(text: str) -> str:
    for old, new in _HENDRYCKS:
        text = text.replace(old, new)
    before, *units = text.split("\\text{ ")
    if len(units) > 1:
        raise ValueError("two units")
    text = before.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if text.startswith("."):
        text = "0" + text
    name, equals, value = text.partition("=")
    if equals and "=" not in value and len(name) <= 2:
        text = value
    text = _braced_fractions(_braced_roots(text).replace(" ", ""))
    return _plain_fraction(r"\frac{1}{2}" if text == "0.5" else text)


def hendrycks(answer: str) -> str:
    r"""The MATH benchmark's form: spaces, degrees and dollar signs dropped, fractions as `\frac{a}{b}`.

    A unit is dropped only if written `\text{ unit}`, with a space after the brace; a left side such as `V =`
    only if it has at most two characters. Text that the rules cannot handle stays unchanged.
    """
    text = unwrap_text(answer.strip()).strip()
    try:
        return _hendrycks(text)
    except (ValueError, IndexError):
        return text


@lru_cache(maxsize=1)
def _converter() -> LatexNodes2Text:
    logging.getLogger("pylatexenc").setLevel(logging.ERROR)  # it warns about every malformed formula
    return LatexNodes2Text()


def latex_to_text(latex: str) -> str:
    r"""LaTeX as one line of text: `1\frac{1}{3}` is "1 1/3", `\sqrt{2}` is "sqrt(2)".

    A quotient gets no parentheses; the index of a root and unknown macros are lost. The authors' verdicts depend
    on these habits of the library. Raises what the library raises for text it cannot parse.
    """
    latex = re.sub(r"\\[td]frac", r"\\frac", latex).replace("\\frac", " \\frac")
    return _converter().latex_to_text(latex).translate(_OPERATORS).strip()


def as_integer(text: str) -> int | None:
    """The whole number that `text` stands for ("12.0" and "12,000" count), else None."""
    try:
        value = float(re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text))
        return round(value) if abs(value - round(value)) <= 1e-7 else None
    except (ValueError, OverflowError):
        return None


def prm800k(answer: str) -> str:
    """PRM800K's form: lower case, no spaces, units or currency; quotients as a/b."""
    text = unwrap_text(answer)
    for mark in ("\\%", "%", "\\$", "$"):
        text = text.replace(mark, "")
    text = text.replace(" or ", " , ").replace(" and ", " , ")
    for word, power in _MAGNITUDES:
        text = text.replace(word, power)
    text = re.sub(r"\^ *\\circ", "", _UNIT.sub("", text))
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = re.sub(r",\\! *", "", text)
    if "\\" in text:
        with suppress(Exception):
            text = latex_to_text(text)
    text = re.sub(r"- *", "-", text)
    text = re.sub(r"([0-9]) +([0-9])", r"\1+\2", text)  # a mixed number: 1 1/3 is 1+1/3
    text = re.sub(r"[ {}]", "", text).lower()
    whole = as_integer(text)
    return text if whole is None else str(whole)


def _items(text: str) -> list[str]:
    """The items of a bracketed list without inner brackets; anything else is a single item."""
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
        return answer == gold  # an unreduced fraction is wrong
    if (as_integer(answer) is None) != (as_integer(gold) is None):
        return False  # only a whole number equals a whole number
    ours, theirs = _exact(answer), _exact(gold)
    if ours is not None and theirs is not None:
        return ours == theirs
    near, wanted = value(answer), value(gold)
    if near is not None and wanted is not None and not isclose(near, wanted, rel_tol=1e-8):
        return False
    return None if _worth_sympy(answer, gold) else False


def _pairs(answer: str, gold: str) -> list[tuple[str, str]] | None:
    """Pairs of items to compare; None if the lists differ in length or brackets."""
    ours, theirs = _items(answer), _items(gold)
    if len(ours) != len(theirs) or not ours:
        return None
    if len(theirs) > 1 and (answer[0], answer[-1]) != (gold[0], gold[-1]):
        return None
    return list(zip(ours, theirs, strict=True))


def quick(answer: str, gold: str) -> bool | None:
    """Verdict if strings and plain numbers suffice; None if sympy is needed."""
    if not gold:  # the label's box is not closed
        return False
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
    except Exception:  # noqa: BLE001  whatever sympy raises for nonsense, it is not equal
        return False


def full(answer: str, gold: str) -> bool:
    """Verdict with sympy. May run forever, so call it only in the worker."""
    verdict = quick(answer, gold)
    if verdict is not None:
        return verdict
    pairs = _pairs(prm800k(answer), prm800k(gold)) or []
    return all(_equal_item(ours, theirs) for ours, theirs in pairs)
