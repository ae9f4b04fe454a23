"""The record of the styles: a row a style, from the answers themselves."""
from __future__ import annotations

import json

from rlvr_utils.pocket import style_record
from rlvr_utils.pocket.answers import Answers
from rlvr_utils.pocket.style_record import came_to, most_telling, read_beside, write_styles
from rlvr_utils.pocket.styles import SHARES, beginnings


class Asked:
    """A problem with its answer alone."""

    def __init__(self, answer: str):
        self.question, self.answer = f"What is {answer}?", answer


def answered(*texts: str) -> Answers:
    problems = [Asked("7") for _ in texts]
    return Answers(problems, [[1]] * len(texts), [[1, 2]] * len(texts), list(texts), [True] * len(texts), 0.6)


def test_what_answers_come_to():
    found = came_to(answered("\\boxed{7}.", "The answer is 7.", "\\boxed{8}.", "Who knows?"))
    assert found == {"accuracy": 0.5, "boxed": 0.5, "boxed_and_right": 0.25, "tokens": 2}


def test_the_problem_shown_is_one_that_only_sound_work_solves():
    right, wrong = "\\boxed{7}.", "\\boxed{8}."
    forced = {style: answered(right, right if style in ("worked", "recheck") else wrong) for style in SHARES}
    assert most_telling(forced) == 1
    assert most_telling({**forced, "worked": answered(right, wrong)}) == 0


def test_a_row_a_style_is_written_beside_the_weights(tiny_model, tmp_path, monkeypatch):
    for path in tiny_model.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr("rlvr_utils.pocket.answers.LIMIT", 4)
    monkeypatch.setattr(style_record, "held_out", lambda each, seed: [Asked(str(place)) for place in range(3)])
    write_styles(tmp_path)
    rows = read_beside(tmp_path, style_record.RECORD)
    assert [row["style"] for row in rows] == list(SHARES) and json.dumps(rows)
    assert all(0 <= row[name] <= 1 for row in rows for name in ("corpus", "share", "share_greedy", "accuracy", "boxed"))
    assert all(row["response"].startswith(beginnings(row["style"])) for row in rows)
    assert read_beside(tmp_path, "audit.jsonl") == []
