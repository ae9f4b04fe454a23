r"""The evaluation grader ("qwen-eval"): Qwen2.5-Math's rules as the authors run them.

`forms` finds the answer in a response and brings answer and gold into comparable forms, `quick` decides
whatever strings and plain numbers can decide, and `full` (run in the worker) also uses sympy. Some rules are
surprising (single letters are units, "and" disappears, j becomes i, a proper prefix of a list may be right);
they are kept because the published scores were measured with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from math import isclose
from typing import Any

from word2number.w2n import word_to_num

from rlvr_utils.grading.arithmetic import value
from rlvr_utils.grading.boxes import MAX_ANSWER, closing_brace
from rlvr_utils.grading.symbolic import latex_expression, lenient_latex_expression, python_expression

Symbolic = Callable[[str, str], bool]

# The authors' names for their data sets, which decide how a gold is prepared.
BENCHMARKS = ("math500", "minerva_math", "olympiadbench", "aime24", "aime25", "amc23", "asdiv", "mawps")
_KEEPS_UNITS = "minerva_math"  # its golds are full of variables that look like units
_NORMALISED_ONCE = ("math500", "minerva_math")  # the authors extract these golds from a solution each time
SPECIAL_RULES = (*_NORMALISED_ONCE, "asdiv")  # the others are graded by the common rules

_TOLERANCE = 1e-4
_LETTERS = "ABCDE"
# Symbols that our simple arithmetic accepts, but that sympy's LaTeX parser does not read as a number.
_SYMBOLS = re.compile(r"pi|(?<!\\)(?:sqrt|frac)|sqrt\(")
_CHOICE_PHRASE = re.compile("choice is|answer is")


class Undecided(Exception):
    """Strings and numbers cannot decide; sympy has to."""


# Finding the answer

def _after_last_box(response: str) -> str:
    r"""Content of the last "boxed", even if its brace is unclosed or missing."""
    after = response.rpartition("boxed")[2][: MAX_ANSWER + 2]
    if not after.startswith("{"):
        return after.partition("$")[0].strip()
    end = closing_brace(after)
    return after[1:end]


def _last_number(response: str) -> str:
    numbers = re.findall(r"-?\d*\.?\d+", response.replace(",", ""))
    return numbers[-1] if numbers else ""


def _raw_answer(response: str) -> str:
    """The answer's text, looked for in the authors' order."""
    _, minerva, rest = response.partition("final answer is $")
    if minerva and "$. I hope" in response:
        return rest.partition("$. I hope")[0].strip()
    if "boxed" in response:
        return _after_last_box(response)
    for phrase in ("he answer is", "final answer is"):
        if phrase in response:
            return response.rpartition(phrase)[2].strip()
    if "答案是" in response:
        return response.split("答案是")[1].strip().partition("\n\n")[0].strip()
    return _last_number(response)


def _tidy(answer: str) -> str:
    return re.sub(r"\n\s*", "", answer).removeprefix(":").removesuffix(".").removesuffix("/")


def extract(response: str) -> str:
    """The answer in a response; "" if there is none, or if it has more than 4000 characters.

    Looked for in this order: "final answer is $...$. I hope"; the last "boxed"; after the last "he answer is";
    after the last "final answer is"; after "答案是" to the end of the paragraph; the last number in the text.
    """
    answer = _raw_answer(response.strip().replace("ки", ""))  # a stray token of Qwen2.5 models
    return _tidy(answer) if len(answer) <= MAX_ANSWER else ""


def _choice(text: str, place: int) -> str:
    """The first (0) or last (-1) of the letters A to E that are words of their own, else the text itself."""
    text = text.strip("\n").rstrip(".").rstrip("/").strip(" ").lstrip(":")
    letters = re.findall(r"\b[A-E]\b", text.upper())
    return letters[place] if letters else text.strip().strip(".").rstrip("/")


def choice_letter(response: str) -> str:
    """The letter that a response chooses: the first one after the last "answer is" or "choice is", or the last
    one if the response has neither phrase. A response that repeats a phrase is read up to its first blank line.
    """
    response = response.strip()
    if any(response.count(phrase) > 1 for phrase in ("choice is", "answer is")):
        response = response.partition("\n\n")[0]
    *before, after = _CHOICE_PHRASE.split(response)
    return _choice(after, 0 if before else -1)


# One spelling of every answer

# Deleted where they are words of their own, with or without a plural "s". A full stop matches any character,
# as in the authors' code, so the order matters: abbreviations come before single letters, except the last.
_ABBREVIATIONS = (
    "q .;p . m;a .;b .;c .;d .;e .;f .;g .;h .;a . m;cu . m;rs .;profit of rs;no change;"
    "m sqaure; m east;sq m;cu cm;cm 2;sq inch;pi sq m;π r 2;∏ cm ³;v â € ™;° f"
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
    """A pattern that matches any unit, and one pattern per unit, in order."""
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
    r"""Drop everything from the first `\text{` if the text ends with a brace.

    Nothing is dropped if the result would be empty, so that an answer that is a single word survives.
    """
    start = text.find("\\text{")
    shorter = text[:start].strip() if start >= 0 and text.endswith("}") else ""
    return shorter or text.strip()


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


def _slash_to_frac(text: str) -> str:
    r"""`3/4` becomes `\frac{3}{4}`: whole numbers without leading zeros, or roots."""
    top, slash, bottom = text.partition("/")
    if not slash or "/" in bottom:
        return text
    if all("sqrt" in part or re.fullmatch(r"0|-?[1-9]\d*", part) for part in (top, bottom)):
        return f"\\frac{{{top}}}{{{bottom}}}"
    return text


def _spelled_number(text: str) -> str:
    """Digits for a number in English words ("twenty-one" is 21); other text unchanged."""
    try:
        return str(word_to_num(text))
    except (ValueError, IndexError):
        return text


@lru_cache(maxsize=4096)
def normalise(text: str, keep_units: bool = False) -> str:
    """One pass of small rewrites, in the authors' order, that turns different spellings into one string."""
    text = text.strip().replace("\n", "").rstrip(".").replace("\\!", "")
    text = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", text)
    text = text.replace("\\end{array}", "\\end{pmatrix}")
    text = _without_trailing_text(_replace_all(text, _PLAIN_BEFORE_UNITS))
    if not keep_units:
        text = _without_units(text)
    text = _spelled_number(_replace_all(text, _MARKS))
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
    return _slash_to_frac(_with_braces(text))


