"""Selection: which training example to take, by how much its accuracy moved (paper §2, Eq. 5)."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlvr_utils.errors import UserError, shown
from rlvr_utils.records.run import Run


def rank_by_historical_variance(history: Mapping[int | str, Sequence[float]]) -> list[int]:
    """Row indices from the most to the least variable training accuracy.

    `history` maps a row's index to its accuracies, one for each visit during full-set training,
    as in the authors' accuracy log. As in their code the score is numpy's standard deviation
    (ddof 0) of the whole list and equal scores keep the order of the mapping, so pi_j of the
    paper is entry j - 1. Raises `UserError` for an empty history or a row without visits.
    """
    import numpy as np

    if not history:
        raise UserError("the accuracy history is empty: give a mapping of row index to accuracies")
    for row, accuracies in history.items():
        if not len(accuracies):
            raise UserError(f"row {row} of the accuracy history has no visits; train longer or leave it out")
    scores = {int(row): float(np.std(np.asarray(accuracies, dtype=float))) for row, accuracies in history.items()}
    return sorted(scores, key=scores.__getitem__, reverse=True)


def accuracy_history(run: Run) -> dict[int, list[float]]:
    """The accuracies of every training row in the order of its visits, rows in the order in which
    they were first seen, from a run over the full set. Raises `UserError` for a row whose id is no number."""
    history: dict[int, list[float]] = {}
    for step in run.rows("history"):
        for row, accuracy in zip(step["rows"], step["accuracies"]):
            if not str(row).isdecimal():
                raise UserError(f"{run.folder}: row {shown(row)} of the history has no number; train on a file whose "
                                "ids are row numbers")
            history.setdefault(int(row), []).append(accuracy)
    return history
