"""Progress of a command: a bar on a terminal, a plain line every 15 seconds elsewhere, nothing unless switched on."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 15
_shown = False


def show_progress(shown: bool) -> None:
    """Switch progress on or off; it is off when the package is imported."""
    global _shown
    _shown = shown


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
    bar = tqdm(total=total, initial=done, desc=what, unit=f" {unit}", disable=not _shown, dynamic_ncols=terminal,
               file=sys.stderr if terminal else _Lines(), mininterval=0.1 if terminal else LINE_SECONDS,
               ascii=not terminal, leave=not terminal)
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
