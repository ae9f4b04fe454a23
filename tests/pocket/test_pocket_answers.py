"""Every answer of the pocket world is right, by a reading of the question that shares no code with
the generator, by the arithmetic of every step, and by all three graders."""
from __future__ import annotations

import math
import random
import re
from collections import Counter
from fractions import Fraction

import pytest

from rlvr_utils import grading
from rlvr_utils.data.problems import load_benchmark, load_training
from rlvr_utils.pocket import registers, science, world
from rlvr_utils.pocket.sketch import Dice

KINDS = {kind.__name__: kind for subjects in (world.MATH, science.SUBJECTS)
         for kinds in subjects.values() for kind in kinds}


def value(text: str, **letters):
    r"""The value of an answer or expression: LaTeX fractions and roots, x, i, \pi, implicit products."""
    text = re.sub(r"\\frac\{(.*?)\}\{(.*?)\}", r"((\1)/(\2))", text)
    text = re.sub(r"\\sqrt\{(.*?)\}", r"((\1)**0.5)", text).replace("\\pi", "p").replace("^", "**")
    text = re.sub(r"(?<=[\dxip)])(?=[xip(])", "*", text)
    assert re.fullmatch(r"[\d.+\-*/(),xip]+", text), text
    if not re.search(r"[ip]|0\.5\)", text):  # exact where it can be
        text = re.sub(r"\d+(?:\.\d+)?", r"F('\g<0>')", text)
    return eval(text, {"__builtins__": {}, "F": Fraction, "p": math.pi, "i": 1j, **letters})


def numbers(text: str) -> list[Fraction]:
    return [Fraction(found) for found in re.findall(r"\d+(?:\.\d+)?", text)]


def solves(question: str, answer: str) -> bool:
    left, right = re.fullmatch(r"Solve (.*)=(.*?)(?: for x)?\.", question).groups()
    return value(left, x=value(answer)) == value(right, x=value(answer))


def same_function(question: str, answer: str) -> bool:
    formula = re.fullmatch(r"(?:Simplify|Expand) (.*)\.", question)[1]
    return all(value(formula, x=Fraction(x)) == value(answer, x=Fraction(x)) for x in (-3, 0, 1, 7))


def of_functions(question: str, answer: str) -> bool:
    functions = dict(re.findall(r"([fg])\(x\)=([^ ]*?)[. ]", question))
    inner = Fraction(re.search(r"\((\d+)\)+\.$", question)[1])
    if "g" in functions:
        inner = value(functions["g"], x=inner)
    return value(functions["f"], x=inner) == value(answer)


def of_roots(question: str, answer: str) -> bool:
    quadratic = re.search(r"roots of (.*) are", question)[1]
    roots = [x for x in range(1, 40) if value(quadratic, x=Fraction(x)) == 0]
    return sum(x * x for x in (roots if len(roots) == 2 else roots * 2)) == value(answer)


def of_science(question: str, answer: str) -> bool:
    asked, *choices = question.removesuffix(".").split("\n")
    facts = {f"is a kind of {group}": group for group in science.GROUPS}
    facts |= {what: group for group, what in science.PROPERTIES.items()}
    group = facts[asked.removeprefix("Which of these ").removesuffix("?")]
    return [line[0] for line in choices if line[3:] in science.GROUPS[group]] == [answer]


def of_base(question: str, answer: str) -> bool:
    written, base, more = re.search(r"number (\d+) is written in base (\d+)\. Add (\d+)", question).groups()
    return int(written, int(base)) + int(more) == int(answer)


def count_divisors(p, a, q, b) -> int:
    n = int(p**a * q**b)
    return math.prod(exponent(n, prime) + 1 for prime in (2, 3, 5, 7, 11, 13))


