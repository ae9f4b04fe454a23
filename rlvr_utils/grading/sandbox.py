"""One killable worker process that does the symbolic work, under hard limits.

sympy can run forever inside a single call of C code that no signal interrupts, so the only dependable limit is
a process that can be killed. The worker is started as a command rather than through `multiprocessing`, so the
caller's main module is not imported again, and grading works from a notebook, pytest, `python -m` and a script
without a main guard. Texts are exchanged as JSON lines over pipes.

The time limit counts the worker's processor time and is enforced by the kernel. So a busy machine does not turn
an innocent answer into a time-out, and a verdict depends on the answer alone and can be cached.
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

LIMIT_S = 3.0  # of processor time per item, the limit of the authors' evaluation
START_LIMIT_S = 30.0  # of processor time for the imports
PATIENCE = 4  # wall-clock time may be this many times longer: the machine may be busy
MEMORY_BYTES = 1 << 30  # of address space; a worker normally needs a quarter

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from rlvr_utils.grading import sandbox; "
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])
_SURROUNDINGS = {
    "PYTHONHASHSEED": "0",  # every worker iterates over its sets in the same order
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",  # numpy would reserve memory for each core
}
_OVER_TIME = -getattr(signal, "SIGPROF", 0) or None  # exit code of a worker over its time limit; never on Windows


class NoVerdict(Exception):
    """The worker exceeded its time limit on an item, or two workers died of it."""


class _Process:
    """The running worker; a thread reads its replies, so that waiting for one can time out."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BOOT + "sandbox.serve()", _PACKAGE_ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_SURROUNDINGS},
            start_new_session=True,  # Ctrl-C reaches only the caller
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
        """Send one item and wait; TimeoutError or BrokenPipeError if no reply comes."""
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
    """How many items got no verdict and how many workers had to be replaced since this process began.

    An item is counted once, however often its cached verdict is used.
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
    """Start the worker if none is running: it imports its libraries while the caller does something else."""
    with _lock:
        _running()


def stop() -> None:
    """End the worker if one is running; the next item starts a new one."""
    global _current
    if _current is not None:
        _current.kill()
        _current = None


def ask(module: str, answer: str, gold: str) -> bool:
    """`full(answer, gold)` of a grader module, computed in the worker.

    Raises NoVerdict if the item exceeds LIMIT_S seconds of processor time (PATIENCE times as much in wall-clock
    time) or ends the process twice. The next item gets a new worker.
    """
    with _lock:
        for _ in range(2):  # a worker that was killed from outside gets a second try
            running = _running()
            try:
                return running.ask(module, answer, gold)
            except TimeoutError:
                running.kill()
                break
            except OSError:
                running.kill()
            except BaseException:  # interrupted: a reply may still be on its way
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
    """End this process after this many seconds of processor time, even inside C code; 0 removes the limit. It also
    ends orphaned workers."""
    with suppress(AttributeError):  # not on Windows
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _has_grown() -> bool:
    """Whether more than half of the memory limit is in use, which later items would lack."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # not on Linux
        return False
    return pages * os.sysconf("SC_PAGE_SIZE") > MEMORY_BYTES // 2


def serve() -> None:
    """Report that the libraries are loaded, then grade items from stdin until it closes. Whatever the libraries
    print is discarded."""
    out: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def reply(verdict: bool) -> None:
        _limit_time(0)
        out.write(json.dumps(verdict) + "\n")
        out.flush()

    _limit_memory()
    _limit_time(START_LIMIT_S)
    for name in ("qwen_eval", "math_verify", "training_reward"):  # load grammars and imports before anyone waits
        import_module(f"rlvr_utils.grading.{name}").full("\\boxed{x+1}", "1+x")
    reply(True)
    for line in sys.stdin:
        limit, module, answer, gold = json.loads(line)
        _limit_time(limit)
        grader = import_module(module)
        if "sympy" in sys.modules:  # it tests equality at random points
            sys.modules["sympy"].core.random.seed(0)
        try:
            verdict = bool(grader.full(answer, gold))
        except Exception:  # noqa: BLE001  an answer that cannot be parsed is not right
            verdict = False
        reply(verdict)
        if _has_grown():
            break
