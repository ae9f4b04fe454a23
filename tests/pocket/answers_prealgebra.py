"""The answers to the kinds of prealgebra, from their numbers by another way than their steps."""
from fractions import Fraction
from statistics import mean

ANSWERS = {
    "shopping": lambda a, b, c, e: str(sum([b] * a + [e] * c)),
    "change": lambda a, b, c, paid: str(paid - c - sum([b] * a)),
    "part_left": lambda top, bottom, unit, more: str((1 - Fraction(top, bottom)) * unit * bottom + more),
    "average": lambda a, b, c: str(mean(map(Fraction, (a, b, c)))),
    "discount": lambda tens, price, extra: str(price * Fraction(10 - tens, 10) + extra),
    "average_speed": lambda first, before, second, after: str(mean(map(Fraction, [before] * first + [after] * second))),
}
