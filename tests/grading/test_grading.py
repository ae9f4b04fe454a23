"""The three graders, the box measures and the killable worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlvr_utils.errors import UserError
from rlvr_utils.grading import (
    Verdict,
    boxed_answer,
    format_reward,
    grade,
    grade_batch,
    has_box,
)
from rlvr_utils.grading import qwen_eval as qwen
from rlvr_utils.grading import (
    sandbox as worker,
)
from rlvr_utils.grading import (
    verdicts as batch,
)
from rlvr_utils.grading.qwen_eval import normalise, symbolic_equal
from rlvr_utils.grading.symbolic import latex_expression, python_expression
from rlvr_utils.recipe.config import load_profile
from rlvr_utils.records.provenance import provenance

ROOT = Path(__file__).resolve().parents[2]
GRADERS = ("qwen-eval", "math-verify", "training")


def boxed(answer: str) -> str:
    return f"So the answer is $\\boxed{{{answer}}}$."


# Boxes


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{1} then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{}", ""),
        (r"\boxed{1} then \boxed{2", None),
        (r"\boxed {1}", None),
        (r"\boxed 1", None),
        (r"\fbox{1}", None),
        ("1", None),
    ],
)
def test_boxed_answer(text, content):
    assert boxed_answer(text) == content


def test_box_measures():
    assert has_box(r"\boxed{") and not has_box("boxed{1}")
    responses = [r"\boxed{wrong}", r"\boxed{ }", r"\boxed{}", r"\boxed{1", "1"]
    assert [format_reward(r) for r in responses] == [1.0, 0.0, 0.0, 0.0, 0.0]


# Training reward: the probes of pi_1 (12.8) and pi_13 (4/3)

PI_1_RIGHT = [
    "12.8", "12.80", "64/5", r"\frac{64}{5}", "V = 12.8", "$12.8$", r"\text{12.8}",
    r"12.8 \text{ miles per hour}", r"12.8\text{ mph}",
]
PI_1_WRONG = [
    "12.7", "12.70", "12.8 mph", r"12.8 \text{mph}", "12.8 miles per hour", r"V \approx 12.8",
    r"8\sqrt[3]{4}", "12.800001", "12.8.",
]


@pytest.mark.parametrize("answer", PI_1_RIGHT)
def test_training_pi_1_right(answer):
    assert grade(boxed(answer), "12.8", "training")


@pytest.mark.parametrize("answer", PI_1_WRONG)
def test_training_pi_1_wrong(answer):
    assert not grade(boxed(answer), "12.8", "training")


def test_training_needs_a_box():
    assert not grade("The answer is 12.8", "12.8", "training")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (r"\frac{4}{3}", True), ("4/3", True), (r"\frac43", True), (r"\dfrac{4}{3}", True),
        (r"1\frac13", True), (r"1\frac{1}{3}", True), ("8/6", False), ("1.333", False),
    ],
)
def test_training_pi_13(answer, right):
    assert grade(boxed(answer), r"\frac{4}{3}", "training") is right


@pytest.mark.parametrize(
    ("answer", "gold", "right"),
    [
        ("(2,1)", "(2, 1)", True), ("[2,1)", "(2,1)", False), ("(1,2)", "(2,1)", False),
        ("12,000", "12000", True), ("3+4", "7", False), (r"2\sqrt{3}", r"\sqrt{12}", True),
        ("(x+1)^2", "x^2+2x+1", True), ("x+y+z", "z+y+x", False), ("NAVIN", r"\text{Navin}", True),
    ],
)
def test_training_rules(answer, gold, right):
    assert grade(boxed(answer), gold, "training") is right


# Evaluation grader: extraction


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"The final answer is $5$. I hope it is correct. \boxed{6}", "5"),
        (r"\boxed{1} the answer is 2", "1"),
        (r"\boxed{1} and \boxed{2", "2"),
        (r"\boxed 7$ done", "7"),
        ("The answer is 3. Or rather, the answer is 4.", "4"),
        ("My final answer is: 8.", "8"),
        ("first 1,234 and then -5.5 apples", "-5.5"),
        ("no number", ""),
        ("\\boxed{1 +\n   2}", "1 +2"),
    ],
)
def test_qwen_extraction_order(response, answer):
    assert qwen.extract(response).strip() == answer


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"\dfrac12", r"\frac{1}{2}"), ("3/4", r"\frac{3}{4}"), (r"\sqrt2", r"\sqrt{2}"),
        (r"8 \text{ cm}", "8"), ("8 units", "8"), (r"45\text{ cm}^2", "45^2"), ("x = 5", "5"),
        (r"x \in [1,2]", "[1,2]"), ("50\\%", "50"), ("7.00", "7"), (".5", "0.5"), ("045", "45"),
        (r"\text{twenty-one}", "21"), ("3+2j", "3+2i"), (r"90^\circ", "90"), (r"\$5", "5"),
        (r"\left(1, 2\right]", "(1,2]"), (r"\text{east}", ""), ("two point five", "2.5"),
    ],
)
def test_qwen_normaliser(text, form):
    assert normalise(normalise(text)) == form


# Our own labelled cases for the evaluation grader

QWEN_CASES = [
    ("140", "140", True), ("0.5", r"\frac{1}{2}", True), ("0.33", r"\frac13", False),
    ("70.0035", "70", True), ("70.035", "70", False), ("0.62", "62", True), ("6200", "62", True),
    ("620", "62", False), (r"25\%", "25", True), ("10079", "10080", True),
    ("[1,3)", "(1,3]", True), ("1,3", "(1,3]", False), (r"\{1,2\}", "1,2", True),
    ("(2,1)", "(1,2)", False), ("2,1", "1,2", False), ("1", "1,2", False), ("-2", "-2,-2", True),
    ("x+22=f(x)", "f(x)=x+22", True), ("x+1=y", "y=x+1", False),
    (r"\frac{14}{8}", r"\frac74", True), (r"7 \div 4", r"\frac74", True),
    (r"1\frac12", r"\frac32", False), (r"\sqrt{64}", "8", True), ("36x", "36", False),
    (r"\begin{bmatrix}1\\2\end{bmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", True),
    (r"\begin{pmatrix}1\\3\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", False),
    (r"\text{Answer} = 9", "9", False), ("M=9", "9", True), ("2{,}107", "2107", False),
    (r"\text{NAVIN}", r"\text{Navin}", True), (r"\mathrm{Navin}", r"\text{Navin}", False),
    (r"\frac{1}{a+s}", r"\frac{1}{s+a}", True), (r"\frac{1}{p+q}", r"\frac{1}{q+r}", False),
    (r"(\text{C})", "C", True), ("20", "20 cm", True), ("540.", "540", True),
    (r"5.4 \times 10^{-01}", "0.54", True), ("", "5", False),
]


@pytest.mark.parametrize(("answer", "gold", "right"), QWEN_CASES)
def test_qwen_cases(answer, gold, right):
    assert grade(boxed(answer), gold) is right


def test_quick_path_agrees_with_sympy():
    """What is settled without sympy is what sympy says."""
    for answer, gold, _ in QWEN_CASES:
        forms = qwen.forms(boxed(answer), gold)
        verdict = qwen.quick(*forms)
        if verdict is not None:
            assert qwen.full(*forms) is verdict, (answer, gold)


# Math-Verify


@pytest.mark.parametrize(
    ("response", "gold", "right"),
    [
        (boxed("25"), r"25\%", True), (boxed(r"25\%"), "25", True), (boxed("0.25"), r"25\%", True),
        (boxed(r"25\%"), "0.25", True), (r"\boxed{25}\%", "0.25", True),
        (r"\boxed{3}, no: \boxed{4}", "4", True), (r"\boxed{4}, no: \boxed{3}", "4", False),
        (boxed(r"4\sqrt{2}"), r"4\sqrt{2}", True), (boxed("4"), r"4\sqrt{2}", False),
        (boxed(r"1\frac12"), r"\frac32", True), (boxed("2,1"), "1,2", True),
        ("The answer is $7$.", "7", True), (boxed("12.7"), "12.8", False), ("hm", "5", False),
    ],
)
def test_math_verify(response, gold, right):
    assert grade(response, gold, "math-verify") is right


# The common interface


def test_unknown_grader_names_the_three():
    with pytest.raises(UserError) as error:
        grade("1", "1", "exact")
    assert all(name in str(error.value) for name in GRADERS)


def test_bad_input_is_a_user_error():
    with pytest.raises(UserError, match="2 responses but 1 golds"):
        grade_batch(["1", "2"], ["1"], "training")
    with pytest.raises(UserError, match="gold 0"):
        grade_batch(["1"], [1], "training")


@pytest.mark.parametrize("grader", GRADERS)
def test_blank_gold_is_never_right(grader):
    assert not grade(r"\boxed{}", "", grader) and not grade("", " ", grader)


@pytest.mark.parametrize("grader", GRADERS)
def test_a_gold_longer_than_any_answer_is_never_right_and_not_even_read(grader, monkeypatch):
    """Reading a megabyte of backslashes took minutes: the bound on answers did not hold for golds."""
    monkeypatch.setattr(batch.GRADERS[grader], "quick", lambda *_: pytest.fail("the gold was read"))
    assert not grade(boxed("1"), "\\" * 4001, grader)


def test_a_long_run_of_digits_is_normalised_in_one_pass():
    start = time.thread_time()
    assert normalise("7" * 40_000 + ".00x") == "7" * 40_000 + "x"
    assert time.thread_time() - start < 1.0


def test_words_are_looked_for_in_a_long_run_of_digits_in_one_pass():
    """Finding `1.5e-7` in it took time by the cube of its length, and so all the time of the worker."""
    python_expression("1", implicit=True)  # imports sympy
    start = time.thread_time()
    with pytest.raises(UserError):
        python_expression(f"(1)-({'7' * 1500})", implicit=True)
    assert time.thread_time() - start < 0.5


@pytest.mark.parametrize("grader", GRADERS)
def test_batch_keeps_order_and_is_fast(grader):
    golds = ["12"] * 500
    verdicts = grade_batch([boxed(str(n)) for n in range(500)], golds, grader)
    assert [n for n, v in enumerate(verdicts) if v is Verdict.RIGHT] == [12]
    start = time.perf_counter()
    grade_batch([boxed(rf"\frac{{{n}}}{{7}}+1") for n in range(1, 500)], golds[1:], grader)
    assert time.perf_counter() - start < 1.0


def test_cache_spares_equal_answers(monkeypatch):
    monkeypatch.setattr(batch, "_cache", {})
    asked = []
    monkeypatch.setattr(worker, "ask", lambda *item: asked.append(item) or True)
    responses = [f"attempt {n}: \\boxed{{y+x}}" for n in range(1000)]
    assert set(grade_batch(responses, ["x+y"] * 1000, "qwen-eval")) == {Verdict.RIGHT}
    assert len(asked) == 1


# Hostile text

REFUSED = [
    "__import__('os').system('touch HACKED')", "().__class__.__bases__", "x.args", "lambda: 1",
    "9**9**9", "2**99999999", "999999!", "__x_1", "x__1", "'a'*9",
]
HOSTILE = [*REFUSED, "[x for x in (1,)]", "open(1)", "S(1)", "test()"]  # the last are read as letters, at worst


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("implicit", [False, True])
def test_python_text_is_refused(text, implicit):
    with pytest.raises(UserError):
        python_expression(text, implicit=implicit)


def test_nothing_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for grader in GRADERS:
        for text in HOSTILE:
            assert not grade(boxed(text), "7/3", grader)
    assert list(tmp_path.iterdir()) == []


def test_unreadable_text_never_reaches_sympify(tmp_path, monkeypatch):
    """sympy's own `equals` and `N` would evaluate a string that is left over as Python."""
    monkeypatch.chdir(tmp_path)
    touch = "__import__('pathlib').Path('HACKED').touch()"
    assert not symbolic_equal(touch, "7/3") and not symbolic_equal("7/3", touch)
    assert symbolic_equal(touch, touch)
    assert list(tmp_path.iterdir()) == []