def _gold_form(gold: str, benchmark: str | None) -> str:
    if benchmark == "asdiv":
        gold = re.sub(r"\(.*?\)", "", gold)  # 9 (apples)
    keep_units = benchmark == _KEEPS_UNITS
    if benchmark in _NORMALISED_ONCE:
        return normalise(_tidy(gold), keep_units)
    return normalise(normalise(gold))


def forms(response: str, gold: str, benchmark: str | None = None) -> tuple[str, str]:
    """The comparable forms of the answer in a response and of its gold, for `quick` and `full`.

    A gold that is one of the letters A to E is compared with the letter that the whole response chooses. If it
    consists of several of them, all other characters of the answer are dropped. (So an answer without a capital
    A to E equals a gold that normalises to nothing, such as "east".)
    """
    gold, keep_units = _gold_form(gold, benchmark), benchmark == _KEEPS_UNITS
    answer = normalise(normalise(extract(response), keep_units), keep_units)
    if len(gold) == 1 and gold in _LETTERS and answer not in tuple(_LETTERS):
        answer = choice_letter(response)
    elif set(gold) <= set(_LETTERS) and not set(answer) <= set(_LETTERS):
        answer = "".join(letter for letter in answer if letter in _LETTERS)
    return answer, gold


# Equality of two normalised answers

