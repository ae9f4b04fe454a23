"""What the styles of a pocket base are worth: written beside the weights by the audit, shown in notebook 01.

A line a style: its share among free answers (sampled at the temperature of training, and greedy), what its answers
come to when their first words lead the base into it, and one answer to the same problem.
"""
from __future__ import annotations

import json
from pathlib import Path

from rlvr_utils.pocket.answers import Answers, ask, held_out
from rlvr_utils.pocket.styles import SHARES
from rlvr_utils.records.files import write_atomically

RECORD = "styles.jsonl"
TEMPERATURE = 0.6
EACH, SEED = 8, 5  # problems a kind; no gate of the audit draws with this seed


def measure(model, tokenizer, each: int = EACH) -> list[dict]:
    """A row a style, as `styles.jsonl` holds them. Shares are from 0 to 1."""
    problems = held_out(each, SEED)
    sampled, greedy = (ask(model, tokenizer, problems, temperature) for temperature in (TEMPERATURE, 0.0))
    forced = {style: ask(model, tokenizer, problems, TEMPERATURE, style) for style in SHARES}
    place = most_telling(forced)
    return [{"style": style, "problems": len(problems), "corpus": share,
             "share": sampled.styles.count(style) / len(problems),
             "share_greedy": greedy.styles.count(style) / len(problems),
             **came_to(forced[style]), "question": problems[place].question, "answer": problems[place].answer,
             "response": forced[style].texts[place]} for style, share in SHARES.items()]


def came_to(answers: Answers) -> dict:
    """Shares that are right, by the evaluation's grader, that are boxed, and both; mean length in tokens."""
    count, right = len(answers.texts), answers.right()
    return {"accuracy": sum(right) / count, "boxed": sum(answers.boxed) / count,
            "boxed_and_right": sum(map(all, zip(right, answers.boxed))) / count,
            "tokens": sum(map(len, answers.ids)) / count}


def most_telling(forced: dict[str, Answers]) -> int:
    """The first problem that worked and rechecked answers solve and the others do not; else the first of all."""
    right = {style: answers.right() for style, answers in forced.items()}
    sound = [all(hits[place] == (style in ("worked", "recheck")) for style, hits in right.items())
             for place in range(len(next(iter(right.values()))))]
    return sound.index(True) if any(sound) else 0


def write_styles(folder: Path) -> None:
    """Measure the base in `folder` and write `RECORD` beside its weights."""
    from rlvr_utils.models.loading import load_policy

    model, tokenizer = load_policy(str(folder))
    model.eval()
    write_atomically(folder / RECORD, "".join(json.dumps(row) + "\n" for row in measure(model, tokenizer)))


def read_beside(folder: Path, name: str) -> list[dict]:
    """The rows of a record beside the weights, `RECORD` or the audit's; none without one."""
    path = folder / name
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
