import json

import pytest

from rlvr_utils.analysis.selection import accuracy_history, rank_by_historical_variance
from rlvr_utils.errors import UserError
from rlvr_utils.pocket.ranking import RANKS
from rlvr_utils.recipe.config import PACKAGE, load_profile


def test_most_variable_row_comes_first():
    history = {"7": [0.0, 1.0, 0.0, 1.0], "3": [0.5, 0.5], "9": [0.25, 0.5, 0.75]}
    assert rank_by_historical_variance(history) == [7, 9, 3]


def test_ties_keep_the_order_in_which_rows_were_first_seen():
    assert rank_by_historical_variance({5: [0.0], 2: [1.0], 8: [0.0, 1.0], 1: [0.5]}) == [8, 5, 2, 1]


def test_score_is_the_population_standard_deviation():
    # With ddof 1 the shorter list would win: 0.707 against 0.548.
    history = {1: [0.0, 1.0], 2: [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]}
    assert rank_by_historical_variance(history) == [1, 2]


def test_lists_are_not_cut_to_equal_length():
    assert rank_by_historical_variance({1: [0.5, 0.5, 0.0, 1.0], 2: [0.4, 0.6]}) == [1, 2]


@pytest.mark.parametrize("history, words", [({}, "empty"), ({4: []}, "row 4")])
def test_what_cannot_be_ranked_is_refused(history, words):
    with pytest.raises(UserError, match=words):
        rank_by_historical_variance(history)


def test_history_of_a_run_is_gathered_by_row_in_order_of_first_visit():
    class FakeRun:
        def rows(self, name):
            assert name == "history"
            return [{"step": 1, "rows": ["4", "2"], "accuracies": [0.5, 0.0]},
                    {"step": 2, "rows": ["2", "9"], "accuracies": [1.0, 0.25]}]

    history = accuracy_history(FakeRun())
    assert history == {4: [0.5], 2: [0.0, 1.0], 9: [0.25]} and list(history) == [4, 2, 9]


def test_a_history_of_rows_without_numbers_is_one_line(tmp_path):
    class FakeRun:
        folder = tmp_path

        def rows(self, name):
            return [{"step": 1, "rows": ["test/1.json"], "accuracies": [0.5]}]

    with pytest.raises(UserError, match="'test/1.json'"):
        accuracy_history(FakeRun())


def test_the_examples_of_the_pocket_profile_are_those_of_its_history():
    order = rank_by_historical_variance(json.loads((PACKAGE / "pocket" / "history.json").read_text()))
    assert len(order) == 1209
    assert load_profile("pocket").ranking == {rank: str(order[rank - 1]) for rank in RANKS}


def test_a_pool_whose_accuracies_never_change_is_refused():
    with pytest.raises(UserError, match="nothing to rank"):
        rank_by_historical_variance({0: [0.5, 0.5], 1: [1.0, 1.0]})
