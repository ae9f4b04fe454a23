"""Locks: one process at a time for a run, a reproduction or an export, on every machine that shares the folder.

A lock is a file that names its process. It stands beside what it guards, not inside, where a folder
that gets its final name would take it along.
"""
from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import naming

PATIENCE = 1.0  # seconds; `holder` takes a lock for a moment, to see whether it is free


@contextmanager
def held(lock: Path, what: str):
    """Hold the file `lock` against other processes; it goes with the process, however that ends.

    Raises `UserError` where another process works on `what`.
    """
    stream = _take(lock, what)
    try:
        with naming(lock):
            stream.truncate(0)
            stream.write(str(os.getpid()).encode())
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is held, so that nobody takes a file that is to be removed
        stream.close()


def holder(lock: Path) -> str | None:
    """The process id that holds the lock, if any does."""
    if not lock.exists():
        return None
    with lock.open("r+b") as stream:
        return None if _lock(stream) else _named(stream)


def _take(lock: Path, what: str):
    """The locked file, open. A file that its holder removed in the meantime is no lock: another
    process would make a new one beside it."""
    end = time.monotonic() + PATIENCE
    while True:
        stream = lock.open("a+b", buffering=0)
        if _lock(stream):
            if _still_there(stream, lock):
                return stream
        elif time.monotonic() > end:
            with stream:
                raise UserError(f"{what} is in the hands of process {_named(stream)}; wait for it, or choose another "
                                "folder")
        else:
            time.sleep(PATIENCE / 10)
        stream.close()


def _named(stream) -> str:
    """The process id in a lock file."""
    stream.seek(0)
    return stream.read().decode() or "unknown"


def _lock(stream) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(stream, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), lock.stat())
    except FileNotFoundError:
        return False
