"""Hostile answers, 20,000 of them in full: every one gets a verdict in time, and does nothing else.

Each grader is attacked in a process of its own (attack.py) with its share of the corpus (hostile.py), while audit hooks
(watch.py) watch that process and its worker. Properties of the verdicts are tested on further texts here.
"""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hostile import ENDLESS, GOLDS, KINDS, PLACES, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scale import times

from rlvr_utils.grading import Verdict, grade_batch
from rlvr_utils.grading import sandbox as worker
from rlvr_utils.grading import verdicts as batch

HERE = Path(__file__).resolve().parent
GRADERS = tuple(batch.GRADERS)
COUNT = times(200, 6667)  # for each grader
LIMIT_S = times(1, 3)
IN_PROCESS_S = 1.0
SLACK_S = 20.0  # another worker, and a machine that has other work
GROWTH = 200 << 20


@pytest.fixture(scope="module")
def reports(tmp_path_factory, record_testsuite_property) -> dict[str, tuple[dict, Path]]:
    """By grader: the report of the attack on it, and the folder where it took place."""
    running = {}
    for seed, grader in enumerate(GRADERS):
        folder = tmp_path_factory.mktemp(grader)
        command = [sys.executable, HERE / "attack.py", grader, str(COUNT), str(seed), str(LIMIT_S)]
        running[grader] = folder, subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    reports = {grader: (json.loads(process.communicate()[0]), folder) for grader, (folder, process) in running.items()}
    for grader, (report, _) in reports.items():
        record_testsuite_property(grader, json.dumps({
            **{name: report[name] for name in ("verdicts", "timeouts", "workers_replaced")},
            "longest_in_process_seconds": round(report["slowest_in_process"][0], 4),
            "longest_seconds": round(report["longest"][0], 1), "longest": report["longest"][1],
            "largest_worker_mib": report["peak_of_workers"] >> 20, "growth_mib": report["growth"] >> 20}))
    return reports


attacked = pytest.mark.parametrize("grader", GRADERS)


@attacked
def test_every_hostile_answer_gets_a_verdict_and_the_same_one_again(grader, reports):
    report, _ = reports[grader]
    assert report["crashes"] == []
    assert sum(report["verdicts"].values()) == COUNT and set(report["verdicts"]) <= set(Verdict)
    assert report["same_again"]


@attacked
def test_no_hostile_answer_takes_longer_than_its_limit(grader, reports):
    report, _ = reports[grader]
    assert report["slowest_in_process"][0] < IN_PROCESS_S, report["slowest_in_process"]
    assert report["longest"][0] < worker.PATIENCE * LIMIT_S + SLACK_S, report["longest"]


@attacked
def test_no_hostile_answer_is_executed(grader, reports):
    report, folder = reports[grader]
    assert report["deeds"] == []
    assert [path.name for path in folder.iterdir()] == ["deeds"]


@attacked
def test_hostile_answers_take_bounded_memory(grader, reports):
    report, _ = reports[grader]
    assert 0 < report["peak_of_workers"] < worker.MEMORY_BYTES
    assert report["growth"] < GROWTH


@attacked
def test_after_a_time_out_ordinary_answers_are_graded_rightly(grader, reports):
    report, _ = reports[grader]
    assert report["misgraded"] == []
    given = report["verdicts"].get("timeout", 0)  # equal answers share one
    assert report["timeouts"] <= given <= 2 * report["timeouts"] and report["workers_replaced"] >= report["timeouts"]


def test_some_hostile_answers_do_reach_the_limit(reports):
    """Else the corpus would be too tame for the tests above."""
    assert sum(report["timeouts"] for report, _ in reports.values()) > 0


