"""Multiple choice by likelihood: the harness's accuracies against sums of log-probabilities by hand."""
import json
import logging
import os
import random
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import line_of

from rlvr_utils.errors import UserError
from rlvr_utils.evaluation import likelihood
from rlvr_utils.evaluation.likelihood import multiple_choice_accuracy
from rlvr_utils.models.loading import load_policy

LETTERS, DIGITS = "ABCDE", "12345"
# Short and long texts, so that the two accuracies part; letters of one and of two bytes, so that
# dividing by characters and by bytes does too; quotes, braces and white space, which a template may lose.
TEXTS = ["1", "a few apples and a few pens", "πππππππππππ", "it's \"{{both}}\" [of] \\boxed{2}", "so\n\n12  apples",
         "ε", "nothing", "2 + 2 = 4, and 4 + 4 = 8", "αβγδ αβγδ", "\\frac{1}{2}", "the sum is 12", "ξ is 3",
         "π", "2π", "3π + 1", "7 × 8", "7 8", "4 ÷ 2", "√2", "9"]


@pytest.fixture(scope="module")
def policy(tiny_model):
    return load_policy(str(tiny_model))


@pytest.fixture(scope="module")
def rows():
    """Rows of three to five choices, with letters and digits as labels and the answer anywhere."""
    rng, made = random.Random(7), []
    for number in range(36):
        texts = rng.sample(TEXTS, 3 + number % 3)
        labels = list((LETTERS, DIGITS)[number % 2][:len(texts)])
        made.append({"id": str(number), "question": f"What is {number}+1?", "answerKey": rng.choice(labels),
                     "choices": {"text": texts, "label": labels}})
    return made


def log_probability(policy, question: str, text: str) -> float:
    """The sum over the tokens of the text, one by one, each after everything before it."""
    model, tokenizer = policy
    start = tokenizer(f"Question: {question}\nAnswer:")["input_ids"]
    ids = tokenizer(f"Question: {question}\nAnswer: {text}")["input_ids"]
    assert ids[:len(start)] == start
    total = 0.0
    for place in range(len(start), len(ids)):
        with torch.no_grad():
            logits = model(torch.tensor([ids[:place]])).logits[0, -1]
        total += (logits[ids[place]] - logits.exp().sum().log()).item()
    return total


@pytest.fixture(scope="module")
def by_hand(policy, rows):
    """For each row the label with the largest sum, and with the largest sum a character and a byte."""
    best = {"sum": [], "character": [], "byte": []}
    for row in rows:
        texts, labels = row["choices"]["text"], row["choices"]["label"]
        sums = [log_probability(policy, row["question"], text) for text in texts]
        lengths = {"sum": [1] * len(texts), "character": [len(text) for text in texts],
                   "byte": [len(text.encode()) for text in texts]}
        for name, length in lengths.items():
            best[name].append(labels[max(range(len(texts)), key=lambda i: sums[i] / length[i])])  # noqa: B023
    return best


def share(labels: list[str], rows: list[dict]) -> float:
    return sum(label == row["answerKey"] for label, row in zip(labels, rows)) / len(rows)


def test_both_accuracies_are_those_computed_by_hand(policy, rows, by_hand):
    result = multiple_choice_accuracy(*policy, "arc", rows)
    assert result["acc"] == pytest.approx(share(by_hand["sum"], rows))
    assert result["acc_norm"] == pytest.approx(share(by_hand["character"], rows))


@pytest.mark.parametrize(("metric", "rule"), [("acc", "sum"), ("acc_norm", "character")])
def test_every_row_is_decided_by_the_rule_of_its_accuracy(policy, rows, by_hand, metric, rule):
    """With the answers that the rule picks all is right, with the other rules' answers it is not."""
    for name, labels in by_hand.items():
        keyed = [{**row, "answerKey": label} for row, label in zip(rows, labels)]
        accuracy = multiple_choice_accuracy(*policy, "arc", keyed)[metric]
        assert accuracy == pytest.approx(share(by_hand[rule], keyed))
        assert (accuracy == 1.0) == (name == rule)


def test_labels_may_be_letters_digits_or_numbers(policy, rows):
    def relabelled(labels):
        return [{**row, "choices": {**row["choices"], "label": list(labels[:len(row["choices"]["text"])])},
                 "answerKey": labels[row["choices"]["label"].index(row["answerKey"])]} for row in rows]

    results = [multiple_choice_accuracy(*policy, "arc", relabelled(labels))
               for labels in (LETTERS, DIGITS, range(1, 6))]
    assert results[0] == results[1] == results[2] == multiple_choice_accuracy(*policy, "arc", rows)


