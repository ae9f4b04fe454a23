"""Data selection: rank training examples by the variance of their accuracy in training (paper §2, Eq. 5)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlvr_utils.errors import UserError, shown
from rlvr_utils.records.run import Run


def rank_by_historical_variance(history: Mapping[int | str, Sequence[float]]) -> list[int]:
    """Row indices from the most to the least variable training accuracy.

    `history` maps a row's index to its accuracies, one per visit in training on the full set, as in the authors'
    accuracy log. As in their code, the score is numpy's standard deviation (ddof 0) of the whole list, and ties
    keep the order of the mapping, so the paper's pi_j is entry j - 1. Raises `UserError` for an empty history or a
    row without visits.
    """
    import numpy as np

    if not history:
        raise UserError("the accuracy history is empty; give a mapping of row index to accuracies")
    for row, accuracies in history.items():
        if not len(accuracies):
            raise UserError(f"row {row} of the accuracy history has no visits; train longer or leave it out")
    scores = {int(row): float(np.std(np.asarray(accuracies, dtype=float))) for row, accuracies in history.items()}
    if not any(scores.values()):
        raise UserError(f"no accuracy of the {len(scores)} rows ever changed, so there is nothing to rank; train "
                        "longer, or with more attempts a visit")
    return sorted(scores, key=scores.__getitem__, reverse=True)


def accuracy_history(run: Run) -> dict[int, list[float]]:
    """The accuracies of every training row in order of its visits, from a run on the full set; rows are in order of
    their first visit. Raises `UserError` for a row whose id is not a number."""
    history: dict[int, list[float]] = {}
    for step in run.rows("history"):
        for row, accuracy in zip(step["rows"], step["accuracies"]):
            if not str(row).isdecimal():
                raise UserError(f"{run.folder}: the history has a row with the id {shown(row)}; train on a file whose "
                                "ids are row numbers")
            history.setdefault(int(row), []).append(accuracy)
    return history
