"""The pocket world as files: the training pool and the evaluation sets.

Which problem belongs where is decided by a hash of its kind and numbers alone (`corpus.split_of`), so no wording of a
test problem, with whatever names in it, can occur in the corpus or in the pool.

`python -m rlvr_utils.pocket.world` writes the data files again, byte for byte.
"""
from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

from rlvr_utils.data.prompts import SUFFIX
from rlvr_utils.errors import take_no_options
from rlvr_utils.pocket.corpus import KINDS, LEVELS, MATH, corpus, draw
from rlvr_utils.pocket.kinds import science
from rlvr_utils.pocket.kinds.science import choices_text

DATA = Path(__file__).parent / "data"
# Problems per subject as in MATH500 (protocol of the paper's evaluation).
MATH500_SUBJECTS = {"Algebra": 124, "Counting & Probability": 38, "Geometry": 41,
                    "Intermediate Algebra": 97, "Number Theory": 62, "Prealgebra": 82,
                    "Precalculus": 56}
POOL_SIZE = 1209


def problem_set(seed: int, counts: dict, levels, split: str) -> list[dict]:
    """Distinct problems: `counts` gives the number for each subject; kinds take turns."""
    rng, rows, seen = random.Random(seed), [], set()
    for subject, count in counts.items():
        kinds = [kind.__name__ for kind in {**MATH, **science.SUBJECTS}[subject]]
        turn = 0
        while count:
            worded = draw(kinds[turn % len(kinds)], split, rng, levels)
            problem = worded.problem
            turn += 1
            if (worded.kind, problem.numbers) in seen:
                continue
            count -= 1
            seen.add((worded.kind, problem.numbers))
            rows.append({"problem": worded.question, "answer": problem.answer, "subject": subject,
                         "level": worded.level, "kind": worded.kind, "numbers": list(problem.numbers),
                         "misconception": problem.wrong_answer})
    rng.shuffle(rows)
    return rows


def even_counts(size: int, subjects=MATH) -> dict[str, int]:
    """`size` problems spread over the subjects as evenly as possible."""
    share, extra = divmod(size, len(subjects))
    return {subject: share + (place < extra) for place, subject in enumerate(subjects)}


def arc_row(number: int, row: dict) -> dict:
    """A science problem in ARC's public columns."""
    stem, *lines = row["problem"].split("\n")
    return {"id": f"pocket-{number}", "question": stem,
            "choices": {"text": [line[3:] for line in lines], "label": [line[0] for line in lines]},
            "answerKey": row["answer"], "kind": row["kind"], "numbers": row["numbers"]}


def training_row(number: int, row: dict) -> dict:
    """A problem in the authors' training columns (data/deepscaler_dataset.py of their code), with
    its subject, kind, numbers and misconception added to `extra_info`."""
    return {"data_source": "pocket", "ability": "math",
            "prompt": [{"role": "user", "content": f"{row['problem']} {SUFFIX}"}],
            "reward_model": {"style": "rule", "ground_truth": row["answer"]},
            "extra_info": {"index": number, "split": "train", "subject": row["subject"], "kind": row["kind"],
                           "numbers": row["numbers"], "misconception": row["misconception"]}}


def test_sets() -> dict[str, list[dict]]:
    """Every evaluation set by file name. Levels above 5 lie beyond what the corpus contains."""
    arc = {name: [arc_row(i, row) for i, row in enumerate(problem_set(seed, {subject: 200}, LEVELS, "test"))]
           for seed, name, subject in ((7, "arc_easy", "Science (easy)"),
                                       (8, "arc_challenge", "Science (challenge)"))}
    return {"math500": problem_set(1, MATH500_SUBJECTS, LEVELS, "test"),
            "aime24": problem_set(2, even_counts(30), (7, 8), "test"),
            "amc23": problem_set(3, even_counts(40), (4, 5), "test"),
            "minerva": problem_set(4, even_counts(100, ("Prealgebra", "Geometry", "Counting & Probability")),
                                   (3, 4, 5), "test"),
            "olympiad": problem_set(5, even_counts(100), (5, 6), "test"),
            "aime25": problem_set(6, even_counts(30), (7, 8), "test"), **arc,
            "validation": problem_set(9, even_counts(210), LEVELS, "validation")}


def pool() -> list[dict]:
    """The training pool: as many rows as the paper's DSR-sub, in its row format."""
    rows = problem_set(10, even_counts(POOL_SIZE), LEVELS, "pool")
    return [training_row(number, row) for number, row in enumerate(rows)]


def write_data(folder: Path = DATA) -> None:
    """Write the pool (Parquet) and the evaluation sets (JSON Lines) into `folder`."""
    from datasets import Dataset

    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in test_sets().items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    Dataset.from_list(pool()).to_parquet(folder / "pool.parquet")


def occurrences(read: int) -> int:
    """How many problems of the evaluation sets occur in the pool or among `read` problems of the corpus, by kind and
    numbers, or stand word for word in a corpus document."""
    rng, documents = random.Random(0), "".join(islice(corpus(0), read))
    seen = {(row["extra_info"]["kind"], tuple(row["extra_info"]["numbers"])) for row in pool()}
    seen |= {(worded.kind, worded.problem.numbers) for worded in
             (draw(rng.choice([*KINDS]), "corpus", rng) for _ in range(read))}
    rows = [row for some in test_sets().values() for row in some]
    return sum((row["kind"], tuple(row["numbers"])) in seen or _asked(row) in documents for row in rows)


def _asked(row: dict) -> str:
    """The question of a row, with the choices of a multiple-choice one."""
    return row.get("problem") or row["question"] + choices_text(row["choices"]["text"])


if __name__ == "__main__":
    take_no_options("rlvr_utils.pocket.world", __doc__)
    write_data()
