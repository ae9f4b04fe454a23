"""Fields of a configuration, checked one by one: is it there, of its type, within what can be?

Every message names the file and the field.
"""
from __future__ import annotations

import dataclasses
import re

from rlvr_utils.data.files import SURROGATE, is_text
from rlvr_utils.errors import UserError, shown

KINDS = {"str": str, "int": int, "float": (int, float), "bool": bool, "int | None": (int, type(None))}
DTYPES = ("float32", "bfloat16", "float16")
CHOICES = {"engine": ("transformers", "vllm", "vllm-server"), "dtype": DTYPES, "eval_dtype": ("", *DTYPES),
           "scoring": ("generation", "likelihood")}
# Numbers lie between 0 and MOST, except these.
MOST = 2**31 - 1
LEAST = {"num_generations": 2,  # a group of one has no deviation
         **dict.fromkeys(("cpu_threads", "prompts_per_step", "max_prompt_tokens", "max_response_tokens",
                          "updates_per_rollout", "micro_batch", "save_every", "eval_max_tokens", "eval_batch",
                          "samples", "limit"), 1),
         # Logits and cache are divided by these; an entropy term may also be a penalty.
         **dict.fromkeys(("engine_memory", "eval_top_p"), 1e-6), "entropy_coef": -MOST, "entropy_scale": -MOST}
GREATEST = dict.fromkeys(("engine_memory", "eval_top_p"), 1)
FOLDER_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,99}", re.ASCII)


def check_fields(record: type, fields: object, place: str) -> None:
    """Raise `UserError` unless `fields` are plain data for this dataclass: every field without a
    default is there, none is unknown, and numbers, texts and choices are possible ones."""
    if not isinstance(fields, dict):
        raise UserError(f"{place}: expected fields with their values, found {shown(fields)}; give them as an object")
    declared = {field.name: field for field in dataclasses.fields(record)}
    for name in sorted(declared.keys() ^ fields.keys(), key=str):
        if name not in declared:
            raise UserError(f"{place}: field {shown(name)} is not a known field; compare it with profiles/pocket.yaml")
        if {declared[name].default, declared[name].default_factory} == {dataclasses.MISSING}:
            raise UserError(f"{place}: field {name!r} is missing; compare it with profiles/pocket.yaml")
    for name, value in fields.items():
        if declared[name].type in KINDS:
            _check_value(name, declared[name].type, value, place)


def _check_value(name: str, kind: str, value: object, place: str) -> None:
    if not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise UserError(f"{place}: field {name!r} must be of type {kind}, found {shown(value)}; correct it")
    if isinstance(value, str):
        _check_text(name, value, place)
    elif isinstance(value, (int, float)) and kind != "bool":
        least, most = LEAST.get(name, 0), GREATEST.get(name, MOST)
        if not least <= value <= most:  # so is NaN
            raise UserError(f"{place}: field {name!r} is {shown(value)}; give a number from {least:g} to {most:g}")


def _check_text(name: str, value: str, place: str) -> None:
    if SURROGATE.search(value) or "\0" in value:
        raise UserError(f"{place}: field {name!r} is {shown(value)}, which no file can be named; correct it")
    if name in CHOICES and value not in CHOICES[name]:
        raise UserError(f"{place}: field {name!r} is {shown(value)}; choose one of: "
                        f"{', '.join(choice or repr('') for choice in CHOICES[name])}")
    if name == "arm" and not FOLDER_NAME.fullmatch(value):
        raise UserError(f"{place}: field 'arm' is {shown(value)}, and names the run's folder; give up to 100 letters, "
                        "digits and - _ . +")
    if name in ("name", "file", "model", "pool") and not value.strip():
        raise UserError(f"{place}: field {name!r} is empty; fill it in")


def checked_ranking(value: object, place: str) -> dict[int, str]:
    """The mapping of rank, from 1, to the id of a row."""
    if not isinstance(value, dict):
        raise UserError(f"{place}: field 'ranking' is {shown(value)}; give a mapping of rank to row")
    for rank, row in value.items():
        whole = isinstance(rank, str) or _is_whole(rank)
        if not whole or not re.fullmatch("[1-9][0-9]{0,8}", str(rank)) or not (is_text(row) or _is_whole(row)):
            raise UserError(f"{place}: field 'ranking' has the entry {shown(rank)}: {shown(row)}; give a rank from 1 "
                            "and the id of a row")
    return {int(rank): str(row) for rank, row in value.items()}


def checked_examples(value: object, place: str) -> tuple[int, ...]:
    """The ranks to train on."""
    if not (isinstance(value, (list, tuple)) and all(_is_whole(rank) and rank >= 1 for rank in value)):
        raise UserError(f"{place}: field 'examples' is {shown(value)}; give a list of ranks from 1, [] for the pool")
    return tuple(value)


def checked_labels(value: object, place: str) -> dict[str, str]:
    """The answers by which an example's own may be replaced, by name."""
    if not isinstance(value, dict):
        raise UserError(f"{place}: field 'labels' is {shown(value)}; give a mapping of name to answer")
    for name, answer in value.items():
        number = isinstance(answer, float) and abs(answer) <= MOST
        if not is_text(name) or not (is_text(answer) or _is_whole(answer) or number):
            raise UserError(f"{place}: field 'labels' has the entry {shown(name)}: {shown(answer)}; give a name and an "
                            "answer")
    return {name: str(answer) for name, answer in value.items()}


def _is_whole(value: object) -> bool:
    """A whole number that can be written out."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST
