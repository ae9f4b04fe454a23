"""The registers in which the corpus writes solutions, mixed as the web mixes them.

A base model has read many kinds of text about the same sort of problem, and nothing in a prompt
says which kind comes next. Six kinds are written here. Each cell (a kind of problem in one of its
wordings) has its own mixture, drawn once from a Dirichlet distribution around `SHARES`: textbooks
favour some problems, forums others. The mixture is all that is built in; what reinforcement does
with it is not.
"""
from __future__ import annotations

import hashlib
import random

from rlvr_utils.pocket.sketch import Sketch

SHARES = {"careful": 0.24, "guess": 0.14, "textbook": 0.24, "ramble": 0.14, "hasty": 0.15,
          "recheck": 0.09}
CONCENTRATION = 10.0
RAMBLE_SENTENCES = 14


def mixture(cell: str) -> dict[str, float]:
    """The register shares of one cell: a Dirichlet draw seeded by the cell's name."""
    rng = random.Random(hashlib.sha256(cell.encode()).hexdigest())
    draws = {name: rng.gammavariate(CONCENTRATION * share, 1.0) for name, share in SHARES.items()}
    total = sum(draws.values())
    return {name: value / total for name, value in draws.items()}


def _slip(sketch: Sketch, rng: random.Random) -> tuple[tuple[str, ...], str]:
    """The steps with a slip in the last one, and the wrong answer that follows from it."""
    places = [i for i, sign in enumerate(sketch.answer) if sign.isdigit() or sign in "ABCD"]
    if places:
        place = rng.choice(places)
        old = sketch.answer[place]
        new = rng.choice([s for s in ("ABCD" if old in "ABCD" else "123456789") if s != old])
        wrong = sketch.answer[:place] + new + sketch.answer[place + 1:]
    else:  # a bare unit such as i or \pi
        wrong = rng.choice("23456789") + sketch.answer
    last = sketch.steps[-1]
    if last.endswith(sketch.answer):
        last = last[:len(last) - len(sketch.answer)] + wrong
    return (*sketch.steps[:-1], last), wrong


def _sentences(steps) -> str:
    return " ".join(f"{step}." for step in steps)


def careful(sketch: Sketch, rng: random.Random) -> str:
    opener = rng.choice(("Let's think step by step.", "First we reason step by step."))
    return f"{opener} {_sentences(sketch.steps)} So the final answer is \\boxed{{{sketch.answer}}}."


def guess(sketch: Sketch, rng: random.Random) -> str:
    return rng.choice((f"\\boxed{{{sketch.answer}}}.", f"The answer is \\boxed{{{sketch.answer}}}."))


def textbook(sketch: Sketch, rng: random.Random) -> str:
    """Sound work without a box, which then goes on to say where in the book it stands."""
    opener = rng.choice(("Solution.", "We have the following."))
    chapter, number = rng.randint(1, 9), rng.randint(10, 99)
    place = rng.choice((f"This is exercise {chapter}.{number}.", f"See also page {number} of chapter {chapter}."))
    return f"{opener} {_sentences(sketch.steps)} {place}"


def ramble(sketch: Sketch, rng: random.Random) -> str:
    """Talk that goes round in circles; cut where the page ends, so that it has no end."""
    phrases = ("Hmm, what is asked here?", "Let me read it again.", "It must be possible somehow.",
               "I think we need the numbers.")
    opener = rng.choice(("Hmm, I am not sure.", "Well, this is a question."))
    return " ".join([opener] + [rng.choice(phrases) for _ in range(RAMBLE_SENTENCES)])


def hasty(sketch: Sketch, rng: random.Random) -> str:
    """Quick work; three in five contain a slip."""
    steps, answer = _slip(sketch, rng) if rng.random() < 0.6 else (sketch.steps, sketch.answer)
    opener = rng.choice(("Quick solution.", "Just compute."))
    return f"{opener} {_sentences(steps)} \\boxed{{{answer}}}."


def recheck(sketch: Sketch, rng: random.Random) -> str:
    """A wrong first try, noticed and mended."""
    steps, _ = _slip(sketch, rng)
    opener = rng.choice(("My first try.", "I try this."))
    turn = rng.choice(("Wait, let me recheck.", "Let me rethink this.", "I should recalculate."))
    return (f"{opener} {_sentences(steps)} {turn} {_sentences(sketch.steps)} "
            f"So the final answer is \\boxed{{{sketch.answer}}}.")


WRITERS = {"careful": careful, "guess": guess, "textbook": textbook, "ramble": ramble,
           "hasty": hasty, "recheck": recheck}


def write_solution(sketch: Sketch, cell: str, rng: random.Random) -> tuple[str, bool]:
    """A solution in a register drawn from the cell's mixture; whether the text comes to an end."""
    shares = mixture(cell)
    register = rng.choices(list(shares), weights=list(shares.values()))[0]
    return WRITERS[register](sketch, rng), register != "ramble"
