"""Prealgebra, Number Theory, Counting & Probability and Geometry: one function a kind of problem."""
from __future__ import annotations

from math import gcd, isqrt

from rlvr_utils.pocket.sketch import Dice, Sketch, decimal, fraction, reduction


def shopping(d: Dice) -> Sketch:
    a, b, c, e = d.int(2, 5, 1), d.int(2, 5, 1), d.int(2, 5, 1), d.int(2, 5, 1)
    (who,), (x, y) = d.names(1), d.things(2)
    return Sketch((a, b, c, e), (
        f"{who} buys {a} {x} for {b} dollars each and {c} {y} for {e} dollars each. How many dollars is that in all?",
        f"One of the {x} costs {b} dollars and one of the {y} costs {e} dollars. What do {a} {x} and {c} {y} cost together?",
        f"A shop sells {x} at {b} dollars and {y} at {e} dollars. {who} takes {a} {x} and {c} {y}. Find the total price.",
    ), (f"The {x} cost {a}*{b}={a * b}", f"The {y} cost {c}*{e}={c * e}",
        f"In all {a * b}+{c * e}={a * b + c * e}"), str(a * b + c * e))


def change(d: Dice) -> Sketch:
    a, b, rest = d.int(2, 6, 1), d.int(2, 6, 1), d.int(1, 15, 8)
    (who,), (x,) = d.names(1), d.things(1)
    paid = a * b + rest
    return Sketch((a, b, rest), (
        f"{who} has {paid} dollars and buys {a} {x} at {b} dollars each. How many dollars are left?",
        f"{a} {x} cost {b} dollars each. How much change does {who} get from {paid} dollars?",
        f"From {paid} dollars, {who} pays for {a} {x}, each at {b} dollars. What remains?",
    ), (f"The {x} cost {a}*{b}={a * b}", f"What is left is {paid}-{a * b}={rest}"), str(rest))


def part_left(d: Dice) -> Sketch:
    bottom = d.int(3, 6, 1)
    top, unit = d.int(1, bottom - 1), d.int(3, 7, 1)
    (who,), (x,) = d.names(1), d.things(1)
    whole, gone = unit * bottom, unit * top
    return Sketch((top, bottom, unit), (
        f"{who} has {whole} {x} and gives away \\frac{{{top}}}{{{bottom}}} of them. How many {x} are left?",
        f"Of {whole} {x}, {who} sells \\frac{{{top}}}{{{bottom}}}. How many does {who} keep?",
        f"There were {whole} {x}. Then \\frac{{{top}}}{{{bottom}}} of the {x} were lost. How many remain?",
    ), (f"One part is {whole}/{bottom}={unit}", f"Gone are {unit}*{top}={gone}",
        f"Left are {whole}-{gone}={whole - gone}"), str(whole - gone))


def average(d: Dice) -> Sketch:
    a, b, more = d.int(2, 12, 6), d.int(2, 12, 6), d.int(1, 9, 3)
    (who, other), (x,) = d.names(2), d.things(1)
    total = a + b + 2 * more
    return Sketch((a, b, more), (
        f"{who} has {a} {x} and {other} has {b} {x}. Each then finds {more} more. What is the average number of {x} they have?",
        f"Find the mean of {a}+{more} and {b}+{more}, the numbers of {x} of {who} and {other}.",
        f"Two boxes hold {a} {x} and {b} {x}. We put {more} more into each box. How many {x} does a box hold on average?",
    ), (f"First {a}+{more}={a + more} and {b}+{more}={b + more}",
        f"Together {a + more}+{b + more}={total}", f"Half of it is {total}/2={decimal(total)}"), decimal(total))


def half_dollars(d: Dice) -> Sketch:
    count, twice = d.int(2, 5, 1), 2 * d.int(1, 4, 1) + 1
    paid = d.int(20, 30, 10)
    (who,), (x,) = d.names(1), d.things(1)
    cost = count * twice
    rest = 2 * paid - cost
    if rest <= 0:
        return half_dollars(d)
    return Sketch((count, twice, paid), (
        f"{who} buys {count} {x} at {decimal(twice)} dollars each and pays with {paid} dollars. How much comes back?",
        f"One of the {x} costs {decimal(twice)} dollars. {who} has {paid} dollars and takes {count}. What is left?",
        f"What remains of {paid} dollars after {count} {x} at {decimal(twice)} dollars each?",
    ), (f"The {x} cost {count}*{decimal(twice)}={decimal(cost)}",
        f"Back come {paid}-{decimal(cost)}={decimal(rest)}"), decimal(rest))


