"""Profiles: one YAML file per model scale, each value with its source, read into a `RunConfig`.

A profile only sets fields, and no code depends on its name; an arm (see `rlvr_utils.recipe.arms`) changes a few
fields; the seed completes the configuration, whose hash names the run.
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from rlvr_utils.data.files import SURROGATE, expanded, read_text
from rlvr_utils.errors import UserError, nearest, shown
from rlvr_utils.recipe.yaml_text import parse_yaml

PACKAGE = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "profiles"
MOST = 2**31 - 1  # the largest integer that every library behind these fields accepts
AVERAGE = "average"  # of several benchmarks, in tables
DType = Literal["float32", "bfloat16", "float16"]
DTYPES = get_args(DType)
Reward = Literal["outcome", "format", "random"]
REWARDS = get_args(Reward)
Tracker = Literal["trackio", "tensorboard", "wandb"]
RUN_FIELDS = ("profile", "arm", "seed")  # these name a run and are not set in a profile
OPTIONS = ("train_file", "eval_files", "results")  # of the command line; they become fields with other names
PLAIN_WORDS = {"valid tuple": "list", "valid dictionary": "mapping of names to values", "valid integer": "whole number",
               "valid boolean": "true or false", "a true": "true", "valid ": "",
               "greater than or equal to": "at least", "less than or equal to": "at most"}  # for pydantic's


def _writable(text: str) -> str:
    if SURROGATE.search(text) or "\0" in text:
        raise ValueError("it should be text that can be written to a file")
    return text


def _non_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("it should not be empty")
    return text


def _folder_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,99}", text, re.ASCII):
        raise ValueError("it should be a folder name of up to 100 letters, digits and - _ . +")
    return text


def _rank(value: object) -> object:
    """JSON has no integer keys."""
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,8}", value) else value


def _row_id(value: object) -> object:
    """Rows may be numbered or named."""
    return str(value) if type(value) is int and abs(value) <= MOST else value


def _answer(value: object) -> object:
    """YAML parses an answer such as 12.7 as a number."""
    return str(value) if type(value) in (int, float) and abs(value) <= MOST else value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _names(value: object) -> object:
    """Names may be given without a list, with commas between them."""
    return tuple(map(str.strip, value.split(","))) if isinstance(value, str) else _tuple(value)


Text = Annotated[str, AfterValidator(_writable)]
NonEmptyText = Annotated[Text, AfterValidator(_non_empty)]
FolderName = Annotated[str, AfterValidator(_folder_name)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=1e-6, le=1)]  # memory and logits are divided by it
Rank = Annotated[int, BeforeValidator(_rank), Field(ge=1, le=MOST)]
RowId = Annotated[NonEmptyText, BeforeValidator(_row_id)]
Answer = Annotated[NonEmptyText, BeforeValidator(_answer)]


def later(default, **limits):
    """A field that was added after the first runs. At its default it changes nothing and is left out of the
    hash, so that earlier runs keep their names and their meaning."""
    return Field(default, json_schema_extra={"later": True}, **limits)


class Record(BaseModel):
    """Immutable, strictly typed fields: text is never parsed as a number and True is not 1, but an integer is
    accepted as a float."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Benchmark(Record):
    """One evaluation set."""

    name: NonEmptyText
    """Its name in records and tables; no two of a configuration share one."""
    file: NonEmptyText
    """A path, `package:` and a path inside the package, or `public:` and the name of a public set."""
    stands_for: Text = ""
    """The benchmark of the paper that it stands in for, such as "MATH500"; "" for none."""
    samples: Positive = 1
    """Responses per problem; the accuracy is their mean, avg@samples (paper App. B)."""
    temperature: Amount = 0.0
    """Sampling temperature of the responses; 0 is greedy."""
    limit: Positive | None = None
    """Number of problems to use, from the first; None for all."""
    scoring: Literal["generation", "likelihood"] = later("generation")
    """Generate responses and grade them, or compare the likelihoods of the given choices."""

    @model_validator(mode="after")
    def _likelihood_draws_nothing(self):
        if self.scoring == "likelihood" and (self.samples, self.temperature) != (1, 0):
            name = "samples" if self.samples != 1 else "temperature"
            raise ValueError(f"field {name!r} is {getattr(self, name):g}, but scoring by likelihood draws no response; "
                             "leave it out")
        return self


