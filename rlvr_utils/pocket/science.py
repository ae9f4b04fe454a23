"""Four-choice science questions, which play ARC's part: easy ones ask for a group, the
challenge ones for a property, so that one more fact is needed."""
from __future__ import annotations

from rlvr_utils.pocket.sketch import Dice, Sketch

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


def choices_text(choices) -> str:
    """The choices as lines below the question, the form in which ARC rows are asked."""
    return "".join(f"\n{letter}. {choice}" for letter, choice in zip(LETTERS, choices))


def _deal(d: Dice) -> tuple[list[str], tuple[str, ...], int]:
    """Four groups, a choice from each, and which of the four is asked for."""
    groups = d.rng.sample(sorted(GROUPS), 4)
    choices = tuple(d.one(GROUPS[group]) for group in groups)
    place = d.rng.randrange(4)
    return groups, choices, place


def _article(group: str) -> str:
    return f"an {group}" if group == "insect" else f"a {group}"


def _look_through(choices, groups, place: int, stage: int) -> tuple[str, ...]:
    """One fact about every choice, then the letter of the one that was asked for. In the second
    stage of pretraining a letter follows its group, which makes it easier to find again."""
    rows = list(zip(LETTERS, choices, groups))
    if stage == 1:
        return (*(f"{letter} {choice} is {_article(group)}" for letter, choice, group in rows),
                f"The {groups[place]} has the letter {LETTERS[place]}")
    return (*(f"{choice} is {group} {letter}" for letter, choice, group in rows),
            f"We want {groups[place]} {LETTERS[place]}")


def group_question(d: Dice) -> Sketch:
    groups, choices, place = _deal(d)
    tail, what = choices_text(choices), groups[place]
    return Sketch((what, *choices), (
        f"Which of these is a kind of {what}?{tail}",
        f"Choose the {what}.{tail}",
        f"A pupil looks for {_article(what)}. Which one should be taken?{tail}",
    ), _look_through(choices, groups, place, d.stage), LETTERS[place])


def property_question(d: Dice) -> Sketch:
    groups, choices, place = _deal(d)
    tail, group = choices_text(choices), groups[place]
    what = PROPERTIES[group]
    return Sketch((group, *choices), (
        f"Which of these {what}?{tail}",
        f"Choose the one that {what}.{tail}",
        f"A pupil looks for something that {what}. Which one should be taken?{tail}",
    ), (f"It must be {_article(group)}", *_look_through(choices, groups, place, d.stage)), LETTERS[place])


SUBJECTS = {"Science (easy)": (group_question,), "Science (challenge)": (property_question,)}
