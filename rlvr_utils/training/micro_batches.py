"""The authors' micro-batches: parts of a mini-batch with nearly equal numbers of tokens."""
from __future__ import annotations

import heapq
import math
from itertools import count


def token_micro_batches(lengths: list[int], token_budget: int, at_least: int = 1) -> list[list[int]]:
    """Rows of a mini-batch in as few parts as `token_budget` tokens (prompt and response) a part
    allow, balanced by tokens; one part when the budget is 0."""
    parts = math.ceil(sum(lengths) / token_budget) if token_budget else 1
    return balanced_parts(lengths, min(max(parts, at_least), len(lengths)))


def balanced_parts(sizes: list[int], parts: int) -> list[list[int]]:
    """Rows in `parts` groups of nearly equal total size (Karmarkar and Karp 1982, for several ways).

    Each row starts as an assignment of its own, one full group and empty ones. The two assignments
    with the largest spread between their groups are merged, largest with smallest, until one is left.
    Raises `ValueError` for fewer rows than parts.
    """
    if not 1 <= parts <= len(sizes):
        raise ValueError(f"{len(sizes)} rows do not go into {parts} parts")
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
