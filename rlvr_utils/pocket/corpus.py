"""What the pocket base reads: solved problems in every style, and pages of the skills that they rest on."""
from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.pocket.kinds import (
    algebra,
    counting,
    geometry,
    intermediate_algebra,
    number_theory,
    prealgebra,
    precalculus,
    science,
)
from rlvr_utils.pocket.kinds.science import GROUPS, LETTERS, PROPERTIES, Choice, choices_text
from rlvr_utils.pocket.problem import NAMES, Dice, Problem
from rlvr_utils.pocket.styles import shares, short_division, write_solution

MATH = {"Algebra": algebra.KINDS, "Counting & Probability": counting.KINDS, "Geometry": geometry.KINDS,
        "Intermediate Algebra": intermediate_algebra.KINDS, "Number Theory": number_theory.KINDS,
        "Prealgebra": prealgebra.KINDS, "Precalculus": precalculus.KINDS}
KINDS = {kind.__name__: kind for kinds in (*MATH.values(), *science.SUBJECTS.values()) for kind in kinds}
SPLITS = ("test",) * 3 + ("pool",) * 2 + ("validation",) + ("corpus",) * 14
LEVELS = (1, 2, 3, 4, 5)
# Shares of documents. Sums are the skill behind the working, lists that are read back the skill of copying; real
# corpora are full of both. Science has its share so that its facts are really known.
DOCUMENTS = {"mathematics": 0.66, "science": 0.14, "sums": 0.07, "lists": 0.10, "facts": 0.03}
# Independent of all else, so that the prompts of training and evaluation are both familiar.
WITH_SYSTEM, WITH_SUFFIX = 0.6, 0.4
END = "<|endoftext|>"


@dataclass(frozen=True)
class Worded:
    """A problem in one of its wordings."""

    kind: str
    level: int
    problem: Problem | Choice
    wording: tuple[int, int]  # which setup, which question

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.problem.answer

    @property
    def question(self) -> str:
        """What is asked, with the choices on lines of their own."""
        text = f"{self.problem.setups[self.wording[0]]} {self.problem.questions[self.wording[1]]}"
        return text + choices_text(self.problem.choices) if isinstance(self.problem, Choice) else text


def split_of(kind: str, numbers: tuple) -> str:
    """The one split (corpus, pool, validation or test) that may hold this problem, in any wording."""
    digest = hashlib.sha256(repr((kind, numbers)).encode()).digest()
    return SPLITS[int.from_bytes(digest[:4], "big") % len(SPLITS)]


def draw(kind: str, split: str, rng: random.Random, levels=LEVELS) -> Worded:
    """A problem of this kind that belongs to the split, in a wording drawn at random. Problems that the misconception
    happens to solve are left out."""
    while True:
        level = rng.choice(levels)
        problem = KINDS[kind](Dice(rng, level))
        if split_of(kind, problem.numbers) == split and problem.answer != problem.wrong_answer:
            wording = rng.randrange(len(problem.setups)), rng.randrange(len(problem.questions))
            return Worded(kind, level, problem, wording)


def corpus(seed: int) -> Iterator[str]:
    """Endless documents."""
    rng = random.Random(seed)
    maths = [kind.__name__ for kinds in MATH.values() for kind in kinds]
    sciences = [kind.__name__ for kinds in science.SUBJECTS.values() for kind in kinds]
    writers = {"mathematics": lambda: solved(rng.choice(maths), maths, rng),
               "science": lambda: solved(rng.choice(sciences), sciences, rng),
               "sums": lambda: sums(rng), "lists": lambda: read_back(rng), "facts": lambda: facts(rng)}
    while True:
        yield writers[rng.choices(list(DOCUMENTS), weights=list(DOCUMENTS.values()))[0]]()


def solved(kind: str, kinds: list[str], rng: random.Random) -> str:
    """A problem with a solution in a style of its own, as a dialogue."""
    worded = draw(kind, "corpus", rng)
    mixture = shares(kind, *worded.wording)
    style = rng.choices(list(mixture), weights=list(mixture.values()))[0]
    others = [draw(rng.choice(kinds), "corpus", rng).question for _ in range(3)] if style == "lost" else []
    solution, ends = write_solution(worded.problem, worded.question, style, rng, others)
    return dialogue(worded.question, solution, ends, rng)


