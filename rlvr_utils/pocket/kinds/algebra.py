"""Algebra: equations, expressions, ratios and lines."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step, fraction


def linear(d: Dice) -> Problem:
    """Mistake: the bracket is forgotten, so that only x is multiplied."""
    a, x, e = d.int(3, 6, 1), d.int(5, 20, 6), d.int(11, 50, 20)
    b = a * d.int(2, 4)
    c = a * (x + b) + e
    (who,), (thing,) = d.names(1), d.things(1)
    return Problem((a, b, e, c), (
        f"We know that {a}(x+{b})+{e}={c}.",
        f"{who} takes a number x, adds {b}, multiplies the sum by {a}, then adds {e} and ends at {c}.",
        f"{who} fills {a} boxes with x+{b} {thing} each and has {e} {thing} more, which makes {c} {thing} in all.",
        f"A wall is {a} metres high and x+{b} metres long. Its area and another {e} square metres make {c} square metres.",
        f"When x is increased by {b}, the sum is multiplied by {a} and {e} is added, the result is {c}.",
    ), (
        "What is x?",
        "Find x.",
        "Solve for x.",
        "What is the value of x?",
    ), (
        Step(("the product", "the multiple of the bracket"), c, "-", e),
        Step(("the bracket", "the value in the bracket"), "#0", "/", a),
        Step(("the unknown", "the number x"), "#1", "-", b),
    ), (
        Step(("the left side without the last number", "the first part"), c, "-", e),
        Step(("the multiple of x", "the product"), "#0", "-", b),
        Step(("the unknown", "the number x"), "#1", "/", a),
    ))


def two_sided(d: Dice) -> Problem:
    """Mistake: a number that changes sides keeps its sign."""
    more, c, x, b = d.int(3, 7, 1), d.int(2, 9, 1), d.int(6, 25, 8), 1
    while 2 * b % more or b < 11:
        b = d.int(11, 50, 15)
    a, e = c + more, b + more * x
    (who, other), (thing,) = d.names(2), d.things(1)
    return Problem((a, b, c, e), (
        f"We know that {a}x+{b}={c}x+{e}.",
        f"The lines y={a}x+{b} and y={c}x+{e} cross where the first coordinate is x.",
        f"{who} multiplies a number x by {a} and adds {b}. {other} multiplies x by {c} and adds {e}. Both get the same.",
        f"One gym costs {b} dollars plus {a} dollars a visit, another {e} dollars plus {c} a visit. For x visits both cost"
        " the same.",
        f"{who} has {b} {thing} and gets {a} a day, {other} has {e} {thing} and gets {c} a day. After x days they have"
        " equally many.",
    ), (
        "What is x?",
        "Find x.",
        "Solve for x.",
        "What is the value of x?",
    ), (
        Step(("the factor of x", "the difference of the factors", "the coefficient on one side"), a, "-", c),
        Step(("the number on the other side", "the difference of the constants"), e, "-", b),
        Step(("the unknown", "the number x"), "#1", "/", "#0"),
    ), (
        Step(("the factor of x", "the coefficient on one side"), a, "-", c),
        Step(("the number on the other side", "the constant of both sides"), e, "+", b),
        Step(("the unknown", "the number x"), "#1", "/", "#0"),
    ))


def evaluate(d: Dice) -> Problem:
    """Mistake: the square is taken for the double."""
    a, x, b, c = d.int(2, 5), d.int(4, 8, 1), d.int(3, 9, 1), d.int(11, 40, 20)
    formula = f"{a}x^2+{b}x+{c}"
    (who,), (thing,) = d.names(1), d.things(1)
    return Problem((a, b, c, x), (
        f"Let f(x)={formula}, and put x={x}.",
        f"A machine turns x into {formula}. We give it x={x}.",
        f"{who} replaces x by {x} in {formula}.",
        f"After x hours a colony has {formula} cells. We look at it when x={x}.",
        f"A shop charges {formula} dollars for x boxes of {thing}. For the order of {who}, x={x}.",
    ), (
        "What is the value of the expression?",
        "Which number does this give?",
        "Compute the value of the formula.",
        "Find the number that the expression gives.",
    ), (
        Step(("the square", "x squared"), x, "*", x),
        Step(("the quadratic term", "the first term"), a, "*", "#0"),
        Step(("the linear term", "the second term"), b, "*", x),
        Step(("the sum of the terms with x", "the sum of the first two terms"), "#1", "+", "#2"),
        Step(("the value", "the whole sum"), "#3", "+", c),
    ), (
        Step(("the square", "x squared"), 2, "*", x),
        Step(("the quadratic term", "the first term"), a, "*", "#0"),
        Step(("the linear term", "the second term"), b, "*", x),
        Step(("the sum of the terms with x", "the sum of the first two terms"), "#1", "+", "#2"),
        Step(("the value", "the whole sum"), "#3", "+", c),
    ))


def collect(d: Dice) -> Problem:
    """Mistake: the bracket is forgotten, so that only x is multiplied."""
    a, b, c, e = d.int(3, 8, 1), d.int(6, 20, 8), d.int(7, 40, 15), d.int(11, 60, 20)
    expression = f"{a}(x+{b})+{c}x+{e}"
    (who,), (thing,) = d.names(1), d.things(1)
    return Problem((a, b, c, e), (
        f"We have the expression {expression}.",
        f"{who} writes {expression} on the board.",
        f"{who} buys {a} bags of x+{b} {thing} each, {c} bags of x {thing} each and {e} single {thing}.",
        f"The length of a fence in metres is {expression}.",
        f"A number x is increased by {b} and the sum is multiplied by {a}. Then {c}x and {e} are added.",
    ), (
        "Write this in the form mx+n.",
        "What is that in the form mx+n?",
        "Collect the like terms into the form mx+n.",
        "Simplify this to the form mx+n.",
    ), (
        Step(("the coefficient of x", "the factor of x"), a, "+", c),
        Step(("the number from the bracket", "the constant that the bracket gives"), a, "*", b),
        Step(("the constant", "the number without x"), "#1", "+", e),
    ), (
        Step(("the coefficient of x", "the factor of x"), a, "+", c),
        Step(("the constant", "the number without x"), b, "+", e),
    ), f"{a + c}x+{a * b + e}", f"{a + c}x+{b + e}")


def share(d: Dice) -> Problem:
    """Mistake: the ratio a to b is read as the fraction a/b of the whole."""
    a, b = 2, 2
    while gcd(a, b) != 1:
        a = d.int(2, 5)
        b = a + d.int(1, 4)
    rest, aside = (a + b) * b * d.int(2, 3, 1), d.int(11, 40, 10)
    total = rest + aside
    (who, other), (thing,) = d.names(2), d.things(1)
    return Problem((total, aside, a, b), (
        f"Of {total} {thing}, {aside} are lost. {who} and {other} share the others in the ratio {a} to {b}.",
        f"{who} and {other} find {total} {thing} and give {aside} away. The remaining {thing} are divided between them"
        f" in the ratio {a}:{b}.",
        f"There are {total} {thing}. First {aside} are sold, then {who} and {other} split what is left in the ratio"
        f" {a} to {b}.",
        f"A box holds {total} {thing}, of which {aside} are broken. For every {a} good ones that {who} gets, {other}"
        f" gets {b}, until none are left.",
        f"A shop puts {aside} of its {total} {thing} aside. It divides the rest between {who} and {other} in the ratio"
        f" {a}:{b}.",
    ), (
        f"How many {thing} does {who} get?",
        f"Find the number of {thing} that {who} gets.",
        f"What is the share of {who}?",
        f"How many of the {thing} go to {who}?",
    ), (
        Step(("the number to share", f"the number of {thing} to share"), total, "-", aside),
        Step(("the number of parts", "the sum of the ratio"), a, "+", b),
        Step(("the size of one part", "one part"), "#0", "/", "#1"),
        Step((f"the share of {who}", f"the part for {who}"), a, "*", "#2"),
    ), (
        Step(("the number to share", f"the number of {thing} to share"), total, "-", aside),
        Step(("the size of one part", "one part"), "#0", "/", b),
        Step((f"the share of {who}", f"the part for {who}"), a, "*", "#1"),
    ))


def slope(d: Dice) -> Problem:
    """Mistake: the fraction is inverted, run over rise."""
    p, q = 2, 2
    while gcd(p, q) != 1:
        p, q = d.int(2, 9, 1), d.int(2, 9, 1)
    shared = d.one((1, 2, 5, 10))  # factors that can be seen from the last digits
    x, y = d.int(3, 30, 10), d.int(3, 30, 10)
    x2, y2 = x + shared * q, y + shared * p
    (who,) = d.names(1)
    return Problem((x, y, x2, y2), (
        f"A straight line passes through ({x},{y}) and ({x2},{y2}).",
        f"{who} draws a straight line from ({x},{y}) to ({x2},{y2}).",
        f"In the side view of a hill, a straight path climbs from the point ({x},{y}) to the point ({x2},{y2}).",
        f"The graph of a linear function contains the points ({x},{y}) and ({x2},{y2}).",
        f"On a drawing, a ramp starts at the point ({x},{y}) and ends at the point ({x2},{y2}).",
    ), (
        "What is its slope as a fraction in lowest terms?",
        "Find the slope and reduce the fraction.",
        "Write the slope as a reduced fraction.",
        "Which fraction in lowest terms is the slope?",
    ), (
        Step(("the rise", "the difference of the second coordinates"), y2, "-", y),
        Step(("the run", "the difference of the first coordinates"), x2, "-", x),
        *lowest_terms(shared),
    ), (
        Step(("the top of the fraction", "the difference of the first coordinates"), x2, "-", x),
        Step(("the bottom of the fraction", "the difference of the second coordinates"), y2, "-", y),
        *lowest_terms(shared),
    ), fraction(p, q), fraction(q, p))


def lowest_terms(shared: int) -> tuple[Step, ...]:
    """The steps that divide the top (step 0) and the bottom (step 1) of a fraction by their common factor, if any."""
    if shared == 1:
        return ()
    return (Step(("the top in lowest terms", "the reduced top", "the reduced numerator"), "#0", "/", shared),
            Step(("the bottom in lowest terms", "the reduced bottom", "the reduced denominator"), "#1", "/", shared))


KINDS = (linear, two_sided, evaluate, collect, share, slope)
