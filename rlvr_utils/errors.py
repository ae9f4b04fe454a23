"""The one error type that users of this package should ever see, and helpers for quoting values in its message."""
from __future__ import annotations

import argparse
import difflib
import reprlib
import sys
from collections.abc import Iterable
from contextlib import suppress

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict, _SHORT.maxstring, _SHORT.maxother = 1, 4, 2, 50, 50


class UserError(ValueError):
    """A mistake that the user can correct: one line naming the thing, the place and the remedy.

    Characters that would not print on one line, such as a line break in a file's name, are escaped.
    """

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


def shown(value: object) -> str:
    """A value's `repr`, limited to a few dozen characters and one level of nesting: the value may be megabytes."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # an integer with more digits than Python converts
        return f"a very large {type(value).__name__}"


def take_no_options(module: str, doc: str, arguments: list[str] | None = None) -> None:
    """Answer `python -m module --help` with the first line of `doc`, and refuse every other word."""
    argparse.ArgumentParser(prog=f"python -m {module}", description=doc.splitlines()[0]).parse_args(arguments)


def listed(names: Iterable) -> str:
    """The first few names, shortened, for an error message."""
    texts = [str(name) for name in names]
    shortened = [text if len(text) <= 30 else f"{text[:30]}..." for text in texts[:6]]
    return ", ".join(shortened) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "")


def nearest(name: object, known: Iterable[str]) -> str:
    """`did you mean 'x'?` with the most similar name, or "" if none is similar."""
    near = difflib.get_close_matches(str(name)[:100], list(known), 1, cutoff=0.65)
    return f"did you mean {near[0]!r}?" if near else ""


def reason(error: Exception) -> str:
    """A library's exception in short: its type and the beginning of its first line."""
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line[:160]}" if line else type(error).__name__


def escape_output() -> None:
    """Make standard output and error escape characters that their encoding lacks, such as Chinese ones in
    ASCII: a finished run must not end in a traceback because its result cannot be printed."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            with suppress(OSError):  # for example a file that is also open for reading
                stream.reconfigure(errors="backslashreplace")
