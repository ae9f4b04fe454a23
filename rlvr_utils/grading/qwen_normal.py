r"""The evaluation's string normaliser: two spellings of one answer become one string.

It is a fixed sequence of small rewritings (Qwen2.5-Math evaluation, as the authors run it). Some
are surprising (single letters are units, "and" disappears, j becomes i); they are kept, because
the published scores were measured with them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rlvr_utils.grading.word_numbers import spelled_number

# Words that are deleted where they stand alone, with and without a plural "s". A full stop matches
# any character, as it does for the authors, so the order matters: abbreviations come before the
# single letters, except the last.
_ABBREVIATIONS = (
    "q .;p . m;a .;b .;c .;d .;e .;f .;g .;h .;a . m;cu . m;rs .;profit of rs;no change;"
    "m sqaure; m east;sq m;cu cm;cm 2;sq inch;pi sq m;π r 2;° f"
)
_WORDS = (
    "mm cm dm m km ft feet inch inches mile yard meter metre mtr mt acre hectare "
    "gm g kg lb rd gal gallon liter litre lt cc sq square cubic cube unit "
    "sec second min minute minw hr hour h day month yr year am pm noon mph kmph kmh mp "
    "degree deg percent per ratio ohm o t a c d l s ab bc st th by "
    "east west rise way gain loss profit excess increase decrease more less pure prime number "
    "are man men woman women soldier monkey apple toy coin pie tile mark rounds rupee rs Surface"
)
_AFTER_WORDS = "s ."

_PLAIN_BEFORE_UNITS = [
    ("bmatrix", "pmatrix"), ("tfrac", "frac"), ("dfrac", "frac"),
    ("\\neq", "\\ne"), ("\\leq", "\\le"), ("\\geq", "\\ge"),
    ("\\left", ""), ("\\right", ""), ("\\{", "{"), ("\\}", "}"),
]
_MARKS = [("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""), ("$", ""), ("\\(", ""), ("\\)", "")]
_VARIABLE_PREFIXES = [
    (name + sign, "") for sign in ("=", "\\in", "\\to") for name in ("x", "y", "z")
]
_PLAIN_AFTER_UNITS = [
    *_VARIABLE_PREFIXES,
    ("\\emptyset", "{}"), ("(-\\infty,\\infty)", "\\mathbb{R}"),
    ("\\%", ""), ("%", ""), (" .", " 0."), ("{.", "{0."),
]


@lru_cache(maxsize=1)
def _unit_patterns() -> tuple[re.Pattern[str], list[re.Pattern[str]]]:
    """One pattern that says whether any unit occurs, and one pattern per unit, in order."""
    units = [*_ABBREVIATIONS.split(";"), *_WORDS.split(), _AFTER_WORDS]
    units += [unit + "s" for unit in units]
    any_unit = re.compile(r"(?:^|\W)(?:" + "|".join(units) + r")(?:$|\W)")
    return any_unit, [re.compile(rf"(^|\W){unit}($|\W)") for unit in units]


def _replace_all(text: str, pairs: list[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def _without_units(text: str) -> str:
    any_unit, patterns = _unit_patterns()
    for _ in range(2):  # neighbours share a space, which one pass uses up
        if not any_unit.search(text):
            break
        for pattern in patterns:
            text = pattern.sub(r"\1\2", text) or text
    return text


def _without_trailing_text(text: str) -> str:
    r"""Drop `\text{...}` at the end, with all that precedes it back to the first `\text{`.

    Only where something is left over, so that an answer which is a word survives.
    """
    start = text.find("\\text{")
    if start < 0 or not text.endswith("}"):
        return text
    return text[:start].strip() or text


def _with_braces(text: str) -> str:
    r"""`\frac12` and `\frac1{2}` become `\frac{1}{2}`; `\sqrt2` becomes `\sqrt{2}`."""
    text = re.sub(r"\\sqrt(\w+)", r"\\sqrt{\1}", text).replace(" ", "")
    head, *pieces = text.split("\\frac")
    fixed = [head]
    for piece in pieces:
        if piece.startswith("{"):
            fixed.append(piece)
        elif len(piece) < 2:
            return text
        elif piece[1] == "{":
            fixed.append(f"{{{piece[0]}}}{piece[1:]}")
        else:
            fixed.append(f"{{{piece[0]}}}{{{piece[1]}}}{piece[2:]}")
    return "\\frac".join(fixed)


def slash_to_frac(text: str) -> str:
    r"""`3/4` becomes `\frac{3}{4}`: whole numbers without leading zeros, or roots."""
    top, slash, bottom = text.partition("/")
    if not slash or "/" in bottom:
        return text
    if all("sqrt" in part or re.fullmatch(r"0|-?[1-9]\d*", part) for part in (top, bottom)):
        return f"\\frac{{{top}}}{{{bottom}}}"
    return text


def _once(text: str, keep_units: bool) -> str:
    text = text.strip().replace("\n", "").rstrip(".").replace("\\!", "")
    text = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", text)
    text = text.replace("\\end{array}", "\\end{pmatrix}")
    text = _without_trailing_text(_replace_all(text, _PLAIN_BEFORE_UNITS))
    if not keep_units:
        text = _without_units(text)
    text = spelled_number(_replace_all(text, _MARKS))
    text = _replace_all(re.sub(r"\\text\{(.*?)\}", r"\1", text), _PLAIN_AFTER_UNITS)
    text = text.replace("infinity", "\\infty")
    if "\\infty" not in text:
        text = text.replace("inf", "\\infty")
    text = re.sub(r"\\mbox\{.*?\}", "", text.replace("and", "").replace("\\mathbf", ""))
    if "i" not in text:
        text = text.replace("j", "i")
    text = re.sub(r"(?<!\d)(\d+)\.0*(\D|$)", r"\1\2", text)
    if text.startswith("."):
        text = "0" + text
    name, equals, value = text.partition("=")
    if equals and len(name) <= 2 and "=" not in value:
        text = value
    return slash_to_frac(_with_braces(text))


def normalise(text: str, keep_units: bool = False) -> str:
    """The comparable form of an answer (the authors apply the rewriting twice; so do we)."""
    return _once(_once(text, keep_units), keep_units)
