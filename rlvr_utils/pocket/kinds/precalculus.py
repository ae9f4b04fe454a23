"""Precalculus: vectors, matrices, angles and complex numbers."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step, fraction


def dot_product(d: Dice) -> Problem:
    """Mistake: the coordinates are multiplied crosswise."""
    a, b, c, e = d.int(3, 16, 4), d.int(2, 9), d.int(2, 9), d.int(3, 16, 4)
    return Problem((a, b, c, e), (
        f"Two vectors are ({a},{b}) and ({c},{e}).",
        f"Let u=({a},{b}) and v=({c},{e}).",
        f"The vector u is ({a},{b}) and the vector v is ({c},{e}).",
        f"In the plane, u=({a},{b}) and v=({c},{e}).",
        f"We are given the vectors ({a},{b}) and ({c},{e}).",
    ), (
        "What is their dot product?",
        "Find the scalar product.",
        "Compute the dot product of the two vectors.",
        "What is the inner product of the two?",
    ), (
        Step(("the product of the first coordinates", "the first product"), a, "*", c),
        Step(("the product of the second coordinates", "the second product"), b, "*", e),
        Step(("the dot product", "the sum of both"), "#0", "+", "#1"),
    ), (
        Step(("the first product", "one product"), a, "*", e),
        Step(("the second product", "the other product"), b, "*", c),
        Step(("the dot product", "the sum of both"), "#0", "+", "#1"),
    ))


def radians(d: Dice) -> Problem:
    """Mistake: a full turn, not half a turn, is taken as pi."""
    top, bottom = 0, 2
    while gcd(top, bottom) != 1 or bottom == 1:
        top, bottom = d.int(1, 9, 3), d.one((2, 3, 4, 5, 6, 9, 10, 12))
    shared = 180 // bottom
    total = top * shared
    first = d.int(1, total - 1)
    second = total - first
    return Problem((first, second), (
        f"A wheel turns by {first} degrees and then by {second} degrees more.",
        f"Two neighbouring angles measure {first} and {second} degrees.",
        f"The hand of a dial moves through {first} degrees, then through another {second} degrees.",
        f"A laser beam is rotated by {first} degrees and again by {second} degrees.",
        f"An angle of {first} degrees is made larger by {second} degrees.",
    ), (
        "What is the whole angle in radians?",
        "Write the total angle in radians.",
        "How many radians is that in all?",
        "Convert the sum to radians.",
    ), (
        Step(("the whole angle", "the sum of the angles"), first, "+", second),
        Step(("the angle in lowest terms", "the top of the fraction"), "#0", "/", shared),
        Step(("half a turn in lowest terms", "the bottom of the fraction"), 180, "/", shared),
    ), (
        Step(("the whole angle", "the sum of the angles"), first, "+", second),
        Step(("the angle in lowest terms", "the top of the fraction"), "#0", "/", shared),
        Step(("a turn in lowest terms", "the bottom of the fraction"), 360, "/", shared),
    ), of_pi(top, bottom), of_pi(top, 2 * bottom))


def of_pi(top: int, bottom: int) -> str:
    """`top/bottom` of pi in lowest terms: \\frac{2\\pi}{3}; the bottom is never 1."""
    return fraction(top, bottom).replace("}{", "\\pi}{").replace("{1\\pi}", "{\\pi}")


KINDS = (dot_product, radians)
