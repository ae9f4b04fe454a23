"""The paper's numbers: what selects a row, what the errors say, and that the tables agree."""
import json

import pytest

from rlvr_utils.analysis.published import (
    FILE,
    example_subject,
    published,
    published_model,
    published_note,
    published_text,
    published_value,
    table_of,
)
from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import load_profile, profile_names

SIX = ("MATH500", "AIME24", "AMC23", "Minerva", "OlympiadBench", "AIME25")
TABLES = (1, *range(3, 21))
ROWS = [row for table in TABLES for row in published(table)]


@pytest.mark.parametrize(
    ("match", "average"),
    [
        ({"dataset": "base"}, 17.6),
        ({"dataset": "{pi_1}"}, 35.0),
        ({"dataset": "{pi_13}"}, 35.7),
        ({"dataset": "{pi_1,pi_13}"}, 36.6),
        ({"dataset": "DSR-sub", "reward_type": "outcome"}, 35.9),
        ({"dataset": "DSR-sub", "reward_type": "format"}, 28.7),
    ],
)
def test_the_main_rows_of_table_8(match, average):
    assert published_value(8, "Avg", **match) == average


def test_rows_keep_the_order_of_the_table():
    assert [row["row"] for row in published(5)] == list(range(1, 14))
    assert [row["step"] for row in published(15)] == [0, 20, 60, 500, 1300, 1860]


def test_several_conditions_narrow_the_rows():
    assert len(published(14, reward_type="format")) == 4
    assert len(published(14, reward_type="format", dataset="{pi_1}", entropy_loss=True)) == 1


def test_none_matches_an_absent_field():
    assert [row["dataset"] for row in published(8, algorithm=None)] == ["base"]


def test_no_matching_row_is_an_empty_list_and_no_value():
    assert published(3, dataset="{pi_3}") == []
    with pytest.raises(UserError, match=r"table 3 .*'\{pi_3\}'.*'\{pi_1209\}'"):
        published_value(3, "MATH500", dataset="{pi_3}")


def test_several_rows_name_what_tells_them_apart():
    with pytest.raises(UserError, match=r"2 rows.*reward_type: 'outcome' \| 'format'$"):
        published_value(8, "Avg", dataset="DSR-sub")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: published(2), "no table 2"),
        (lambda: published(8, datset="base"), "no field 'datset'.*dataset"),
        (lambda: published(11, suspect=["AIME25"]), "no field 'suspect'"),
        (lambda: published_value(8, "GSM8K", dataset="base"), "no column 'GSM8K'.*MATH500"),
        (lambda: published_text("nothing"), "no text 'nothing'.*reflection_onset"),
    ],
)
def test_errors_are_one_line_and_name_the_choices(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_changed_row_does_not_change_the_next_reading():
    published(8)[0]["values"]["Avg"] = 0.0
    assert published_value(8, "Avg", dataset="base") == 17.6


def test_every_row_can_be_told_from_the_others_of_its_table():
    notes = ("values", "inferred", "suspect")
    keys = [json.dumps({k: v for k, v in row.items() if k not in notes}) for row in ROWS]
    assert len(set(keys)) == len(keys) == 192


def test_averages_are_the_mean_of_the_six_benchmarks():
    # Not so where each column has its own best checkpoint.
    checked = 0
    for row in ROWS:
        values = row["values"]
        if set(SIX) <= set(values) and row.get("checkpoint_rule") != "best-per-benchmark":
            tolerance = 0.51 if row.get("unit") == "tokens" else 0.0501
            assert abs(sum(values[name] for name in SIX) / 6 - values["Avg"]) < tolerance, row
            checked += 1
    assert checked > 80


def test_a_checkpoint_chosen_per_benchmark_is_never_below_the_one_of_the_average():
    for table, single in ((9, 8), (11, 4)):
        for row in published(table, checkpoint_rule="best-per-benchmark"):
            conditions = {k: row[k] for k in ("model", "dataset", "algorithm", "reward_type")}
            for other in published(single, **conditions):
                assert all(row["values"][name] >= other["values"][name] for name in SIX), row


def test_tables_that_print_the_same_run_agree():
    for row in published(6):
        same = published(13, model=row["model"], condition=row["condition"])
        assert [other["values"]["Avg"] for other in same] == [row["values"]["Avg"]]
    for table in (14, 16, 17, 18):
        base = published(table, model="Qwen2.5-Math-1.5B", dataset="base")[0]["values"]
        assert {name: base[name] for name in SIX} == {
            name: published_value(8, name, dataset="base") for name in SIX
        }


def test_percentages_are_percentages_and_suspect_columns_exist():
    for row in ROWS:
        if "unit" not in row:
            assert all(0 <= value <= 100 for value in row["values"].values()), row
        assert set(row.get("suspect", ())) <= set(row["values"]), row


def test_the_file_has_one_row_a_line():
    rows = [line for line in FILE.read_text(encoding="utf-8").splitlines() if "values" in line]
    assert len(rows) == len(ROWS) + len(json.loads(FILE.read_text(encoding="utf-8"))["text"])
    assert all(json.loads(line.rstrip(","))["values"] for line in rows)


def test_the_numbers_of_the_running_text():
    assert published_text("gain_after_saturation") == {"{pi_1}": 3.4, "{pi_13}": 9.9}


MODELS = {"pocket": "Qwen2.5-Math-1.5B", "smollm2-135m": "Qwen2.5-Math-1.5B", "qwen2.5-math-1.5b": "Qwen2.5-Math-1.5B",
          "qwen2.5-math-7b": "Qwen2.5-Math-7B", "llama-3.2-3b-instruct": "Llama-3.2-3B-Instruct",
          "deepseek-r1-distill-qwen-1.5b": "DeepSeek-R1-Distill-Qwen-1.5B", "qwen2.5-1.5b": "Qwen2.5-1.5B",
          "qwen2.5-math-1.5b-instruct": "Qwen2.5-Math-1.5B-Instruct"}


@pytest.mark.parametrize("profile", profile_names())
def test_every_profile_has_a_model_in_the_paper(profile):
    model = published_model(load_profile(profile))
    name = profile.partition("-lora")[0].removesuffix("-sums")
    assert model == MODELS["pocket" if name.startswith("pocket") else name]
    assert table_of(model) in (8, 4, 10)


def test_a_model_of_ones_own_is_not_published():
    own = load_profile("pocket").changed(model="some/where/else")
    assert published_model(own) is None and table_of(None) is None
    assert published_note(own) == "Published numbers: not published for this model."
    assert published_model(own.changed(model="copies/Qwen2.5-Math-7B/")) == "Qwen2.5-Math-7B"


def test_the_note_says_whose_numbers_they_are():
    assert published_note(load_profile("qwen2.5-math-7b")) == (
        "Published numbers are the paper's for Qwen2.5-Math-7B (Table 4).")
    assert "stands in for: another model" in published_note(load_profile("pocket"))
    assert published_note(load_profile("qwen2.5-1.5b"), 1) == (
        "Published numbers of Table 1: not published for this model.")
    assert published_note(load_profile("smollm2-135m")) == "Published numbers: none for these test sets."


def test_the_subjects_of_the_examples():
    assert (example_subject(1), example_subject(13), example_subject(3)) == ("Algebra", "Geometry", None)
