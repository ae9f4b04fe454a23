"""Disk errors (full, read-only, over quota) in one line. Every library has its own exception for them."""
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
def naming_file(file: Path):
    """Add the file's name to an `OSError` raised in the block: errors while writing lack it."""
    try:
        yield
    except OSError as error:
        error.filename = str(file)
        raise


def disk_refusal(error: Exception, place: object) -> str | None:
    """The disk error and its remedy as the beginning of a line; None if `error` is of another kind. `place` is
    named if the exception names no file."""
    number = _number(error)
    if number not in REMEDIES:
        return None
    file = isinstance(error, OSError) and error.filename
    return f"{file or place}: {os.strerror(number).lower()}; {REMEDIES[number]}"


def _number(error: Exception) -> int | None:
    """The operating system's error number. safetensors and tokenizers give it only in their text; torch only says
    that writing failed, which is for lack of space."""
    if isinstance(error, OSError):
        return error.errno
    if found := re.search(r"\(os error (\d+)\)", str(error)):
        return int(found[1])
    torch_wrote = re.search(r"iostream error|unexpected pos \d+ vs|PytorchStreamWriter failed writing", str(error))
    return errno.ENOSPC if torch_wrote else None