def test_the_batch_does_not_change_the_result(policy, rows, monkeypatch):
    results = []
    for batch in (1, 7, 500):
        monkeypatch.setattr(likelihood, "BATCH", batch)
        results.append(multiple_choice_accuracy(*policy, "arc", rows))
    assert results[0] == results[1] == results[2]


def test_a_single_row_is_enough(policy, rows):
    assert multiple_choice_accuracy(*policy, "arc", rows[:1])["acc"] in (0.0, 1.0)


def test_everything_is_as_it_was_afterwards(policy, rows):
    model, tokenizer = policy

    def state():
        return (model.training, torch.get_num_threads(), torch.random.get_rng_state().tolist(), random.getstate(),
                str(np.random.get_state()), logging.getLogger("lm_eval").level, dict(os.environ),
                tokenizer.padding_side, tokenizer.pad_token, sys.stderr, sys.stdout)

    multiple_choice_accuracy(model, tokenizer, "arc", rows[:2])  # what its import changes is not the call's
    for mode in (True, False):
        before = state()
        model.train(mode)
        multiple_choice_accuracy(model, tokenizer, "arc", rows[:2])
        assert model.training is mode
        model.eval()
        assert state() == before


def test_the_model_is_in_its_mode_again_after_a_failure(policy, rows, monkeypatch):
    model, tokenizer = policy
    monkeypatch.setattr(type(model), "forward", lambda *_, **__: 1 / 0)
    model.train()
    stream = sys.stderr
    with pytest.raises(ZeroDivisionError):
        multiple_choice_accuracy(model, tokenizer, "arc", rows[:2])
    assert model.training and sys.stderr is stream and logging.getLogger("lm_eval").level == logging.NOTSET
    model.eval()


@pytest.mark.slow
def test_a_fresh_process_prints_nothing_and_leaves_no_file(tiny_model, rows, tmp_path):
    script = ("import json, logging, sys; logging.basicConfig(level=logging.INFO, format='%(name)s %(message)s')\n"
              "from rlvr_utils.models.loading import load_policy\n"
              "from rlvr_utils.evaluation.likelihood import multiple_choice_accuracy\n"
              "model, tokenizer = load_policy(sys.argv[1])\n"
              "print(json.dumps(multiple_choice_accuracy(model, tokenizer, 'arc', json.loads(sys.argv[2]))))\n")
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "HF_HOME", "XDG_CACHE_HOME")}
    done = subprocess.run([sys.executable, "-c", script, tiny_model, json.dumps(rows[:3])], cwd=tmp_path,
                          env={**os.environ, **places}, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert len(done.stdout.splitlines()) == 1 and 0 <= json.loads(done.stdout)["acc"] <= 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_is_printed(policy, rows, capfd, caplog):
    multiple_choice_accuracy(*policy, "arc", rows[:2])
    assert capfd.readouterr() == ("", "") and caplog.records == []


GOOD = {"id": "q", "question": "What is 1+1?", "choices": {"text": ["2", "3"], "label": ["A", "B"]}, "answerKey": "A"}


@pytest.mark.parametrize(("change", "field"), [
    ({"question": " "}, "question"), ({"question": None}, "question"), ({"choices": None}, "choices"),
    ({"choices": {"text": ["2", "3"]}}, "choices"), ({"choices": {"text": ["2"], "label": ["A"]}}, "choices"),
    ({"choices": {"text": ["2", "3"], "label": ["A"]}}, "choices"),
    ({"choices": {"text": ["2", ""], "label": ["A", "B"]}}, "choices"),
    ({"choices": {"text": ["2", 3], "label": ["A", "B"]}}, "choices"),
    ({"choices": {"text": ["2", "3"], "label": ["A", "A"]}}, "answerKey"),
    ({"question": "half \ud800"}, "question"), ({"choices": {"text": ["2", "\ud800"], "label": ["A", "B"]}}, "choices"),
    ({"choices": {"text": ["2", "3"], "label": [["A"], {}]}}, "answerKey"), ({"question": ["x" * 10**7]}, "question"),
    ({"choices": {"text": ["2", "3"], "label": ["x" * 10**7, "B"]}}, "answerKey"),
    ({"answerKey": "C"}, "answerKey"), ({"answerKey": None}, "answerKey")])
def test_a_malformed_row_is_one_line_that_names_it(policy, change, field):
    line = line_of(multiple_choice_accuracy, *policy, "arc-challenge", [GOOD, {**GOOD, **change}])
    assert re.search(f"arc-challenge: row 2, field `{field}`: .*; .+", line)


@pytest.mark.parametrize(("given", "message"), [([], "no row to score; give"), ([GOOD, "x"], "row 2 is a str; give")])
def test_no_row_and_no_object_are_errors(policy, given, message):
    with pytest.raises(UserError, match=f"arc-challenge: {message}"):
        multiple_choice_accuracy(*policy, "arc-challenge", given)
