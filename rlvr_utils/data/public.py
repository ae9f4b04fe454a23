"""Public data sets by name, checked: `public:MATH500`, `public:dsr_sub` and so on.

A set is read from the user's data folder (environment variable `RLVR_DATA`, default `data` in the current
folder) if its file is there, without any network request; otherwise from the hub. This package contains none
of the data, only row counts, column names and SHA-256 sums of the named examples.
"""
from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from rlvr_utils.data.files import expanded, hub_rows, read_json, read_rows
from rlvr_utils.data.rows import parse_row
from rlvr_utils.errors import UserError, listed, shown

PUBLIC = "public:"
AUTHORS = "github.com/ypwang61/One-Shot-RLVR"
LOG, LOG_ENTRIES = "acc_step_500", 64_000  # 500 steps of 128 rows

# SHA-256 of problem without suffix, "\n", label, in UTF-8; pi_j is rank j of the paper (App. E).
SUMS = {
    "pi1": "4a009231cbbbe84a46d7cdf29a33923f248865acba17ba3a0095bb7b0afb8539",
    "pi2": "16c7e289413d7736b99471f462e4ddb25252f341a77614e5710480d90ae90f74",
    "pi13": "03542203b05fa5bc7ba82923561761f493724e139f26bda1ede701c3b11d392f",
    "pi1209": "fb46b3980a51725aba38bf90f1ec37ac1bd3fde90e3d95c797c1d0a1c4913f71",
}


@dataclass(frozen=True)
class PublicSet:
    """Where a set comes from (`hub`: `owner/name` or `owner/name:config`, None if it has no known hub name), and
    what it must contain: the number of `rows`, the `columns` of every row, `examples` as row (from 0) -> name in
    `SUMS`."""

    hub: str | None
    file: str
    rows: int
    columns: tuple[str, ...]
    examples: dict[int, str] = field(default_factory=dict)
    split: str = "test"
    published: str = "data/train/one_shot_rlvr"  # folder in the authors' repository, for sets without `hub`

    @property
    def origin(self) -> str:
        """Where to download the set, for error messages."""
        return self.hub or f"{self.published} of {AUTHORS}"


class Checked(NamedTuple):
    """One line of `check_all`. If the set failed, `rows` is None and `error` says why."""

    name: str
    place: str
    rows: int | None
    error: str = ""


def _authors(stem: str, rows: int, examples: dict[int, str], hub: str | None = None) -> PublicSet:
    return PublicSet(hub, f"train/{stem}.parquet", rows, ("prompt", "reward_model", "extra_info"), examples, split=stem)


