"""Algebra, Intermediate Algebra and Precalculus: one function a kind of problem."""
from __future__ import annotations

from rlvr_utils.pocket.sketch import Dice, Sketch, decimal, fraction, reduction, signed, term


def linear(d: Dice) -> Sketch:
    a, x, b = d.int(2, 6, 1), d.int(2, 7, 1), d.int(1, 12, 5)
    c = a * x + b
    (who,) = d.names(1)
    return Sketch((a, x, b), (
        f"Solve {a}x+{b}={c} for x.",
        f"{who} thinks of a number, multiplies it by {a}, adds {b} and gets {c}. What is the number?",
        f"If {a} times a number is {b} less than {c}, find the number.",
    ), (f"Take away {b}: {c}-{b}={c - b}", f"Divide by {a}: {c - b}/{a}={x}"), str(x))


def two_sided(d: Dice) -> Sketch:
    c, more, x, b = d.int(1, 5, 1), d.int(2, 4, 1), d.int(2, 6, 1), d.int(1, 9, 3)
    a, e = c + more, b + more * x
    return Sketch((c, more, x, b), (
        f"Solve {a}x+{b}={term(c, 'x')}+{e}.",
        f"For which x are {a}x+{b} and {term(c, 'x')}+{e} equal?",
        f"The lines y={a}x+{b} and y={term(c, 'x')}+{e} meet. At which x?",
    ), (f"The x give {a}-{c}={more}", f"The numbers give {e}-{b}={e - b}",
        f"Divide: {e - b}/{more}={x}"), str(x))


def evaluate(d: Dice) -> Sketch:
    a, b, c, x = d.int(1, 3, 1), d.int(1, 6, 1), d.int(1, 9, 3), d.int(2, 4, 1)
    value = a * x * x + b * x + c
    formula = f"{term(a, 'x^2')}{signed(b, 'x')}+{c}"
    return Sketch((a, b, c, x), (
        f"Let f(x)={formula}. Find f({x}).",
        f"What is the value of {formula} when x={x}?",
        f"Put {x} for x in {formula}. What is the result?",
    ), (f"The square is {x}*{x}={x * x}", f"The first term is {a}*{x * x}={a * x * x}",
        f"The second is {b}*{x}={b * x}",
        f"In all {a * x * x}+{b * x}+{c}={value}"), str(value))


def collect(d: Dice) -> Sketch:
    a, b, c = d.int(2, 6, 1), d.int(2, 6, 1), d.int(1, 8, 2)
    answer = f"{a + c}x+{a * b}"
    return Sketch((a, b, c), (
        f"Simplify {a}(x+{b})+{term(c, 'x')}.",
        f"Write {a}(x+{b})+{term(c, 'x')} in the form mx+n.",
        f"A side is x+{b}. Add {term(c, 'x')} to {a} such sides and collect the terms.",
    ), (f"The number is {a}*{b}={a * b}", f"The x give {a}+{c}={a + c}", f"So we have {answer}"), answer)


def share(d: Dice) -> Sketch:
    a, b, unit = d.int(1, 4, 1), d.int(1, 4, 1), d.int(2, 7, 1)
    (who, other), (x,) = d.names(2), d.things(1)
    total = (a + b) * unit
    return Sketch((a, b, unit), (
        f"{who} and {other} share {total} {x} in the ratio {a} to {b}. How many does {who} get?",
        f"Split {total} {x} as {a}:{b}. How large is the first part?",
        f"For every {a} {x} of {who} there are {b} of {other}, and {total} in all. How many has {who}?",
    ), (f"The parts are {a}+{b}={a + b}", f"One part is {total}/{a + b}={unit}",
        f"So {a}*{unit}={a * unit}"), str(a * unit))


def slope(d: Dice) -> Sketch:
    x, y, run, rise = d.int(0, 5, 1), d.int(0, 5, 1), d.int(1, 6, 1), d.int(1, 8, 1)
    return Sketch((x, y, run, rise), (
        f"What is the slope of the line through ({x},{y}) and ({x + run},{y + rise})?",
        f"A path goes from ({x},{y}) to ({x + run},{y + rise}). How steep is it? Give a fraction.",
        f"A line y=mx+n contains ({x},{y}) and ({x + run},{y + rise}). Find m.",
    ), (f"The rise is {y + rise}-{y}={rise}", f"The run is {x + run}-{x}={run}", *reduction(rise, run),
        f"The slope is {fraction(rise, run)}"), fraction(rise, run))