@pytest.mark.parametrize(("code", "deed"), [
    ("eval('().__class__')", "exec"), ("eval('lambda: 1')", "exec"), ("exec('import this')", "exec"),
    ("open('HACKED', 'a')", "open"), ("__import__('os').system('true')", "os.system"),
    ("__import__('subprocess').run(['true'])", "subprocess.Popen"), ("__import__('os').environ['A'] = 'B'",
    "os.putenv"),
    ("__import__('socket').socket()", "socket.__new__"), ("eval('1+1')", ""), ("open('/dev/null').read()", ""),
    ("import fractions", ""), ("eval('E+pi', {'E': 1, 'pi': 2})", ""),
])
def test_the_watch_sees_every_deed_and_nothing_else(code, deed, tmp_path):
    script = f"import sys; sys.path.insert(0, {str(HERE)!r}); from watch import Watch; Watch('deeds').armed = True"
    (tmp_path / "script.py").write_text(f"{script}\n{code}\n")
    subprocess.run([sys.executable, "script.py"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    seen = (tmp_path / "deeds").read_text()
    assert seen.startswith(deed) if deed else not seen


# Properties, on texts that hypothesis puts together

PIECES = st.sampled_from([
    r"\boxed{", r"\frac{", r"\sqrt{", "}", "}", "(", ")", "^", "_", r"\text{", "$", "1", "12.8", "x", "=", ",", "+",
    "-", "/", "*", "!", "%", " ", "\\", "&", r"\pi", "e", "i", "A", " cm", "and", "he answer is ",
])
HOSTILE = st.builds(answer, st.integers(0, 2**32).map(Random), st.sampled_from(list(KINDS)))
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=20).map("".join) | HOSTILE
MATHEMATICS = st.tuples(st.sampled_from(GOLDS), PIECES, st.sampled_from(GOLDS)).map("".join)


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setattr(worker, "LIMIT_S", LIMIT_S)


def fuzzed(examples: int):
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None,
                    suppress_health_check=list(HealthCheck))


def fresh(response: str, gold: str, grader: str) -> Verdict:
    """The verdict without any memory of earlier ones."""
    batch._cache.clear()
    return grade_batch([response], [gold], grader)[0]


@attacked
@fuzzed(times(15, 300))
@given(text=TEXTS, place=st.sampled_from(PLACES), gold=st.sampled_from(GOLDS) | TEXTS)
def test_any_text_gets_a_verdict_that_neither_the_cache_nor_the_reasoning_changes(grader, text, place, gold):
    response = place.format(text)
    verdict = fresh(response, gold, grader)
    assert grade_batch([response], [gold], grader) == [verdict]
    longer, forms = "Let me think.\n" + response, batch.GRADERS[grader].forms
    if Verdict.TIMEOUT not in (verdict, again := fresh(response, gold, grader)):
        assert again == verdict
    if verdict != Verdict.TIMEOUT and forms(longer, gold) == forms(response, gold):
        assert fresh(longer, gold, grader) in (verdict, Verdict.TIMEOUT)


@attacked
@fuzzed(times(2, 25))
@given(pairs=st.lists(st.tuples(MATHEMATICS | HOSTILE, st.sampled_from(GOLDS)), min_size=2, max_size=5))
def test_a_verdict_does_not_depend_on_what_was_graded_before_or_which_worker_did_it(grader, pairs):
    responses, golds = [rf"\boxed{{{text}}}" for text, _ in pairs], [gold for _, gold in pairs]
    batch._cache.clear()
    forward = grade_batch(responses, golds, grader)
    if worker._current:
        worker._current.process.kill()
    backward = [fresh(*pair, grader) for pair in zip(responses[::-1], golds[::-1])][::-1]
    for pair in zip(forward, backward):
        assert pair[0] == pair[1] or Verdict.TIMEOUT in pair


def test_a_thousand_equal_hostile_answers_cost_one_time_out():
    answer, gold = ENDLESS[0]
    batch._cache.clear()
    before = worker.counts()
    verdicts = grade_batch([rf"{n}: \boxed{{{answer}}}" for n in range(1000)], [gold] * 1000, "qwen-eval")
    assert verdicts == [Verdict.TIMEOUT] * 1000
    assert worker.counts()["timeouts"] - before["timeouts"] == 1
