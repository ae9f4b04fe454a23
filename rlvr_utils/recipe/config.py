"""Profiles: one YAML file per model scale, each value with its source, read into a `RunConfig`.

A profile changes scale and never the code path; an arm (see `rlvr_utils.recipe.arms`) changes a few
fields; the seed completes the configuration, whose hash names the run.
"""
from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from rlvr_utils.data.files import read_text
from rlvr_utils.errors import UserError, reason, shown
from rlvr_utils.recipe.fields import check_fields, checked_examples, checked_labels, checked_ranking

PACKAGE = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "profiles"


def later(default):
    """A field that earlier runs did not have. At its default it changes nothing and is left out of
    the hash, so that those runs keep their names and their meaning."""
    maker = {"default_factory": dict} if default == {} else {"default": default}
    return dataclasses.field(**maker, metadata={"later": True})


@dataclass(frozen=True)
class Benchmark:
    """One evaluation set, or its first `limit` problems: greedy when `temperature` is 0, else
    avg@`samples` (paper App. B). `scoring` is "generation", or "likelihood" of each choice."""

    name: str
    file: str
    stands_for: str = ""
    samples: int = 1
    temperature: float = 0.0
    limit: int | None = None
    scoring: str = later("generation")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run. Fields are explained in the profile files."""

    profile: str
    arm: str
    seed: int
    model: str
    dtype: str
    cpu_threads: int
    pool: str
    ranking: dict[int, str]
    examples: tuple[int, ...]
    repeat_to: int
    prompts_per_step: int
    num_generations: int
    temperature: float
    max_prompt_tokens: int
    max_response_tokens: int
    updates_per_rollout: int
    learning_rate: float
    weight_decay: float
    max_grad_norm: float
    clip_ratio: float
    kl_coef: float
    entropy_coef: float
    entropy_scale: float
    policy_loss: bool
    reward: str
    micro_batch: int
    share_prompts: bool
    steps: int
    eval_every: int
    save_every: int
    eval_template: str
    eval_max_tokens: int
    eval_batch: int
    benchmarks: tuple[Benchmark, ...]
    label: str = later("")               # which of `labels` replaces the example's answer; "" = its own
    labels: dict[str, str] = later({})
    kl_in_reward: float = later(0.0)
    micro_batch_tokens: int = later(0)   # the authors' token budget; 0 = one token mean over the mini-batch
    idle_first_step: bool = later(False)
    autocast: bool = later(False)        # bfloat16 arithmetic on weights of `dtype`
    engine: str = later("transformers")  # what writes the responses: also "vllm" and "vllm-server"
    engine_memory: float = later(0.3)    # share of the GPU's memory for a colocated engine
    keep_every: int = later(0)           # keep the policy of every so many steps for evaluation; 0 = none
    eval_top_p: float = later(1.0)
    eval_dtype: str = later("")          # of kept policies; "" = `dtype`
    shortcuts: bool = later(True)        # leave out work that cannot change a weight; False computes everything

    def changed(self, **fields) -> RunConfig:
        """A copy with these fields changed. Raises `UserError` for a field that does not exist."""
        known = {field.name for field in dataclasses.fields(self)}
        for name in fields:
            if name not in known:
                raise UserError(f"field {name!r} is not in a run's configuration; it has: "
                                + ", ".join(sorted(known)))
        return dataclasses.replace(self, **fields)


def profile_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def local_path(source: str) -> str:
    """`package:x` as a path inside the installed package; anything else as it is."""
    if source.startswith("package:"):
        return str(PACKAGE / source.removeprefix("package:"))
    return source


def load_profile(name: str) -> RunConfig:
    """The profile's fields as a configuration of arm "base", seed 0.

    Raises `UserError` for an unknown profile and as `from_fields`.
    """
    fields = _profile_fields(name)
    if "like" in fields:  # what differs from another profile
        fields = {**_profile_fields(fields.pop("like")), **fields}
    return from_fields({"profile": name, "arm": "base", "seed": 0, **fields}, f"{name}.yaml")


def _profile_fields(name: str) -> dict:
    import yaml

    if name not in profile_names():
        raise UserError(f"profile {shown(name)} does not exist; choose one of: {', '.join(profile_names())}")
    path = FOLDER / f"{name}.yaml"
    text = read_text(path)
    try:
        fields = yaml.safe_load(text)
    except Exception as error:  # a date that is none, for one, is no YAMLError
        line = f"line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else reason(error)
        raise UserError(f"{path}: not valid YAML ({line}); mend it") from None
    if not isinstance(fields, dict):
        raise UserError(f"{path}: holds {shown(fields)}; give fields with their values, as in pocket.yaml")
    return fields


def from_fields(fields: dict, place: str) -> RunConfig:
    """A configuration from plain data (YAML or JSON), every field checked.

    Raises `UserError` naming `place` and field for what is missing, unknown, of another type or out
    of range, and for two benchmarks of one name, whose records could not be told apart.
    """
    check_fields(RunConfig, fields, place)
    fields = {**_later_defaults(RunConfig), **fields}
    numbers = {field.name: float(fields[field.name]) for field in dataclasses.fields(RunConfig)
               if field.type == "float"}
    if numbers["temperature"] <= 0:
        raise UserError(f"{place}: field 'temperature' is {numbers['temperature']:g}; rollouts are drawn, so give more")
    return RunConfig(**{**fields, **numbers, "benchmarks": _benchmarks(fields["benchmarks"], place),
                        "ranking": checked_ranking(fields["ranking"], place),
                        "examples": checked_examples(fields["examples"], place),
                        "labels": checked_labels(fields["labels"], place)})


def _benchmarks(rows: object, place: str) -> tuple[Benchmark, ...]:
    if not isinstance(rows, (list, tuple)):
        raise UserError(f"{place}: field 'benchmarks' is {shown(rows)}; give a list of benchmarks")
    for number, row in enumerate(rows, start=1):
        check_fields(Benchmark, row, f"{place}: benchmark {number}")
        if row["name"] in [earlier["name"] for earlier in rows[:number - 1]]:
            raise UserError(f"{place}: benchmark {number}: field 'name' is {shown(row['name'])}, as of an earlier one; "
                            "give each its own")
    return tuple(Benchmark(**row) for row in rows)


def _later_defaults(record: type) -> dict:
    """The later fields of a dataclass with their defaults."""
    return {field.name: {} if field.default is dataclasses.MISSING else field.default
            for field in dataclasses.fields(record) if field.metadata.get("later")}


def to_fields(config: RunConfig) -> dict:
    """The configuration as plain JSON data; `from_fields` reads it back."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def plain_fields(config: RunConfig) -> dict:
    """The configuration as plain data without later fields at their defaults: what identities are made of."""
    fields = _without_defaults(to_fields(config), RunConfig)
    fields["benchmarks"] = [_without_defaults(row, Benchmark) for row in fields["benchmarks"]]
    return fields


def _without_defaults(fields: dict, record: type) -> dict:
    defaults = _later_defaults(record)
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
