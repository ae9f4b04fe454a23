"""Problems from small files in the formats of the public benchmarks and of the authors."""
import datetime
import decimal
import math
import re

import pytest
from conftest import line_of

from rlvr_utils.data.problems import distinct, load_benchmark, load_training
from rlvr_utils.data.prompts import SUFFIX
from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError
from rlvr_utils.grading import grade


def authors_row(question, answer, index):
    return {"data_source": "deepscaler", "ability": "math",
            "prompt": [{"role": "user", "content": f"{question} {SUFFIX}"}],
            "reward_model": {"style": "rule", "ground_truth": answer},
            "extra_info": {"index": index, "split": "train"}}


def arc_row(labels, key):
    texts = ["iron", "wood", "glass", "wool", "clay"][:len(labels)]
    return {"id": "Q1", "question": "Which one is a metal?",
            "choices": {"text": texts, "label": labels}, "answerKey": key}


BOX = "First \\boxed{1}, then \\boxed{\\frac{2}{3}}."
FORMATS = {
    "MATH500": ({"problem": "Q", "solution": BOX, "answer": "other", "subject": "Algebra",
                 "level": 2, "unique_id": "u/7"}, Problem("u/7", "Q", "\\frac{2}{3}", "Algebra")),
    "MATH500 without a box": ({"problem": "Q", "solution": "none", "answer": "5", "level": 2},
                              Problem("0", "Q", "5")),
    "Minerva": ({"problem": "Q", "solution": BOX, "type": "Astronomy", "idx": 4},
                Problem("4", "Q", "\\frac{2}{3}", "Astronomy")),
    "a box and nothing else": ({"problem": "Q", "solution": BOX},
                               Problem("0", "Q", "\\frac{2}{3}")),
    "OlympiadBench": ({"id": 1606, "subfield": "Algebra", "question": "Q", "solution": ["long"],
                       "final_answer": ["$2$,$3$"]}, Problem("1606", "Q", "2,3", "Algebra")),
    "AIME24": ({"id": 60, "problem": "P", "question": "Q", "solution": BOX, "answer": "204"},
               Problem("60", "Q", "204")),
    "AIME25": ({"problem": "Q", "answer": "070"}, Problem("0", "Q", "070")),
    "AMC23": ({"id": 0, "problem": "Q", "answer": 27.0}, Problem("0", "Q", "27.0")),
    "ASDiv": ({"body": "Nine apples.", "question": "How many?", "answer": "9 (apples)"},
              Problem("0", "Nine apples. How many?", "9")),
    "MAWPS": ({"input": "Q", "target": 43.0}, Problem("0", "Q", "43")),
    "MAWPS with decimals": ({"input": "Q", "target": 9.43}, Problem("0", "Q", "9.43")),
    "GSM8K": ({"question": "Q", "answer": "Half is 48/2 = <<48/2=24>>24.\nIn all 48+24 = <<48+24=72>>72.\n#### 72"},
              Problem("0", "Q", "72")),
    "GSM8K's solution apart": ({"question": "Q", "solution": "It is 3.\n#### 3\n"}, Problem("0", "Q", "3")),
    "TRL's text prompt": ({"prompt": "What is 2+3?", "answer": "5"}, Problem("0", "What is 2+3?", "5")),
    "plain, answer 0": ({"question": "Q", "answer": 0}, Problem("0", "Q", "0")),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_recognised_by_its_columns(write_rows, name):
    row, expected = FORMATS[name]
    for suffix in (".jsonl", ".json", ".parquet"):
        assert load_benchmark(write_rows([row], f"rows{suffix}")) == [expected]


@pytest.mark.parametrize(("written", "gold"), [
    ("#### 1,234", "1234"), ("so\n#### $1,234,567.50", "1234567.50"), ("#### -5 \n", "-5"), ("#### (1,234)", "(1,234)"),
    ("#### \\frac{1}{2}", "\\frac{1}{2}"), ("1\n####72", "72"), ("#### $5$", "5"), ("#### 10 #### 12", "12"),
    ("\\boxed{5}", "5"), ("$\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"), ("It is \\boxed{$5$}", "5"),
    ("\\[\\frac{1}{2}\\]", "\\frac{1}{2}"), ("\\( x \\)", "x"), ("$5$", "5"), ("$$ 5 $$", "5"),
    ("$5", "$5"), ("\\$5", "\\$5"), ("$1$ and $2$", "$1$ and $2$"), ("\\(1\\), \\(2\\)", "\\(1\\), \\(2\\)"),
    ("$\\$5$", "\\$5"), ("(1,2]", "(1,2]"), ("1,234", "1,234"), ("$", "$"), ("#3", "#3")])
def test_a_gold_is_the_answer_alone(write_rows, written, gold):
    for row in ({"question": "Q", "answer": written}, authors_row("Q", written, 0)):
        path = write_rows([row])
        assert load_benchmark(path)[0].answer == load_training(path)[0].answer == gold


@pytest.mark.parametrize(("written", "response"), [
    ("6*12 = <<6*12=72>>72\n#### 72", "72"), ("#### 1,080", "1080"), ("\\boxed{5}", "5"),
    ("\\[\\frac{1}{2}\\]", "\\frac{1}{2}")])
def test_a_right_response_is_right_however_the_gold_is_written(write_rows, written, response):
    gold = load_training(write_rows([{"question": "Q", "answer": written}]))[0].answer
    for grader in ("qwen-eval", "math-verify", "training"):
        assert grade(f"So \\boxed{{{response}}}.", gold, grader=grader)
        assert not grade("So \\boxed{71}.", gold, grader=grader)


@pytest.mark.parametrize(("labels", "key", "answer"), [
    (["A", "B", "C", "D"], "C", "C"), (["1", "2", "3", "4"], "1", "A"), (["1", "2", "3"], "3", "C"),
    (["A", "B", "C", "D", "E"], "E", "E")])
def test_arc_shows_its_choices_and_answers_with_a_letter(write_rows, labels, key, answer):
    problem, = load_benchmark(write_rows([arc_row(labels, key)]))
    assert problem.answer == answer
    lines = problem.question.split("\n")
    assert lines[:2] == ["Which one is a metal?", "A. iron"] and len(lines) == 1 + len(labels)


def test_limit_takes_the_first_problems_only(write_rows):
    path = write_rows([{"question": f"Q{i}", "answer": i} for i in range(5)])
    assert [problem.question for problem in load_benchmark(path, limit=2)] == ["Q0", "Q1"]
    with pytest.raises(UserError, match="limit is 0"):
        load_benchmark(path, limit=0)


def test_training_rows_lose_the_suffix_and_nothing_else(write_rows):
    # Some of the authors' problems end in white space, which is part of their prompt.
    path = write_rows([authors_row("How far? \n", "12.8", 124)], "rows.parquet")
    assert load_training(path) == [Problem("124", "How far? \n", "12.8")]


def test_a_text_prompt_loses_the_suffix_too(write_rows):
    assert load_training(write_rows([{"prompt": f"How far? {SUFFIX}", "answer": "1"}]))[0].question == "How far?"


def test_repeated_training_rows_are_kept_and_distinct_keeps_the_first(write_rows):
    path = write_rows([authors_row("Q", "1", i) for i in range(3)] + [authors_row("R", "2", 3)])
    problems = load_training(path)
    assert [problem.id for problem in problems] == ["0", "1", "2", "3"]
    assert distinct(problems) == [problems[0], problems[3]]


def test_plain_training_rows_are_numbered(write_rows):
    path = write_rows([{"problem": "Q", "answer": "1"}, {"question": "R", "answer": "2"}])
    assert load_training(path) == [Problem("0", "Q", "1"), Problem("1", "R", "2")]


def test_a_training_row_without_an_answer_is_left_out(write_rows):
    path = write_rows([authors_row("Q", "1", 0), authors_row("R", "", 1)])
    assert [problem.question for problem in load_training(path)] == ["Q"]


def test_dropping_every_row_is_an_error(write_rows):
    with pytest.raises(UserError, match="no row has an answer"):
        load_training(write_rows([authors_row("Q", " ", 0)]))


@pytest.mark.parametrize(("row", "field"), [
    ({"question": "Q"}, "answer"), ({"question": "Q", "answer": None}, "answer"),
    ({"question": "Q", "answer": "  "}, "answer"),
    ({"question": "Q", "answer": float("nan")}, "answer"),
    ({"input": "Q", "target": None}, "target"),
    ({"question": "Q", "final_answer": []}, "final_answer"),
    ({"problem": "Q", "type": "T", "solution": "open \\boxed{1"}, "solution")])
def test_a_row_without_an_answer_is_named_with_its_field(write_rows, row, field):
    path = write_rows([{"question": "ok", "answer": "1"}, row])
    with pytest.raises(UserError, match=f"rows.jsonl: row 2 has no answer in `{field}`"):
        load_benchmark(path)


@pytest.mark.parametrize(("row", "message"), [
    ({"text": "Q", "gold": "1"}, r"row 1 has no question; .*\(found: text, gold\)"),
    ({"question": " ", "answer": "1"}, "row 1 has no question"),
    ({}, "found: no fields"),
    ("Q", "row 1 is not an object"),
    ({"question": "Q", "answer": ["1", "2"]}, "field `answer`: expected text or a number, found \\['1', '2'\\]"),
    (arc_row(["A", "B"], "D"), "field `answerKey`: 'D' is not exactly one of the labels"),
    ({**arc_row(["A", "B"], "A"), "choices": ["iron", "wood"]}, "field `choices`"),
    ({"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}],
      "answer": "1"},
     "field `prompt`: expected one user message"),
    ({"prompt": ["Q"], "answer": "1"}, "field `prompt`")])
def test_a_malformed_row_is_one_line_with_its_place(write_rows, row, message):
    with pytest.raises(UserError, match=message) as caught:
        load_benchmark(write_rows([row]))
    assert "\n" not in str(caught.value)


def test_two_rows_with_one_id_are_an_error_only_where_the_file_gives_ids(write_rows):
    rows = [{"id": 3, "question": "Q", "answer": "1"}, {"id": 3, "question": "R", "answer": "2"}]
    with pytest.raises(UserError, match="row 2 .*`id` '3' .*row 1"):
        load_benchmark(write_rows(rows))
    for row in rows:
        del row["id"]
    assert [problem.id for problem in load_benchmark(write_rows(rows))] == ["0", "1"]
    numbered = [{**row, "idx": 7} for row in rows]  # a running number that restarts is no id
    assert len(load_benchmark(write_rows(numbered))) == 2


GOOD = {"question": "Q", "answer": "1"}
HALF = "half \ud800 a character"
BAD_FIELDS = {
    "half a character": ({"question": HALF}, "question"),
    "half a character in the answer": ({"answer": HALF}, "answer"),
    "half a character in the name": ({"id": HALF}, "id"),
    "an endless answer": ({"answer": math.inf}, "answer"),
    "an object as answer": ({"answer": {"x": 1}}, "answer"),
    "no number as id": ({"id": math.nan}, "id"),
    "a list as id": ({"id": [1]}, "id"),
    "a list as index": ({"extra_info": {"index": [1]}}, "extra_info.index"),
    "an object as subject": ({"subject": {"a": "b"}}, "subject"),
    "a list as subfield": ({"subfield": ["a"]}, "subfield"),
    "a number as body": ({"body": 3}, "body"),
    "a list as answer of a body": ({"body": "B", "answer": ["9"]}, "answer"),
    "a message without text": ({"prompt": [{"role": "user", "content": [{"type": "image"}]}]}, "prompt"),
    "a message with the suffix alone": ({"prompt": [{"role": "user", "content": f" {SUFFIX}"}]}, "prompt"),
    "an object among final answers": ({"final_answer": [{"x": 1}]}, "final_answer"),
    "choices that are lists": ({"choices": {"text": [["a"], "b"], "label": ["A", "B"]}, "answerKey": "A"},
                               "choices.text"),
    "a label twice": ({"choices": {"text": ["a", "b"], "label": ["A", "A"]}, "answerKey": "A"}, "answerKey"),
    "an object as key": ({"choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": {}}, "answerKey"),
    "a megabyte in the wrong place": ({"answer": ["9" * 1_000_000]}, "answer"),
    "megabytes as roles": ({"prompt": [{"role": "x" * 1_000_000}] * 9}, "prompt"),
    "a worked solution": ({"answer": "48/2 = <<48/2=24>>24 clips."}, "answer"),
    "a sentence": ({"answer": "3+4=7, so the answer is 7."}, "answer"),
    "a solution of several lines": ({"answer": "First 3+4=7\nthen 7*2=14"}, "answer"),
    "a heading": ({"answer": "#### Step 1\nIt is 5."}, "answer"),
    "several boxes": ({"answer": "\\boxed{1}, \\boxed{2}"}, "answer"),
    "an open box": ({"answer": "\\boxed{1"}, "answer"),
    "a system turn": ({"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q"}]},
                      "prompt"),
    "a label of a megabyte": ({**arc_row(["A" * 1_000_000, "B"], "C")}, "answerKey"),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_bad_field_is_one_short_line_with_file_row_and_field(write_rows, name):
    fields, field = BAD_FIELDS[name]
    path = write_rows([GOOD, {**GOOD, **fields}])
    for load in (load_benchmark, load_training):
        line = line_of(load, path)
        assert line.startswith(f"{path}: row 2, field `{field}`: ")


