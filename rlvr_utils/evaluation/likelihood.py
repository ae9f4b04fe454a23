"""Multiple choice by likelihood: lm-evaluation-harness's own ARC task, on local rows.

The harness writes "Question: ...\\nAnswer:" without few-shot examples and picks the choice whose text is most
likely to follow: `acc` by the sum of its tokens' log-probabilities, `acc_norm` by that sum divided by the
number of characters, so that long choices are not at a disadvantage.
"""
from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path

from rlvr_utils.data.files import is_text
from rlvr_utils.errors import UserError, shown

METRICS = ("acc", "acc_norm")
BATCH = 16  # choices scored at a time


def multiple_choice_accuracy(model, tokenizer, name: str, rows: list[dict]) -> dict[str, float]:
    """`acc` and `acc_norm` of a model in memory as shares between 0 and 1.

    `rows` are ARC's: `question`, `choices` with lists `text` and `label`, `answerKey`. `name` is used in
    error messages. Needs no network, prints nothing, writes no file and draws no random number; the model's
    train/eval mode is restored. Raises `UserError` naming row (from 1) and field for a malformed row, and if there
    is no row.
    """
    checked = checked_rows(rows, name)
    # Imported outside `_silence`: a module may keep the error stream that it finds on import.
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM

    training = model.training
    try:
        with _silence():
            scorer = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=BATCH)
            found = evaluate(scorer, {name: _arc_task(name, checked)}, bootstrap_iters=0, log_samples=False)
    finally:
        model.train(training)  # the harness puts it into evaluation mode
    return {metric: float(found["results"][name][f"{metric},none"]) for metric in METRICS}


def checked_rows(rows: list[dict], name: str) -> list[dict]:
    """Every row reduced to the fields that the task reads. Raises `UserError` as `multiple_choice_accuracy` does."""
    if not rows:
        raise UserError(f"{name}: no row to score; give at least one")
    return [_checked(row, f"{name}: row {number}") for number, row in enumerate(rows, start=1)]


def _arc_task(name: str, rows: list[dict]):
    """The harness's ARC task as its package defines it, with these rows instead of the hub's."""
    import lm_eval
    import yaml
    from datasets import Dataset
    from lm_eval.api.task import ConfigurableTask

    file = Path(lm_eval.__file__).parent / "tasks" / "arc" / "arc_easy.yaml"  # ARC-Challenge includes it
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for field in ("tag", "dataset_path", "dataset_name", "training_split", "validation_split"):
        del config[field]
    return ConfigurableTask(config={
        **config, "task": name, "num_fewshot": 0,
        "custom_dataset": lambda **_: {config["test_split"]: Dataset.from_list(rows)}})


def _checked(row: dict, place: str) -> dict:
    """One row's fields, with labels as text: some copies store digits as numbers."""
    if not isinstance(row, dict):
        raise UserError(f"{place} is a {type(row).__name__}; give one object with ARC's fields per row")
    if not is_text(row.get("question")):
        raise UserError(f"{place}, field `question`: expected text, found {shown(row.get('question'))}; fill it in")
    choices = row["choices"] if isinstance(row.get("choices"), dict) else {}
    texts, labels = choices.get("text"), choices.get("label")
    lists = isinstance(texts, list) and isinstance(labels, list)
    if not (lists and len(texts) == len(labels) >= 2 and all(map(is_text, texts))):
        raise UserError(f"{place}, field `choices`: expected lists `text` and `label` of one length, at least "
                        "2, no text empty; correct the row")
    key = row.get("answerKey")
    if not all(isinstance(label, (str, int, float)) for label in (key, *labels)):
        raise UserError(f"{place}, field `answerKey`: {shown(key)} or the labels {shown(labels)} are neither text nor "
                        "numbers; correct them")
    labels, key = [str(label) for label in labels], str(key)
    if labels.count(key) != 1:
        raise UserError(f"{place}, field `answerKey`: {shown(key)} is not exactly one of the labels "
                        f"{shown(labels)}; correct it")
    return {"question": row["question"], "choices": {"text": texts, "label": labels}, "answerKey": key}


@contextlib.contextmanager
def _silence():
    """Suppress the harness's progress bars, which it writes to standard error, and its log below errors."""
    logger = logging.getLogger("lm_eval")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
