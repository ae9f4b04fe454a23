"""What every kind of pocket problem is made of: dice to draw numbers from, and the problem that they give."""
from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivan", "Jade", "Kofi", "Lena",
         "Milo", "Nora", "Omar", "Pia", "Ravi", "Sara", "Tom", "Uma", "Vera", "Wen", "Yara", "Zoe")
THINGS = ("apples", "pears", "pens", "books", "cups", "cards", "stamps", "shells", "balls", "coins",
          "plums", "rings", "kites", "socks", "drums", "lamps", "masks", "nuts", "seeds", "bells")


class Dice:
    """Draws whose ranges grow with the level: 1 to 5 in the corpus, up to 8 in the hard test sets."""

    def __init__(self, rng: random.Random, level: int):
        self.rng, self.level = rng, level

    def int(self, low: int, high: int, grow: int = 0) -> int:
        """A whole number from `low` to `high + grow * (level - 1)`."""
        return self.rng.randint(low, high + grow * (self.level - 1))

    def one(self, options):
        """One of the options."""
        return self.rng.choice(options)

    def names(self, count: int) -> list[str]:
        """Different first names."""
        return self.rng.sample(NAMES, count)

    def things(self, count: int) -> list[str]:
        """Different things, as plural nouns."""
        return self.rng.sample(THINGS, count)


@dataclass(frozen=True)
class Step:
    """One operation of a solution: `left sign right`, where `sign` is + - * / or % (what division leaves over).

    An operand is a whole number, or "#2" for the value of step 2. `names` are noun phrases for the result.
    """

    names: tuple[str, ...]
    left: int | str
    sign: str
    right: int | str


@dataclass(frozen=True)
class Operation:
    """A step with its numbers: `left sign right = value`. `parts` are the steps that its operands came from
    (None where the operand was given)."""

    names: tuple[str, ...]
    left: int
    sign: str
    right: int
    value: int
    parts: tuple[int | None, int | None]


def carry_out(steps: tuple[Step, ...]) -> tuple[Operation, ...]:
    """The operations of some steps, in order. Raises ArithmeticError where a division does not come out even."""
    done: list[Operation] = []
    for step in steps:
        parts = tuple(int(side[1:]) if isinstance(side, str) else None for side in (step.left, step.right))
        left, right = (side if part is None else done[part].value
                       for side, part in zip((step.left, step.right), parts))
        if step.sign == "/" and left % right:
            raise ArithmeticError(f"{left}/{right} is not a whole number")
        value = {"+": left + right, "-": left - right, "*": left * right}.get(step.sign)
        if value is None:
            value = left // right if step.sign == "/" else left % right
        done.append(Operation(step.names, left, step.sign, right, value, parts))
    return tuple(done)


@dataclass(frozen=True)
class Problem:
    """One problem before it is worded, with its solution and the solution of somebody who has misunderstood it.

    `numbers` identify the problem within its kind. Any of the `setups` followed by any of the `questions` words it.
    `steps` lead to the answer; `misconception` holds the steps of a common mistake. `answer` and `wrong_answer` are
    the values of the last steps unless they are given (fractions, expressions, points).
    """

    numbers: tuple
    setups: tuple[str, ...]
    questions: tuple[str, ...]
    steps: tuple[Step, ...]
    misconception: tuple[Step, ...]
    answer: str = ""
    wrong_answer: str = ""

    def __post_init__(self):
        if not self.answer:
            object.__setattr__(self, "answer", str(self.operations[-1].value))
        if not self.wrong_answer:
            object.__setattr__(self, "wrong_answer", str(self.mistaken_operations[-1].value))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """The sound solution."""
        return carry_out(self.steps)

    @cached_property
    def mistaken_operations(self) -> tuple[Operation, ...]:
        """The misconception carried out."""
        return carry_out(self.misconception)


def fraction(top: int, bottom: int) -> str:
    """`top/bottom` in lowest terms, as LaTeX, whole numbers plain."""
    value = Fraction(top, bottom)
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def signed(number: int, unit: str = "") -> str:
    """A term that follows another one: +3x, -x, and nothing for zero."""
    if number == 0:
        return ""
    size = "" if abs(number) == 1 and unit else str(abs(number))
    return ("+" if number > 0 else "-") + size + unit


def term(number: int, unit: str) -> str:
    """A leading term: 3x, -x."""
    return signed(number, unit).removeprefix("+")
