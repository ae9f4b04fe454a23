"""The answers of the Algebra kinds, worked out from their numbers alone by other ways than the steps."""
from __future__ import annotations

import sympy
from sympy.abc import x

from rlvr_utils.pocket.problem import fraction


def shares(total: int, aside: int, a: int, b: int) -> str:
    """Hands out rounds of `a` and `b` until nothing is left."""
    rest, mine = total - aside, 0
    while rest > 0:
        rest, mine = rest - a - b, mine + a
    assert rest == 0
    return str(mine)


ANSWERS = {
    "linear": lambda a, b, e, c: str(*sympy.solve(sympy.Eq(a * (x + b) + e, c), x)),
    "two_sided": lambda a, b, c, e: str(*sympy.solve(sympy.Eq(a * x + b, c * x + e), x)),
    "evaluate": lambda a, b, c, value: str(sympy.Poly([a, b, c], x).eval(value)),
    "collect": lambda a, b, c, e: str(sympy.expand(a * (x + b) + c * x + e)).replace("*", "").replace(" ", ""),
    "share": shares,
    "slope": lambda x1, y1, x2, y2: fraction(y1 - y2, x1 - x2),
}
