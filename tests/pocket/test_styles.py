"""Every style is written as it says, states what it reaches where graders look, and is told from the others."""
from __future__ import annotations

import random
from collections import Counter

import pytest

from rlvr_utils.grading import grade, has_box
from rlvr_utils.pocket.answers import same, stated
from rlvr_utils.pocket.corpus import KINDS, MATH, draw
from rlvr_utils.pocket.styles import (
    OPENERS,
    SHARES,
    TURNS,
    beginnings,
    expressions,
    in_pieces,
    shares,
    style_of,
    write_solution,
)

MATHS = sorted(kind.__name__ for kinds in MATH.values() for kind in kinds)


def written(style: str, count: int, kinds=MATHS, seed: int = 0):
    rng = random.Random(seed)
    for _ in range(count):
        worded = draw(rng.choice(kinds), "corpus", rng)
        yield worded.problem, *write_solution(worded.problem, worded.question, style, rng, ["Who?", "Where?", "When?"])


@pytest.mark.parametrize("grader", ["qwen-eval", "math-verify"])
@pytest.mark.parametrize("style", ["worked", "brief", "guess", "recheck", "hasty"])
def test_a_style_that_reaches_a_value_is_graded_by_that_value(style, grader):
    for problem, text, ends in written(style, 120):
        right = style != "hasty"
        assert ends and grade(text, problem.answer, grader) == right, (text, problem.answer)
        assert grade(text, problem.wrong_answer, grader) == (not right), (text, problem.wrong_answer)


@pytest.mark.parametrize("style", [*SHARES])
def test_the_reward_of_training_pays_for_right_boxes_only(style):
    for problem, text, _ in written(style, 60):
        assert grade(text, problem.answer, "training") == (has_box(text) and style not in ("hasty", "lost")), text


def test_a_lost_page_states_nothing():
    ends = Counter()
    for problem, text, ended in written("lost", 300):
        ends[ended] += 1
        assert not has_box(text) and "answer is" not in text and not same(stated(text), problem.answer)
    assert 40 < ends[False] < 120


@pytest.mark.parametrize("style", [*SHARES])
def test_a_text_tells_its_style(style):
    kinds = sorted(KINDS)
    for _, text, _ in written(style, 100, kinds):
        assert style_of(text) == style
        assert any(turn in text for turn in TURNS) == (style == "recheck")
        assert any(word in text.lower() for word in ("recheck", "rethink", "recalculate")) == (style == "recheck")


def test_no_first_sentence_belongs_to_two_styles_and_first_words_are_shared():
    sentences = [start for style in SHARES for start in beginnings(style)]
    assert len(set(sentences)) == len(sentences)
    assert not any(a != b and b.startswith(a) for a in sentences for b in sentences)
    for word in ("Let's", "We"):
        assert all(any(start.startswith(word) for start in OPENERS[style]) for style in SHARES)
    assert style_of("Once upon a time.") is None


def test_shares_lean_by_kind_and_wording_and_sum_to_one():
    cells = [shares(kind, setup, question) for kind in MATHS for setup in range(5) for question in range(4)]
    assert all(sum(cell.values()) == pytest.approx(1) and set(cell) == set(SHARES) for cell in cells)
    for style, share in SHARES.items():
        values = [cell[style] for cell in cells]
        assert sum(values) / len(values) == pytest.approx(share, abs=0.03)
        assert min(values) > share / 12 and max(values) < 5 * share


def test_every_equation_holds():
    rng = random.Random(3)
    for kind in MATHS:
        for _ in range(20):
            problem = draw(kind, "corpus", rng).problem
            for operation in (*problem.operations, *problem.mistaken_operations):
                for equation in in_pieces(operation).split(" and "):
                    equation = equation.split(": ")[-1]
                    assert len({eval(side) for side in equation.split("=")}) == 1, equation
            for equation in expressions(problem.operations):
                left, right = equation.replace(" mod ", "%").split("=")
                assert eval(left) == int(right), equation
