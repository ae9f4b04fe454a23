"""Commands in processes that have imported everything before they start: one import, then a fork for each.

`Forks` belongs to the tests; run as a program, this file is the process that forks. Each command may
be given an accident, one of those below, and may be killed from outside after some time.
"""
from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a command has ended: its exit status, negative for a signal, what it said, and its seconds."""

    status: int
    out: str
    err: str
    seconds: float


class Forks:
    """The test's side. To be closed at the end."""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def run(self, *words, accident: str = "", after: float | None = None) -> Ended:
        """One command, with an accident, or killed after so many seconds."""
        return self.run_all([words], accident, after)[0]

    def run_all(self, commands: list, accident: str = "", after: float | None = None) -> list[Ended]:
        """Several commands, started at once."""
        job = [[list(map(str, words)) for words in commands], accident, after]
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return [Ended(*fields) for fields in json.loads(self.process.stdout.readline())]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


# ---- accidents ---------------------------------------------------------------------------------

def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_row(step: int, act) -> None:
    """Act after the rows of this step have been written."""
    from rlvr_utils.training.recorder import Recorder

    original = Recorder.on_log

    def on_log(self, args, state, control, **rest):
        original(self, args, state, control, **rest)
        if state.global_step == step * self.config.updates_per_rollout:
            act(self)
    Recorder.on_log = on_log


def half_row(recorder) -> None:
    for name in ("metrics", "evaluations", "responses"):
        with (recorder.folder / f"{name}.jsonl").open("a") as stream:
            stream.write('{"step": 5, "outco')
    die()


def around_save(before) -> None:
    """Call `before` with a checkpoint's folder and its step when it is written, but not yet marked as whole."""
    from rlvr_utils.training.recorder import Recorder

    original = Recorder.on_save

    def on_save(self, args, state, control, **rest):
        before(Path(args.output_dir) / f"checkpoint-{state.global_step}",
               state.global_step // self.config.updates_per_rollout)
        original(self, args, state, control, **rest)
    Recorder.on_save = on_save


def half_checkpoint() -> None:
    def cut(folder: Path, step: int) -> None:
        if step == 4:
            (folder / "model.safetensors").write_bytes(b"cut short")
            die()
    around_save(cut)


def at_weights() -> None:
    from rlvr_utils.runs import obtain as attempt

    attempt.save_weights = lambda *_: die()


def at_provenance() -> None:
    from rlvr_utils.runs import obtain as runs

    original = runs.write_json
    runs.write_json = lambda path, data: die() if path.name == "provenance.json" else original(path, data)


def at_name() -> None:
    Path.rename = lambda *_: die()


def clock_goes_back() -> None:
    """An hour with every checkpoint, so that all earlier ones are from the future; killed at the end."""
    real, late = time.time, [0]
    time.time = lambda: real() - late[0]

    def turn_back(folder: Path, step: int) -> None:
        late[0] += 3600
        for earlier in set(folder.parent.iterdir()) - {folder}:
            future = earlier.stat().st_mtime + 3600
            os.utime(earlier, (future, future))
    around_save(turn_back)
    at_weights()


def by_torchrun() -> None:
    """What torchrun sets for a single process."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0", LOCAL_WORLD_SIZE="1", MASTER_ADDR="127.0.0.1",
                          MASTER_PORT=str(free.getsockname()[1]), ACCELERATE_USE_CPU="true")


def from_opening(count: int, act) -> None:
    """Act whenever a file is opened to be written, from the n-th on (`count`); called with its path."""
    left = [count]

    def watch(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            left[0] -= arguments[0] != os.devnull
            if left[0] <= 0:
                act(arguments[0])
    sys.addaudithook(watch)


def fill_disk(_) -> None:
    """No file grows any more: the kernel refuses whatever a library writes, as on a full disk, though by
    another number (EFBIG)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def refuse(path: str) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


def once(number: int):
    """The signal of this number, as from a terminal or a scheduler of jobs, the first time that it is asked for."""
    left = [number]
    return lambda _: left and os.kill(os.getpid(), left.pop())


ACCIDENTS = {
    "before any checkpoint": lambda: at_row(1, lambda _: die()),
    "after the row of step 3": lambda: at_row(3, lambda _: die()),
    "with a row half written": lambda: at_row(5, half_row),
    "with a checkpoint half written": half_checkpoint, "before the weights are saved": at_weights,
    "before the provenance": at_provenance, "before the run has its name": at_name,
    "the clock goes back": clock_goes_back, "started by torchrun": by_torchrun}
# "full 3": from the third file on.
FROM_OPENING = {"full": fill_disk, "read-only": refuse, "interrupted": once(signal.SIGINT),
                "terminated": once(signal.SIGTERM)}


# ---- the process that forks --------------------------------------------------------------------

def start(words: list[str], accident: str) -> tuple[int, list[int]]:
    """The process id of a command, and where its two streams can be read."""
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        for number, (_, end) in enumerate(pipes, start=1):
            os.dup2(end, number)
        for ends in pipes:
            os.closerange(ends[0], ends[1] + 1)
        os._exit(command(words, accident))
    for _, end in pipes:
        os.close(end)
    return child, [end for end, _ in pipes]


def command(words: list[str], accident: str) -> int:
    """The exit status of a command in this process, which has the accident."""
    from rlvr_utils.cli import main

    kind, _, count = accident.rpartition(" ")
    try:
        if kind in FROM_OPENING:
            from_opening(int(count), FROM_OPENING[kind])
        elif accident:
            ACCIDENTS[accident]()
        status = main(words)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        status = 1
    return status


def read(end: int) -> str:
    with os.fdopen(end) as stream:
        return stream.read()


def serve() -> None:
    import rlvr_utils.evaluation.kept_policies
    import rlvr_utils.grading
    import rlvr_utils.runs.export
    import rlvr_utils.scale.plan
    import rlvr_utils.training.setup  # noqa: F401

    for line in sys.stdin:
        commands, accident, after = json.loads(line)
        begin = time.monotonic()
        started = [start(words, accident) for words in commands]
        if after is not None:
            time.sleep(after)
            for child, _ in started:
                os.kill(child, signal.SIGKILL)
        ended = []
        for child, ends in started:
            said = [read(end) for end in ends]
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            ended.append([status, *said, time.monotonic() - begin])
        print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    serve()