def test_oversized_latex_is_refused():
    for text in ("(" * 100 + "1" + ")" * 100, "1+" * 1000 + "1", "9^{9^{9}}", "2^{999999}"):
        with pytest.raises(UserError):
            latex_expression(text)


@pytest.mark.parametrize("grader", GRADERS)
@pytest.mark.parametrize(
    "response",
    ["1" * 1_000_000, "\\boxed{" * 150_000, "\\boxed{" + "{" * 1_000_000, "\\text{ " * 150_000,
     "$x$ and " * 120_000, "\\boxed{1}" + "\n " * 500_000],
)
def test_a_megabyte_is_quick(grader, response):
    start = time.perf_counter()
    grade(response, "3", grader)
    assert time.perf_counter() - start < 2.0


# The worker


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A grader whose `full` sleeps, dies or answers, as the answer says."""
    (tmp_path / "fake_grader.py").write_text(
        "import os, time\n"
        "kept = []\n"
        "def full(answer, gold):\n"
        "    if answer == 'sleep': time.sleep(60)\n"
        "    if answer == 'wait': time.sleep(1)\n"
        "    if answer == 'spin': 9**9**9\n"
        "    if answer == 'grow': kept.append(bytes(int(gold)))\n"
        "    if answer == 'chance': from sympy.core.random import random; return random() < 0.5\n"
        "    if answer == 'hash': return hash('a') >> int(gold) & 1\n"
        "    if answer == 'die': os._exit(1)\n"
        "    print('noise')\n"
        "    return answer == gold\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(worker, "LIMIT_S", 0.5)
    worker.stop()
    yield "fake_grader"
    worker.stop()


@pytest.mark.slow
def test_time_out_replaces_the_worker(fake):
    assert worker.ask(fake, "a", "a")
    first = worker._current.process
    start = time.perf_counter()
    with pytest.raises(worker.NoVerdict):
        worker.ask(fake, "sleep", "a")
    assert time.perf_counter() - start < 3 and first.poll() is not None
    assert worker.ask(fake, "a", "a") and not worker.ask(fake, "b", "a")


@pytest.mark.slow
def test_processor_time_counts_and_not_the_clock(fake, monkeypatch):
    """Other work on the machine makes an item last longer than its limit, and may not decide its verdict."""
    monkeypatch.setattr(worker, "PATIENCE", 60)
    assert not worker.ask(fake, "wait", "a")
    first = worker._current.process
    with pytest.raises(worker.NoVerdict):
        worker.ask(fake, "spin", "a")  # in one call of C code
    assert first.returncode == -signal.SIGPROF


@pytest.mark.slow
def test_imports_are_not_charged_to_the_first_item(fake, tmp_path):
    """The worker needs longer to begin than an item may take, by its own clock and by the wall's."""
    seconds = worker.LIMIT_S * worker.PATIENCE + 0.5
    (tmp_path / "sitecustomize.py").write_text(f"import time\nwhile time.process_time() < {seconds}: pass\n")
    assert worker.ask(fake, "a", "a")