def nth_term(d: Dice) -> Sketch:
    a, step, n = d.int(1, 9, 2), d.int(2, 6, 1), d.int(4, 8, 1)
    (x,), (who,) = d.things(1), d.names(1)
    value = a + (n - 1) * step
    return Sketch((a, step, n), (
        f"A sequence starts with {a} and grows by {step} each time. What is term number {n}?",
        f"{who} has {a} {x} on day 1 and gets {step} more each day. How many on day {n}?",
        f"Find term {n} of {a}, {a + step}, {a + 2 * step}, and so on.",
    ), (f"There are {n}-1={n - 1} steps", f"They add {n - 1}*{step}={(n - 1) * step}",
        f"So {a}+{(n - 1) * step}={value}"), str(value))


def expand(d: Dice) -> Sketch:
    a, b = d.int(1, 8, 1) * d.one((1, -1)), d.int(1, 8, 1) * d.one((1, -1))
    answer = f"x^2{signed(a + b, 'x')}{signed(a * b)}"
    return Sketch((a, b), (
        f"Expand (x{signed(a)})(x{signed(b)}).",
        f"Write (x{signed(a)})(x{signed(b)}) without brackets.",
        f"Which quadratic is the product of x{signed(a)} and x{signed(b)}?",
    ), (f"The sum is {a}{signed(b)}={a + b}", f"The product is {a}*{b}={a * b}", f"So we have {answer}"), answer)


def root_squares(d: Dice) -> Sketch:
    p, q = d.int(1, 5, 1), d.int(1, 5, 1)
    s, product = p + q, p * q
    return Sketch((min(p, q), max(p, q)), (
        f"The roots of x^2-{s}x+{product} are r and s. Find r^2+s^2.",
        f"What is the sum of the squares of the roots of x^2-{s}x+{product}=0?",
        f"Two numbers have sum {s} and product {product}. What do their squares add up to?",
    ), (f"The sum squared is {s}*{s}={s * s}", f"Twice the product is 2*{product}={2 * product}",
        f"So {s * s}-{2 * product}={s * s - 2 * product}"), str(s * s - 2 * product))


def compose(d: Dice) -> Sketch:
    a, b, c, e, k = d.int(2, 4, 1), d.int(1, 9, 1), d.int(2, 4), d.int(1, 5), d.int(1, 4, 1)
    inner = c * k + e
    return Sketch((a, b, c, e, k), (
        f"Let f(x)={a}x+{b} and g(x)={c}x+{e}. Find f(g({k})).",
        f"If g(x)={c}x+{e} and f(x)={a}x+{b}, what is f(g(x)) at x={k}?",
        f"A machine turns x into {c}x+{e}, the next one turns x into {a}x+{b}. What becomes of {k}?",
    ), (f"Inside {c}*{k}={c * k}", f"Then {c * k}+{e}={inner}", f"Outside {a}*{inner}={a * inner}",
        f"Then {a * inner}+{b}={a * inner + b}"), str(a * inner + b))


def system(d: Dice) -> Sketch:
    y, gap = d.int(1, 7, 1), d.int(1, 6, 1)
    x = y + gap
    (who, other), (thing,) = d.names(2), d.things(1)
    return Sketch((x, y), (
        f"If x+y={x + y} and x-y={gap}, what is xy?",
        f"{who} and {other} have {x + y} {thing}, {who} has {gap} more. What is the product of their numbers?",
        f"Two numbers add up to {x + y} and differ by {gap}. Find their product.",
    ), (f"Twice the larger is {x + y}+{gap}={2 * x}", f"The larger is {2 * x}/2={x}",
        f"The smaller is {x}-{gap}={y}", f"The product is {x}*{y}={x * y}"), str(x * y))


def reciprocals(d: Dice) -> Sketch:
    a, b = d.int(2, 7, 1), d.int(2, 7, 1)
    top, bottom = a + b, a * b
    (who, other) = d.names(2)
    return Sketch((min(a, b), max(a, b)), (
        f"Write \\frac{{1}}{{{a}}}+\\frac{{1}}{{{b}}} as one fraction.",
        f"{who} paints a wall in {a} hours, {other} in {b} hours. What part do they paint in one hour together?",
        f"What is the sum of the reciprocals of {a} and {b}?",
    ), (f"Above we have {a}+{b}={top}", f"Below {a}*{b}={bottom}", *reduction(top, bottom),
        f"The sum is {fraction(top, bottom)}"), fraction(top, bottom))