class RunConfig(Record):
    """Everything that determines a run. The comments in each profile give the source of every value."""

    profile: FolderName
    """The profile's name, and that of the folder of its results."""
    arm: FolderName
    """The arm, by its name in `rlvr_utils.recipe.arms`."""
    seed: Count
    """Seeds the order of the examples and all sampling."""
    model: NonEmptyText
    """The initial model: a folder, a GGUF file, `package:` and a path inside the package, or a name on the hub."""
    dtype: DType
    """Type of the weights while they are trained."""
    cpu_threads: Positive
    """CPU threads of one run."""
    pool: NonEmptyText
    """The training problems: a file, `package:` and a path, or `public:` and the name of a public set."""
    ranking: dict[Rank, RowId]
    """Rank by historical variance, from 1, to the id of a row of `pool`."""
    examples: Annotated[tuple[Annotated[int, Field(ge=1, le=MOST)], ...], BeforeValidator(_tuple)]
    """The ranks to train on; empty for the whole pool."""
    repeat_to: Count
    """A smaller set of examples is repeated to this many rows before it is shuffled (paper section 3.1)."""
    prompts_per_step: Positive
    """Prompts per rollout step."""
    num_generations: Annotated[int, Field(ge=2, le=MOST)]
    """Responses per prompt, the group; a group of one would have no deviation from its mean."""
    temperature: Annotated[float, Field(ge=1e-6, allow_inf_nan=False)]
    """Sampling temperature of the rollouts; the logits of the loss are divided by it too."""
    max_prompt_tokens: Positive
    """Longest training prompt, in tokens; a longer one is an error."""
    max_response_tokens: Positive
    """Longest rollout, in tokens; a longer one is cut off."""
    updates_per_rollout: Positive
    """Optimizer updates per rollout step."""
    learning_rate: Amount
    """AdamW's learning rate, constant."""
    weight_decay: Amount
    """AdamW's weight decay."""
    max_grad_norm: Amount
    """A gradient of a larger norm is scaled down to this one."""
    clip_ratio: Amount
    """The ratio of new to old probability is clipped to within this distance of 1."""
    kl_coef: Amount
    """Coefficient of the KL divergence from the initial model in the loss, the paper's beta."""
    entropy_coef: Number
    """Coefficient of the entropy bonus, the paper's alpha with the opposite sign; a negative one is a penalty."""
    entropy_scale: Number
    """Factor on `entropy_coef`, for arms that vary it."""
    policy_loss: bool
    """Is the policy-gradient term part of the loss?"""
    reward: Reward
    """What is rewarded: a right answer, a boxed answer, or chance."""
    micro_batch: Positive
    """Sequences per forward pass."""
    share_prompts: bool
    """Compute a prompt once for its whole group: the same gradients in less time."""
    steps: Count
    """Rollout steps; 0 evaluates the initial model and trains nothing."""
    eval_every: Count
    """Rollout steps between evaluations during training; the last step is evaluated too. 0 for none."""
    save_every: Positive
    """Rollout steps between two checkpoints."""
    eval_template: Text
    """Prompt template of evaluations, by its name in `rlvr_utils.data.prompts`, or a text with `{question}` in it."""
    eval_max_tokens: Positive
    """Longest response of an evaluation, in tokens; a longer one is cut off."""
    eval_batch: Positive
    """Responses generated at once in evaluations."""
    benchmarks: Annotated[tuple[Benchmark, ...], BeforeValidator(_tuple)]
    """What is evaluated, in order."""
    label: Text = later("")
    """Which of `labels` replaces the example's answer; "" for its own."""
    labels: dict[NonEmptyText, Answer] = later({})
    """Answers by name (paper Table 5, rows 11 to 13)."""
    kl_in_reward: Amount = later(0.0)
    """Coefficient of the KL divergence from the initial model that is subtracted from the reward."""
    micro_batch_tokens: Count = later(0)
    """The authors' token budget of a forward pass, within which tokens are averaged; 0 averages over the mini-batch."""
    idle_first_step: bool = later(False)
    """The first rollout step trains with learning rate 0, as in the released code."""
    autocast: bool = later(False)
    """bfloat16 arithmetic on weights of `dtype`."""
    engine: Literal["transformers", "vllm", "vllm-server"] = later("transformers")
    """What generates the responses."""
    engine_memory: Share = later(0.3)
    """Share of the GPU's memory for an engine "vllm" that runs beside the training; without a GPU, of the machine's
    for any vLLM."""
    engine_ratio_cap: Amount = later(0.0)
    """With vLLM, each token's policy loss is weighted by its probability to the trainer over that to vLLM, at most
    this; 0 for no such correction."""
    keep_every: Count = later(0)
    """Rollout steps between two policies that are kept for evaluation; 0 for none."""
    eval_early_every: Count = later(0)
    """Rollout steps between two evaluations up to step `eval_early_until`, instead of `eval_every`; 0 for no such
    phase."""
    eval_early_until: Count = later(0)
    """The last rollout step of the phase in which evaluations follow `eval_early_every`."""
    eval_top_p: Share = later(1.0)
    """Evaluations sample from the most likely tokens that together have this probability."""
    eval_dtype: Literal["", DType] = later("")
    """Type of the weights of policies kept for evaluation; "" for `dtype`."""
    shortcuts: bool = later(True)
    """Leave out work that cannot change a weight; False computes everything."""
    arms: Annotated[tuple[Text, ...], BeforeValidator(_tuple)] = later(())
    """The arms that the notebooks train; empty for all that they name. It affects no run."""
    lora_rank: Count = later(0)
    """Rank of the LoRA adapter that is trained while the weights are frozen; 0 trains the weights themselves."""
    lora_alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = later(32.0)
    """The adapter's output is multiplied by `lora_alpha` / `lora_rank`."""
    lora_targets: Annotated[tuple[NonEmptyText, ...], BeforeValidator(_names)] = later(())
    """Name endings of the linear layers that are adapted; empty for all except the output matrix."""
    train_template: Text = later("suffix")
    """Prompt template of rollouts, by its name in `rlvr_utils.data.prompts`, or a text with `{question}` in it."""
    report_to: Annotated[tuple[Tracker, ...], BeforeValidator(_names)] = later(())
    """Trackers that show the metrics during training; none by default. They are not part of what names a run."""

    @model_validator(mode="after")
    def _fields_agree(self):
        names = [benchmark.name for benchmark in self.benchmarks]
        for place, name in enumerate(names):
            if name == AVERAGE:
                raise ValueError(f"benchmark {place + 1}: field 'name' is {shown(name)}, which tables use for the "
                                 "average over benchmarks; give another name")
            if name in names[:place]:  # their records could not be told apart
                raise ValueError(f"benchmark {place + 1}: field 'name' is {shown(name)}, like that of an earlier one; "
                                 "give each its own name")
        if self.label and not self.examples and self.arm != "base":  # of which the other arms are made
            raise ValueError(f"field 'label' is {shown(self.label)}, but 'examples' is empty, so there is no answer to "
                             "replace; set 'examples', or leave 'label' out")
        if (self.eval_early_every > 0) != (self.eval_early_until > 0):
            name = "eval_early_until" if self.eval_early_every else "eval_early_every"
            raise ValueError(f"field {name!r} is 0, so the early phase of evaluations has no "
                             f"{'end' if self.eval_early_every else 'interval'}; give both fields, or neither")
        for name in ("lora_alpha", "lora_targets"):
            if not self.lora_rank and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"field {name!r} is {shown(getattr(self, name))}, but 'lora_rank' is 0, so no adapter "
                                 f"is trained; set 'lora_rank', or leave {name!r} out")
        if self.engine_ratio_cap and self.engine == "transformers":
            raise ValueError(f"field 'engine_ratio_cap' is {self.engine_ratio_cap:g}, but engine 'transformers' "
                             "samples from the trainer's own probabilities; set engine to vllm, or leave it out")
        return self

    def evaluated(self, step: int) -> bool:
        """Is there an evaluation during training after this rollout step?"""
        early = step <= self.eval_early_until
        every = self.eval_early_every if early else self.eval_every
        return bool(every) and (step % every == 0 or step == self.steps)

    def changed(self, **fields) -> RunConfig:
        """A copy with these fields changed. Raises `UserError` as `from_fields` does."""
        return from_fields({**dict(self), **fields}, "a run's configuration")