@pytest.mark.slow
def test_death_replaces_the_worker(fake):
    with pytest.raises(worker.NoVerdict):
        worker.ask(fake, "die", "a")
    assert worker.ask(fake, "a", "a")
    worker._current.process.kill()  # from outside: the item is asked again
    worker._current.process.wait()
    assert worker.ask(fake, "a", "a")


@pytest.mark.slow
def test_memory_is_bounded_and_a_grown_worker_is_replaced(fake):
    """What an item has left behind may not make later ones fail for want of memory."""
    assert not worker.ask(fake, "grow", str(2 * worker.MEMORY_BYTES))
    assert worker.ask(fake, "a", "a")
    first = worker._current.process
    for _ in range(3):
        assert not worker.ask(fake, "grow", str(worker.MEMORY_BYTES * 2 // 5))
        assert worker.ask(fake, "a", "a")
    assert worker._current.process is not first


def test_memory_limit_is_the_kernels(fake):
    worker.ask(fake, "a", "a")
    limits = Path(f"/proc/{worker._current.process.pid}/limits").read_text()
    assert re.search(rf"Max address space +{worker.MEMORY_BYTES} ", limits)


@pytest.mark.slow
def test_every_item_and_every_worker_meets_the_same_chance(fake):
    worker.ask(fake, "chance", "")  # imports sympy
    assert len({worker.ask(fake, "chance", "") for _ in range(20)}) == 1
    bits = [worker.ask(fake, "hash", str(bit)) for bit in range(20)]
    worker.stop()
    assert bits == [worker.ask(fake, "hash", str(bit)) for bit in range(20)]


@pytest.mark.slow
def test_time_outs_and_replaced_workers_are_counted_into_the_provenance(fake):
    def blow(answer):
        with pytest.raises(worker.NoVerdict):
            worker.ask(fake, answer, "a")

    blow("spin")
    with provenance(load_profile("pocket")) as facts:
        worker.ask(fake, "a", "a")  # in the place of the one that was killed
        blow("spin")
        blow("die")
        worker.ask(fake, "a", "a")
        worker.stop()  # on purpose: not counted
        worker.ask(fake, "a", "a")
    assert facts["grading"] == {"timeouts": 2, "workers_replaced": 4}


def test_time_out_is_a_verdict_and_counts_as_wrong(monkeypatch):
    def too_slow(*_):
        raise worker.NoVerdict

    monkeypatch.setattr(batch, "_cache", {})
    monkeypatch.setattr(worker, "ask", too_slow)
    assert grade_batch([boxed("y+x")], ["x+y"], "qwen-eval") == [Verdict.TIMEOUT]
    assert not grade(boxed("y+x"), "x+y")


def test_works_from_a_script_and_leaves_no_worker(tmp_path):
    """No main guard, as in a notebook cell; the worker ends with its caller."""
    script = tmp_path / "script.py"
    script.write_text(
        "from rlvr_utils.grading import grade, sandbox as worker\n"
        "print(grade(r'\\boxed{y+x}', 'x+y'), worker._current.process.pid)\n"
    )
    run = subprocess.run(
        [sys.executable, str(script)], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=True,
    )
    verdict, pid = run.stdout.split()
    assert verdict == "True"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
