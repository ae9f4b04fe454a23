"""Disks that refuse: full, read-only, over a quota. Every library has its own exception for that."""
from __future__ import annotations

import errno
import os
import re
from contextlib import contextmanager
from pathlib import Path

ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RIGHTS = {errno.EROFS, errno.EACCES, errno.EPERM}
LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}  # file systems of some clusters
REMEDIES = {**dict.fromkeys(ROOM, "make room there"), errno.EIO: "check the disk",
            **dict.fromkeys(RIGHTS, "make it writable, or choose another folder"),
            **dict.fromkeys(LOCKS, "choose a folder on a file system that can lock files")}


@contextmanager
def naming(file: Path):
    """Put the file's name into an error of the block: writing raises without one."""
    try:
        yield
    except OSError as error:
        error.filename = str(file)
        raise


def refusal(error: Exception, place: object) -> str | None:
    """What a disk has refused and the remedy, in one line without its end; None where `error` is
    another matter. `place` stands in where the exception names no file."""
    number = _number(error)
    if number not in REMEDIES:
        return None
    file = isinstance(error, OSError) and error.filename
    return f"{file or place}: {os.strerror(number).lower()}; {REMEDIES[number]}"


def _number(error: Exception) -> int | None:
    """The operating system's number: safetensors and tokenizers have it in their text only, and
    torch says no more than that writing failed, which is for want of room."""
    if isinstance(error, OSError):
        return error.errno
    if found := re.search(r"\(os error (\d+)\)", str(error)):
        return int(found[1])
    torch_wrote = re.search(r"iostream error|unexpected pos \d+ vs|PytorchStreamWriter failed writing", str(error))
    return errno.ENOSPC if torch_wrote else None
