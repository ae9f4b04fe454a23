"""The public name of `rank_by_historical_variance`, which is defined in `rlvr_utils.analysis.selection`."""
from rlvr_utils.analysis.selection import accuracy_history, rank_by_historical_variance

__all__ = ["accuracy_history", "rank_by_historical_variance"]
