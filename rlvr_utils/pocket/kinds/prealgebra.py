"""Prealgebra: money, parts, percents and averages."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step


def shopping(d: Dice) -> Problem:
    """Mistake: only one of the second things is paid for."""
    a, b, c, e = d.int(3, 6, 1), d.int(11, 25, 5), d.int(3, 6, 1), d.int(11, 25, 5)
    (who,), (x, y) = d.names(1), d.things(2)
    return Problem((a, b, c, e), (
        f"{who} buys {a} {x} for {b} dollars each and {c} {y} for {e} dollars each.",
        f"A shop sells {x} at {b} dollars and {y} at {e} dollars apiece. {who} takes {a} {x} and {c} {y}.",
        f"A bill lists {a} {x} at {b} dollars each and {c} {y} at {e} dollars each.",
        f"{who} orders {a} {x} and {c} {y}. The {x} are {b} dollars apiece, the {y} {e} dollars apiece.",
        f"For a school party, {a} {x} are bought at {b} dollars each, and also {c} {y} at {e} dollars each.",
        f"Each of {a} {x} costs {b} dollars, and each of {c} {y} costs {e} dollars. {who} pays for all of them.",
    ), (
        "How many dollars is that in all?",
        "What is the total price in dollars?",
        "Find the whole cost in dollars.",
        "How much money is that altogether?",
    ), (
        Step((f"the cost of the {x}", f"the price of all {x}"), a, "*", b),
        Step((f"the cost of the {y}", f"the price of all {y}"), c, "*", e),
        Step(("the total", "the whole cost", "the sum of both costs"), "#0", "+", "#1"),
    ), (
        Step((f"the cost of the {x}", f"the price of all {x}"), a, "*", b),
        Step(("the total", "the whole cost", f"the cost with the {y}"), "#0", "+", e),
    ))


def change(d: Dice) -> Problem:
    """Mistake: a forgotten bracket, so that the second expense is added and not taken away."""
    a, b, c = d.int(3, 8, 1), d.int(11, 30, 8), d.int(11, 40, 10)
    paid = a * b + c + d.int(5, 40, 15)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, b, c, paid), (
        f"{who} has {paid} dollars and buys {a} {x} at {b} dollars each and a bag for {c} dollars.",
        f"{who} takes {paid} dollars along and pays for {a} {x}, {b} dollars each, and a meal for {c} dollars.",
        f"A club owns {paid} dollars. It buys {a} {x} at {b} dollars apiece and pays a fee of {c} dollars.",
        f"A voucher worth {paid} dollars is used for {a} {x} at {b} dollars each and for {c} dollars of postage.",
        f"A class has saved {paid} dollars. It buys {a} {x} for {b} dollars each and spends {c} dollars on a bus.",
        f"From {paid} dollars in a till, {who} pays for {a} {x}, each at {b} dollars, and for a repair at {c} dollars.",
    ), (
        "How many dollars are left?",
        "How much money remains?",
        "Find the amount left over in dollars.",
        "How many dollars remain in the end?",
    ), (
        Step((f"the cost of the {x}", f"the price of all {x}"), a, "*", b),
        Step(("the whole cost", "the money spent", "the sum of both expenses"), "#0", "+", c),
        Step(("the rest", "the money left", "the remaining amount"), paid, "-", "#1"),
    ), (
        Step((f"the cost of the {x}", f"the price of all {x}"), a, "*", b),
        Step((f"the money left after the {x}", f"the amount without the {x}"), paid, "-", "#0"),
        Step(("the rest", "the money left", "the remaining amount"), "#1", "+", c),
    ))


def part_left(d: Dice) -> Problem:
    """Mistake: the part that goes away is taken for the part that stays."""
    top, bottom = 0, 2
    while gcd(top, bottom) != 1:
        bottom = d.int(3, 8, 1)
        top = d.int(1, bottom - 1)
    unit, more = d.int(5, 20, 10), d.int(11, 40, 15)
    (who,), (x,) = d.names(1), d.things(1)
    whole, part = unit * bottom, f"\\frac{{{top}}}{{{bottom}}}"
    return Problem((top, bottom, unit, more), (
        f"{who} has {whole} {x}, sells {part} of them and then finds {more} more.",
        f"From a box of {whole} {x}, {part} of them are taken out. Then {more} new {x} are put in.",
        f"A shop has {whole} {x} in stock. It sells {part} of them and then receives {more} new ones.",
        f"There were {whole} {x} in a store. After {part} of them were lost, {who} bought another {more}.",
        f"{who} collects {whole} {x}, gives away {part} of the collection and later adds {more} new {x}.",
        f"Of the {whole} {x} on a table, {who} removes {part}. Afterwards {more} other {x} are put there.",
    ), (
        f"How many {x} are there in the end?",
        f"Find the number of {x} at the end.",
        f"What is the final number of {x}?",
        f"How many {x} does that make in the end?",
    ), (
        Step((f"one part of the {x}", "the size of one part"), whole, "/", bottom),
        Step((f"the number of {x} that go", "the part that goes away"), "#0", "*", top),
        Step((f"the number of {x} that stay", "the part that stays"), whole, "-", "#1"),
        Step((f"the final number of {x}", "the number in the end"), "#2", "+", more),
    ), (
        Step((f"one part of the {x}", "the size of one part"), whole, "/", bottom),
        Step((f"the number of {x} that stay", "the part that stays"), "#0", "*", top),
        Step((f"the final number of {x}", "the number in the end"), "#1", "+", more),
    ))


def average(d: Dice) -> Problem:
    """Mistake: the average of the first two is averaged with the third."""
    a = b = c = 0
    while min(a, b, c) < 5:
        middle, apart = d.int(20, 60, 25), d.int(1, 15, 4) * d.one((-1, 1))
        a, b, c = middle + apart, middle - apart, middle + 6 * d.int(1, 4, 1) * d.one((-1, 1))
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, b, c), (
        f"{who} scores {a}, {b} and {c} points in three games.",
        f"Three boxes hold {a}, {b} and {c} {x}.",
        f"We are given the numbers {a}, {b} and {c}.",
        f"{who} finds {a} {x} on Monday, {b} on Tuesday and {c} on Wednesday.",
        f"Three rods are {a} cm, {b} cm and {c} cm long.",
        f"A list has the three entries {a}, {b} and {c}.",
    ), (
        "What is the average?",
        "Find the mean of the three numbers.",
        "Compute the arithmetic mean.",
        "How large is the average of these three numbers?",
    ), (
        Step(("the sum of the first two", "the total of the first two"), a, "+", b),
        Step(("the sum of all three", "the whole sum"), "#0", "+", c),
        Step(("the average", "a third of the sum", "the mean"), "#1", "/", 3),
    ), (
        Step(("the sum of the first two", "the total of the first two"), a, "+", b),
        Step(("the average of the first two", "the first mean"), "#0", "/", 2),
        Step(("the sum with the third", "the mean plus the third number"), "#1", "+", c),
        Step(("the average", "half of the sum", "the mean"), "#2", "/", 2),
    ))


def discount(d: Dice) -> Problem:
    """Mistake: the percents are also taken off what is added afterwards."""
    tens, price, extra = d.int(1, 8), 10 * d.int(11, 40, 10), 10 * d.int(2, 9, 1)
    percent = 10 * tens
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((tens, price, extra), (
        f"A set of {x} costs {price} dollars. {who} gets {percent} percent off and adds {extra} dollars for delivery.",
        f"{who} orders {x} for {price} dollars, less {percent} percent. Then a fee of {extra} dollars is added.",
        f"A price of {price} dollars is cut by {percent} percent. After that, {extra} dollars of tax are added.",
        f"The {x} are marked at {price} dollars, with {percent} percent off. Shipping is another {extra} dollars.",
        f"A hotel bill of {price} dollars is lowered by {percent} percent, and then a tip of {extra} dollars is added.",
        f"A painter takes {percent} percent off a bill of {price} dollars and then adds {extra} dollars for brushes.",
    ), (
        "How many dollars must be paid in all?",
        "What is the final amount in dollars?",
        "Find the total to pay in dollars.",
        "How much money is that altogether?",
    ), (
        Step(("one tenth of the price", "ten percent of the price"), price, "/", 10),
        Step(("the discount", "the amount taken off"), "#0", "*", tens),
        Step(("the lower price", "the price after the discount"), price, "-", "#1"),
        Step(("the total", "the final amount"), "#2", "+", extra),
    ), (
        Step(("the whole amount", "the sum before the discount"), price, "+", extra),
        Step(("one tenth of this amount", "ten percent of it"), "#0", "/", 10),
        Step(("the discount", "the amount taken off"), "#1", "*", tens),
        Step(("the total", "the final amount"), "#0", "-", "#2"),
    ))


def average_speed(d: Dice) -> Problem:
    """Mistake: half the sum of the speeds, whatever the times."""
    first = second = before = after = 2
    while first == second or (before + after) % 2 or min(before, after) < 20:
        first, second = d.int(2, 5), d.int(2, 6)
        mean, apart = d.int(40, 66, 5), d.int(1, 4, 1) * d.one((-1, 1))
        before, after = mean + second * apart, mean - first * apart
    (who,) = d.names(1)
    return Problem((first, before, second, after), (
        f"A car drives {first} hours at {before} km per hour and then {second} hours at {after} km per hour.",
        f"{who} rides a bus for {first} hours at {before} km per hour, then a train for {second} hours at {after}.",
        f"On a trip, a speed of {before} km per hour is kept for {first} hours, then {after} for {second} hours.",
        f"A drone flies for {first} hours at {before} km per hour, then for {second} hours at {after} km per hour.",
        f"For {first} hours {who} travels at {before} km per hour, for the next {second} hours at {after} km per hour.",
    ), (
        "What is the average speed in km per hour?",
        "Find the mean speed for the whole journey in km per hour.",
        "How many km per hour is that on average?",
        "Compute the average speed over the whole time.",
    ), (
        Step(("the first distance", "the length of the first part"), first, "*", before),
        Step(("the second distance", "the length of the second part"), second, "*", after),
        Step(("the whole distance", "the length of the whole journey"), "#0", "+", "#1"),
        Step(("the whole time", "the number of hours"), first, "+", second),
        Step(("the average speed", "the distance per hour"), "#2", "/", "#3"),
    ), (
        Step(("the sum of the speeds", "the total of both speeds"), before, "+", after),
        Step(("the average speed", "half of the sum"), "#0", "/", 2),
    ))


KINDS = (shopping, change, part_left, average, discount, average_speed)
