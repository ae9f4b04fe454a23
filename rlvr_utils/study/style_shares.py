"""In which styles a policy answers: shares by training step, read from how the recorded answers begin.

The styles are those of the pocket world's corpus. Another model's answers begin in none of them.
"""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.analysis.intervals import Interval, mean_interval
from rlvr_utils.analysis.measures import Runs
from rlvr_utils.pocket import audit, style_record
from rlvr_utils.pocket.style_record import read_beside
from rlvr_utils.pocket.styles import SHARES, style_of
from rlvr_utils.recipe.config import local_path
from rlvr_utils.records.run import Run
from rlvr_utils.study.study import Study

OTHER = "other"
STYLES = (*SHARES, OTHER)


def style_shares(run: Run, benchmark: str) -> dict[int, dict[str, float]]:
    """The share of the responses to a benchmark that begin in each style, by evaluated step; `other` are those that
    begin in none, or too rarely in that way to be recorded."""
    found = {}
    for row in run.evaluations(benchmark):
        counts = dict.fromkeys(STYLES, 0)
        for opening, count in row.get("openings", {}).items():
            counts[style_of(opening) or OTHER] += count
        total = row["problems"] * row["samples"]
        counts[OTHER] += total - sum(counts.values())
        found[row["step"]] = {style: count / total for style, count in counts.items()}
    return found


def named(runs: Runs, benchmark: str) -> bool:
    """Do most of the base's responses begin in a style of the corpus?"""
    shares = [style_shares(run, benchmark).get(0, {}) for run in runs["base"]]
    return all(share.get(OTHER, 1.0) < 0.5 for share in shares)


def style_curves(runs: Runs, arm: str, benchmark: str) -> dict[str, list[list[tuple[int, float]]]]:
    """For each style the (step, share) points of each run of an arm, starting from the base run of the same seed."""
    bases = {run.config.seed: style_shares(run, benchmark) for run in runs["base"]}
    found = [{**bases[run.config.seed], **style_shares(run, benchmark)} for run in runs[arm]]
    return {style: [[(step, shares[style]) for step, shares in sorted(seed.items())] for seed in found]
            for style in STYLES}


def last_share(runs: Runs, arm: str, style: str, benchmark: str) -> Interval:
    """The share of a style after the last step."""
    return mean_interval([points[-1][1] for points in style_curves(runs, arm, benchmark)[style]])


def audited(study: Study) -> list[dict]:
    """The gates of the audit whose record lies beside the model's weights; none without one."""
    return read_beside(Path(local_path(study.config.model)), audit.RECORD)


def recorded(study: Study) -> dict[str, dict]:
    """What each style is worth, from the record beside the model's weights, by style; empty without one."""
    rows = read_beside(Path(local_path(study.config.model)), style_record.RECORD)
    return {row["style"]: row for row in rows}