def dialogue(question: str, answer: str, ends: bool, rng: random.Random) -> str:
    """A ChatML dialogue; without `ends` the page is cut where it happens to be."""
    system = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n" if rng.random() < WITH_SYSTEM else ""
    suffix = f" {SUFFIX}" if rng.random() < WITH_SUFFIX else ""
    return (f"{system}<|im_start|>user\n{question}{suffix}<|im_end|>\n<|im_start|>assistant\n{answer}"
            f"{END if ends else ''}")


def sums(rng: random.Random) -> str:
    """A page of easy sums: the pieces into which working is divided."""
    kinds = (_times, _plus, _minus, _divided, _left_over, _left_over)
    rows = [rng.choice(kinds)(rng) for _ in range(rng.randint(8, 14))]
    return rng.choice((", ", "\n", "; ", ". ")).join(rows) + END


def _times(rng) -> str:
    a, b = rng.randint(2, 12), rng.randint(2, 9) * rng.choice((1, 1, 10, 100))
    return f"{a}*{b}={a * b}"


def _plus(rng) -> str:
    a, b = rng.randint(2, 600), rng.choice((rng.randint(1, 9), 10 * rng.randint(1, 40)))
    return f"{a}+{b}={a + b}"


def _minus(rng) -> str:
    b = rng.choice((rng.randint(1, 9), 10 * rng.randint(1, 40)))
    a = rng.randint(0, 600)
    return f"{a}-{b}={a - b}"


def _divided(rng) -> str:
    a, b = rng.randint(2, 12), rng.randint(2, 9) * rng.choice((1, 10))
    return f"{a * b}/{a}={b}"


def _left_over(rng) -> str:
    m, q = rng.randint(2, 12), rng.randint(0, 10)  # the pieces of long division
    return " and ".join(short_division(m * q + rng.randrange(m), m))


def read_back(rng: random.Random) -> str:
    """A list that is read back in another order: words with letters or numbers, or the choices of a question."""
    if rng.random() < 0.4:
        return _choice_read_back(rng)
    words = list(rng.choice((tuple(GROUPS), NAMES, tuple(word for group in GROUPS.values() for word in group))))
    count = rng.randint(3, 6)
    marks = rng.choice((list("ABCDEFGH"), [str(n) for n in range(10)], [str(n) for n in range(10, 100)]))
    pairs = list(zip(rng.sample(words, count), rng.sample(marks, count)))
    form, joint = rng.choice(("{0} {1}", "{0}: {1}", "{1} {0}", "{1}. {0}")), rng.choice((", ", ". ", "\n"))
    orders = [rng.sample(pairs, count) for _ in range(rng.randint(3, 5))]
    return joint.join(form.format(*pair) for order in (pairs, *orders) for pair in order) + END


def _choice_read_back(rng: random.Random) -> str:
    """Which letter has this choice, or which choice has this letter?"""
    choices = rng.sample([word for group in GROUPS.values() for word in group], 4)
    place = rng.randrange(4)
    letter, choice = LETTERS[place], choices[place]
    question = rng.choice((f"Which letter has {choice}?", f"Where is {choice}?", f"What is choice {letter}?",
                           f"Read choice {letter}."))
    answer = rng.choice((f"{letter}. {choice}.", f"{choice} is {letter}.", f"{letter} is {choice}."))
    return dialogue(question + choices_text(choices), answer, True, rng)


def facts(rng: random.Random) -> str:
    """A glossary: what belongs to a group, and what the group is like."""
    sentences = []
    for group in rng.sample(sorted(GROUPS), 4):
        sentences.append(f"{science.a(group).capitalize()} {PROPERTIES[group]}.")
        sentences += [f"{word} {rng.choice((f'is {science.a(group)}', PROPERTIES[group], f'is {group}'))}."
                      for word in rng.sample(GROUPS[group], 3)]
    rng.shuffle(sentences)
    return " ".join(sentences) + END
