r"""Values of plain numbers and of simple arithmetic, without sympy.

Thousands of answers are numbers such as `8\sqrt{3}` or `\frac{1}{2}+3`. Only text that every grader reads
in the same way is read here; everything else gives None and is left to sympy.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_RATIONAL = re.compile(r"(-?)(?:(\d{1,15}(?:\.\d{1,15})?)|\\frac\{(-?\d{1,15})\}\{(\d{1,15})\})", re.ASCII)
_TOKEN = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d{1,15})?)|\\?(?P<name>frac|sqrt|pi)(?![a-zA-Z])"
    r"|(?P<times>\*|\\cdot|\\times)|(?P<sign>[-+/^(){}])",
    re.ASCII,
)
_MAX_LENGTH, _MAX_DEPTH = 200, 20
_CANCELLED = 1e6  # a result this many times smaller than its largest term is not trusted


def rational(text: str) -> Fraction | None:
    r"""Value of a plain number or of `\frac{a}{b}` with whole numbers; None for anything else."""
    match = _RATIONAL.fullmatch(text)
    if not match or match[4] and not int(match[4]):
        return None
    value = Fraction(match[2]) if match[2] else Fraction(int(match[3]), int(match[4]))
    return -value if match[1] else value


class _Reader:
    """Recursive descent over the tokens; ValueError for anything ambiguous."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        while text:
            match = _TOKEN.match(text)
            if not match:
                raise ValueError(text)
            self.tokens.append("*" if match["times"] else match["name"] or match[0])
            text = text[match.end() :]
        self.tokens.append("")
        self.depth = 0
        self.largest = 0.0

    def accept(self, *tokens: str) -> str:
        return self.tokens.pop(0) if self.tokens[0] in tokens else ""

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ValueError(token)

    def sum(self) -> float:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError("too deep")
        sign = -1 if self.accept("-") else 1
        total = sign * self.product()
        while operator := self.accept("+", "-"):
            term = self.product()
            total += term if operator == "+" else -term
        self.depth -= 1
        return total

    def product(self) -> float:
        value, divided = self.power(), False
        while True:
            if self.accept("*"):
                value *= self.power()
            elif self.accept("/"):
                value, divided = value / self.power(), True
            elif self.tokens[0] in ("frac", "sqrt", "pi", "("):
                if divided:
                    raise ValueError("1/2x has two readings")
                value *= self.power()
            else:
                self.largest = max(self.largest, abs(value))
                return value

    def power(self) -> float:
        value = self.atom()
        if self.accept("^"):
            exponent = self.group("{") if self.tokens[0] == "{" else self.atom()
            value = math.pow(value, exponent)
            if self.tokens[0] == "^":
                raise ValueError("a power tower")
        return value

    def group(self, opening: str) -> float:
        self.expect(opening)
        value = self.sum()
        self.expect(")" if opening == "(" else "}")
        return value

    def atom(self) -> float:
        if self.tokens[0][:1].isdigit():
            return float(self.tokens.pop(0))
        if self.accept("pi"):
            return math.pi
        if self.accept("frac"):
            return self.group("{") / self.group("{")
        if self.accept("sqrt"):
            return math.sqrt(self.group("(" if self.tokens[0] == "(" else "{"))
        return self.group("(")


def value(text: str) -> float | None:
    r"""Value of simple arithmetic (`+ - * / ^`, fractions, square roots, pi); None for anything else.

    Also None if the result is zero or much smaller than its terms, since it may then be a rounding error.
    Accurate to a relative 1e-9.
    """
    if len(text) > _MAX_LENGTH:
        return None
    try:
        reader = _Reader(text)
        result = reader.sum()
    except (ValueError, ArithmeticError):
        return None
    trusted = reader.tokens == [""] and math.isfinite(reader.largest)
    return result if trusted and abs(result) * _CANCELLED > reader.largest else None
