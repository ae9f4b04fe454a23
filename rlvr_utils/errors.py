"""The one error type that a user of this package should ever have to read, and what it may quote."""
from __future__ import annotations

import reprlib
import sys
from collections.abc import Iterable
from contextlib import suppress

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 1, 4, 2, 50, 50


class UserError(ValueError):
    """A mistake that the user can mend: one line naming the thing, the place and the remedy.

    What a terminal cannot print on one line, such as a line break in a file's name, is escaped.
    """

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


def shown(value: object) -> str:
    """A value as Python writes it, cut to a few dozen characters and one level: it may be megabytes."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        return f"a very large {type(value).__name__}"


def listed(names: Iterable) -> str:
    """The first few names, cut short, for a message."""
    texts = [str(name) for name in names]
    shortened = [text if len(text) <= 30 else f"{text[:30]}..." for text in texts[:6]]
    return ", ".join(shortened) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")


def reason(error: Exception) -> str:
    """What a library says went wrong: its type and the beginning of its first line."""
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line[:160]}" if line else type(error).__name__


def escape_output() -> None:
    """Have standard output and error escape what their encoding lacks, such as a Chinese name where that is
    ASCII: a finished run must not end in a traceback because its result cannot be shown."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            with suppress(OSError):  # a file that is open for reading too
                stream.reconfigure(errors="backslashreplace")
