"""The pocket world as files: the pretraining corpus, the training pool, the test sets.

Which problem belongs where is decided by a hash of the kind and its numbers alone, so no wording
of a test problem, with whatever names in it, can occur in the corpus or in the pool.

`python -m rlvr_utils.pocket.world` writes the data files again, byte for byte.
"""
from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.pocket import algebra_subjects, arithmetic_subjects, counting_subjects, science
from rlvr_utils.pocket.registers import write_solution
from rlvr_utils.pocket.sketch import Dice, Sketch

DATA = Path(__file__).parent / "data"
MATH = {**arithmetic_subjects.SUBJECTS, **counting_subjects.SUBJECTS, **algebra_subjects.SUBJECTS}
SCIENCE_SHARES = {1: 0.15, 2: 0.3}  # by pretraining stage
SPLITS = ("test",) * 3 + ("pool",) * 2 + ("validation",) + ("corpus",) * 14
# Problems per subject as in MATH500 (protocol of the paper's evaluation).
MATH500_SUBJECTS = {"Algebra": 124, "Counting & Probability": 38, "Geometry": 41,
                    "Intermediate Algebra": 97, "Number Theory": 62, "Prealgebra": 82,
                    "Precalculus": 56}
POOL_SIZE = 1209
EASY_LEVELS, ALL_LEVELS = (1, 2, 3), (1, 2, 3, 4, 5)


def split_of(kind, sketch: Sketch) -> str:
    """The one split ("corpus", "pool", "validation", "test") that may hold this problem."""
    digest = hashlib.sha256(repr((kind.__name__, sketch.numbers)).encode()).digest()
    return SPLITS[int.from_bytes(digest[:4], "big") % len(SPLITS)]


def draw(kind, levels, split: str, rng: random.Random, stage: int = 2) -> tuple[Sketch, int]:
    """A sketch of this kind that belongs to `split`, and its level."""
    while True:
        level = rng.choice(levels)
        sketch = kind(Dice(rng, level, stage))
        if split_of(kind, sketch) == split:
            return sketch, level


def corpus(seed: int, stage: int = 1) -> Iterator[str]:
    """Endless documents of a pretraining stage, each a ChatML dialogue with a solution in one of the registers.

    The system turn and the training suffix come and go independently of everything else, so both
    the training prompt and the evaluation prompt of the paper are familiar to the model.
    """
    rng = random.Random(seed)
    maths = [kind for kinds in MATH.values() for kind in kinds]
    sciences = [kind for kinds in science.SUBJECTS.values() for kind in kinds]
    while True:
        kind = rng.choice(sciences if rng.random() < SCIENCE_SHARES[stage] else maths)
        sketch, _ = draw(kind, ALL_LEVELS, "corpus", rng, stage)
        wording = rng.randrange(len(sketch.wordings))
        solution, ends = write_solution(sketch, f"{kind.__name__}-{wording}", rng)
        system = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n" if rng.random() < 0.6 else ""
        suffix = f" {SUFFIX}" if rng.random() < 0.4 else ""
        yield (f"{system}<|im_start|>user\n{sketch.wordings[wording]}{suffix}<|im_end|>\n"
               f"<|im_start|>assistant\n{solution}{'<|endoftext|>' if ends else ''}")


def problem_set(seed: int, counts: dict, levels, split: str) -> list[dict]:
    """Distinct problems: `counts` gives the number for each subject; kinds take turns."""
    rng, rows, seen = random.Random(seed), [], set()
    for subject, count in counts.items():
        kinds = {**MATH, **science.SUBJECTS}[subject]
        turn = 0
        while count:
            kind = kinds[turn % len(kinds)]
            sketch, level = draw(kind, levels, split, rng)
            turn += 1
            if (kind.__name__, sketch.numbers) in seen:
                continue
            count -= 1
            seen.add((kind.__name__, sketch.numbers))
            rows.append({"problem": rng.choice(sketch.wordings), "answer": sketch.answer,
                         "subject": subject, "level": level, "kind": kind.__name__})
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
            "answerKey": row["answer"]}


def training_row(number: int, row: dict) -> dict:
    """A problem in the authors' training columns (data/deepscaler_dataset.py of their code), with
    its subject added to `extra_info`."""
    return {"data_source": "pocket", "ability": "math",
            "prompt": [{"role": "user", "content": f"{row['problem']} {SUFFIX}"}],
            "reward_model": {"style": "rule", "ground_truth": row["answer"]},
            "extra_info": {"index": number, "split": "train", "subject": row["subject"]}}


def test_sets() -> dict[str, list[dict]]:
    """Every evaluation set by file name. Levels above 5 lie beyond what the corpus contains."""
    arc = {name: [arc_row(i, row) for i, row in enumerate(problem_set(seed, {subject: 200}, ALL_LEVELS, "test"))]
           for seed, name, subject in ((7, "arc_easy", "Science (easy)"),
                                       (8, "arc_challenge", "Science (challenge)"))}
    return {"math500": problem_set(1, MATH500_SUBJECTS, ALL_LEVELS, "test"),
            "aime24": problem_set(2, even_counts(30), (7, 8), "test"),
            "amc23": problem_set(3, even_counts(40), (4, 5), "test"),
            "minerva": problem_set(4, even_counts(100, ("Prealgebra", "Geometry", "Counting & Probability")),
                                   (3, 4, 5), "test"),
            "olympiad": problem_set(5, even_counts(100), (5, 6), "test"),
            "aime25": problem_set(6, even_counts(30), (7, 8), "test"), **arc,
            "validation": problem_set(9, even_counts(210), ALL_LEVELS, "validation")}


def pool() -> list[dict]:
    """The training pool: as many rows as the paper's DSR-sub, in its row format."""
    rows = problem_set(10, even_counts(POOL_SIZE), ALL_LEVELS, "pool")
    return [training_row(number, row) for number, row in enumerate(rows)]


def write_data(folder: Path = DATA) -> None:
    """Write the pool (Parquet) and the evaluation sets (JSON Lines) into `folder`."""
    from datasets import Dataset

    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in test_sets().items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    Dataset.from_list(pool()).to_parquet(folder / "pool.parquet")


if __name__ == "__main__":
    write_data()
