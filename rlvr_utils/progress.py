"""Progress of a command: a bar on a terminal, a plain line every 15 seconds elsewhere, nothing unless switched on."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 15
# Units per second also where a unit takes longer: tqdm's seconds per unit would read "2.00s/ steps".
FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
_shown = False
_quiet = False


def show_progress(shown: bool) -> None:
    """Switch progress on or off; it is off when the package is imported."""
    global _shown
    _shown = shown


def hush(quiet: bool) -> None:
    """Switch `note` off, or on again."""
    global _quiet
    _quiet = quiet


def note(line: str) -> None:
    """Print a line about runs that are trained or evaluated in other processes, also where no bar is shown."""
    if not _quiet:
        print(line, flush=True)


def say(line: str) -> None:
    """Print a plain line about what the command is doing."""
    if _shown:
        print(line, file=sys.stderr, flush=True)


class _Lines:
    """A stream that prints every update of a bar as a separate line."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


@contextmanager
def progress(total: int, what: str, unit: str, done: int = 0):
    """A bar over `total` units, `done` of which are finished already, with the time left; `update(n)` advances it."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    place = {} if terminal else {"position": 0}  # a nested bar would move the cursor in a log
    bar = tqdm(total=total, initial=done, desc=what, unit=f" {unit}", bar_format=FORMAT,
               disable=not _shown, dynamic_ncols=terminal,
               file=sys.stderr if terminal else _Lines(), mininterval=0.1 if terminal else LINE_SECONDS,
               ascii=not terminal, leave=not terminal, **place)
    try:
        yield bar
    finally:
        bar.close()


def tracked(items: Iterable, total: int, what: str, unit: str) -> Iterator:
    """Yield the items, advancing a bar with each."""
    with progress(total, what, unit) as bar:
        for item in items:
            yield item
            bar.update()
