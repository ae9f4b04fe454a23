"""One killable process that does the symbolic work, under hard limits.

sympy can run for ever inside one call of C code, where no signal is heard, so the only dependable
limit is a process that can be killed. It is started by command line rather than through
`multiprocessing`: nothing of the caller's main module is imported again, which lets it work from
a notebook, pytest, `python -m` and a script without a main guard. Texts travel as JSON lines over
pipes.

The time limit counts the worker's processor time, and the kernel keeps it. So a machine that is busy
with other work does not make an innocent answer a time-out, a verdict is a matter of the answer
alone, and it may be remembered.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

LIMIT_S = 3.0  # of processor time an item, as long as in the authors' evaluation
START_LIMIT_S = 30.0  # of processor time for the imports
PATIENCE = 4  # the clock may show so many times as much: the machine has other work
MEMORY_BYTES = 1 << 30  # of addresses; an ordinary worker takes a quarter

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from rlvr_utils.grading import sandbox; "
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_SURROUNDINGS = {
    "PYTHONHASHSEED": "0",  # every worker goes through its sets in the same order
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # numpy would reserve memory for each core
}
_OVER_TIME = -getattr(signal, "SIGPROF", 0) or None  # how the process ended, on Windows never so


class NoVerdict(Exception):
    """The worker exceeded its limit of time on an item, or died of it twice."""


class _Process:
    """The running worker; a thread reads its answers, so that waiting for one can time out."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BOOT + "sandbox.serve()", _PACKAGE_ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_SURROUNDINGS},
            start_new_session=True,  # Ctrl-C is for the caller alone
        )
        self.owner = os.getpid()
        self.replies: queue.Queue[str] = queue.Queue()
        self.ready = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ValueError, OSError):
            for line in self.process.stdout:  # type: ignore[union-attr]
                self.replies.put(line)
        self.replies.put("")  # the worker is gone

    def ask(self, module: str, answer: str, gold: str) -> bool:
        """Send one item and wait; TimeoutError or BrokenPipeError when no answer comes."""
        if not self.ready:  # imports are not charged to the first item
            self.ready = self._reply(START_LIMIT_S)
        self.process.stdin.write(json.dumps([LIMIT_S, module, answer, gold]) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return self._reply(LIMIT_S)

    def _reply(self, limit: float) -> bool:
        try:
            line = self.replies.get(timeout=limit * PATIENCE)
        except queue.Empty:
            raise TimeoutError from None
        if line:
            return json.loads(line)
        self.kill()
        raise TimeoutError if self.process.returncode == _OVER_TIME else BrokenPipeError

    def kill(self) -> None:
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            with suppress(OSError):
                self.process.stdin.close()  # type: ignore[union-attr]


_lock = threading.Lock()
_current: _Process | None = None
_counts = {"timeouts": 0, "workers_replaced": 0}


def counts() -> dict[str, int]:
    """Items without a verdict and workers that had to be replaced, since this process began.

    An item is counted once, however often its remembered verdict is used.
    """
    return dict(_counts)


def _running() -> _Process:
    global _current
    ours = _current is not None and _current.owner == os.getpid()  # pipes cannot be shared after a fork
    if not ours or _current.process.poll() is not None:  # type: ignore[union-attr]
        _counts["workers_replaced"] += ours
        _current = _Process()
    return _current  # type: ignore[return-value]


def start() -> None:
    """Start the worker, if none runs: it imports its libraries while the caller does something else."""
    with _lock:
        _running()


def stop() -> None:
    """End the worker, if one runs; the next item starts another."""
    global _current
    if _current is not None:
        _current.kill()
        _current = None


def ask(module: str, answer: str, gold: str) -> bool:
    """`full(answer, gold)` of a grader module, computed in the worker.

    Raises NoVerdict when the item exceeds LIMIT_S seconds of processor time (by the clock, PATIENCE
    times as much) or twice ends the process. The next item finds another worker.
    """
    with _lock:
        for _ in range(2):  # a worker that was killed from outside deserves a second try
            running = _running()
            try:
                return running.ask(module, answer, gold)
            except TimeoutError:
                running.kill()
                break
            except OSError:
                running.kill()
            except BaseException:  # interrupted: an answer may still be on its way
                running.kill()
                raise
        _counts["timeouts"] += 1
    raise NoVerdict


atexit.register(stop)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _limit_time(seconds: float) -> None:
    """Die after so much processor time, even inside C code; 0 lifts the limit. An orphan dies of it too."""
    with suppress(AttributeError):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _has_grown() -> bool:
    """Whether half the memory is still held: what is left of it would be wanting for later items."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # not on Linux
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > MEMORY_BYTES // 2


def serve() -> None:
    """Say that the libraries are there, then answer items from stdin until it closes. Whatever the
    libraries print goes nowhere."""
    out: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def reply(verdict: bool) -> None:
        _limit_time(0)
        out.write(json.dumps(verdict) + "\n")
        out.flush()

    _limit_memory()
    _limit_time(START_LIMIT_S)
    for name in ("qwen_eval", "math_verify", "training_reward"):  # grammars and imports, before anybody waits for them
        import_module(f"rlvr_utils.grading.{name}").full("\\boxed{x+1}", "1+x")
    reply(True)
    for line in sys.stdin:
        limit, module, answer, gold = json.loads(line)
        _limit_time(limit)
        grader = import_module(module)
        if "sympy" in sys.modules:  # which guesses equality at points drawn by chance
            sys.modules["sympy"].core.random.seed(0)
        try:
            verdict = bool(grader.full(answer, gold))
        except Exception:  # noqa: BLE001  no reading of the answer: not right
            verdict = False
        reply(verdict)
        if _has_grown():
            break