def dot_product(d: Dice) -> Sketch:
    a, b, c, e = (d.int(1, 6, 1) for _ in range(4))
    return Sketch((a, b, c, e), (
        f"Find the dot product of ({a},{b}) and ({c},{e}).",
        f"Vectors u=({a},{b}) and v=({c},{e}) are given. What is their scalar product?",
        f"What is u times v for u=({a},{b}) and v=({c},{e})?",
    ), (f"First {a}*{c}={a * c}", f"Second {b}*{e}={b * e}",
        f"Together {a * c}+{b * e}={a * c + b * e}"), str(a * c + b * e))


def determinant(d: Dice) -> Sketch:
    a, b, c, e = (d.int(1, 6, 1) for _ in range(4))
    value = a * e - b * c
    return Sketch((a, b, c, e), (
        f"Find the determinant of the matrix with rows ({a},{b}) and ({c},{e}).",
        f"A matrix has first row {a}, {b} and second row {c}, {e}. What is its determinant?",
        f"By which signed factor does the map with rows ({a},{b}) and ({c},{e}) change areas?",
    ), (f"One diagonal is {a}*{e}={a * e}", f"The other is {b}*{c}={b * c}",
        f"The difference is {a * e}-{b * c}={value}"), str(value))


def radians(d: Dice) -> Sketch:
    degrees, extra = 5 * d.int(2, 30, 6), 180 * d.int(0, 1)
    whole = degrees + extra
    text = fraction(whole, 180)
    answer = (text.replace("}{", "\\pi}{") if "frac" in text else term(int(text), "\\pi"))
    answer = answer.replace("{1\\pi}", "{\\pi}")
    return Sketch((whole,), (
        f"Write {whole} degrees in radians.",
        f"How many radians are {whole} degrees?",
        f"A wheel turns by {whole} degrees. What is the angle in radians?",
    ), (f"We take {whole} of 180", *reduction(whole, 180), f"The angle is {answer}"), answer)


def complex_product(d: Dice) -> Sketch:
    a, b, c, e = (d.int(1, 4, 1) for _ in range(4))
    real, imaginary = a * c - b * e, a * e + b * c
    answer = f"{real if real else ''}{signed(imaginary, 'i')}".removeprefix("+")
    return Sketch((a, b, c, e), (
        f"Multiply ({a}{signed(b, 'i')})({c}{signed(e, 'i')}), where i^2=-1.",
        f"Write ({a}{signed(b, 'i')})({c}{signed(e, 'i')}) as a+bi.",
        f"What is the product of the complex numbers {a}{signed(b, 'i')} and {c}{signed(e, 'i')}?",
    ), (f"The real part is {a}*{c}-{b}*{e}={a * c}-{b * e}={real}",
        f"The other is {a}*{e}+{b}*{c}={a * e}+{b * c}={imaginary}", f"So we have {answer}"), answer)


def logarithm(d: Dice) -> Sketch:
    base, a, b, c = d.int(2, 7, 1), d.int(3, 8, 1), d.int(2, 8, 1), d.int(2, 9, 1)
    return Sketch((base, a, b, c), (
        f"What is the logarithm to base {base} of {base}^{a}*{base}^{b}/{base}^{c}?",
        f"Find \\log_{base} of the number {base}^{a} times {base}^{b} divided by {base}^{c}.",
        f"To which power must {base} be raised to give {base}^{a}*{base}^{b}/{base}^{c}?",
    ), (f"The product adds: {a}+{b}={a + b}", f"The quotient takes away: {a + b}-{c}={a + b - c}"),
        str(a + b - c))


def midpoint(d: Dice) -> Sketch:
    a, b, c, e = (d.int(0, 9, 2) for _ in range(4))
    answer = f"({decimal(a + c)},{decimal(b + e)})"
    return Sketch((a, b, c, e), (
        f"Find the midpoint of ({a},{b}) and ({c},{e}).",
        f"A segment goes from ({a},{b}) to ({c},{e}). Where is its middle?",
        f"Which point lies halfway between ({a},{b}) and ({c},{e})?",
    ), (f"First {a}+{c}={a + c} and half of it is {decimal(a + c)}",
        f"Second {b}+{e}={b + e} and half of it is {decimal(b + e)}", f"The point is {answer}"), answer)


SUBJECTS = {
    "Algebra": (linear, two_sided, evaluate, collect, share, slope),
    "Intermediate Algebra": (nth_term, expand, root_squares, compose, system, reciprocals),
    "Precalculus": (dot_product, determinant, radians, complex_product, logarithm, midpoint),
}
