"""Locks: one process at a time for a run, a reproduction or an export, on every machine that shares the folder.

A lock is a file that names its process. It stands beside what it guards, not inside, where a folder
that gets its final name would take it along.
"""
from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import Timeout, UnixFileLock, lock_descriptor

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import naming

PATIENCE = 1.0  # seconds; `holder` takes a lock for a moment, to see whether it is free


@contextmanager
def held(lock: Path, what: str):
    """Hold the file `lock` against other processes; it goes with the process, however that ends.

    Raises `UserError` where another process works on `what`.
    """
    # No soft lock in place of one that the file system lacks: it would outlive a process that is killed.
    file = UnixFileLock(lock, timeout=PATIENCE, fallback_to_soft=False, on_acquired=partial(_write_process, lock))
    try:
        with naming(lock):
            file.acquire()
    except Timeout:
        raise UserError(f"{what} is in the hands of process {_process(lock)}; wait for it, or choose another "
                        "folder") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is held, so that nobody takes a file that is to be removed
        file.release()


def holder(lock: Path) -> str | None:
    """The process id that holds the lock, if any does."""
    try:
        with lock.open("r+b") as stream:  # NFS locks no file that is open for reading only
            free = lock_descriptor(stream.fileno(), blocking=False)
            return None if free else _process(lock)
    except FileNotFoundError:  # removed by its holder in the meantime, too
        return None


def _write_process(lock: Path, descriptor: int) -> None:
    """The process id into the lock file, which is locked; on a full disk the file goes again."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    except OSError:
        lock.unlink(missing_ok=True)
        raise


def _process(lock: Path) -> str:
    """The process id in a lock file; its holder may not have written it yet, or have just removed the file."""
    try:
        return lock.read_text(encoding="utf-8") or "unknown"
    except FileNotFoundError:
        return "unknown"
