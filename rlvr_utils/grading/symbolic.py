r"""Parsing answers into sympy expressions; no text is evaluated before it has been found harmless.

LaTeX is parsed with the grammar behind `sympy.parsing.latex.parse_latex`: the authors' grader is built on it,
and its quirks (it reads `0,-1` as 0, `n(n-1)` as a function, `1\frac12` as a product) decide verdicts. The
function itself insists on an older antlr runtime than math-verify needs, while the grammar works with both, so
the grammar is used directly. sympy's lark backend reads the same texts differently and is no substitute.

Python-like text goes to `parse_expr`, which evaluates it. Text is passed on only if every character and name in
it is known to be harmless, and it is evaluated without builtins.

Only the grading worker should call this: any expression may take forever.
"""

from __future__ import annotations

import keyword
import re
from functools import lru_cache
from typing import Any

from rlvr_utils.errors import UserError

MAX_LENGTH = 600
MAX_DEPTH = 60
_NAMES = ("sqrt", "pi", "ln", "log", "exp", "sin", "cos", "tan", "E", "I", "oo")
_TOO_MUCH = re.compile(
    r"(?:\*\*|\^)[\s({]*[-+]?\d{5,}"  # an exponent of five digits or more
    r"|(?:\*\*|\^)[\s({]*\d+[\s)}]*(?:\*\*|\^)[\s({]*\d"  # a tower of numbers
    r"|\d{5,}[\s)}]*!|![\s)}]*!"  # a large or a repeated factorial
    r"|\d{400}"
)
_SUBSCRIPT = re.compile(r"(?<![a-z_])[a-z]_[a-z\d]+(?![a-z\d_])")  # x_1 counts as a single letter
_WORD = re.compile(rf"(?:(?<!\d)\d+\.?\d*|\.\d+)e[-+]?\d+|{_SUBSCRIPT.pattern}|[a-z]+\d*", re.ASCII)
_STRICT = re.compile(r"\\(?:math|text|[ {}])|^\{")  # read only by the current latex2sympy, not by the authors' version
_ATTRIBUTE = re.compile(r"\.\s*[^\d\s+\-*/^()!]|(?<!\d)\.(?!\d)")


def check_size(text: str, longest: int = MAX_LENGTH) -> None:
    """Raise UserError for text that is too long, nested too deeply, or contains numbers too large to compute."""
    depth = deepest = 0
    for character in text[: longest + 1]:
        depth += (character in "({[") - (character in ")}]")
        deepest = max(deepest, depth)
    if len(text) > longest or deepest > MAX_DEPTH or _TOO_MUCH.search(text):
        raise UserError(f"answer {text[:40]!r}: too large to read as mathematics; shorten it")


def _check_python(text: str) -> None:
    check_size(text)
    text = _SUBSCRIPT.sub(lambda letter: letter[0][0], text)
    words = re.findall(r"[^\W\d]+", text)
    if (
        not re.fullmatch(r"[\w+\-*/^()\[\]{},.! α-ω]*", text)
        or "_" in text
        or not all(word.isascii() or re.fullmatch("[α-ω]+", word) for word in words)
        or any(keyword.iskeyword(word) for word in words)
        or any(len(word) > 1 and word not in _NAMES for word in words)
        or _ATTRIBUTE.search(text)
    ):
        raise UserError(f"answer {text[:40]!r}: not plain mathematics; write numbers and letters")


@lru_cache(maxsize=1)
def _namespace() -> dict[str, Any]:
    import sympy

    wanted = ("Symbol", "Function", "Integer", "Float", "Rational", "factorial", *_NAMES)
    return {"__builtins__": {}} | {name: getattr(sympy, name) for name in wanted}


def python_expression(text: str, implicit: bool = False) -> Any:
    """Parse `2*x**2` as sympy's `parse_expr` would; with `implicit` also `2x^2`.

    Raises UserError if the text contains anything but numbers, letters, a few elementary functions and
    operators, and whatever sympy raises for text that makes no sense.
    """
    from sympy.parsing import sympy_parser as parser

    steps = parser.standard_transformations
    if implicit:
        steps += (parser.implicit_multiplication_application,)
        text = _WORD.sub(_split_letters, text.replace("^", "**"))
    _check_python(text)
    return parser.parse_expr(
        text, transformations=steps, global_dict=dict(_namespace()), local_dict={}
    )


def _split_letters(word: re.Match[str]) -> str:
    """A sequence of letters that is not a known name is a product of letters. `1.5e-7` is a number; `sqrt2` is not
    a root. A factorial belongs to the whole product, as in sympy, which reads no space before its sign."""
    text, factorial = word[0], word.string.startswith("!", word.end())
    if text not in _NAMES and text[0].isalpha() and "_" not in text:
        letters = text.rstrip("0123456789")
        text = f"{' '.join(letters)} {text[len(letters):]}"
        text = f"({text})" if factorial else text
    return f" {text}" if factorial else f" {text} "


@lru_cache(maxsize=1)
def _latex_grammar() -> tuple[Any, ...]:
    import antlr4
    from sympy.parsing.latex import _parse_latex_antlr as reader
    from sympy.parsing.latex._antlr.latexlexer import LaTeXLexer
    from sympy.parsing.latex._antlr.latexparser import LaTeXParser

    for generated in (LaTeXLexer, LaTeXParser):  # it would print a warning at every use
        generated.checkVersion = lambda *_: None
    reader.parse_latex = latex_expression  # it calls itself for what is differentiated in dv/dt
    return antlr4, reader, LaTeXLexer, LaTeXParser


def latex_expression(text: str) -> Any:
    """Parse LaTeX as sympy's own `parse_latex` would, up to the first token that does not fit.

    Raises UserError for oversized text and sympy's errors for text that makes no sense.
    """
    check_size(text)
    antlr4, reader, lexer_class, parser_class = _latex_grammar()
    text = text.strip()
    listener = reader.MathErrorListener(text)
    lexer = lexer_class(antlr4.InputStream(text))
    parser = parser_class(antlr4.CommonTokenStream(lexer))
    for recogniser in (lexer, parser):
        recogniser.removeErrorListeners()
        recogniser.addErrorListener(listener)
    return reader.convert_relation(parser.math().relation())


def lenient_latex_expression(text: str) -> Any:
    r"""Parse LaTeX with latex2sympy, which knows matrices and `10^{-01}`.

    The authors' version of that parser is stricter: it accepts only ASCII, takes `\mathit{2}` for a name and
    fails on `\\ `. Raises UserError for these and for lists, which are compared item by item.
    """
    from latex2sympy2_extended import latex2sympy

    check_size(text)
    text = text.replace("~", " ").replace("\\,", " ")
    if re.search("[,;]", text) or not text.isascii() or _STRICT.search(text):
        raise UserError(f"answer {text[:40]!r}: not LaTeX that can be read as one expression; simplify it")
    return latex2sympy(text)