def exponent(n: int, prime: int) -> int:
    return 0 if n % prime else 1 + exponent(n // prime, prime)


def of_logarithm(question: str, answer: str) -> bool:
    base, first, a, second, b, third, c = numbers(question)
    return first**a * second**b / third**c == base**value(answer)


def of_numbers(rule):
    """A check by the numbers of the question in the order in which they stand there."""
    return lambda question, answer: math.isclose(rule(*numbers(question)), value(answer), rel_tol=1e-12)


def of_points(rule):
    return lambda question, answer: rule(*numbers(question)) == value(answer)


CHECKS = {
    "shopping": of_numbers(lambda a, b, c, e: a * b + c * e),
    "change": of_numbers(lambda paid, a, b: paid - a * b),
    "part_left": of_numbers(lambda whole, top, bottom: whole - whole * top / bottom),
    "average": of_numbers(lambda a, b, more: ((a + more) + (b + more)) / 2),
    "half_dollars": of_numbers(lambda count, price, paid: paid - count * price),
    "discount": of_numbers(lambda price, percent: price * (1 - percent / 100)),
    "remainder": of_numbers(lambda a, b, m: a * b % m), "least_multiple": of_numbers(
        lambda a, b: next(n for n in range(int(a), 10_000) if n % a == n % b == 0)),
    "digit_sum": of_numbers(lambda a, b: sum(map(int, str(a * b)))), "divisors": of_numbers(count_divisors),
    "other_base": of_base, "outfits": of_numbers(lambda a, b, c: a * b * c),
    "pairs": of_numbers(lambda n, more: math.comb(int(n), 2) + more),
    "draw_one": of_numbers(lambda a, b, c: a / (a + b + c)),
    "multiple_chance": of_numbers(lambda one, n, k: sum(i % k == 0 for i in range(1, int(n) + 1)) / n),
    "rectangle": of_numbers(lambda a, around: a * (around - 2 * a) / 2),
    "triangle_area": of_numbers(lambda base, height, more: base * height / 2 + more),
    "missing_angle": of_numbers(lambda a, b: 180 - a - b),
    "box_volume": of_numbers(lambda a, b, c, used: a * b * c - used), "hypotenuse": of_numbers(math.hypot),
    "ring": of_numbers(lambda small, large: math.pi * large**2 - math.pi * small**2),
    "linear": solves, "two_sided": solves, "evaluate": of_functions, "collect": same_function,
    "share": of_numbers(lambda total, a, b: total / (a + b) * a),
    "slope": of_numbers(lambda x, y, x2, y2: (y2 - y) / (x2 - x)),
    "nth_term": of_numbers(lambda a, step, n: list(range(int(a), 1000, int(step)))[int(n) - 1]),
    "expand": same_function, "root_squares": of_roots, "compose": of_functions,
    "system": of_numbers(lambda s, d: (s * s - d * d) / 4),
    "reciprocals": of_numbers(lambda _, a, __, b: 1 / a + 1 / b),
    "dot_product": of_numbers(lambda a, b, c, e: a * c + b * e),
    "determinant": of_numbers(lambda a, b, c, e: a * e - b * c),
    "radians": of_numbers(lambda degrees: math.radians(degrees)),
    "complex_product": lambda question, answer: value(
        re.search(r"Multiply (.*), where", question)[1]) == value(answer),
    "logarithm": of_logarithm,
    "midpoint": of_points(lambda a, b, c, e: ((a + c) / 2, (b + e) / 2)),
    "group_question": of_science, "property_question": of_science,
}


def test_every_kind_has_a_check():
    assert set(CHECKS) == set(KINDS)


def makes_sense(kind: str, sketch) -> bool:
    """The answer is right, and nothing that is counted or measured is left at zero or below."""
    sizes = ("box_volume", "missing_angle", "change", "half_dollars", "part_left")
    return CHECKS[kind](sketch.wordings[0], sketch.answer) and (kind not in sizes or value(sketch.answer) > 0)


def test_every_answer_in_the_files_is_right(pocket_files):
    by_split, sets, _ = pocket_files
    sketches = [pair for rows in by_split.values() for pair in rows]
    assert [sketch for kind, sketch in sketches if not makes_sense(kind, sketch)] == []
    answers = {wording: sketch.answer for _, sketch in sketches for wording in sketch.wordings}
    files = [load_benchmark(world.DATA / f"{name}.jsonl") for name in sets]
    for problem in (*load_training(world.DATA / "pool.parquet"), *(p for file in files for p in file)):
        assert answers[problem.question] == problem.answer


@pytest.mark.slow
def test_hardly_any_problem_of_the_corpus_is_ill_posed(pocket_corpus):
    """Digits above nine in a large base and over-full boxes can be pocket_files, but very rarely are."""
    senseless = Counter(kind for kind, sketch in pocket_corpus[1] if not makes_sense(kind, sketch))
    assert set(senseless) <= {"other_base", "box_volume"}
    assert senseless.total() < 0.0005 * len(pocket_corpus[0])


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"other_base", "box_volume", "missing_angle"}))
def test_the_problems_of_a_kind_make_sense_at_every_level(kind):
    rng = random.Random(kind)
    for level in range(1, 9):
        for _ in range(40):
            sketch = KINDS[kind](Dice(rng, level))
            assert makes_sense(kind, sketch), sketch


