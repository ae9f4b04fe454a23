"""Counting & Probability and Geometry: one function a kind of problem."""
from __future__ import annotations

from math import isqrt

from rlvr_utils.pocket.sketch import Dice, Sketch, decimal, fraction, reduction


def outfits(d: Dice) -> Sketch:
    a, b, c = d.int(2, 4, 1), d.int(2, 4, 1), d.int(2, 5, 1)
    (who,), (x, y, z) = d.names(1), d.things(3)
    return Sketch((a, b, c), (
        f"{who} has {a} {x}, {b} {y} and {c} {z}. In how many ways can {who} take one of each?",
        f"A set has one of {a} {x}, one of {b} {y} and one of {c} {z}. How many sets are there?",
        f"How many choices are there if we pick one from {a} {x}, one from {b} {y} and one from {c} {z}?",
    ), (f"The first two give {a}*{b}={a * b}", f"With the third {a * b}*{c}={a * b * c}"), str(a * b * c))


def pairs(d: Dice) -> Sketch:
    n, taken = d.int(4, 9, 2), d.int(0, 8, 2)
    (x,), (who,) = d.things(1), d.names(1)
    every = n * (n - 1)
    return Sketch((n, taken), (
        f"How many pairs can be chosen from {n} different {x}, if there are also {taken} pairs made before?",
        f"{n} people shake hands, each with each other one once. {who} counts {taken} more. How many does {who} count?",
        f"Add {taken} to the number of ways to choose 2 of {n} {x}.",
    ), (f"In order there are {n}*{n - 1}={every}", f"Without order {every}/2={every // 2}",
        f"With the others {every // 2}+{taken}={every // 2 + taken}"), str(every // 2 + taken))


def draw_one(d: Dice) -> Sketch:
    a, b, c = d.int(1, 6, 2), d.int(1, 6, 2), d.int(1, 4, 1)
    red, blue, green = d.rng.sample(("red", "blue", "green", "white", "black"), 3)
    total = a + b + c
    return Sketch((a, b, c), (
        f"A bag holds {a} {red}, {b} {blue} and {c} {green} balls. What is the probability that a ball drawn from it is {red}?",
        f"We draw one of {a} {red}, {b} {blue} and {c} {green} cards. How likely is {red}? Give a fraction.",
        f"Of the cups, {a} are {red}, {b} are {blue} and {c} are {green}. One is picked. Find the probability of {red}.",
    ), (f"In all {a}+{b}+{c}={total}", f"So {a} of {total} are {red}", *reduction(a, total),
        f"The chance is {fraction(a, total)}"), fraction(a, total))


def multiple_chance(d: Dice) -> Sketch:
    n, k = d.int(8, 20, 8), d.int(2, 5, 1)
    hits = n // k
    return Sketch((n, k), (
        f"A number from 1 to {n} is chosen. What is the probability that {k} divides it?",
        f"Cards carry the numbers 1 to {n}. How likely is a card with a multiple of {k}? Give a fraction.",
        f"What part of the whole numbers from 1 to {n} can be divided by {k}?",
    ), (f"The last multiple is {k}*{hits}={k * hits}", f"So {hits} of {n} fit", *reduction(hits, n),
        f"The chance is {fraction(hits, n)}"), fraction(hits, n))


def rectangle(d: Dice) -> Sketch:
    a, b = d.int(2, 7, 1), d.int(2, 9, 2)
    around = 2 * (a + b)
    return Sketch((a, b), (
        f"A rectangle is {a} wide and its perimeter is {around}. What is its area?",
        f"The fence around a garden with four right angles is {around} long. One side is {a}. Find the area of the garden.",
        f"Find the area of a rectangle with perimeter {around} and one side {a}.",
    ), (f"Half the perimeter is {around}/2={a + b}", f"The other side is {a + b}-{a}={b}",
        f"The area is {a}*{b}={a * b}"), str(a * b))


def triangle_area(d: Dice) -> Sketch:
    base, height, more = d.int(3, 9, 1), d.int(3, 9, 1), d.int(1, 9, 3)
    twice = base * height
    return Sketch((base, height, more), (
        f"A triangle has base {base} and height {height}. A square of area {more} is joined to it. What is the whole area?",
        f"Find the area of a triangle with base {base} and height {height}, plus {more}.",
        f"A sail is a triangle, {base} wide and {height} high. It gets a patch of {more} beside it. What is the area now?",
    ), (f"Base times height is {base}*{height}={twice}", f"Half of it is {twice}/2={decimal(twice)}",
        f"Together {decimal(twice)}+{more}={decimal(twice + 2 * more)}"), decimal(twice + 2 * more))


def missing_angle(d: Dice) -> Sketch:
    a, b = d.int(20, 60, 5), d.int(20, 60, 5)
    return Sketch((a, b), (
        f"Two angles of a triangle are {a} and {b} degrees. How many degrees has the third one?",
        f"In a triangle two corners measure {a} and {b} degrees. Find the other angle.",
        f"Angles of {a}, {b} and x degrees make a straight line. What is x?",
    ), (f"Together {a}+{b}={a + b}", f"The rest is 180-{a + b}={180 - a - b}"), str(180 - a - b))


def box_volume(d: Dice) -> Sketch:
    a, b, c, used = d.int(2, 4, 1), d.int(2, 4, 1), d.int(2, 5, 1), d.int(1, 7, 1)
    (x,) = d.things(1)
    volume = a * b * c
    return Sketch((a, b, c, used), (
        f"A box is {a} long, {b} wide and {c} high. The {x} in it fill {used}. How much of the volume is free?",
        f"From a block of {a} by {b} by {c} a piece of volume {used} is cut. What volume is left?",
        f"Find the volume of a box with sides {a}, {b} and {c}, less {used}.",
    ), (f"The floor is {a}*{b}={a * b}", f"The volume is {a * b}*{c}={volume}",
        f"Free are {volume}-{used}={volume - used}"), str(volume - used))


def hypotenuse(d: Dice) -> Sketch:
    a, b = d.int(1, 6, 1), d.int(1, 6, 1)
    square = a * a + b * b
    root = max(k for k in range(1, isqrt(square) + 1) if square % (k * k) == 0)
    inner = square // (root * root)
    answer = str(root) if inner == 1 else (str(root) if root > 1 else "") + f"\\sqrt{{{inner}}}"
    pull = (f"Here {square}={root * root}*{inner}",) if root > 1 else ()
    return Sketch((a, b), (
        f"A right triangle has legs {a} and {b}. How long is the longest side?",
        f"Find the distance of the point ({a},{b}) from the origin.",
        f"A rectangle has sides {a} and {b}. How long is its diagonal?",
    ), (f"The squares are {a}*{a}={a * a} and {b}*{b}={b * b}",
        f"Together {a * a}+{b * b}={square}", *pull, f"The length is {answer}"), answer)


def ring(d: Dice) -> Sketch:
    small, more = d.int(1, 5, 1), d.int(1, 3, 1)
    large = small + more
    area = large * large - small * small
    return Sketch((small, large), (
        f"Two circles with radius {small} and {large} have the same centre. What is the area between them?",
        f"A round pond of radius {small} lies in a round garden of radius {large}. Find the area of the garden without the pond.",
        f"From a disc of radius {large} a disc of radius {small} is cut out. What area is left?",
    ), (f"The squares are {large}*{large}={large * large} and {small}*{small}={small * small}",
        f"Between them {large * large}-{small * small}={area}", f"The area is {area}\\pi"), f"{area}\\pi")


SUBJECTS = {
    "Counting & Probability": (outfits, pairs, draw_one, multiple_chance),
    "Geometry": (rectangle, triangle_area, missing_angle, box_volume, hypotenuse, ring),
}