def test_answers_in_words_or_in_several_lines_of_latex_are_answers(write_rows):
    for answer in ("No solution exists", "10 minutes.", "f(x)=ax+b, where b is an integer and a is positive",
                   "\\begin{pmatrix} 1 \\\\\n 2 \\end{pmatrix}"):
        assert load_training(write_rows([{**GOOD, "answer": answer}]))[0].answer == answer


def test_a_question_with_two_answers_is_named_with_both_rows(write_rows):
    path = write_rows([GOOD, {**GOOD, "id": "other", "answer": "12345"}])
    line = line_of(load_training, path)
    assert line.startswith(f"{path}: row 2 has the question of row 1") and "12345" in line


@pytest.mark.parametrize("value", [datetime.date(2024, 1, 2), decimal.Decimal("1.5"), b"12", [1.0], {"a": 1}, math.inf])
def test_values_that_only_parquet_can_hold_are_named_too(write_rows, value):
    for field in ("answer", "id", "subject"):
        line = line_of(load_benchmark, write_rows([{**GOOD, field: value}], "rows.parquet"))
        assert f"rows.parquet: row 1, field `{field}`: " in line


@pytest.mark.parametrize("field", ["subject", "subfield", "type"])
def test_a_subject_that_is_missing_is_none(write_rows, field):
    for value in (math.nan, None, ""):
        row = {**GOOD, "solution": "none", field: value}
        assert load_benchmark(write_rows([row]))[0].subject is None


