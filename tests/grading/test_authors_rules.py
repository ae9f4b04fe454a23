r"""The graders decide as the authors' own code does: cases of every kind on which an audit found another verdict.

All expectations are verdicts of the authors' evaluation and of their training reward.
"""

from __future__ import annotations

import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.grading import grade
from rlvr_utils.grading.qwen_eval import BENCHMARKS, extract


def boxed(answer: str) -> str:
    return f"Hence $\\boxed{{{answer}}}$."


# The evaluation


@pytest.mark.parametrize(
    ("response", "gold", "right"),
    [
        (boxed(r"\text{C. Friction}"), "C", True), (boxed(r"\text{Friction}"), "C", False),
        (boxed(r"\text{Density}"), "D", False), ("The correct answer is **D**.", "D", True),
        ("It cannot be A. The answer is (E) Erosion.", "E", True), ("The choice is B, not C.", "B", True),
        ("The choice is B, not C.", "C", False), ("Option B, or rather C", "C", True), ("nothing fits", "A", False),
        ("The answer is A.\n\nThe answer is surely D.", "A", True),
        ("The answer is A.\n\nThe answer is surely D.", "D", False),
        (boxed("b"), "B", True), (boxed("A, C"), "AC", True), (boxed(r"\text{A and B}"), "AC", False),
    ],
)
def test_a_letter_is_chosen_by_the_whole_response(response, gold, right):
    assert grade(response, gold) is right


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("9.42477796", r"3\pi", False), (r"\frac{6\pi}{2}", r"3\pi", True), (r"3\pi+0", r"3\pi", True),
        ("3pi", r"3\pi", False), ("sqrt{7}", r"\sqrt{7}", False), ("frac{3}{8}", r"\frac{3}{8}", False),
        (r"\sqrt{28}", r"2\sqrt{7}", True), ("5.29150262", r"2\sqrt{7}", True), (r"\sqrt(9)", "3", False),
    ],
)
def test_only_latex_numbers_are_numbers(answer, gold, right):
    assert grade(boxed(answer), gold) is right


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("4.2×10^{1}", "42", False), (r"4.2 \times 10^{1}", "42", True), ("y≤7", r"y \le 7", False),
        (r"\mathit{42}", "42", False), ("2·21", "42", False), (r"42\ ", "42", False), ("−42", "-42", False),
        (r"042\,", "42", True), ("(42; 7)", "(42, 7)", False),
        (r"\frac{du}{dx} \neq 2u", r"\frac{du}{dx} = 2u", False), (r"\{8, 5\}", r"\{5, 8\}", True),
        (r"\frac{du}{dx} = u+u", r"\frac{du}{dx} = 2u", True), (r"4.2 \times 10^{01}", "42", True),
        (r"\begin{pmatrix}1&2\\3&8\end{pmatrix}", r"\begin{pmatrix}1&2\\3&2^3\end{pmatrix}", True),
    ],
)
def test_what_the_symbolic_readers_take(answer, gold, right):
    assert grade(boxed(answer), gold) is right


@pytest.mark.parametrize(
    ("answer", "gold", "benchmark", "right"),
    [
        ("17.5 cm", "17.5", "minerva_math", False), ("17.5 cm", "17.5", "math500", True),
        ("17.5 cm", "17.5", None, True),
        ("8.75m", r"\frac{35}{4} m", "minerva_math", True), ("8.75", r"\frac{35}{4} m", "minerva_math", False),
        (r"17.5 \text{ cm}", "17.5", "minerva_math", True), (r"a \leq b^2", r"a \le b^2", "minerva_math", True),
        (r"\frac{1}{(s+a)^2}", r"\frac{1}{(a+s)^2}", "minerva_math", True),
        ("0.5", r"\frac{3 m}{2}-1", "math500", True), ("0.5", r"\frac{3 m}{2}-1", "minerva_math", False),
        (r"[-4,1]", r"t \in [-4,1]", "math500", False), ("[-4,1]", r"x \in [-4,1]", "math500", False),
        ("[-4,1]", r"x \in [-4,1]", "olympiadbench", True), ("6", "6 (jars)", "asdiv", True),
        ("6", "6 (jars)", None, False), ("27", "27.0", "amc23", True), ("19", "19.0", "mawps", True),
        ("033", "33", "aime24", True), ("33", "033", "aime25", True),
    ],
)
def test_a_benchmark_has_its_own_rules(answer, gold, benchmark, right):
    assert grade(boxed(answer), gold, benchmark=benchmark) is right


