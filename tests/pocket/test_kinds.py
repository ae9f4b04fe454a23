"""Every kind of problem is worded in many ways, and every answer is right by another way than the solution's steps."""
from __future__ import annotations

import random
from fractions import Fraction

import answers_algebra
import answers_counting
import answers_geometry
import answers_intermediate_algebra
import answers_number_theory
import answers_prealgebra
import answers_precalculus
import pytest

from rlvr_utils.pocket.corpus import KINDS, MATH
from rlvr_utils.pocket.kinds.science import GROUPS, PROPERTIES, SUBJECTS
from rlvr_utils.pocket.problem import Dice, Problem, Step

MODULES = (answers_algebra, answers_counting, answers_geometry, answers_intermediate_algebra, answers_number_theory,
           answers_prealgebra, answers_precalculus)
ANSWERS = {kind: answer for module in MODULES for kind, answer in module.ANSWERS.items()}
MATHS = sorted(kind.__name__ for kinds in MATH.values() for kind in kinds)


def drawn(kind: str, count: int):
    for seed in range(count):
        yield KINDS[kind](Dice(random.Random(seed), 1 + seed % 8))


def test_there_are_kinds_enough():
    assert len(MATH) == 7 and len(MATHS) >= 39 and set(MATHS) == set(ANSWERS)


@pytest.mark.parametrize("kind", MATHS)
def test_the_answers_of_a_kind_are_right(kind):
    wrong_is_right = 0
    for problem in drawn(kind, 80):
        assert ANSWERS[kind](*problem.numbers) == problem.answer, problem
        wrong_is_right += problem.wrong_answer == problem.answer
    assert wrong_is_right < 8


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_has_twenty_wordings(kind):
    for problem in drawn(kind, 20):
        assert len(set(problem.setups)) * len(set(problem.questions)) >= 20
        assert all(text.isascii() and text[-1] in ".?" for text in problem.setups + problem.questions)


@pytest.mark.parametrize("kind", MATHS)
def test_the_steps_of_a_kind_are_true_and_have_names(kind):
    for problem in drawn(kind, 40):
        for operation in (*problem.operations, *problem.mistaken_operations):
            exact = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": Fraction,
                     "%": lambda a, b: a - a // b * b}[operation.sign](operation.left, operation.right)
            assert exact == operation.value
        assert all(len(step.names) >= 2 for step in problem.steps)


def test_a_division_that_does_not_come_out_even_is_refused():
    with pytest.raises(ArithmeticError, match="7/2"):
        Problem((7,), ("",), ("",), (Step(("half",), 7, "/", 2),), ())


@pytest.mark.parametrize("kind", [kind.__name__ for kinds in SUBJECTS.values() for kind in kinds])
def test_one_choice_is_of_the_wanted_group(kind):
    facts = {**{group: group for group in GROUPS}, **{what: group for group, what in PROPERTIES.items()}}
    for problem in drawn(kind, 40):
        asked = next(group for what, group in facts.items() if f" {what}" in problem.questions[0])
        assert [choice in GROUPS[asked] for choice in problem.choices].index(True) == "ABCD".index(problem.answer)
        assert sum(choice in GROUPS[asked] for choice in problem.choices) == 1
