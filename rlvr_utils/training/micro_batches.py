"""The authors' micro-batches: a mini-batch split into parts with nearly equal numbers of tokens."""
from __future__ import annotations

import heapq
import math
from itertools import count


def token_micro_batches(lengths: list[int], token_budget: int, at_least: int = 1) -> list[list[int]]:
    """The rows of a mini-batch in as few parts as possible with `token_budget` tokens (prompt and response) each,
    but at least `at_least`, balanced by tokens. One part if the budget is 0."""
    parts = math.ceil(sum(lengths) / token_budget) if token_budget else 1
    return balanced_parts(lengths, min(max(parts, at_least), len(lengths)))


def balanced_parts(sizes: list[int], parts: int) -> list[list[int]]:
    """The rows in `parts` groups of nearly equal total size (Karmarkar and Karp 1982, multi-way).

    Each row starts as a partition of its own, with one filled group and empty ones. The two partitions with the
    largest difference between their groups are merged, largest group with smallest, until one is left. Raises
    `ValueError` if there are fewer rows than parts.
    """
    if not 1 <= parts <= len(sizes):
        raise ValueError(f"{len(sizes)} rows cannot be split into {parts} parts")
    order, heap = count(), []
    for row, size in sorted(enumerate(sizes), key=lambda pair: -pair[1]):
        groups = [(size, [row])] + [(0, []) for _ in range(parts - 1)]
        heapq.heappush(heap, (-size if parts > 1 else 0, next(order), groups))
    while len(heap) > 1:
        first, second = heapq.heappop(heap)[2], heapq.heappop(heap)[2]
        merged = [(a + b, rows + others) for (a, rows), (b, others) in zip(first, reversed(second))]
        merged.sort(key=lambda group: -group[0])
        heapq.heappush(heap, (merged[-1][0] - merged[0][0], next(order), merged))
    filled = [sorted(rows) for _, rows in heap[0][2] if rows]
    return sorted(filled)
