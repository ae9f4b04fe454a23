"""Number theory: remainders, divisors, multiples and digits."""
from __future__ import annotations

from math import gcd

from rlvr_utils.pocket.problem import Dice, Problem, Step

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


def remainder(d: Dice) -> Problem:
    """Mistake: the extra ones are counted in every row (a forgotten order of operations)."""
    a = b = c = m = 1
    while (a * b + c) % m == a * (b + c) % m:
        a, b, c, m = d.int(2, 4), d.int(11, 25, 3), d.int(5, 20, 3), d.int(6, 11, 1)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, b, c, m), (
        f"{who} has {a} bags of {b} {x} and {c} single {x}, and makes as many groups of {m} as possible.",
        f"The number {a}*{b}+{c} is divided by {m}.",
        f"{who} multiplies {a} by {b}, adds {c}, and divides the result by {m} with a remainder.",
        f"{a} rows of {b} {x} and {c} loose {x} are packed in boxes of {m} until fewer than {m} remain.",
        f"{b} guests sit at each of {a} tables, {c} more stand by. They form as many teams of {m} as they can.",
        f"A rope of {a}*{b}+{c} cm is cut into pieces of {m} cm for as long as it can be.",
    ), (
        "What number is left over?",
        "What is the remainder?",
        "Find the remainder.",
        "How large is the remainder?",
    ), (
        Step(("the product", "the first part"), a, "*", b),
        Step(("the whole number", "the sum"), "#0", "+", c),
        Step(("the remainder", "what is left over"), "#1", "%", m),
    ), (
        Step(("the sum", "one part"), b, "+", c),
        Step(("the whole number", "the product"), a, "*", "#0"),
        Step(("the remainder", "what is left over"), "#1", "%", m),
    ))


def euclid(a: int, b: int) -> tuple[Step, ...]:
    """Euclid's steps from a > b until nothing is left over: the value before the last is the greatest common divisor.
    No name says beforehand which step is the last."""
    values, steps = [a, b], []
    while values[-1]:
        values.append(values[-2] % values[-1])
        size = len(steps)
        sides = (a, b, *(f"#{i}" for i in range(size)))[-2:]
        ordinal = ORDINALS[size]
        steps.append(Step((f"the {ordinal} remainder", f"what the {ordinal} division leaves"), sides[0], "%", sides[1]))
    return tuple(steps)


def common_divisor(d: Dice) -> Problem:
    """Mistake: Euclid's steps end one division too early."""
    a = 1000
    while a > 150:
        rest = d.int(3, 9, 3)
        b, a = rest, rest * d.int(2, 3, 1)
        for _ in range(d.one((2, 2, 3))):
            b, a = a, a * d.one((1, 1, 2)) + b
    steps = euclid(a, b)
    found, early = len(steps) - 2, len(steps) - 3
    name = ("the greatest common divisor", "the last remainder above zero")
    (who,), (x, y) = d.names(1), d.things(2)
    return Problem((a, b), (
        f"Let n be the greatest common divisor of {a} and {b}.",
        f"{who} packs {a} {x} and {b} {y} into the largest possible number n of equal bags, with nothing left over.",
        f"A floor of {a} cm by {b} cm is covered exactly with square tiles of side n cm, the largest possible.",
        f"The largest whole number that divides both {a} and {b} is called n.",
        f"Ropes of {a} cm and {b} cm are cut into equal pieces of n cm with no waste, and n is as large as possible.",
        f"The fraction \\frac{{{b}}}{{{a}}} is brought to lowest terms when top and bottom are divided by n.",
    ), (
        "What is n?",
        "Find n.",
        "Determine the number n.",
        "Compute n.",
    ), (
        *steps, Step(name, f"#{found}", "+", f"#{found + 1}"),
    ), (
        *steps[:early], Step(name, steps[early].left, "%", steps[early].right),
    ))


def common_multiple(d: Dice) -> Problem:
    """Mistake: both numbers are divided by their common divisor, which is then missing from the product."""
    shared, p, q = 1, 2, 2
    while gcd(p, q) != 1 or not 60 <= shared * p * q <= 999 or len(euclid(shared * p, shared * q)) > 3:
        shared, q = d.int(3, 10, 2), d.int(2, 6, 1)
        p = q + d.int(1, 5, 1)
    a, b = shared * p, shared * q
    steps = euclid(a, b)
    found, after = len(steps) - 2, len(steps)
    (who, other) = d.names(2)
    return Problem((a, b), (
        f"Let n be the least common multiple of {a} and {b}.",
        f"One bell rings every {a} minutes, one every {b} minutes. They ring together now and next in n minutes.",
        f"The smallest positive number that is divisible by both {a} and {b} is called n.",
        f"{who} swims every {a} days, {other} every {b} days. Both swim today, and the next time that both do is in n days.",
        f"Tiles {a} cm long make one row, tiles {b} cm long another. The shortest length both rows can have is n cm.",
        f"Two lights blink now, then one every {b} and one every {a} seconds. They next blink together in n seconds.",
    ), (
        "What is n?",
        "Find n.",
        "Determine the number n.",
        "Compute n.",
    ), (
        *steps,
        Step(("the smaller number without the common divisor", "the factor that is missing"), b, "/", f"#{found}"),
        Step(("the least common multiple", "the product with the larger number"), a, "*", f"#{after}"),
    ), (
        *steps,
        Step(("the smaller number without the common divisor", "the first quotient"), b, "/", f"#{found}"),
        Step(("the larger number without the common divisor", "the second quotient"), a, "/", f"#{found}"),
        Step(("the least common multiple", "the product of both quotients"), f"#{after + 1}", "*", f"#{after}"),
    ))