def profile_names() -> list[str]:
    """The names of the package's own profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def local_path(source: str) -> str:
    """`package:x` as a path inside the installed package; anything else unchanged."""
    if source.startswith("package:"):
        return str(PACKAGE / source.removeprefix("package:"))
    return source


def load_profile(name: str | Path) -> RunConfig:
    """The base configuration of a profile: arm `base`, seed 0.

    `name` is one of the package's profiles or the path of your own YAML file (it ends in .yaml or .yml, or has
    a slash), whose stem becomes the profile's name. A profile with the line `like: pocket` needs only the fields
    that differ from that profile of the package. Raises `UserError` for a profile that does not exist or has the
    name of one in the package, and as `from_fields` does.
    """
    name = str(name) if isinstance(name, Path) else name
    own = isinstance(name, str) and (name.endswith((".yaml", ".yml")) or "/" in name)
    path, place = (expanded(name), name) if own else (_in_package(name), f"{name}.yaml")
    if own and path.stem in profile_names() and path.resolve() != (FOLDER / f"{path.stem}.yaml").resolve():
        raise UserError(f"{name}: {path.stem!r} is the name of a profile of the package, with which it would share its "
                        "results; rename the file")
    fields = _profile_fields(path)
    for field in RUN_FIELDS:
        if field in fields:
            raise UserError(f"{place}: field {field!r} does not belong in a profile (the name is the file's, arm and "
                            "seed are chosen for each run); leave it out")
    return from_fields({"profile": path.stem, "arm": "base", "seed": 0, **fields}, place)


def _in_package(name: object, place: Path | None = None) -> Path:
    """The file of a profile of the package, which `place` names as what it is like, or else the user."""
    if name not in profile_names():
        near = nearest(name, profile_names())
        if place:
            raise UserError(f"{place}: field 'like' is {shown(name)}; {near or 'name a profile of the package'}")
        known = near or f"choose one of: {', '.join(profile_names())}"
        raise UserError(f"profile {shown(name)} does not exist; {known} (a file of your own ends in .yaml or .yml, or "
                        "has a slash in its path)")
    return FOLDER / f"{name}.yaml"


def _profile_fields(path: Path) -> dict:
    """The fields of a profile, completed by those of the profiles that it is `like`."""
    paths, fields = [], {}
    while path:
        if path in paths:
            raise UserError(f"{path}: field 'like' leads back to this profile; name a different one")
        layer = parse_yaml(read_text(path), path)
        if not isinstance(layer, dict):
            raise UserError(f"{path}: contains {shown(layer)}; give fields with their values, as in pocket.yaml")
        paths.append(path)
        path = _in_package(layer.pop("like"), path) if "like" in layer else None
        fields = {**layer, **fields}
    return fields


def field_from_text(name: str, text: str) -> object:
    """The value of a field of `RunConfig` from text, such as "1e-5" for `learning_rate` and "[1, 13]" or "1" for
    `examples`. The text is parsed as YAML, except for text fields, which take it literally. Raises `UserError`
    naming the field, or the most similar one if it does not exist."""
    place, field = f"{name}={text}"[:80], RunConfig.model_fields.get(name)
    if name in OPTIONS:
        raise UserError(f"{place}: {name!r} is no field; give it as --{name.replace('_', '-')}")
    if field is None:
        raise UserError(f"{place}: {_unknown(name, RunConfig)}")
    if name in RUN_FIELDS:
        raise UserError(f"{place}: field {name!r} is not set in this way; where a command has the option --{name}, use "
                        "that, and leave it out elsewhere")
    kind = TypeAdapter(field.rebuild_annotation(), config=ConfigDict(strict=True))
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    of_text = field.annotation is str or get_origin(field.annotation) is Literal
    value = text if of_text and not quoted else parse_yaml(text, place)
    value = [value] if name == "examples" and type(value) is int else value
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        raise UserError(_error_text(error, place, name)) from None


def from_fields(fields: dict, place: str) -> RunConfig:
    """A configuration from plain data (YAML or JSON), with every field checked.

    Raises `UserError` naming `place` and field if a field is missing, unknown, of the wrong type or out of range,
    and if fields contradict each other.
    """
    try:
        return RunConfig.model_validate(fields)
    except ValidationError as error:
        raise UserError(_error_text(error, place)) from None


def _error_text(error: ValidationError, place: str, *path) -> str:
    """The most important mistake in one line: an unknown field comes before a missing one. `path` locates the
    validated value in the configuration."""
    unknown = ("extra_forbidden", "invalid_key")
    mistake = min(error.errors(include_url=False), key=lambda mistake: mistake["type"] not in unknown)
    path, record, kind = [*path, *mistake["loc"]], RunConfig, mistake["type"]
    if path[:1] == ["benchmarks"] and len(path) > 1:
        path, record, place = path[2:], Benchmark, f"{place}: benchmark {path[1] + 1}"
    if kind in unknown:
        return f"{place}: {_unknown(path[-1], record)}"
    if kind == "missing":
        return f"{place}: field {path[-1]!r} is missing; add it (see rlvr_utils/recipe/profiles/pocket.yaml)"
    wish = re.sub(r"^\w+ should", "it should", mistake["msg"].removeprefix("Value error, "))
    for theirs, plain in PLAIN_WORDS.items():
        wish = wish.replace(theirs, plain)
    if not path:
        return (f"{place}: {wish}" if kind == "value_error" else
                f"{place}: expected fields with their values, found {shown(mistake['input'])}; give them as an object")
    entry = ""
    if len(path) > 1:  # entries of a list are counted from 1
        entry = f", entry {path[1] + 1 if isinstance(path[1], int) else shown(path[1])},"
    return f"{place}: field {path[0]!r}{entry} is {shown(mistake['input'])}; {wish}"


def _unknown(name: object, record: type[Record]) -> str:
    remedy = nearest(name, record.model_fields) or f"see {record.__name__} in rlvr_utils/recipe/config.py"
    return f"field {shown(name)} is not a known field; {remedy}"


def _later_defaults(record: type[Record]) -> dict:
    """The fields declared with `later`, with their defaults as plain JSON data."""
    defaults = {name: field.get_default() for name, field in record.model_fields.items() if field.json_schema_extra}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


def to_fields(config: RunConfig) -> dict:
    """The configuration as plain JSON data; `from_fields` reads it back."""
    return config.model_dump(mode="json")


def plain_fields(config: RunConfig) -> dict:
    """The configuration as plain data, without `later` fields at their defaults: the basis of its identities."""
    fields = _without_defaults(to_fields(config), RunConfig)
    fields["benchmarks"] = [_without_defaults(row, Benchmark) for row in fields["benchmarks"]]
    return fields


def _without_defaults(fields: dict, record: type) -> dict:
    defaults = _later_defaults(record)
    return {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
