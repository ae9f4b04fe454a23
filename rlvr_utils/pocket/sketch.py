"""What every kind of pocket problem is made of: dice to draw from, and the sketch they yield."""
from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivan", "Jade", "Kofi", "Lena",
         "Milo", "Nora", "Omar", "Pia", "Ravi", "Sara", "Tom", "Uma", "Vera", "Wen", "Yara", "Zoe")
THINGS = ("apples", "pears", "pens", "books", "cups", "cards", "stamps", "shells", "balls", "coins",
          "plums", "rings", "kites", "socks", "drums", "lamps", "masks", "nuts", "seeds", "bells")


@dataclass(frozen=True)
class Sketch:
    """One problem before it is worded: the numbers that identify it, every wording of its
    question, the solution's steps (each a sentence without its full stop) and the answer."""

    numbers: tuple
    wordings: tuple[str, ...]
    steps: tuple[str, ...]
    answer: str


class Dice:
    """Draws whose ranges grow with the level (1 to 5 in the corpus, up to 8 in the hard tests).
    `stage` is the pretraining stage that the text is for."""

    def __init__(self, rng: random.Random, level: int, stage: int = 2):
        self.rng, self.level, self.stage = rng, level, stage

    def int(self, low: int, high: int, grow: int = 0) -> int:
        """A whole number from `low` to `high + grow * (level - 1)`."""
        return self.rng.randint(low, high + grow * (self.level - 1))

    def one(self, options):
        return self.rng.choice(options)

    def names(self, count: int) -> list[str]:
        return self.rng.sample(NAMES, count)

    def things(self, count: int) -> list[str]:
        return self.rng.sample(THINGS, count)


def fraction(top: int, bottom: int) -> str:
    """`top/bottom` in lowest terms, as LaTeX, whole numbers plain."""
    value = Fraction(top, bottom)
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def reduction(top: int, bottom: int) -> tuple[str, ...]:
    """The step that brings `top/bottom` to lowest terms; none where it is there already."""
    shared = gcd(top, bottom)
    if shared == 1:
        return ()
    return (f"Both divide by {shared}: {top}/{shared}={top // shared} "
            f"and {bottom}/{shared}={bottom // shared}",)


def decimal(twice: int) -> str:
    """Half of a whole number, written as a decimal: 7 -> 3.5, 8 -> 4."""
    return str(twice // 2) if twice % 2 == 0 else f"{twice // 2}.5"


def signed(number: int, unit: str = "") -> str:
    """A term that follows another one: +3x, -x, and nothing for zero."""
    if number == 0:
        return ""
    size = "" if abs(number) == 1 and unit else str(abs(number))
    return ("+" if number > 0 else "-") + size + unit


def term(number: int, unit: str) -> str:
    """A leading term: 3x, -x."""
    return signed(number, unit).removeprefix("+")