def test_a_verdict_is_remembered_for_its_benchmark_only():
    item = boxed("63.5 kg"), "63.5"
    verdicts = {name: grade(*item, benchmark=name) for name in (None, *BENCHMARKS, None)}
    assert verdicts == {name: name != "minerva_math" for name in (None, *BENCHMARKS)}


@pytest.mark.parametrize("grader", ["qwen-eval", "math-verify", "training"])
def test_an_unknown_benchmark_is_refused_with_the_known_names(grader):
    with pytest.raises(UserError) as error:
        grade("1", "1", grader, benchmark="MATH500")
    assert all(name in str(error.value) for name in ("MATH500", *BENCHMARKS))


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("所以答案是 8.5\n\n完毕", "8.5"), ("答案是：３。", "：３。"), ("一共 ６４ 个", "６４"),
        ("2, then 答案是 5, \\boxed{7}", "7"), ("1ки2", "12"), ("答案是 4，答案是 9", "4，"),
    ],
)
def test_chinese_answers_are_found(response, answer):
    assert extract(response).strip() == answer


def test_full_width_digits_are_digits():
    assert grade("一共 ６４ 个", "64") and not grade("一共 ６４ 个", "65")


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("twenty five two", "27", False), ("five hundred", "500", True), ("thirty-one", "31", True),
        ("thousand twenty", "1020", False), (r"\text{point}", "0", True),
    ],
)
def test_spelled_numbers(answer, gold, right):
    assert grade(boxed(answer), gold) is right


# The training reward


@pytest.mark.parametrize(
    ("answer", "label", "right"),
    [
        (r"\log 5", r"\ln 5", False), (r"k \geq 4", r"k \neq 4", False), (r"2\mp\sqrt{7}", r"2\pm\sqrt{7}", False),
        (r"\tan y", r"\cot y", False), (r"\ln 5", r"\ln 5", True), (r"\sin y", r"\cos y", False),
        (r"\displaystyle 31", "31", True), (r"\big(6, -2\big)", "(6,-2)", True),
        (r"\textrm{even}", r"\text{even}", True),
        (r"\textcolor{red}{17}", "17", True), (r"\underline{17}", "17", True), (r"\emph{none}", "none", True),
        (r"\(9\sqrt{2}\)", r"9\sqrt{2}", True), (r"9\sqrt{2}", r"\[9\sqrt{2}\]", True), ("y ≥ 2", r"y \ge 2", True),
        (r"\begin{bmatrix}1\\5\end{bmatrix}", r"\begin{pmatrix}1\\5\end{pmatrix}", True),
        (r"\begin{bmatrix}1\\5\end{bmatrix}", r"\begin{pmatrix}5\\1\end{pmatrix}", False),
        (r"2sqrt{5}", r"2\sqrt{5}", False), ("0.２5", "0.25", False), (r"a_1 + 2b", r"2b + a_1", True),
        (r"a_1 + 2b", r"a_2 + 2b", False), (r"\sqrt[3]{5}", r"\sqrt{5}", True),
        ("5", r"\boxed{5}", True), (r"\text{ a}\text{ b}", r"\text{ a}", False), ("", r"\boxed{5", False),
        (r"\sqrt{1} / 2004!", "1 / 2004!", True), ("n!", r"n \cdot (n-1)!", True), ("x!+1", "1+x!", True),
        ("a!b!", "b!a!", True), ("ab!", "(ab)!", True), ("ab!", "b!a", False), ("n!", "n", False),
        ("x_1!", "x_1!+0", True),
    ],
)
def test_the_training_reward_reads_latex_as_the_authors_do(answer, label, right):
    assert grade(boxed(answer), label, "training") is right


# Differences that are kept


def test_kept_text_that_might_run_as_code_is_not_read():
    """The authors give any text to Python's parser, with all names of sympy, where `re(5.5)` is 5.5; here only
    numbers, letters and a few functions are read, since an answer is a stranger's text."""
    assert not grade(boxed("re(5.5)"), "5.5", "training")


def test_kept_a_blank_gold_and_an_endless_answer_are_wrong():
    """The authors count an empty label right for an empty box (DSR-sub's row 265) and read answers of any length."""
    assert not grade(r"\boxed{}", "", "training")
    assert not grade(boxed("0" * 5000 + "7"), "7")


def test_kept_a_parser_of_another_version_reads_leading_zeros_in_lists():
    """The authors' version of latex2sympy reads a broken list up to the stray bracket; no later one does."""
    assert not grade(boxed("(2,09),(4,1)"), "(2,9),(4,1)")
