"""Prealgebra and Number Theory: one function a kind of problem."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.sketch import Dice, Sketch, decimal


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


SUBJECTS = {
    "Prealgebra": (shopping, change, part_left, average, half_dollars, discount),
    "Number Theory": (remainder, least_multiple, digit_sum, divisors, other_base),
}
