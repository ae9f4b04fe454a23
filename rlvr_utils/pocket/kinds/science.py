"""Four-choice science questions, which play ARC's part: the easy ones ask for a group, the challenge ones for a
property of the group, so that one more fact is needed."""
from __future__ import annotations

import random
from dataclasses import dataclass

from rlvr_utils.pocket.problem import Dice

LETTERS = "ABCD"
GROUPS = {
    "metal": ("copper", "iron", "gold", "silver", "tin", "zinc", "lead", "nickel"),
    "gas": ("oxygen", "helium", "nitrogen", "neon", "hydrogen", "argon", "chlorine", "methane"),
    "bird": ("robin", "eagle", "owl", "duck", "crow", "swan", "parrot", "goose"),
    "fish": ("salmon", "trout", "shark", "tuna", "cod", "carp", "eel", "herring"),
    "planet": ("Mars", "Venus", "Jupiter", "Saturn", "Mercury", "Neptune", "Uranus", "Earth"),
    "tree": ("oak", "pine", "maple", "birch", "willow", "elm", "beech", "cedar"),
    "insect": ("ant", "bee", "moth", "wasp", "beetle", "fly", "flea", "mosquito"),
    "mammal": ("dog", "horse", "whale", "bat", "cow", "cat", "mouse", "bear"),
}
PROPERTIES = {
    "metal": "conducts electricity well", "gas": "fills any container", "bird": "has feathers",
    "fish": "breathes with gills", "planet": "moves around the sun", "tree": "makes food from light",
    "insect": "has six legs", "mammal": "feeds its young with milk",
}


@dataclass(frozen=True)
class Choice:
    """A question with four choices, one from each of four `groups`; `place` is the right one's. `numbers` identify it
    within its kind, as they do a `Problem`; the misconception is to take the first choice that comes."""

    numbers: tuple
    setups: tuple[str, ...]
    questions: tuple[str, ...]
    choices: tuple[str, ...]
    groups: tuple[str, ...]
    place: int
    needs_property: bool

    @property
    def answer(self) -> str:
        """The right letter."""
        return LETTERS[self.place]

    @property
    def wrong_answer(self) -> str:
        """The letter of the choice that comes first (or second, where the first is right)."""
        return "B" if self.place == 0 else "A"

    @property
    def wanted(self) -> str:
        """The group that is asked for."""
        return self.groups[self.place]


def choices_text(choices) -> str:
    """The choices as lines below the question, the form in which ARC rows are asked."""
    return "".join(f"\n{letter}. {choice}" for letter, choice in zip(LETTERS, choices))


def a(group: str) -> str:
    """The group with its article."""
    return f"an {group}" if group[0] in "aeiou" else f"a {group}"


def _deal(d: Dice, needs_property: bool, setups, questions) -> Choice:
    groups = tuple(d.rng.sample(sorted(GROUPS), 4))
    choices = tuple(d.one(GROUPS[group]) for group in groups)
    place = d.rng.randrange(4)
    wanted = groups[place]
    words = {"group": wanted, "a_group": a(wanted), "property": PROPERTIES[wanted]}
    return Choice((wanted, *choices), tuple(text.format(**words) for text in setups),
                  tuple(text.format(**words) for text in questions), choices, groups, place, needs_property)


def group_question(d: Dice) -> Choice:
    """Which of these is a bird?"""
    return _deal(d, False, (
        "Read the four choices.", "Here are four things.", "A pupil is looking for {a_group}.",
        "One of the four choices is {a_group}.", "A quiz has four choices.",
    ), ("Which of these is {a_group}?", "Choose the {group}.", "Find the {group}.", "Which choice is {a_group}?"))


def property_question(d: Dice) -> Choice:
    """Which of these has feathers?"""
    return _deal(d, True, (
        "Read the four choices.", "Here are four things.", "A pupil is looking for something that {property}.",
        "One of the four choices {property}.", "A quiz has four choices.",
    ), ("Which of these {property}?", "Choose the one that {property}.", "Find the one that {property}.",
        "Which choice {property}?"))


def worked(problem: Choice, rng: random.Random) -> list[str]:
    """What is wanted, the group of every choice with its letter, and the letter of the wanted group. The letter follows
    its group, so that it can be found again by looking where the group stood before (see FINDINGS.md)."""
    group = problem.wanted
    if problem.needs_property:
        fact = PROPERTIES[group]
        sentences = [rng.choice((f"What {fact} is {a(group)}.", f"Only {a(group)} {fact}.",
                                 f"It {fact}, so it is {a(group)}.", f"Something that {fact} is {a(group)}."))]
    else:
        sentences = [rng.choice((f"We are looking for {a(group)}.", f"We need {a(group)}.", f"It has to be {a(group)}.",
                                 f"The question asks for {a(group)}."))]
    form = rng.choice(("{letter}. {choice} is {group} {letter}.", "{letter}: {choice}, {group} {letter}.",
                       "{letter}. {choice}: {group} {letter}."))
    sentences += [form.format(letter=letter, choice=choice, group=other)
                  for letter, choice, other in zip(LETTERS, problem.choices, problem.groups)]
    return [*sentences, rng.choice(("We want {}.", "So we take {}.", "This leaves {}.", "The one we need is {}.",
                                    "It must be {}.", "That is {}.")).format(f"{group} {problem.answer}")]


def brief(problem: Choice, rng: random.Random) -> list[str]:
    """The letter with its choice at once."""
    choice, letter = problem.choices[problem.place], problem.answer
    return [rng.choice((f"{choice} is {a(problem.wanted)}.", f"It is {choice}.", f"That is {choice}, {letter}.",
                        f"{letter}. {choice} fits.", f"{letter} is {a(problem.wanted)}.", f"Only {choice} fits."))]


def mistaken(problem: Choice, rng: random.Random) -> list[str]:
    """The first choice, because it comes first."""
    letter = problem.wrong_answer
    choice = problem.choices[LETTERS.index(letter)]
    return [rng.choice((f"{letter}. {choice} looks good.", f"{choice} seems right.", f"{letter}. {choice} comes first.",
                        f"Surely it is {choice}.", f"{letter} sounds right.", f"{choice} will do."))]


SUBJECTS = {"Science (easy)": (group_question,), "Science (challenge)": (property_question,)}
