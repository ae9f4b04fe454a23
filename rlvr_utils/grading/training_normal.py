r"""The two string normalisers of the training reward.

`hendrycks` is the one published with the MATH benchmark, `prm800k` the one published with
PRM800K; the authors' reward accepts an answer that either of them (the second together with
sympy) finds equal to the label. Written anew from their rules.
"""

from __future__ import annotations

import re

_HENDRYCKS = [
    ("\n", ""), ("\\!", ""), ("\\\\", "\\"), ("tfrac", "frac"), ("dfrac", "frac"),
    ("\\left", ""), ("\\right", ""), ("^{\\circ}", ""), ("^\\circ", ""), ("\\$", ""),
]
_UNIT = re.compile(
    r"(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)"
    r"(?:es)?s? *(?:\^[0-9]+)?"
)
_MAGNITUDES = [("million", "*10^6"), ("billion", "*10^9"), ("trillion", "*10^12")]
_SYMBOLS = {
    "pi": "pi", "infty": "inf", "cup": "U", "cdot": "*", "times": "*", "%": "%", ",": " ", ";": " ",
    " ": " ", ":": " ", "!": "", "{": "", "}": "", "left": "", "right": "", "quad": " ",
    "alpha": "α", "beta": "β", "gamma": "γ", "theta": "θ", "lambda": "λ", "omega": "ω", "phi": "φ",
}
_WRAPPERS = ("text", "textbf", "mathrm", "mathbf", "mathit", "mbox", "boxed")


def unwrap_text(text: str) -> str:
    r"""`\text{12.8}` is 12.8, when that is the whole answer."""
    match = re.fullmatch(r"\\text\{(.+?)\}", text)
    return match[1] if match else text


def _braced(text: str, command: str) -> str:
    r"""Put braces round the one-character arguments of `\frac` or `\sqrt`."""
    count = 2 if command == "\\frac" else 1
    head, *pieces = text.split(command)
    fixed = [head]
    for piece in pieces:
        arguments = ""
        for _ in range(count):
            if piece[:1] in ("{", "", "["):
                break
            arguments, piece = f"{arguments}{{{piece[0]}}}", piece[1:]
        fixed.append(arguments + piece)
    return command.join(fixed)


def _plain_fraction(text: str) -> str:
    r"""A whole-number quotient such as 64/5 as `\frac{64}{5}`."""
    match = re.fullmatch(r"(0|-?[1-9]\d*)/(0|-?[1-9]\d*)", text)
    return rf"\frac{{{match[1]}}}{{{match[2]}}}" if match else text


def hendrycks(answer: str) -> str:
    r"""The MATH benchmark's form: spaces, degrees and dollars dropped, fractions as `\frac{a}{b}`.

    A unit is dropped only as `\text{ unit}`, with a space after the brace; a left side such as
    `V =` only when it has at most two characters.
    """
    text = unwrap_text(answer.strip()).strip()
    for old, new in _HENDRYCKS:
        text = text.replace(old, new)
    if text.count("\\text{ ") == 1:
        text = text.partition("\\text{ ")[0]
    text = text.replace("\\%", "").replace(" .", " 0.").replace("{.", "{0.")
    if text.startswith("."):
        text = "0" + text
    name, equals, value = text.partition("=")
    if equals and "=" not in value and len(name) <= 2:
        text = value
    text = _braced(_braced(text, "\\sqrt").replace(" ", ""), "\\frac")
    return _plain_fraction(r"\frac{1}{2}" if text == "0.5" else text)


def _argument(text: str) -> tuple[str, str]:
    """The next LaTeX argument (braced, a command or one character) and the rest."""
    text = text.lstrip()
    if not text.startswith("{"):
        command = re.match(r"\\[A-Za-z]+", text)
        end = command.end() if command else 1
        return text[:end], text[end:]
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[1:position], text[position + 1 :]
    raise ValueError("unclosed brace")


def latex_to_text(latex: str, depth: int = 0) -> str:
    r"""LaTeX as one line of text: `1\frac{1}{3}` is "1 1/3", `\sqrt{2}` is "sqrt(2)".

    A quotient gets no parentheses and the index of a root is lost: both are the authors'
    converter's ways. Raises ValueError for environments, unclosed braces and deep nesting.
    """
    if depth > 20:
        raise ValueError("nested too deeply")
    out: list[str] = []
    while latex:
        before, slash, latex = latex.partition("\\")
        out.append(before)
        if not slash:
            break
        command = re.match(r"[A-Za-z]+ *|.|$", latex, re.DOTALL)[0]  # type: ignore[index]
        latex, name = latex[len(command) :], command.strip() or command
        if name in ("frac", "dfrac", "tfrac"):
            top, latex = _argument(latex)
            bottom, latex = _argument(latex)
            out.append(f" {latex_to_text(top, depth + 1)}/{latex_to_text(bottom, depth + 1)}")
        elif name == "sqrt":
            inside, latex = _argument(re.sub(r"^\[[^\]]*\]", "", latex))
            out.append(f"sqrt({latex_to_text(inside, depth + 1)})")
        elif name in _WRAPPERS:
            inside, latex = _argument(latex)
            out.append(latex_to_text(inside, depth + 1))
        elif name in ("begin", "end"):
            raise ValueError("an environment")
        else:
            out.append(_SYMBOLS.get(name, "?"))
    return "".join(out).replace("{", "").replace("}", "").strip()


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
        try:
            text = latex_to_text(text)
        except ValueError:
            pass
    text = re.sub(r"- *", "-", text)
    text = re.sub(r"(\d) +(?=\d)", r"\1+", text)  # a mixed number: 1 1/3 is 1+1/3
    text = re.sub(r"[ {}]", "", text).lower()
    whole = as_integer(text)
    return text if whole is None else str(whole)
