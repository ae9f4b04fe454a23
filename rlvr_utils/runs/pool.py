"""Train and evaluate several runs, each in its own process, started by the command that a user would type.

If the process that started a run is killed, such as a notebook's kernel, the run goes on, and the next request for it
waits for that process; after Ctrl-C the run is stopped. Without a GPU as many runs are trained in parallel as the cores
allow; with GPUs one at a time.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.progress import note
from rlvr_utils.recipe.config import RunConfig, to_fields
from rlvr_utils.records.files import read_rows, write_json
from rlvr_utils.records.locks import lock_holder
from rlvr_utils.records.run import LOG, REQUEST, Run, find, lock_file, lock_run, partial_folder, run_name
from rlvr_utils.runs.obtain import obtain

PROGRESS_SECONDS = 15
# Evaluating the initial model costs about as much as this many training steps.
STEPS_OF_AN_EVALUATION = 10


class Follower:
    """Stands in for a run's process that another program has started."""

    returncode = 0

    def __init__(self, folder: Path):
        self.folder = folder

    def poll(self) -> int | None:
        """None while the other program works on the run, then 0, as if the process had ended well."""
        return None if self.folder.exists() and lock_holder(lock_file(self.folder)) else 0

    def terminate(self) -> None:
        """Does nothing: the process belongs to another program."""

    def wait(self) -> None:
        """Does nothing, as `terminate`."""


def obtain_all(configs: list[RunConfig], results: Path) -> list[Run]:
    """Every run, in order; missing runs are trained, and kept policies without an evaluation are evaluated.

    Raises `UserError` if a run fails, naming it and its log; the other runs keep their progress.
    """
    missing = {run_name(config): config for config in configs if not find(config, results)}
    if missing:
        _train_all(missing, results)
    runs = [obtain(config, results) for config in configs]
    for run in runs:
        _evaluate_kept(run)
        if not run.rows("evaluations"):
            names = ", ".join(benchmark.name for benchmark in run.config.benchmarks)
            raise UserError(f"run {run.folder.name} was never evaluated on {names} with these settings, and its "
                            f"weights are not in {run.folder}; train it again in another --results folder")
    return runs


def _train_all(missing: dict[str, RunConfig], results: Path) -> None:
    # The longest first, so that no core is idle while another finishes a long one.
    waiting = dict(sorted(missing.items(), key=lambda item: -_expected_steps(item[1])))
    running: dict = {}
    slots = parallel(max(config.cpu_threads for config in missing.values()))
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
                    if find(missing[name], results):
                        continue
                    waiting[name] = missing[name]  # its process has stopped, or another one was faster
                    if not lock_holder(lock_file(results / "runs" / name)):
                        _check(name, process.returncode, results)
            if time.perf_counter() - said > PROGRESS_SECONDS:
                said = time.perf_counter()
                _report(missing, results, done_before, said - start, len(missing) - len(waiting) - len(running))
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():  # after all are signalled, so that a second Ctrl-C spares none
            process.wait()


def parallel(threads: int) -> int:
    """How many processes of so many threads to run side by side."""
    import torch

    return 1 if torch.cuda.is_available() else max(1, (os.cpu_count() or 1) // threads)


def _start(config: RunConfig, results: Path) -> subprocess.Popen | Follower:
    """Start the run in its own process, with its output in `<run>.partial/log.txt`."""
    folder = partial_folder(config, results)
    try:
        with lock_run(folder):
            if find(config, results):  # another program has just finished it
                shutil.rmtree(folder, ignore_errors=True)
                return Follower(folder)
            write_json(folder / REQUEST, to_fields(config))
    except UserError:
        return Follower(folder)
    return _process([*_launcher(), "train", "--config", str(folder / REQUEST), "--results", str(results)],
                    folder / LOG, config.cpu_threads)


def _launcher() -> list[str]:
    """Plain Python, or `accelerate launch` with the file named by RLVR_LAUNCH, such as one of launch/."""
    config = os.environ.get("RLVR_LAUNCH")
    through = ["-m", "accelerate.commands.launch", "--config_file", config] if config else []
    return [sys.executable, *through, "-m", "rlvr_utils"]


def _process(command: list[str], log: Path, threads: int) -> subprocess.Popen:
    """Start a process in a new session: Ctrl-C in the terminal does not reach it (the caller ends it), and it goes on
    if this process is killed."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with log.open("a") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=stream, env=environment, start_new_session=True)


def _check(name: str, code: int, results: Path) -> None:
    if code:
        log = results / "runs" / f"{name}.partial" / LOG
        raise UserError(f"run {name} ended with exit code {code}: {_last_line(log)} (whole log: {log})")


def _last_line(log: Path) -> str:
    """The last line of a process's log, preferably this package's own: launchers print more below it. On a full
    disk the log may be empty."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    lines = [line for line in lines if line.startswith("rlvr_utils: ")] or lines
    if not lines:
        return f"no output, {shutil.disk_usage(log.parent).free // 2**20} MiB free on the disk"
    return lines[-1].removeprefix("rlvr_utils: ")


def _evaluate_kept(run: Run) -> None:
    """Evaluate the run's kept policies in another process, which continues where an earlier one stopped."""
    from rlvr_utils.evaluation.kept_policies import missing_evaluations

    while missing_evaluations(run) and lock_holder(lock_file(run.folder)):
        time.sleep(0.5)  # another program is evaluating them
    if not missing_evaluations(run):
        return
    log = run.folder / "evaluation.txt"
    number = len(missing_evaluations(run))
    note(f"evaluating {'1 kept policy' if number == 1 else f'{number} kept policies'} of {run.folder.name}; log: {log}")
    request = run.folder.with_name(f"{run.folder.name}.request.json")
    write_json(request, to_fields(run.config))
    command = [sys.executable, "-m", "rlvr_utils", "evaluate", "--run", str(run.folder), "--config", str(request)]
    process = _process(command, log, run.config.cpu_threads)
    try:
        code = process.wait()
    finally:
        process.terminate()
        request.unlink(missing_ok=True)
    if code and lock_holder(lock_file(run.folder)):  # another program was faster
        return _evaluate_kept(run)
    if code:
        raise UserError(f"the evaluation of {run.folder.name} ended with exit code {code}: {_last_line(log)} "
                        f"(whole log: {log})")
    log.unlink(missing_ok=True)


def _expected_steps(config: RunConfig) -> int:
    return config.steps or STEPS_OF_AN_EVALUATION


def _steps_done(configs: dict[str, RunConfig], results: Path) -> int:
    done = 0
    for name, config in configs.items():
        if find(config, results):
            done += _expected_steps(config)
        else:
            done += len(read_rows(results / "runs" / f"{name}.partial" / "metrics.jsonl"))
    return done


def _report(configs, results: Path, done_before: int, seconds: float, finished: int) -> None:
    if not any(config.steps for config in configs.values()):
        return note(f"[{finished}/{len(configs)} runs] evaluating, {seconds / 60:.1f} min so far")
    total = sum(map(_expected_steps, configs.values()))
    done = _steps_done(configs, results)
    rate = (done - done_before) / seconds
    left = f"about {(total - done) / rate / 60:.0f} min left" if rate else "estimating"
    note(f"[{finished}/{len(configs)} runs] {done / total:4.0%} of the training steps, "
         f"{seconds / 60:.1f} min so far, {left}")
