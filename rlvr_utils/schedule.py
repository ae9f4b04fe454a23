"""Train several runs: as many single-thread processes side by side as there are cores."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.profiles import RunConfig, to_fields
from rlvr_utils.records import read_rows
from rlvr_utils.runs import LOG, REQUEST, Run, find, obtain, partial_folder, run_name

PROGRESS_SECONDS = 15
# An evaluation of the start model costs about as much as this many training steps.
STEPS_OF_AN_EVALUATION = 10


def obtain_all(configs: list[RunConfig], results: Path) -> list[Run]:
    """Every run, in order; the missing ones are trained by the same command a user would type.

    Raises `UserError` when a run fails, naming it and its log; the others keep what they have.
    """
    missing = {run_name(config): config for config in configs if not find(config, results)}
    if len(missing) == 1:
        return [obtain(config, results) for config in configs]
    if missing:
        _train_all(missing, results)
    return [obtain(config, results) for config in configs]


def _train_all(missing: dict[str, RunConfig], results: Path) -> None:
    waiting, running = dict(missing), {}
    threads = max(config.cpu_threads for config in missing.values())
    slots = max(1, (os.cpu_count() or 1) // threads)
    start = said = time.perf_counter()
    done_before = _steps_done(missing, results)
    try:
        while waiting or running:
            while waiting and len(running) < slots:
                name = next(iter(waiting))
                running[name] = _start(waiting.pop(name), results)
            time.sleep(0.5)
            for name, process in list(running.items()):
                if process.poll() is not None:
                    del running[name]
                    _check(name, process.returncode, results)
            if time.perf_counter() - said > PROGRESS_SECONDS:
                said = time.perf_counter()
                _report(missing, results, done_before, said - start, len(missing) - len(waiting) - len(running))
    finally:
        for process in running.values():
            process.terminate()
            process.wait()


def _start(config: RunConfig, results: Path) -> subprocess.Popen:
    """The run as a process of its own, its output in `<run>.partial/log.txt`."""
    folder = partial_folder(config, results)
    (folder / REQUEST).write_text(json.dumps(to_fields(config)))
    environment = {**os.environ, "OMP_NUM_THREADS": str(config.cpu_threads)}
    with (folder / LOG).open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rlvr_utils", "train", "--config", str(folder / REQUEST),
             "--results", str(results)], stdout=log, stderr=log, env=environment)


def _check(name: str, code: int, results: Path) -> None:
    if code:
        log = results / "runs" / f"{name}.partial" / LOG
        last = log.read_text().strip().splitlines()[-1:] or ["no output"]
        raise UserError(f"run {name} ended with exit code {code}: {last[0]} (whole log: {log})")


def _work(config: RunConfig) -> int:
    return config.steps or STEPS_OF_AN_EVALUATION


def _steps_done(configs: dict[str, RunConfig], results: Path) -> int:
    done = 0
    for name, config in configs.items():
        if find(config, results):
            done += _work(config)
        else:
            done += len(read_rows(results / "runs" / f"{name}.partial" / "metrics.jsonl"))
    return done


def _report(configs, results: Path, done_before: int, seconds: float, finished: int) -> None:
    total = sum(map(_work, configs.values()))
    done = _steps_done(configs, results)
    rate = (done - done_before) / seconds
    left = f"about {(total - done) / rate / 60:.0f} min left" if rate else "estimating"
    print(f"[{finished}/{len(configs)} runs] {done / total:4.0%} of the training steps, "
          f"{seconds / 60:.1f} min so far, {left}", flush=True)
