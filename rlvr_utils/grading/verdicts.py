"""Grading one or many responses: extraction, the quick path, the cache and the worker."""

from __future__ import annotations

from enum import StrEnum
from types import ModuleType

from rlvr_utils.errors import UserError
from rlvr_utils.grading import (
    math_verify,
    qwen_eval,
    training_reward,
)
from rlvr_utils.grading import (
    sandbox as worker,
)
from rlvr_utils.grading.boxes import MAX_ANSWER
from rlvr_utils.grading.qwen_eval import BENCHMARKS

GRADERS: dict[str, ModuleType] = {
    "qwen-eval": qwen_eval,
    "math-verify": math_verify,
    "training": training_reward,
}
_CACHE_SIZE = 20_000  # a few hundred megabytes if every answer has the maximum length


class Verdict(StrEnum):
    """Outcome of grading one response; TIMEOUT counts as wrong, but can be counted separately."""

    RIGHT = "right"
    WRONG = "wrong"
    TIMEOUT = "timeout"


_cache: dict[tuple[str, str, str], Verdict] = {}


def _judge(grader: ModuleType, answer: str, gold: str) -> Verdict:
    verdict = grader.quick(answer, gold)
    if verdict is None:
        try:
            verdict = worker.ask(grader.__name__, answer, gold)
        except worker.NoVerdict:
            return Verdict.TIMEOUT
    return Verdict.RIGHT if verdict else Verdict.WRONG


def _verdict(name: str, response: str, gold: str, benchmark: str | None) -> Verdict:
    if not gold.strip() or len(gold) > MAX_ANSWER:
        return Verdict.WRONG
    answer, reference = GRADERS[name].forms(response, gold, benchmark)
    key = (name, reference, answer)  # the benchmark's rules are already applied
    if key not in _cache:
        if len(_cache) >= _CACHE_SIZE:
            _cache.clear()
        _cache[key] = _judge(GRADERS[name], answer, reference)
    return _cache[key]


def _check(responses: list[str], golds: list[str], grader: str, benchmark: str | None) -> None:
    if grader not in GRADERS:
        raise UserError(f"grader {grader!r}: unknown; use one of {', '.join(map(repr, GRADERS))}")
    if benchmark is not None and benchmark not in BENCHMARKS:
        known = ", ".join(map(repr, BENCHMARKS))
        raise UserError(f"benchmark {benchmark!r}: unknown; use one of {known}, or None for the common rules")
    if len(responses) != len(golds):
        raise UserError(
            f"grade_batch: {len(responses)} responses but {len(golds)} golds; give one gold each"
        )
    for name, texts in (("response", responses), ("gold", golds)):
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise UserError(f"{name} {row}: {text!r} is not text; convert it with str()")


def grade_batch(responses: list[str], golds: list[str], grader: str,
                benchmark: str | None = None) -> list[Verdict]:
    """Verdicts on responses, in order; `golds[i]` is the gold answer to `responses[i]`.

    benchmark: the authors' name for the data set ("math500", "minerva_math", "olympiadbench", "aime24",
    "aime25", "amc23", "asdiv", "mawps"); "qwen-eval" then follows its special rules for units and golds.
    None: the common rules. The other graders have no special rules.

    Equal strings and plain numbers are decided here; everything else goes to one worker process, with at most
    three seconds of processor time per item, after which the item is a TIMEOUT. Verdicts, including time-outs,
    are cached by grader and by the compared forms of answer and gold: a thousand equal answers cost as much as
    one. A gold that is blank or longer than 4000 characters makes every response wrong. Raises UserError for an
    unknown grader or benchmark, for lists of different lengths and for items that are not text.
    """
    _check(responses, golds, grader, benchmark)
    return [_verdict(grader, *pair, benchmark) for pair in zip(responses, golds, strict=True)]


def grade(response: str, gold: str, grader: str = "qwen-eval", benchmark: str | None = None) -> bool:
    """Whether a response is right; a time-out counts as wrong.

    grader: "qwen-eval" (the authors' evaluation: Qwen2.5-Math's rules), "math-verify" (the library) or
    "training" (the authors' reward). benchmark: see `grade_batch`. Raises UserError as `grade_batch` does.
    """
    return grade_batch([response], [gold], grader, benchmark)[0] is Verdict.RIGHT
