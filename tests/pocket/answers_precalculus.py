"""The answers of the Precalculus kinds, worked out from their numbers alone by other ways than the steps."""
from __future__ import annotations

from fractions import Fraction

import sympy


def in_radians(first: int, second: int) -> str:
    """Lets sympy reduce the multiple of pi."""
    top, bottom = sympy.rad(first + second).as_numer_denom()
    return f"\\frac{{{top}}}{{{bottom}}}".replace("*pi", "\\pi").replace("{pi}", "{\\pi}")


def product(a: int, b: int, c: int) -> str:
    """Lets Python multiply complex numbers."""
    value = complex(a, b) * complex(c, 1)
    return f"{int(value.real)}+{int(value.imag)}i"


def exponent(base: int, a: int, p: int, c: int, e: int) -> str:
    """Multiplies the number out and divides it down to 1."""
    number, rest = divmod((base**a)**p * base**c, base**e)
    assert rest == 0
    count = 0
    while number > 1:
        number, count = number // base, count + 1
    return str(count)


def middle(a: int, b: int, c: int, e: int) -> str:
    """Walks half of the way from the first point."""
    return f"({a + Fraction(c - a, 2)},{b + Fraction(e - b, 2)})"


ANSWERS = {
    "dot_product": lambda a, b, c, e: str(sympy.Matrix([a, b]).dot(sympy.Matrix([c, e]))),
    "determinant": lambda a, b, c, e: str(sympy.Matrix([[a, b], [c, e]]).det()),
    "radians": in_radians,
    "complex_product": product,
    "logarithm": exponent,
    "midpoint": middle,
}