def test_control_characters_in_a_question_are_kept(write_rows):
    question = "a\0b\x0crac\u2028c"
    assert load_benchmark(write_rows([{**GOOD, "question": question}]))[0].question == question


def test_two_rows_with_one_unique_id_are_an_error(write_rows):
    rows = [{"unique_id": "test/1.json", "question": f"Q{i}", "answer": "1"} for i in range(2)]
    assert re.search("row 2 .*`unique_id` 'test/1.json' .*row 1", line_of(load_benchmark, write_rows(rows)))


@pytest.mark.parametrize(("question", "answer"), [("R", "1"), ("Q", "2")])
def test_one_id_for_two_training_problems_is_an_error(write_rows, question, answer):
    rows = [authors_row("Q", "1", 7), authors_row("Q", "1", 7), authors_row(question, answer, 7)]
    line = line_of(load_training, write_rows(rows, "rows.parquet"))
    assert re.search("rows.parquet: row 3 .*`id` '7' .*row 1", line)
    rows[2]["reward_model"]["ground_truth"] = ""  # what is left out cannot be mistaken for it
    assert len(load_training(write_rows(rows))) == 2


def test_a_problem_knows_its_row_and_is_equal_without_it(write_rows):
    rows = [authors_row("Q", "", 0), authors_row("R", "1", 1)]
    problem, = load_training(write_rows(rows))
    assert problem.row == 2 and problem == Problem("1", "R", "1")


def test_columns_are_known_in_capital_letters_too(write_rows):
    """As in one of AIME's files."""
    path = write_rows([{"ID": "2024-I-1", "Problem": "1+1?", "Solution": "It is \\boxed{3}.", "Answer": 2}])
    problem, = load_benchmark(path)
    assert (problem.id, problem.question, problem.answer) == ("2024-I-1", "1+1?", "2")


def test_a_missing_answer_lists_the_columns(write_rows):
    with pytest.raises(UserError, match="row 1 .*`answer`.*result"):
        load_benchmark(write_rows([{"question": "1+1?", "result": "2"}]))
