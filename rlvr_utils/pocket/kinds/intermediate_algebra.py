"""Intermediate Algebra: sequences, quadratics, functions, systems and sums of fractions."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.kinds.algebra import lowest_terms
from rlvr_utils.pocket.problem import Dice, Problem, Step, fraction


def nth_term(d: Dice) -> Problem:
    """Mistake: as many steps as terms are counted, like fence posts."""
    a, step, n = d.int(11, 60, 20), d.int(3, 8, 1), d.int(12, 30, 8)
    (who,), (thing,) = d.names(1), d.things(1)
    return Problem((a, step, n), (
        f"An arithmetic sequence of {n} numbers starts with {a} and has the common difference {step}.",
        f"{who} writes down {n} numbers. The first is {a}, and each later one is {step} more than the one before.",
        f"A hall has {n} rows. The numbers of seats start with {a} in the first row and grow by {step} from row to row.",
        f"{who} counts the {thing} in a shop on {n} days. The first count is {a}, and every later count is {step} higher"
        " than the one before.",
        f"The numbers painted on {n} doors start with {a} and go up by {step} from door to door.",
    ), (
        "What is the last number?",
        "Find the last of these numbers.",
        "How large is the final number?",
        "Which number comes last?",
    ), (
        Step(("the number of steps", "the number of gaps"), n, "-", 1),
        Step(("the growth", "the whole increase"), step, "*", "#0"),
        Step(("the last number", "the final number"), a, "+", "#1"),
    ), (
        Step(("the growth", "the whole increase"), step, "*", n),
        Step(("the last number", "the final number"), a, "+", "#0"),
    ))


def expand(d: Dice) -> Problem:
    """Mistake: only the first terms and the last terms are multiplied."""
    a, b, c, e = d.int(2, 6, 1), d.int(5, 15, 3), d.int(2, 6, 1), d.int(3, 8, 1)
    one, other = f"{a}x+{b}", f"{c}x+{e}"
    (who,) = d.names(1)
    return Problem((a, b, c, e), (
        f"We have the product ({one})({other}).",
        f"{who} multiplies {one} by {other}.",
        f"The area of a rectangle is the product of its sides, {one} and {other}.",
        f"The factors of a quadratic are {one} and {other}.",
        f"Let P(x) be the product of {one} and {other}.",
    ), (
        "Write the product without brackets as a quadratic.",
        "Which quadratic in x is the product?",
        "Expand the product and collect like terms.",
        "What is the product in the form px^2+qx+r?",
    ), (
        Step(("the leading coefficient", "the product of the first terms"), a, "*", c),
        Step(("the outer product", "the product of the outer terms"), a, "*", e),
        Step(("the inner product", "the product of the inner terms"), c, "*", b),
        Step(("the coefficient of x", "the factor of x"), "#1", "+", "#2"),
        Step(("the constant", "the product of the last terms"), b, "*", e),
    ), (
        Step(("the leading coefficient", "the product of the first terms"), a, "*", c),
        Step(("the constant", "the product of the last terms"), b, "*", e),
    ), f"{a * c}x^2+{a * e + b * c}x+{b * e}", f"{a * c}x^2+{b * e}")


def root_squares(d: Dice) -> Problem:
    """Mistake: the square of the sum is taken for the sum of the squares."""
    a, total = d.int(2, 5, 1), d.int(7, 8, 1)
    product = d.int(5, (total * total - 1) // 4)
    b, c = a * total, a * product
    (who,) = d.names(1)
    return Problem((a, b, c), (
        f"The roots of {a}x^2-{b}x+{c}=0 are r and s.",
        f"Let r and s be the solutions of {a}x^2-{b}x+{c}=0.",
        f"{who} solves the equation {a}x^2-{b}x+{c}=0 and calls its solutions r and s.",
        f"The parabola y={a}x^2-{b}x+{c} crosses the x-axis at x=r and at x=s.",
        f"{who} thinks of two numbers r and s. Their sum times {a} is {b}, and their product times {a} is {c}.",
    ), (
        "What is r^2+s^2?",
        "What do the squares of r and s add up to?",
        "Compute the sum of the squares of r and s.",
        "Find the value of r^2+s^2.",
    ), (
        Step(("the sum of r and s", "the sum of both numbers"), b, "/", a),
        Step(("the product of r and s", "the product of both numbers"), c, "/", a),
        Step(("the square of the sum", "the sum squared"), "#0", "*", "#0"),
        Step(("twice the product", "the double product"), 2, "*", "#1"),
        Step(("the sum of the squares", "the sum of both squares"), "#2", "-", "#3"),
    ), (
        Step(("the sum of r and s", "the sum of both numbers"), b, "/", a),
        Step(("the sum of the squares", "the sum of both squares"), "#0", "*", "#0"),
    ))


def compose(d: Dice) -> Problem:
    """Mistake: the functions are applied in the wrong order."""
    a, b, c, e, k = d.int(3, 6, 1), d.int(11, 40, 20), d.int(2, 5), d.int(5, 15, 2), d.int(4, 8, 1)
    (who,) = d.names(1)
    return Problem((a, b, c, e, k), (
        f"Let f(x)={a}x+{b} and g(x)={c}x+{e}. We form f(g({k})).",
        f"One machine turns x into {c}x+{e}, the next one turns x into {a}x+{b}. We put {k} into the first machine and"
        " the result into the next.",
        f"With g(x)={c}x+{e} and f(x)={a}x+{b}, we take f(g(x)) at x={k}.",
        f"{who} starts with {k}, multiplies by {c} and adds {e}, then multiplies the result by {a} and adds {b}.",
        f"{who} first applies the rule y={c}x+{e} to x={k} and then the rule z={a}y+{b} to that y.",
    ), (
        "Which number comes out at the end?",
        "What is the final value?",
        "Find the final result.",
        "What number does this give in the end?",
    ), (
        Step(("the inner product", "the first product"), c, "*", k),
        Step(("the inner value", "the first result"), "#0", "+", e),
        Step(("the outer product", "the second product"), a, "*", "#1"),
        Step(("the final value", "the final result"), "#2", "+", b),
    ), (
        Step(("the inner product", "the first product"), a, "*", k),
        Step(("the inner value", "the first result"), "#0", "+", b),
        Step(("the outer product", "the second product"), c, "*", "#1"),
        Step(("the final value", "the final result"), "#2", "+", e),
    ))


def system(d: Dice) -> Problem:
    """Mistake: x is replaced by y and the difference, but the difference is counted only once."""
    a, b, gap = 2, 2, 1
    while (a - 1) * gap % (a + b):
        a, b, gap = d.int(3, 5, 1), d.int(2, 5, 1), d.int(5, 14, 4)
    y = d.int(6, 20, 5)
    total = a * (y + gap) + b * y
    (who, other), (thing, second) = d.names(2), d.things(2)
    return Problem((a, b, total, gap), (
        f"We know that {a}x+{b}y={total} and x-y={gap}.",
        f"{who} pays {total} dollars for {a} {thing} at x dollars each and {b} {second} at y dollars each, and x is {gap}"
        " more than y.",
        f"The line {a}x+{b}y={total} and the line x=y+{gap} meet at (x,y).",
        f"{who} thinks of x and {other} of y. The number x is larger by {gap}, and {a} times x plus {b} times y is"
        f" {total}.",
        f"On a farm, {a} long rows have x trees each and {b} short rows have y trees each, {total} trees in all. A long"
        f" row has {gap} more trees than a short one.",
    ), (
        "What is y?",
        "Find y.",
        "Solve for y.",
        "What is the value of y?",
    ), (
        Step(("the part that the difference adds", "the excess from x"), a, "*", gap),
        Step(("the total without it", "what is left for y", "the multiple of y"), total, "-", "#0"),
        Step(("the factor of y", "the number of times y occurs"), a, "+", b),
        Step(("the unknown y", "the value of y"), "#1", "/", "#2"),
    ), (
        Step(("the total without the difference", "what is left for y", "the multiple of y"), total, "-", gap),
        Step(("the factor of y", "the number of times y occurs"), a, "+", b),
        Step(("the unknown y", "the value of y"), "#0", "/", "#1"),
    ))


def reciprocals(d: Dice) -> Problem:
    """Mistake: the tops are added, and so are the bottoms."""
    a, b, shared = 2, 2, 21
    while a >= b or shared > 20:
        a, b = d.int(3, 8, 1), d.int(5, 40, 6)
        shared = gcd(a + b, a * b)
    who, other = d.names(2)
    return Problem((a, b), (
        f"The fractions \\frac{{1}}{{{a}}} and \\frac{{1}}{{{b}}} are added.",
        f"{who} paints \\frac{{1}}{{{a}}} of a wall in an hour, {other} paints \\frac{{1}}{{{b}}} of it, and we add the"
        " two parts.",
        f"One pipe fills a tank in {a} hours, another in {b} hours. We add the parts of the tank that they fill in one"
        " hour.",
        f"{who} adds the reciprocals of {a} and {b}.",
        f"{who} walks \\frac{{1}}{{{a}}} of a trail before lunch and \\frac{{1}}{{{b}}} of it after lunch.",
    ), (
        "What is the sum as a fraction in lowest terms?",
        "Write the total as one reduced fraction.",
        "Which fraction in lowest terms is that in all?",
        "Find the sum and reduce the fraction.",
    ), (
        Step(("the top of the sum", "the top of the fraction", "the numerator"), a, "+", b),
        Step(("the bottom of the sum", "the common bottom", "the denominator"), a, "*", b),
        *lowest_terms(shared),
    ), (
        Step(("the top of the sum", "the top of the fraction", "the numerator"), 1, "+", 1),
        Step(("the bottom of the sum", "the bottom of the fraction", "the denominator"), a, "+", b),
        *lowest_terms(gcd(2, a + b)),
    ), fraction(a + b, a * b), fraction(2, a + b))


KINDS = (nth_term, expand, root_squares, compose, system, reciprocals)
