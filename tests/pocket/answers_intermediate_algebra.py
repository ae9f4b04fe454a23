"""The answers of the Intermediate Algebra kinds, worked out from their numbers alone by other ways than the steps."""
from __future__ import annotations

import sympy
from sympy.abc import x, y

from rlvr_utils.pocket.problem import fraction


def expanded(a: int, b: int, c: int, e: int) -> str:
    """Lets sympy remove the brackets."""
    return str(sympy.expand((a * x + b) * (c * x + e))).replace("**", "^").replace("*", "").replace(" ", "")


def composed(a: int, b: int, c: int, e: int, k: int) -> str:
    """Puts one expression into the other before the number."""
    return str(sympy.expand((a * x + b).subs(x, c * x + e)).subs(x, k))


def squared_roots(a: int, b: int, c: int) -> str:
    """Squares the roots themselves."""
    roots = sympy.roots(sympy.Poly([a, -b, c], x), multiple=True)
    assert len(set(roots)) == 2 and all(root.is_real for root in roots)
    return str(sympy.expand(sum(root**2 for root in roots)))


ANSWERS = {
    "nth_term": lambda a, step, n: str(list(range(a, a + n * step, step))[-1]),
    "expand": expanded,
    "root_squares": squared_roots,
    "compose": composed,
    "system": lambda a, b, total, gap: str(sympy.solve([a * x + b * y - total, x - y - gap], [x, y])[y]),
    "reciprocals": lambda a, b: fraction(*(sympy.Rational(1, a) + sympy.Rational(1, b)).as_numer_denom()),
}