def _repeated(*names: str) -> dict[int, str]:
    """The authors fill a batch of 128 with equally large blocks of repeated rows."""
    return {row: names[row * len(names) // 128] for row in range(128)}


# The authors announce their hub data in their README; the splits `dsr_sub` and
# `merge_pi1_pi2_pi13_pi1209_r128` are loaded by public code (one split a file). The names of the other
# splits are uncertain, so those sets have no hub name here.
_HUB = "ypwang61/One-Shot-RLVR-Datasets"
_ARC = ("id", "question", "choices", "answerKey")
CATALOGUE = {
    # 1,207 distinct prompts; row 265 has an empty label. Both are so in the authors' file.
    "dsr_sub": _authors("dsr_sub", 1209, {124: "pi1", 267: "pi2", 682: "pi13", 789: "pi1209"}, _HUB),
    "pi1_r128": _authors("pi1_r128", 128, _repeated("pi1")),
    "pi2_r128": _authors("pi2_r128", 128, _repeated("pi2")),
    "pi13_r128": _authors("pi13_r128", 128, _repeated("pi13")),
    "pi1209_r128": _authors("pi1209_r128", 128, _repeated("pi1209")),
    "merge_pi1_pi13_r128": _authors("merge_pi1_pi13_r128", 128, _repeated("pi1", "pi13")),
    "merge_pi1_pi2_pi13_pi1209_r128": _authors(
        "merge_pi1_pi2_pi13_pi1209_r128", 128, _repeated("pi1", "pi2", "pi13", "pi1209"), _HUB),
    LOG: PublicSet(None, "train/acc_step_500.json", 1209, (), published="data"),
    # Card: 500 problems of MATH, eval.yaml: split test; card of its copies: these columns.
    "MATH500": PublicSet("HuggingFaceH4/MATH-500", "eval/math500.jsonl", 500,
                         ("problem", "solution", "answer", "subject", "level", "unique_id")),
    # Card: split train, 30 examples, columns id, problem, solution, answer, url, year.
    "AIME24": PublicSet("HuggingFaceH4/aime_2024", "eval/aime24.jsonl", 30, ("problem", "answer"), split="train"),
    # Public loaders: test.jsonl, 30 problems, columns problem, answer, id.
    "AIME25": PublicSet("math-ai/aime25", "eval/aime25.jsonl", 30, ("problem", "answer")),
    # Public manifest of the test file: 40 rows, columns id, answer, url, question.
    "AMC23": PublicSet("math-ai/amc23", "eval/amc23.jsonl", 40, ("question", "answer")),
    # Public loaders: split train, 272 rows, problem, solution, idx. math-ai/minervamath has no
    # solutions, from whose last box the authors take the gold answer.
    "Minerva": PublicSet("knoveleng/Minerva-Math", "eval/minerva_math.jsonl", 272, ("problem", "solution"),
                         split="train"),
    # Public loaders: split test, 675 rows as in the paper, question, final_answer (a list).
    # math-ai/olympiadbench is reported with 674 rows by some and 675 by others.
    "OlympiadBench": PublicSet("zwhe99/simplerl-OlympiadBench", "eval/olympiadbench.jsonl", 675,
                               ("question", "final_answer")),
    # Cards of copies: test of ARC-Easy 2376, of ARC-Challenge 1172 rows, these columns.
    "ARC-E": PublicSet("allenai/ai2_arc:ARC-Easy", "eval/arc_easy.jsonl", 2376, _ARC),
    "ARC-C": PublicSet("allenai/ai2_arc:ARC-Challenge", "eval/arc_challenge.jsonl", 1172, _ARC),
}


def public_set(name: str) -> PublicSet:
    """The catalogue entry of a name, with or without `public:`. Raises `UserError` listing the known names."""
    name = name.removeprefix(PUBLIC)
    if name not in CATALOGUE:
        raise UserError(f"public data set {shown(name)} is not known; choose one of: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def find_file(name: str) -> Path | None:
    """The set's file in the user's data folder, in its subfolder or directly, or None.

    Raises `UserError` for an unknown name, and if `RLVR_DATA` names a folder that does not exist.
    """
    file, folder = public_set(name).file, _folder()
    return next((path for path in (folder / file, folder / Path(file).name) if path.is_file()), None)


def public_rows(name: str) -> list[dict]:
    """The checked rows of a set, in the order of its file.

    Raises `UserError` naming the file or hub dataset, what was expected and what was found: for an unknown
    name, a set that is nowhere, a wrong number of rows, a missing column, or a wrong example.
    """
    entry, path = public_set(name), find_file(name)
    if not entry.columns:
        raise UserError(f"{name}: this is an accuracy log, not a set of problems; read it with load_accuracy_log")
    if path is not None:
        return _checked(read_rows(path), entry, str(path), f"download it again from {entry.origin}")
    if entry.hub is None:
        raise _missing(name, entry)
    try:
        rows = hub_rows(entry.hub, entry.split)
    except UserError as error:
        raise UserError(f"{name}: no {entry.file} in {_folder()} (RLVR_DATA), and {error}") from None
    return _checked(rows, entry, f"dataset {entry.hub!r}", f"put {entry.file} into the folder RLVR_DATA instead")


def load_accuracy_log(source: str | Path = PUBLIC + LOG) -> dict[int, list[float]]:
    """Row -> its accuracies in the order of its visits. Rows keep the order of the file, which breaks ties
    in `rlvr_utils.analysis.selection`.

    `source` is a JSON file of this form, or the authors' log by name, whose counts are checked too.
    Raises `UserError` if it cannot be found or read, is not such a mapping, or has the wrong counts.
    """
    name = str(source)
    if not name.startswith(PUBLIC):
        return _read_log(expanded(source))
    entry, path = public_set(name), find_file(name)
    if entry.columns:
        raise UserError(f"{name}: contains problems, not accuracies; the accuracy log is {PUBLIC}{LOG}")
    if path is None:
        raise _missing(name, entry)
    log = _read_log(path)
    visits = sum(map(len, log.values()))
    if (len(log), visits) != (entry.rows, LOG_ENTRIES):
        raise UserError(f"{path}: expected {entry.rows} rows with {LOG_ENTRIES} accuracies, found {len(log)} with "
                        f"{visits}; download it again from {entry.origin}")
    return log


def check_all() -> list[Checked]:
    """Every set of the catalogue, read and checked. A set that fails gets an entry with its error. Raises
    `UserError` only if `RLVR_DATA` is not a folder."""
    checked = []
    for name, entry in CATALOGUE.items():
        place = str(find_file(name) or entry.hub or "nowhere")
        try:
            rows = public_rows(name) if entry.columns else load_accuracy_log(PUBLIC + name)
            checked.append(Checked(name, place, len(rows)))
        except UserError as error:
            checked.append(Checked(name, place, None, str(error)))
    return checked


def _folder() -> Path:
    chosen = os.environ.get("RLVR_DATA")
    folder = expanded(chosen or "data")
    if chosen and not folder.is_dir():  # a typo must not lead to a silent download
        raise UserError(f"RLVR_DATA={chosen}: no such folder; correct it, or unset it to use ./data and the hub")
    return folder


def _missing(name: str, entry: PublicSet) -> UserError:
    return UserError(f"{name}: no {entry.file} in {_folder()}, and the hub has no known copy; set RLVR_DATA to a "
                     f"folder that contains it (the authors publish it in {entry.origin})")


def _checked(rows: list[dict], entry: PublicSet, place: str, remedy: str) -> list[dict]:
    if len(rows) != entry.rows:
        raise UserError(f"{place}: expected {entry.rows} rows, found {len(rows)}; {remedy}")
    for number, row in enumerate(rows, start=1):
        has = list(row) if isinstance(row, dict) else []
        lower = {str(column).lower() for column in has}
        missing = [column for column in entry.columns if column.lower() not in lower]
        if missing:
            raise UserError(f"{place}: row {number}: expected column {', '.join(missing)}, found "
                            f"{listed(has) or 'none'}; {remedy}")
    for index, name in entry.examples.items():
        problem, _ = parse_row(rows[index], index + 1, place)
        found = hashlib.sha256(f"{problem.question}\n{problem.answer}".encode()).hexdigest()
        if found != SUMS[name]:
            raise UserError(f"{place}: row {index + 1}: expected example {name} with SHA-256 {SUMS[name][:12]}..., "
                            f"found {found[:12]}...; {remedy}")
    return rows


def _read_log(path: Path) -> dict[int, list[float]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file; give a JSON file of row -> accuracies, or {PUBLIC}{LOG}")
    log = read_json(path)
    if not isinstance(log, dict):
        raise UserError(f"{path}: expected a mapping of row -> accuracies, found a {type(log).__name__}; give the log")
    for row, values in log.items():
        numbered = re.fullmatch("0|[1-9][0-9]{0,8}", row)
        if not (numbered and isinstance(values, list) and values and all(map(_is_accuracy, values))):
            raise UserError(f"{path}: entry {shown(row)}: expected a row number with a list of accuracies between 0 "
                            "and 1; correct it")
    return {int(row): [float(value) for value in values] for row, values in log.items()}


def _is_accuracy(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
