r"""Grading with the Math-Verify library ("math-verify"), avoiding its known traps.

The gold is passed inside `\boxed{}` (bare LaTeX is often misread), only the last box of a response counts
(several would be merged into a set), the worker limits the time instead of SIGALRM, and a gold that the
library cannot read is compared as a string. A percentage equals both of its readings: 25\% is 25 and 0.25,
on either side.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from rlvr_utils.errors import UserError
from rlvr_utils.grading.arithmetic import rational, value
from rlvr_utils.grading.boxes import MAX_ANSWER, boxed_answer
from rlvr_utils.grading.symbolic import check_size

_TAIL = 2000
_DIFFERENT = 1e-5  # the library compares at six decimals
_PERCENT_BEHIND = re.compile(r"\s*\}?\s*\\?%")


def extract(response: str) -> str:
    r"""`\boxed{...}` with the content of the last box, or the end of a response that has none.

    If the last box is not closed, the text after `\boxed`. "" if nothing in the text could be an answer (no
    digit, no LaTeX).
    """
    content = boxed_answer(response)
    if content is None:
        tail = response.rpartition("\\boxed")[2][-_TAIL:]
        return tail if re.search(r"[\d\\$]", tail) else ""
    if not content.strip():
        return ""
    behind = response.rpartition("\\boxed")[2][len(content) + 1 :][:8]
    percent = "\\%" if _PERCENT_BEHIND.match(behind) else ""
    return f"\\boxed{{{content}{percent}}}"


def forms(response: str, gold: str, benchmark: str | None = None) -> tuple[str, str]:
    """The extracted answer and the gold unchanged; the benchmark makes no difference."""
    del benchmark
    return extract(response), gold


def quick(answer: str, gold: str) -> bool | None:
    """Verdict for equal strings and for plain numbers; None if the library is needed."""
    content = boxed_answer(answer)
    if content is None:
        return None
    if len(content) > MAX_ANSWER or not content.strip():
        return False
    if content.strip() == gold.strip():
        return True
    ours, theirs = rational(content.strip()), rational(gold.strip())
    if ours is not None and ours == theirs:
        return True
    return False if _far_apart(content.strip(), gold.strip()) else None


def _far_apart(answer: str, gold: str) -> bool:
    if any(re.search(r"\d\s*\\frac", text) for text in (answer, gold)):
        return False  # the library reads these as mixed numbers
    ours, theirs = value(answer), value(gold)
    if ours is None or theirs is None:
        return False
    return abs(ours - theirs) > _DIFFERENT + 1e-8 * abs(theirs)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


def _oversized(answer: str) -> bool:
    try:
        check_size(answer, longest=_TAIL)
    except UserError:
        return True
    return False


def full(answer: str, gold: str) -> bool:
    """The library's verdict. May run forever, so call it only in the worker."""
    import math_verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it would warn that there is no time limit

    def read(text: str) -> list[Any]:
        return math_verify.parse(text, parsing_timeout=None)

    wanted = read(f"\\boxed{{{gold}}}")
    if all(isinstance(reading, str) for reading in wanted) or _oversized(answer):
        return _squeezed(boxed_answer(answer) or answer) == _squeezed(gold)
    return bool(math_verify.verify(wanted, read(answer), timeout_seconds=None))
