"""How far a command is: a bar on a terminal, a plain line every quarter of a minute elsewhere, nothing unless asked."""
from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LINE_SECONDS = 15
_shown = False


def show_progress(shown: bool) -> None:
    """Whether bars are shown from now on; a package that is imported shows none."""
    global _shown
    _shown = shown


def say(line: str) -> None:
    """A plain line about what a command does now."""
    if _shown:
        print(line, file=sys.stderr, flush=True)


class _Lines:
    """A stream on which every state of a bar is a line of its own."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


@contextmanager
def progress(total: int, what: str, unit: str, done: int = 0):
    """A bar of `total` units, of which `done` are there already, with the time left; `update(n)` moves it on."""
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
    """The items, counted by a bar as they come."""
    with progress(total, what, unit) as bar:
        for item in items:
            yield item
            bar.update()
