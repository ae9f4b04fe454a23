"""The sums: all of one digit, and two disjoint draws of two digits for training and for testing.

`python -m rlvr_utils.sums.problems` writes them to `rlvr_utils/sums/data`, the same bytes every time.
"""
from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

from rlvr_utils.errors import take_no_options
from rlvr_utils.records.files import write_atomically

DATA = Path(__file__).parent / "data"
POOL, TEST = 100, 200  # sums of two digits
EXAMPLE = (23, 45)     # stands in prompts, so it is neither trained nor tested


def row(a: int, b: int, subject: str) -> dict:
    """One problem."""
    return {"id": f"{a}+{b}", "problem": f"What is {a}+{b}?", "answer": str(a + b), "subject": subject}


def problems() -> dict[str, list[dict]]:
    """The rows of each file, by its name."""
    pairs = [pair for pair in product(range(10, 100), repeat=2) if sorted(pair) != sorted(EXAMPLE)]
    drawn = random.Random(0).sample(pairs, len(pairs))
    distinct = list({tuple(sorted(pair)): pair for pair in drawn}.values())  # 34+58 and 58+34 are one problem
    two = [row(*pair, "two digits") for pair in distinct[:POOL + TEST]]
    one = [row(a, b, "one digit") for a, b in product(range(1, 10), repeat=2)]
    return {"pool": two[:POOL], "two_digits": two[POOL:], "one_digit": one}


def main(arguments: list[str] | None = None) -> None:
    """Write the files."""
    take_no_options("rlvr_utils.sums.problems", __doc__, arguments)
    for name, rows in problems().items():
        write_atomically(DATA / f"{name}.jsonl", "".join(json.dumps(each) + "\n" for each in rows))


if __name__ == "__main__":
    main()
