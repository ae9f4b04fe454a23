"""Counting and probability: choices, pairs, arrangements, overlapping groups, chances and expected values."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step, fraction


def outfits(d: Dice) -> Problem:
    """Mistake: the possibility of taking none is forgotten."""
    a = b = c = 1
    while not 60 <= a * b * (c + 1) <= 999:
        a, b, c = d.int(3, 8, 1), d.int(4, 12, 1), d.int(4, 11)
    (who,), (x, y, z) = d.names(1), d.things(3)
    return Problem((a, b, c), (
        f"{who} takes one of {a} {x}, one of {b} {y} and, if {who} likes, one of {c} {z}.",
        f"Out of {a} hats, {b} shirts and {c} scarves {who} puts on one hat, one shirt and at most one scarf.",
        f"From {a} starters, {b} main dishes and {c} desserts, a guest orders one starter, one main dish and at most one dessert.",
        f"A password is one of {a} capital letters, then one of {b} small ones, and it may or may not end with one of {c} signs.",
        f"A gift is made up of one of {a} {x}, one of {b} {y} and either one of {c} different cards or no card.",
        f"One element is chosen from a set of {a}, one from a set of {b}, and one or none from a set of {c}. No two sets overlap.",
    ), (
        "How many different choices are possible?",
        "How many different possibilities does that make?",
        "Find the number of possibilities.",
        "How many possibilities are there?",
    ), (
        Step(("the number of choices for the first two", "the product of the first two"), a, "*", b),
        Step(("the number of choices for the third, with none", "the third number with one more"), c, "+", 1),
        Step(("the number of possibilities", "the whole product"), "#0", "*", "#1"),
    ), (
        Step(("the number of choices for the first two", "the product of the first two"), a, "*", b),
        Step(("the number of possibilities", "the whole product"), "#0", "*", c),
    ))


def pairs(d: Dice) -> Problem:
    """Mistake: every pair is counted twice."""
    n, more = d.int(7, 9, 1), d.int(11, 70, 15)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((n, more), (
        f"Each of {n} guests shakes hands once with every other guest, and later {who} sees {more} more handshakes.",
        f"Each of {n} teams plays one game against every other team, and {more} more games are played in the finals.",
        f"{who} lists all pairs of two out of {n} different {x}, and then {more} further pairs.",
        f"Every two of {n} villages are joined by a path of their own, and {more} more paths lead elsewhere.",
        f"No three of {n} points lie on a line. Every two are joined by a segment, and {more} other segments are drawn.",
        f"Every two of {n} players play one round of chess, and the club has already played {more} other rounds.",
    ), (
        "How many is that in all?",
        "How many does that make altogether?",
        "Find the total number.",
        "What is the total?",
    ), (
        Step(("the number of partners of each", "the number of the others"), n, "-", 1),
        Step(("the number of ordered pairs", "the product"), n, "*", "#0"),
        Step(("the number of pairs", "half of the product"), "#1", "/", 2),
        Step(("the total", "the number with the others added"), "#2", "+", more),
    ), (
        Step(("the number of partners of each", "the number of the others"), n, "-", 1),
        Step(("the number of pairs", "the product"), n, "*", "#0"),
        Step(("the total", "the number with the others added"), "#1", "+", more),
    ))


def draw_one(d: Dice) -> Problem:
    """Mistake: the red ones are compared with the others, not with all of them."""
    top, bottom = 1, 2
    while gcd(top, bottom) != 1 or 2 * top >= bottom:
        top, bottom = d.int(1, 9, 1), d.int(4, 15, 2)
    shared = d.one((2, 3, 4, 5, 6, 8, 10))
    a, others = shared * top, shared * (bottom - top)
    b = d.rng.randint(2, others - 2)
    c = others - b
    (who,) = d.names(1)
    return Problem((a, b, c), (
        f"A bag holds {a} red, {b} blue and {c} green balls, and one ball is drawn at random.",
        f"{who} draws one card from a well mixed pile of {a} red, {b} blue and {c} green cards.",
        f"Of the socks in a drawer, {a} are red, {b} are white and {c} are black. {who} takes one without looking.",
        f"A spinner stops at random on one of {a} red, {b} yellow and {c} blue fields of equal size.",
        f"One element is chosen at random from a set that has {a} red, {b} green and {c} black elements.",
        f"From a bed of {a} red, {b} white and {c} yellow tulips {who} picks one with closed eyes.",
    ), (
        "What is the probability that it is red? Give a fraction in lowest terms.",
        "How likely is red? Answer with a reduced fraction.",
        "Find the probability of red as a fraction in lowest terms.",
        "Which fraction in lowest terms is the probability of red?",
    ), (
        Step(("the number of the others", "the number of those that are not red"), b, "+", c),
        Step(("the number of all", "the total"), "#0", "+", a),
        Step(("the number of red ones in lowest terms", "the top of the fraction"), a, "/", shared),
        Step(("the total in lowest terms", "the bottom of the fraction"), "#1", "/", shared),
    ), (
        Step(("the number of the others", "the number of those that are not red"), b, "+", c),
        Step(("the number of red ones in lowest terms", "the top of the fraction"), a, "/", shared),
        Step(("the others in lowest terms", "the bottom of the fraction"), "#0", "/", shared),
    ), fraction(a, a + b + c), fraction(a, b + c))


def arrangements(d: Dice) -> Problem:
    """Mistake: the same one may be taken twice."""
    n, m, taken = 99, 99, 1
    while n * n * m > 999:
        n, m, taken = d.int(5, 8, 1), d.int(4, 8, 1), d.int(11, 40, 6)
    (who,), (x, y) = d.names(1), d.things(2)
    return Problem((n, m, taken), (
        f"A code is one of {m} letters followed by two different signs out of {n}. Of these codes, {taken} are blocked.",
        f"A head and a deputy are chosen from {n} women and a treasurer from {m} men, but {taken} such boards are ruled out.",
        f"{who} puts two of {n} different {x} and then one of {m} different {y} in a row, but rejects {taken} of the rows.",
        f"Gold and silver go to two of {n} girls and another prize goes to one of {m} boys. {who} excludes {taken} outcomes.",
        f"Of the triples (p,q,r) with two different p, q from a set of {n} and r from a set of {m}, {taken} are struck out.",
        f"Two different flags out of {n} are hung one above the other, beside one of {m} lamps, but {taken} such signals are forbidden.",
    ), (
        "How many possibilities remain?",
        "How many possibilities are left?",
        "Find the number of the remaining possibilities.",
        "What is the number of possibilities that remain?",
    ), (
        Step(("the number of choices for the second place", "what is left after the first choice"), n, "-", 1),
        Step(("the number of ways to fill two places", "the product for two places"), n, "*", "#0"),
        Step(("the number of all possibilities", "the whole product"), "#1", "*", m),
        Step(("the number that remains", "the difference"), "#2", "-", taken),
    ), (
        Step(("the number of ways to fill two places", "the product for two places"), n, "*", n),
        Step(("the number of all possibilities", "the whole product"), "#0", "*", m),
        Step(("the number that remains", "the difference"), "#1", "-", taken),
    ))


def either_or(d: Dice) -> Problem:
    """Mistake: those with both are taken away twice."""
    a, b, rest = d.int(25, 90, 25), d.int(25, 90, 25), d.int(11, 60, 20)
    both = d.rng.randint(6, min(a, b) - 5)
    every = a + b + rest
    (who,), (x, y) = d.names(1), d.things(2)
    return Problem((every, a, b, both), (
        f"Of {every} families, {a} have a dog, {b} have a cat and {both} have both.",
        f"{who} asks {every} pupils: {a} have a brother, {b} have a sister and {both} have both.",
        f"A hotel has {every} rooms, of which {a} have a balcony, {b} have a bath and {both} have both.",
        f"Of {every} boxes, {a} have {x} in them, {b} have {y} in them and {both} have both.",
        f"Of {every} whole numbers, {a} have a zero among their digits, {b} have a nine and {both} have both.",
        f"Of the {every} elements of a set, {a} have property P, {b} have property Q and {both} have both.",
    ), (
        "How many have neither?",
        "How many of them have neither of the two?",
        "Find the number of those with neither.",
        "What is the number of those that have neither of the two?",
    ), (
        Step(("the sum of the two groups", "the sum of both numbers"), a, "+", b),
        Step(("the number of those with at least one", "the number in the two groups together"), "#0", "-", both),
        Step(("the number of those with neither", "the rest"), every, "-", "#1"),
    ), (
        Step(("the sum of the two groups", "the sum of both numbers"), a, "+", b),
        Step(("the number of those with neither", "the rest"), every, "-", "#0"),
    ))


def expected_value(d: Dice) -> Problem:
    """Mistake: the mean of the two values is taken, whatever their chances."""
    a = b = p = q = 2
    while a == b or p == q or (p + q) % 2 or (a * p + b * q) % (a + b):
        a, b, p, q = d.int(2, 8), d.int(2, 8), d.int(6, 50, 8), d.int(6, 50, 8)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, p, b, q), (
        f"A wheel with equal fields has {a} fields that pay {p} dollars and {b} fields that pay {q} dollars. It is spun once.",
        f"A box holds {a} tickets worth {p} dollars each and {b} tickets worth {q} dollars each, and {who} draws one.",
        f"A bag holds {a} balls marked {p} and {b} balls marked {q}, and the number on one drawn ball is read.",
        f"Some cards lie face down: {a} of them show the number {p}, the other {b} show {q}. {who} turns one of them over.",
        f"All cases are equally likely: in {a} of them a random number equals {p}, in the other {b} it equals {q}.",
        f"Of some jars, {a} hold {p} {x} each and {b} hold {q} each. {who} opens one at random and counts the {x} in it.",
    ), (
        "What is the expected value?",
        "Find the expected value of the result.",
        "What is the average result in the long run?",
        "Which mean value is to be expected?",
    ), (
        Step(("the first product", "the total of the first kind"), a, "*", p),
        Step(("the second product", "the total of the second kind"), b, "*", q),
        Step(("the total", "the sum of the products"), "#0", "+", "#1"),
        Step(("the number of cases", "the number of all"), a, "+", b),
        Step(("the expected value", "the mean"), "#2", "/", "#3"),
    ), (
        Step(("the total", "the sum of the values"), p, "+", q),
        Step(("the expected value", "the mean"), "#0", "/", 2),
    ))


KINDS = (outfits, pairs, draw_one, arrangements, either_or, expected_value)
