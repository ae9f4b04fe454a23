"""`rank_by_historical_variance` under its public name; it lives in `rlvr_utils.analysis.selection`."""
from rlvr_utils.analysis.selection import accuracy_history, rank_by_historical_variance

__all__ = ["accuracy_history", "rank_by_historical_variance"]
