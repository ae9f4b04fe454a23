"""Precalculus: vectors, matrices, angles, complex numbers, logarithms and points."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step, fraction


def dot_product(d: Dice) -> Problem:
    """Mistake: the coordinates are multiplied crosswise."""
    a, b, c, e = d.int(3, 16, 4), d.int(2, 9), d.int(2, 9), d.int(3, 16, 4)
    if a == b or c == e:
        return dot_product(d)
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
    while gcd(top, 2 * bottom) != 1:
        top, bottom = d.int(1, 9, 3), d.one((9, 10, 12, 15, 18, 20))
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


def determinant(d: Dice) -> Problem:
    """Mistake: the products of the diagonals are added."""
    a, b, c, e = 0, 0, 0, 0
    while a * e < b * c + 10:
        a, b, c, e = d.int(12, 25, 6), d.int(3, 12), d.int(5, 20, 3), d.int(5, 8, 1)
    (who,) = d.names(1)
    return Problem((a, b, c, e), (
        f"A matrix has the rows ({a},{b}) and ({c},{e}).",
        f"The first row of a 2 by 2 matrix is {a}, {b} and the second row is {c}, {e}.",
        f"{who} writes down a matrix with the columns ({a},{c}) and ({b},{e}).",
        f"The coefficients of {a}x+{b}y and {c}x+{e}y are put row by row into a square matrix.",
        f"A map of the plane is given by the matrix with upper row ({a},{b}) and lower row ({c},{e}).",
    ), (
        "What is its determinant?",
        "Find the determinant.",
        "Compute the determinant of this matrix.",
        "What is the determinant of the matrix?",
    ), (
        Step(("the product of the main diagonal", "the main product"), a, "*", e),
        Step(("the product of the other diagonal", "the other product"), b, "*", c),
        Step(("the determinant", "the difference of the products"), "#0", "-", "#1"),
    ), (
        Step(("the product of the main diagonal", "the main product"), a, "*", e),
        Step(("the product of the other diagonal", "the other product"), b, "*", c),
        Step(("the determinant", "the sum of the products"), "#0", "+", "#1"),
    ))


def complex_product(d: Dice) -> Problem:
    """Mistake: the square of i is taken as 1 instead of -1."""
    a, b, c = 0, 0, 0
    while a * c < b + 10:
        a, b, c = d.int(12, 30, 8), d.int(5, 30, 6), d.int(4, 8, 1)
    (who,) = d.names(1)
    return Problem((a, b, c), (
        f"Let z={a}+{b}i and w={c}+i, and multiply z by w.",
        f"{who} multiplies the complex numbers {a}+{b}i and {c}+i.",
        f"We have the complex product ({a}+{b}i)({c}+i).",
        f"In the complex plane, the point {a}+{b}i is multiplied by {c}+i.",
        f"In a circuit, the complex current {a}+{b}i is multiplied by the impedance {c}+i.",
    ), (
        "What is the product in the form p+qi?",
        "Write the product in the form p+qi.",
        "Find the product as a complex number p+qi.",
        "Which complex number p+qi is the product?",
    ), (
        Step(("the product of the real parts", "the first product"), a, "*", c),
        Step(("the real part", "the part without i"), "#0", "-", b),
        Step(("the inner product", "the product of the inner terms"), b, "*", c),
        Step(("the imaginary part", "the coefficient of i"), "#2", "+", a),
    ), (
        Step(("the product of the real parts", "the first product"), a, "*", c),
        Step(("the real part", "the part without i"), "#0", "+", b),
        Step(("the inner product", "the product of the inner terms"), b, "*", c),
        Step(("the imaginary part", "the coefficient of i"), "#2", "+", a),
    ), f"{a * c - b}+{a + b * c}i", f"{a * c + b}+{a + b * c}i")


def logarithm(d: Dice) -> Problem:
    """Mistake: for a power of a power the exponents are added."""
    base, a, p, c, e = d.one((2, 3, 5, 7, 10)), d.int(4, 12, 3), d.int(3, 6, 1), d.int(11, 40, 10), d.int(5, 25, 5)
    while a + p + c < e + 2:
        e = d.int(5, 25, 5)
    (who,) = d.names(1)
    return Problem((base, a, p, c, e), (
        f"Let N=({base}^{a})^{p}*{base}^{c}/{base}^{e}.",
        f"{who} multiplies ({base}^{a})^{p} by {base}^{c}, divides by {base}^{e} and calls the result N.",
        f"A number N is the product of ({base}^{a})^{p} and {base}^{c}, divided by {base}^{e}.",
        f"A store of ({base}^{a})^{p}*{base}^{c} atoms is split into {base}^{e} equal portions of N atoms each.",
        f"The equation N*{base}^{e}=({base}^{a})^{p}*{base}^{c} holds for a number N.",
    ), (
        f"What is the logarithm of N to base {base}?",
        f"To which power must {base} be raised to give N?",
        f"Find the exponent k for which {base}^k=N.",
        f"What is the base {base} logarithm of N?",
    ), (
        Step(("the exponent of the power", "the first exponent"), p, "*", a),
        Step(("the exponent of the product", "the exponent above"), "#0", "+", c),
        Step(("the exponent of the quotient", "the logarithm"), "#1", "-", e),
    ), (
        Step(("the exponent of the power", "the first exponent"), p, "+", a),
        Step(("the exponent of the product", "the exponent above"), "#0", "+", c),
        Step(("the exponent of the quotient", "the logarithm"), "#1", "-", e),
    ))


def midpoint(d: Dice) -> Problem:
    """Mistake: half the difference of the coordinates is taken, not half their sum."""
    a, b = d.int(7, 40, 15), d.int(7, 40, 15)
    c, e = a + 2 * d.int(5, 40, 15), b + 2 * d.int(5, 40, 15)
    who, other = d.names(2)
    return Problem((a, b, c, e), (
        f"A segment joins ({a},{b}) and ({c},{e}).",
        f"{who} stands at the point ({a},{b}) and {other} at the point ({c},{e}).",
        f"On a map, a straight road leads from ({a},{b}) to ({c},{e}).",
        f"A diagonal of a rectangle runs from ({a},{b}) to ({c},{e}).",
        f"The ends of a stick lie at the points ({a},{b}) and ({c},{e}).",
    ), (
        "Which point lies exactly halfway between the two ends?",
        "What is the midpoint of these two points?",
        "Find the point in the middle between the two points.",
        "What are the coordinates of the point halfway between the two?",
    ), (
        Step(("the sum of the first coordinates", "the first sum"), a, "+", c),
        Step(("the first coordinate of the midpoint", "half the first sum"), "#0", "/", 2),
        Step(("the sum of the second coordinates", "the second sum"), b, "+", e),
        Step(("the second coordinate of the midpoint", "half the second sum"), "#2", "/", 2),
    ), (
        Step(("the difference of the first coordinates", "the first difference"), c, "-", a),
        Step(("the first coordinate of the midpoint", "half the first difference"), "#0", "/", 2),
        Step(("the difference of the second coordinates", "the second difference"), e, "-", b),
        Step(("the second coordinate of the midpoint", "half the second difference"), "#2", "/", 2),
    ), f"({(a + c) // 2},{(b + e) // 2})", f"({(c - a) // 2},{(e - b) // 2})")


KINDS = (dot_product, determinant, radians, complex_product, logarithm, midpoint)