def digit_sum(d: Dice) -> Problem:
    """Mistake: the digit sums of both parts are added, as if nothing were ever carried."""
    a = b = c = 0
    while not 100 <= a * b <= a * b + c <= 999 or total_of_digits(a * b + c) == total_of_digits(a * b, c):
        a, b, c = d.int(3, 8, 1), d.int(25, 60, 9), d.int(15, 60, 9)
        c = min(c, 99)
    product, whole, extra = str(a * b), str(a * b + c), str(c)
    (who,), (x,) = d.names(1), d.things(1)
    return Problem((a, b, c), (
        f"{who} multiplies {a} by {b}, adds {c} and writes down the result.",
        f"The number {a}*{b}+{c} is worked out.",
        f"A store has {a} boxes of {b} {x} and {c} loose {x}. The number of all {x} is written on a sign.",
        f"Let n={a}*{b}+{c}, written in base ten.",
        f"A machine multiplies {b} by {a}, adds {c} and prints the number it gets.",
        f"{who} saves {b} coins a week for {a} weeks, gets {c} coins more and notes the total.",
    ), (
        "What is the sum of the digits of that number?",
        "Find the digit sum of this number.",
        "What do you get when you add up the digits of the number?",
        "Compute the sum of its digits.",
    ), (
        Step(("the product", "the first part"), a, "*", b),
        Step(("the whole number", "the sum"), "#0", "+", c),
        Step(("the sum of the first two digits", "the total of its first two digits"), int(whole[0]), "+", int(whole[1])),
        Step(("the digit sum", "the sum of all three digits"), "#2", "+", int(whole[2])),
    ), (
        Step(("the product", "the first part"), a, "*", b),
        Step(("the sum of its first digits", "the total of its first two"), int(product[0]), "+", int(product[1])),
        Step(("the digit sum of the product", "the sum of its three digits"), "#1", "+", int(product[2])),
        Step(("the digit sum of the number added", "the digit sum of the extra part"), int(extra[0]), "+", int(extra[1])),
        Step(("the digit sum", "the sum of all digits"), "#2", "+", "#3"),
    ))


def total_of_digits(*numbers: int) -> int:
    """The sum of all digits of some numbers."""
    return sum(int(digit) for number in numbers for digit in str(number))


def divisor_count(d: Dice) -> Problem:
    """Mistake: the numbers of choices for the two primes are added."""
    (p, q) = d.rng.sample((2, 3, 5, 7, 11, 13), 2)
    few, many = d.int(3, 7, 1), d.int(8, 20, 4)
    a, b = d.one(((few, many), (many, few)))
    (who,) = d.names(1)
    return Problem((p, a, q, b), (
        f"Let n={p}^{a}*{q}^{b}.",
        f"The number n is the product of {p}^{a} and {q}^{b}.",
        f"{who} multiplies {p}^{a} by {q}^{b} and calls the result n.",
        f"A number n has the prime factor {p} exactly {a} times, the prime factor {q} exactly {b} times, and no other.",
        f"The prime factorization of n is {p}^{a}*{q}^{b}.",
        f"{who} starts with 1, multiplies {a} times in a row by {p}, then {b} times by {q}, and reaches n.",
    ), (
        "How many positive divisors does n have?",
        "Find the number of positive divisors of n.",
        "In how many ways can we choose a positive whole number that divides n?",
        "Count the positive whole numbers that divide n.",
    ), (
        Step(("the number of choices for the first power", "the number of powers of the first prime"), a, "+", 1),
        Step(("the number of choices for the second power", "the number of powers of the second prime"), b, "+", 1),
        Step(("the number of divisors", "the number of all choices"), "#0", "*", "#1"),
    ), (
        Step(("the number of choices for the first power", "the number of powers of the first prime"), a, "+", 1),
        Step(("the number of choices for the second power", "the number of powers of the second prime"), b, "+", 1),
        Step(("the number of divisors", "the number of all choices"), "#0", "+", "#1"),
    ))


def other_base(d: Dice) -> Problem:
    """Mistake: the digits are read from the wrong end."""
    base = d.int(4, 6, 1)
    top = min(base, 10) - 1
    high, middle, low = d.int(1, top), d.int(0, top), d.int(1, top)
    while high == low:
        high, low = d.int(1, top), d.int(1, top)
    (who,), (x,) = d.names(1), d.things(1)
    written = f"{high}{middle}{low}"
    return Problem((base, high, middle, low), (
        f"A number is written as {written} in base {base}.",
        f"{who} counts {x} in base {base} and writes down the number {written}.",
        f"A machine that works in base {base} shows the number {written}.",
        f"The digits of a number in base {base} are {high}, {middle} and {low}, from left to right.",
        f"On a far planet people count in base {base}. The number {written} stands on a stone there.",
        f"In base {base}, a number n looks like this: {written}.",
    ), (
        "What is the number in base ten?",
        "Find the value of this number in base ten.",
        "How is the same number written in base ten?",
        "Convert the number to base ten.",
    ), horner(base, high, middle, low, "first"), horner(base, low, middle, high, "last"))


def horner(base: int, start: int, middle: int, end: int, which: str) -> tuple[Step, ...]:
    """The steps that turn three digits into a number, the digit `start` being the `which` one."""
    return (
        Step((f"the {which} digit times the base", "the first product"), start, "*", base),
        Step(("the value of two digits", "the sum with the middle digit"), "#0", "+", middle),
        Step(("this value times the base", "the second product"), "#1", "*", base),
        Step(("the number in base ten", "the value of all three digits"), "#2", "+", end),
    )


KINDS = (remainder, common_divisor, common_multiple, digit_sum, divisor_count, other_base)