def discount(d: Dice) -> Sketch:
    tens, price = d.int(1, 5), 10 * d.int(2, 9, 2)
    (x,) = d.things(1)
    tenth = price // 10
    return Sketch((tens, price), (
        f"A box of {x} costs {price} dollars. The price falls by {tens * 10} percent. What is the new price?",
        f"With {tens * 10} percent off, how many dollars do {x} that cost {price} dollars cost now?",
        f"{price} is lowered by {tens * 10} percent. What number is that?",
    ), (f"One tenth is {price}/10={tenth}", f"The cut is {tenth}*{tens}={tenth * tens}",
        f"So we have {price}-{tenth * tens}={price - tenth * tens}"), str(price - tenth * tens))


def remainder(d: Dice) -> Sketch:
    a, b, m = d.int(3, 8, 1), d.int(3, 8, 1), d.int(3, 9, 1)
    whole = a * b
    return Sketch((a, b, m), (
        f"What is the remainder when {a}*{b} is divided by {m}?",
        f"Find the number from 0 to {m - 1} that leaves the same remainder as {a}*{b} when divided by {m}.",
        f"{a} rows of {b} are packed in boxes of {m}. How many are left over?",
    ), (f"The product is {a}*{b}={whole}", f"Full boxes take {m}*{whole // m}={whole // m * m}",
        f"The rest is {whole}-{whole // m * m}={whole % m}"), str(whole % m))


def least_multiple(d: Dice) -> Sketch:
    g, p, q = d.int(2, 5, 1), d.int(1, 4, 1), d.int(2, 5, 1)
    while gcd(p, q) != 1 or p == q:
        p, q = d.int(1, 4, 1), d.int(2, 5, 1)
    a, b = g * p, g * q
    return Sketch((g, p, q), (
        f"Find the least common multiple of {a} and {b}.",
        f"One bell rings every {a} minutes and another every {b} minutes. After how many minutes do they ring together again?",
        f"What is the smallest positive number that both {a} and {b} divide?",
    ), (f"Both are divisible by {g}", f"We get {a}/{g}={p}", f"Then {p}*{b}={p * b}"), str(p * b))


def digit_sum(d: Dice) -> Sketch:
    a, b = d.int(4, 15, 5), d.int(3, 6, 1)
    product = str(a * b)
    total = sum(map(int, product))
    return Sketch((a, b), (
        f"What is the sum of the digits of {a}*{b}?",
        f"Multiply {a} by {b} and add up the digits of the result. What do you get?",
        f"The product of {a} and {b} is written down. Find its digit sum.",
    ), (f"The product is {a}*{b}={product}", f"Its digits give {'+'.join(product)}={total}"), str(total))


def divisors(d: Dice) -> Sketch:
    p, q = d.rng.sample((2, 3, 5, 7, 11, 13), 2)
    a, b = d.int(1, 4, 1), d.int(1, 4, 1)
    return Sketch((p, q, a, b), (
        f"How many positive divisors has {p}^{a}*{q}^{b}?",
        f"Let n={p}^{a}*{q}^{b}. Count the divisors of n.",
        f"In how many ways can we choose a positive number that divides {p}^{a}*{q}^{b}?",
    ), (f"For {p} there are {a}+1={a + 1} powers", f"For {q} there are {b}+1={b + 1} powers",
        f"Together {a + 1}*{b + 1}={(a + 1) * (b + 1)}"), str((a + 1) * (b + 1)))


def other_base(d: Dice) -> Sketch:
    base = d.int(4, 7, 1)
    high, low, more = d.int(1, base - 1), d.int(0, base - 1), d.int(1, 9, 4)
    value = high * base + low
    return Sketch((base, high, low, more), (
        f"The number {high}{low} is written in base {base}. Add {more} to it and give the result in base ten.",
        f"Find {high}{low}_{base}+{more}, where only {high}{low}_{base} is in base {base}. Answer in base ten.",
        f"What is {more} more than the number with digits {high} and {low} in base {base}?",
    ), (f"The first digit gives {high}*{base}={high * base}",
        f"With the second {high * base}+{low}={value}", f"Then {value}+{more}={value + more}"),
        str(value + more))


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
    "Prealgebra": (shopping, change, part_left, average, half_dollars, discount),
    "Number Theory": (remainder, least_multiple, digit_sum, divisors, other_base),
    "Counting & Probability": (outfits, pairs, draw_one, multiple_chance),
    "Geometry": (rectangle, triangle_area, missing_angle, box_volume, hypotenuse, ring),
}
