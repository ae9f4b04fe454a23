r"""Finding `\boxed{...}` in a response, and the two measures that depend on nothing else."""

from __future__ import annotations

# No real answer comes near this length. It bounds every later scan and regular expression, so that a
# megabyte of model output costs no more than a page.
MAX_ANSWER = 4000


def closing_brace(text: str) -> int | None:
    """Index of the brace that closes the one at text[0]; None if none does."""
    depth = 0
    for position, character in enumerate(text[: MAX_ANSWER + 2]):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return position
    return None


def boxed_answer(text: str) -> str | None:
    r"""Content of the last `\boxed{...}`, by the authors' training rule.

    Only the last occurrence of `\boxed` counts. A brace must follow it immediately and must be closed:
    `\boxed {1}`, `\boxed 1` and an unclosed box give None, as do a text without a box and a content longer
    than 4000 characters. `\fbox` is not a box. Source: the released training reward.
    """
    _, found, after = text.rpartition("\\boxed")
    if not found or not after.startswith("{"):
        return None
    end = closing_brace(after)
    return None if end is None else after[1:end]


def has_box(response: str) -> bool:
    r"""Whether `\boxed` occurs at all, closed or not (the "boxed ratio" of Tables 14 and 15)."""
    return "\\boxed" in response


def format_reward(response: str) -> float:
    r"""1.0 if a final answer can be parsed from the response, right or wrong, else 0.0.

    Paper C.2.3; no code was released. Our interpretation: the last box is closed and not blank.
    """
    return float(bool((boxed_answer(response) or "").strip()))
