"""Locks: one process at a time works on a run, a reproduction or an export, across all machines sharing the folder.

A lock is a file that contains the holder's process id. It lies next to the folder it protects, not inside, because
the folder is renamed when the work is finished.
"""
from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import Timeout, UnixFileLock, lock_descriptor

from rlvr_utils.errors import UserError
from rlvr_utils.records.disks import naming_file

PATIENCE = 1.0  # seconds to wait: `lock_holder` takes a lock briefly to see whether it is free


@contextmanager
def locked(lock: Path, what: str):
    """Lock the file `lock` against other processes. The lock ends with the process, however that ends.

    Raises `UserError` if another process is working on `what`.
    """
    # No soft lock as a fallback on file systems without locks: it would outlive a killed process.
    file = UnixFileLock(lock, timeout=PATIENCE, fallback_to_soft=False, on_acquired=partial(_write_process, lock))
    try:
        with naming_file(lock):
            file.acquire()
    except Timeout:
        raise UserError(f"{what} is in use by process {_process(lock)}; wait for it, or choose another "
                        "folder") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # while still locked, so that nobody locks a file about to be removed
        file.release()


def lock_holder(lock: Path) -> str | None:
    """The id of the process that holds the lock, or None."""
    try:
        with lock.open("r+b") as stream:  # NFS cannot lock a file opened read-only
            free = lock_descriptor(stream.fileno(), blocking=False)
            return None if free else _process(lock)
    except FileNotFoundError:  # also if its holder has just removed it
        return None


def _write_process(lock: Path, descriptor: int) -> None:
    """Write this process's id into the lock file; on a full disk remove the file again."""
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
