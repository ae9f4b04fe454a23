"""One killable process that does the symbolic work, under hard limits.

sympy can run for ever inside one call of C code, where no signal is heard, so the only dependable
limit is a process that can be killed. It is started by command line rather than through
`multiprocessing`: nothing of the caller's main module is imported again, which lets it work from
a notebook, pytest, `python -m` and a script without a main guard. Texts travel as JSON lines over
pipes.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

LIMIT_S = 3.0  # per item, as in the authors' evaluation
START_LIMIT_S = 120.0  # imports on a busy machine
MEMORY_BYTES = 4 << 30

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from rlvr_utils.grading import worker; "
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


class NoVerdict(Exception):
    """The worker exceeded its limits on an item, or died of it twice."""


class _Process:
    """The running worker; a thread reads its answers, so that waiting for one can time out."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BOOT + "worker.serve()", _PACKAGE_ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for the caller alone
        )
        self.owner = os.getpid()
        self.replies: queue.Queue[str] = queue.Queue()
        self.warm: set[str] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ValueError, OSError):
            for line in self.process.stdout:  # type: ignore[union-attr]
                self.replies.put(line)
        self.replies.put("")  # the worker is gone

    def request(self, message: list[str], limit: float) -> bool:
        """Send one item and wait; TimeoutError or BrokenPipeError when no answer comes."""
        self.process.stdin.write(json.dumps(message) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        try:
            line = self.replies.get(timeout=limit)
        except queue.Empty:
            raise TimeoutError from None
        if not line:
            raise BrokenPipeError
        return json.loads(line)

    def ask(self, module: str, answer: str, gold: str) -> bool:
        if module not in self.warm:  # imports are not charged to the first item
            self.request([module, "\\boxed{x+1}", "1+x"], START_LIMIT_S)
            self.warm.add(module)
        return self.request([module, answer, gold], LIMIT_S)

    def kill(self) -> None:
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            with suppress(OSError):
                self.process.stdin.close()  # type: ignore[union-attr]


_lock = threading.Lock()
_current: _Process | None = None


def _running() -> _Process:
    global _current
    if _current is None or _current.owner != os.getpid() or _current.process.poll() is not None:
        _current = _Process()  # also after a fork: pipes cannot be shared
    return _current


def stop() -> None:
    """End the worker, if one runs; the next item starts another."""
    global _current
    if _current is not None:
        _current.kill()
        _current = None


def ask(module: str, answer: str, gold: str) -> bool:
    """`full(answer, gold)` of a grader module, computed in the worker.

    Raises NoVerdict when the item exceeds LIMIT_S seconds or twice ends the process. The worker
    is then replaced.
    """
    with _lock:
        for _ in range(2):  # a worker that was killed from outside deserves a second try
            try:
                return _running().ask(module, answer, gold)
            except TimeoutError:
                stop()
                break
            except OSError:
                stop()
            except BaseException:  # interrupted: an answer may still be on its way
                stop()
                raise
    raise NoVerdict


atexit.register(stop)


def _limit_resources(first: bool) -> None:
    """Bound the memory once and the processor time of each item; an orphan dies of the latter."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    kind, soft = resource.RLIMIT_CPU, int(time.process_time() + LIMIT_S) + 2
    if first:
        kind, soft = resource.RLIMIT_AS, MEMORY_BYTES
    with suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, resource.getrlimit(kind)[1]))


def serve() -> None:
    """Answer items from stdin until it closes. Whatever libraries print goes nowhere."""
    out: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit_resources(first=True)
    for line in sys.stdin:
        module, answer, gold = json.loads(line)
        grader = import_module(module)
        _limit_resources(first=False)
        try:
            verdict = bool(grader.full(answer, gold))
        except Exception:  # noqa: BLE001  no reading of the answer: not right
            verdict = False
        out.write(json.dumps(verdict) + "\n")
        out.flush()
