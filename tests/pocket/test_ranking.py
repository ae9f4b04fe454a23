"""The pool's ranking, in a small form: a few problems, two looks, one training."""
from __future__ import annotations

import json

import pytest

from rlvr_utils.analysis.selection import rank_by_historical_variance
from rlvr_utils.pocket import ranking


@pytest.fixture
def small(monkeypatch, tmp_path, tiny_config):
    for name, value in (("STEPS", 2), ("EVERY", 2), ("ATTEMPTS", 4), ("RANKS", (1, 5, 6)),
                        ("HISTORY", tmp_path / "history.json"), ("load_profile", lambda name: tiny_config)):
        monkeypatch.setattr(ranking, name, value)
    return tmp_path / "history.json"


@pytest.mark.slow
def test_the_pool_is_sampled_while_it_is_trained_on_and_ranked(small, capsys):
    ranking.main()
    history = json.loads(small.read_text())
    assert sorted(history) == ["0", "1", "2", "3", "4"]
    assert all(len(values) == 2 and set(values) <= {0, 0.25, 0.5, 0.75, 1} for values in history.values())
    first, last, field = capsys.readouterr().out.splitlines()
    order = rank_by_historical_variance(history)
    assert first.startswith(f"pi_1: row {order[0]} ") and last.startswith(f"pi_5: row {order[4]} ")
    assert field == f"ranking: {{1: {order[0]}, 5: {order[4]}}}"
    ranking.main()
    assert json.loads(small.read_text()) == history
