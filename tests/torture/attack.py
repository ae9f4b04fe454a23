"""Grades hostile answers in a process of its own, and writes down what they did to it and to its worker.

    python attack.py GRADER COUNT SEED LIMIT     prints the report as JSON, writes `deeds` where it runs
"""
from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from hostile import items
from watch import Watch

from rlvr_utils.grading import Verdict, grade_batch
from rlvr_utils.grading import sandbox as worker
from rlvr_utils.grading import verdicts as batch
from rlvr_utils.grading.boxes import MAX_ANSWER

HERE = str(Path(__file__).resolve().parent)


def memory(process: int | str, field: str) -> int:
    """Bytes that a process holds (VmRSS) or has ever held (VmHWM); 0 when it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


class PeakOfWorkers(threading.Thread):
    """Looks at the worker's memory many times a second: nothing can be asked of one that was killed."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0

    def run(self) -> None:
        while True:
            if running := worker._current:
                self.bytes = max(self.bytes, memory(running.process.pid, "VmHWM"))
            time.sleep(0.02)


def ordinary(grader: str, number: int) -> bool:
    """Are an answer that only sympy can settle, and its opposite, graded rightly?"""
    verdicts = grade_batch([rf"\boxed{{y+{number}x}}", rf"\boxed{{y-{number}x}}"], [f"{number}x+y"] * 2, grader)
    return verdicts == [Verdict.RIGHT, Verdict.WRONG]


def attack(grader: str, count: int, seed: int) -> dict:
    deeds = Path("deeds").resolve()
    worker._BOOT = f"import sys; sys.path.insert(0, {HERE!r}); sys.path.insert(0, sys.argv[1]); " \
                   f"import watch; watch.watch_worker({str(deeds)!r}); {worker._BOOT}"
    watch, module = Watch(str(deeds)), batch.GRADERS[grader]
    crashes, misgraded, over_time, slowest, longest = [], [], [], (0.0, ""), (0.0, "")
    verdicts: list[str] = []
    hostile = list(items(count, seed))
    assert ordinary(grader, count + 1)
    peak = PeakOfWorkers()
    peak.start()
    before = memory("self", "VmRSS")
    for number, (kind, response, gold) in enumerate(hostile, start=1):
        what = f"{kind}: {response[:200]!r} against {gold[:80]!r}"
        start, used = time.perf_counter(), time.thread_time()
        watch.armed = True
        try:
            if gold.strip() and len(gold) <= MAX_ANSWER:  # no grader sees other golds
                module.quick(*module.forms(response, gold))
            watch.armed = False
            slowest = max(slowest, (time.thread_time() - used, what))
            verdicts += grade_batch([response], [gold], grader)
        except Exception as error:
            crashes.append(f"{error!r} of {what}")
            verdicts.append("crash")
        watch.armed = False
        longest = max(longest, (time.perf_counter() - start, what))
        if verdicts[-1] == Verdict.TIMEOUT:
            over_time.append(what)
        if (verdicts[-1] == Verdict.TIMEOUT or number % 200 == 0) and not ordinary(grader, number):
            misgraded.append(f"after {what}")
    again = grade_batch([response for _, response, _ in hostile], [gold for *_, gold in hostile], grader)
    return {"verdicts": Counter(verdicts), "same_again": again == verdicts, "crashes": crashes, "misgraded": misgraded,
            "over_time": over_time, "slowest_in_process": slowest, "longest": longest,
            "deeds": deeds.read_text().splitlines(), "peak_of_workers": peak.bytes,
            "growth": memory("self", "VmHWM") - before, **worker.counts()}


if __name__ == "__main__":
    worker.LIMIT_S = float(sys.argv[4])
    print(json.dumps(attack(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
