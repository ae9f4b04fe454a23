"""The answers of the Counting & Probability kinds, worked out from their numbers alone by other ways than the steps."""
from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations, product


def count(things) -> int:
    return sum(1 for _ in things)


def chance(a: int, b: int, c: int) -> str:
    """Counts the red ones in a list of all."""
    every = [True] * a + [False] * (b + c)
    value = Fraction(sum(every), len(every))
    return f"\\frac{{{value.numerator}}}{{{value.denominator}}}"


def neither(every: int, a: int, b: int, both: int) -> str:
    """Lays the two groups into a set and looks at what is in neither."""
    first, second = set(range(a)), set(range(a - both, a - both + b))
    return str(len(set(range(every)) - first - second))


def mean(a: int, p: int, b: int, q: int) -> str:
    """Weighs the values with their probabilities."""
    return str(Fraction(a, a + b) * p + Fraction(b, a + b) * q)


ANSWERS = {
    "outfits": lambda a, b, c: str(count(product(range(a), range(b), [None, *range(c)]))),
    "pairs": lambda n, more: str(count(combinations(range(n), 2)) + more),
    "draw_one": chance,
    "arrangements": lambda n, m, taken: str(count(product(permutations(range(n), 2), range(m))) - taken),
    "either_or": neither,
    "expected_value": mean,
}