def _as_number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _bare(text: str) -> str:
    return re.sub(r"[{}()]", "", text).lower()


def _same_bare(answer: str, gold: str) -> bool:
    """Equality ignoring braces and parentheses, and ignoring brackets around the whole."""
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
    """Bracketed lists item by item and in order, whatever the brackets; matrices entry by entry."""
    bracketed = all(re.match(r"[(\[].+[)\]]", text) for text in (answer, gold))
    if bracketed and _same_items(answer[1:-1].split(","), gold[1:-1].split(","), symbolic):
        return True
    ours, theirs = _matrix_rows(answer), _matrix_rows(gold)
    if ours is None or theirs is None or len(ours) != len(theirs):
        return False
    return all(_same_items(a, g, symbolic) for a, g in zip(ours, theirs, strict=True))


def _same_equation(answer: str, gold: str, symbolic: Symbolic) -> bool:
    """Equations by the difference of their sides, up to sign; `x = value` against a bare value by the value."""
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
    """Whether two normalised answers are equal; `symbolic` decides the remaining cases."""
    if answer.strip().lower() == gold.strip().lower():
        return True
    if gold in tuple(_LETTERS) and _choice(answer, -1) == gold:
        return True
    ours, theirs = _as_number(answer), _as_number(gold)
    if ours is not None and theirs is not None:  # a percentage counts in either form; this decides
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
    """Sympy's verdict on two numbers, however they are written. Raises Undecided for anything else."""
    if _SYMBOLS.search(answer + " " + gold):
        raise Undecided
    ours, theirs = value(answer), value(gold)
    if ours is None or theirs is None:
        raise Undecided
    return isclose(ours, theirs, rel_tol=_TOLERANCE)


# Equality by sympy: may run forever, so only in the worker


def _read(text: str) -> Any:
    """The first parse that succeeds; the text itself if none does."""
    for reader in (latex_expression, python_expression, lenient_latex_expression):
        for spelling in dict.fromkeys((text.replace("\\\\", "\\"), text)):
            with suppress(Exception):
                return reader(spelling)
    return text


def _same_text(a: Any, b: Any) -> bool:
    return str(a) == str(b) or a == b


def _same_value(a: Any, b: Any) -> bool:
    from sympy import simplify

    return bool(a.equals(b)) or simplify(a - b) == 0


def _same_relation(a: Any, b: Any) -> bool:
    return bool(abs(a.lhs - a.rhs).equals(abs(b.lhs - b.rhs)))


def _close(a: Any, b: Any) -> bool:
    from sympy import N

    return isclose(float(N(a)), float(N(b)), rel_tol=1e-4)


def _same_rounded_matrix(a: Any, b: Any) -> bool:
    rounded = [m.applyfunc(lambda x: round(x, 3)) for m in (a, b)]
    return a.shape == b.shape and bool(rounded[0].equals(rounded[1]))


def symbolic_equal(answer: str, gold: str) -> bool:
    """Equal as parsed expressions: exactly, as equations, or within a relative 1e-4.

    Text that could not be parsed equals only itself: sympy would execute it as Python.
    """
    a, b = _read(answer), _read(gold)
    if isinstance(a, str) or isinstance(b, str):
        return str(a) == str(b)
    tests: tuple[Callable[[Any, Any], bool], ...] = (
        _same_text, _same_value, _same_relation, _close, _same_rounded_matrix,
    )
    for test in tests:
        with suppress(Exception):
            if test(a, b):
                return True
    return False


def quick(answer: str, gold: str) -> bool | None:
    """Verdict if strings and plain numbers suffice; None if sympy is needed."""
    try:
        return equal(answer, gold, _numbers_only)
    except Undecided:
        return None


def full(answer: str, gold: str) -> bool:
    """Verdict with sympy. May run forever, so call it only in the worker."""
    return equal(answer, gold, symbolic_equal)