def test_the_arithmetic_of_every_step_is_right():
    rng = random.Random(1)
    checked = Counter()
    pieces = re.compile(r"[-\d.+*/()]*\d\)?(?:=[-\d.+*/()]*\d)+")
    for _ in range(50):
        for name, kind in KINDS.items():
            for step in kind(Dice(rng, rng.randint(1, 8), rng.choice((1, 2)))).steps:
                chains = pieces.findall(step)
                assert sum(chain.count("=") for chain in chains) == step.count("="), step
                for chain in chains:
                    assert len({value(part) for part in chain.split("=")}) == 1, step
                    checked[name] += 1
    assert checked.total() > 3000 and set(checked) == set(KINDS) - {"group_question", "property_question"}


def test_the_last_step_ends_with_the_answer():
    rng = random.Random(2)
    for _ in range(50):
        for kind in KINDS.values():
            sketch = kind(Dice(rng, rng.randint(1, 8), rng.choice((1, 2))))
            last = sketch.steps[-1]
            assert last.endswith(sketch.answer) and last[-len(sketch.answer) - 1] in " =", sketch


def test_answers_are_of_every_form(pocket_files):
    answers = [sketch.answer for kind, sketch in pocket_files[0]["test"]]
    for form in (r"\d+", r"-\d+", r"\d+\.5", r"\\frac\{\d+\}\{\d+\}", r"\d*\\sqrt\{\d+\}", r"\d*\\pi",
                 r".*x.*", r".*i", r"\(.*,.*\)", "[A-D]"):
        assert any(re.fullmatch(form, answer) for answer in answers), form


@pytest.mark.parametrize("grader", ["qwen-eval", "training", "math-verify"])
def test_careful_work_is_graded_right(grader):
    rng = random.Random(3)
    for name, kind in KINDS.items():
        for level in (1, 5, 8):
            sketch = kind(Dice(rng, level))
            for writer in (registers.careful, registers.guess, registers.recheck):
                response = writer(sketch, rng)
                assert grading.grade(response, sketch.answer, grader), (name, response, sketch.answer)


def test_a_slip_is_graded_wrong_and_a_textbook_has_no_box():
    rng = random.Random(4)
    for name, kind in KINDS.items():
        sketch = kind(Dice(rng, 3))
        _, wrong = registers._slip(sketch, rng)
        assert not grading.grade(f"\\boxed{{{wrong}}}", sketch.answer, "training"), (name, wrong)
        for writer in (registers.textbook, registers.ramble):
            assert not grading.has_box(writer(sketch, rng))
