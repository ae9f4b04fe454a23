"""Profiles and the hash that names a run: what is refused, what changes it and what does not."""
from __future__ import annotations

import json
import math
import re
import shutil

import pytest
import yaml
from conftest import line_of

from rlvr_utils.errors import UserError, shown
from rlvr_utils.recipe.arms import ARMS, with_arm
from rlvr_utils.recipe.config import (
    FOLDER,
    PACKAGE,
    Benchmark,
    RunConfig,
    field_from_text,
    from_fields,
    load_profile,
    local_path,
    profile_names,
    to_fields,
)
from rlvr_utils.records.run import run_name


@pytest.fixture
def fields():
    """The pocket profile's fields as plain data, to be spoiled."""
    return to_fields(load_profile("pocket"))


@pytest.fixture
def own_files(tiny_config, tmp_path):
    """A configuration whose model, pool and benchmark a test may change."""
    model = shutil.copytree(tiny_config.model, tmp_path / "model")
    pool = shutil.copy(tiny_config.pool, tmp_path / "pool.jsonl")
    six = shutil.copy(tiny_config.benchmarks[0].file, tmp_path / "six.jsonl")
    return tiny_config.changed(model=str(model), pool=str(pool), benchmarks=(Benchmark(name="six", file=str(six)),))


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_loads_and_its_package_files_exist(name):
    config = load_profile(name)
    assert (config.profile, config.arm, config.seed) == (name, "base", 0)
    data = [config.pool, *(benchmark.file for benchmark in config.benchmarks)]
    for source in (source for source in data if source.startswith("package:")):
        assert (PACKAGE / source.removeprefix("package:")).exists()
    assert len({benchmark.name for benchmark in config.benchmarks}) == len(config.benchmarks) > 0


def test_the_pocket_profile_keeps_the_papers_recipe():
    config = load_profile("pocket")
    assert (config.num_generations, config.temperature, config.repeat_to) == (8, 0.6, 128)
    assert (config.kl_coef, config.entropy_coef, config.clip_ratio) == (0.001, 0.001, 0.2)
    assert (config.weight_decay, config.max_grad_norm, config.updates_per_rollout) == (0.01, 1.0, 1)
    assert {b.stands_for for b in config.benchmarks if b.samples == 8} == {"AIME24", "AMC23", "AIME25"}
    assert [b.name for b in config.benchmarks if b.temperature != 0.6] == ["P-MATH500 greedy"]


@pytest.mark.parametrize("name", profile_names())
def test_every_value_of_a_profile_is_explained(name):
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    for line in (line for line in lines if line.startswith("like: ")):  # and what those are like
        lines += (FOLDER / f"{line.removeprefix('like: ')}.yaml").read_text(encoding="utf-8").splitlines()
    sources = ("model:", "pool:", "temperature:", "learning_rate:", "steps:", "prompts_per_step:")
    for start in sources:
        assert any(line.startswith(start) and "#" in line for line in lines), start


def named(action, *words) -> str:
    """The place and the field that the one line of the action's `UserError` names."""
    line = line_of(action, *words)
    found = re.match(r"(.*?): field '?(\w+)'?[ ,]", line)
    assert found, line
    return f"{found[1]}: {found[2]}"


def test_an_unknown_profile_is_one_line_that_lists_the_known_or_names_the_nearest():
    assert "did you mean 'pocket'?" in line_of(load_profile, "pokcet")
    for name in ("laptop", "", ["x"]):
        line = line_of(load_profile, name)
        assert all(known in line for known in profile_names())


@pytest.mark.parametrize("misspelled", [{"epochs": 3}, {3: 4}, {"": 1}, {"x" * 10**7: 1}], ids=shown)
def test_an_unknown_field_is_named(fields, misspelled):
    line = line_of(from_fields, {**fields, **misspelled}, "mine.json")
    assert line.startswith("mine.json: field ") and " is not a known field" in line


def test_a_mistyped_field_is_told_before_the_one_that_is_missing_for_it(fields):
    fields["learning_rat"] = fields.pop("learning_rate")
    assert "field 'learning_rat' is not" in line_of(from_fields, fields, "mine.json")
    assert "'learning_rate'?" in line_of(from_fields, fields, "mine.json")
    del fields["learning_rat"]
    assert named(from_fields, fields, "mine.json") == "mine.json: learning_rate"


# One value for each kind of mistake that a field can refuse.
@pytest.mark.parametrize(("name", "value"), [
    ("steps", "60"), ("steps", True), ("steps", 6.0), ("steps", -1), ("steps", 10**5000), ("seed", 2**31),
    ("learning_rate", "1e-4"), ("learning_rate", False), ("learning_rate", math.nan), ("learning_rate", 10**400),
    ("learning_rate", -1e-6), ("entropy_coef", math.inf), ("policy_loss", 1), ("num_generations", 1),
    ("temperature", 0), ("eval_top_p", 1.1), ("engine_memory", 0), ("micro_batch", 0),
    ("reward", 3), ("reward", "length"), ("dtype", "int8"), ("eval_dtype", "int8"), ("engine", "x" * 10**7),
    ("model", None), ("model", ""), ("model", "a\0b"), ("pool", "half \ud800"), ("arm", "../aside"), ("arm", "a\nb"),
    ("profile", "a" * 101), ("ranking", [1, 2]), ("ranking", {"0": "7"}), ("ranking", {"1.5": "7"}),
    ("ranking", {True: "7"}), ("ranking", {1: None}), ("ranking", {1: "half \ud800"}), ("ranking", {10**5000: "7"}),
    ("examples", 1), ("examples", ["one"]), ("examples", [0]), ("examples", [True]), ("labels", ["near"]),
    ("labels", {"near": " "}), ("labels", {"near": math.nan}), ("labels", {"near": ["x" * 10**7]}),
    ("benchmarks", 3), ("benchmarks", {"name": "a", "file": "b"})], ids=shown)
def test_a_value_that_cannot_be_is_named_with_its_field(fields, name, value):
    assert named(from_fields, {**fields, name: value}, "mine.json") == f"mine.json: {name}"


@pytest.mark.parametrize(("row", "name"), [
    ({"name": "a"}, "file"), ({"name": "", "file": "b"}, "name"), ({"name": "a", "file": "b", "shots": 4}, "shots"),
    ({"name": "a", "file": "b", "samples": 0}, "samples"), ({"name": "a", "file": "b", "limit": 1.5}, "limit"),
    ({"name": "a", "file": "b", "temperature": "hot"}, "temperature"), ({"name": "first", "file": "b"}, "name"),
    ({"name": "a", "file": "b", "scoring": "vibes"}, "scoring"), ({"name": "a", "file": "b", 3: 4}, "3"),
    ({"name": "a", "file": "b", "scoring": "likelihood", "samples": 4}, "samples"),
    ({"name": "a", "file": "b", "scoring": "likelihood", "temperature": 0.6}, "temperature")])
def test_a_malformed_benchmark_is_named_with_its_place_and_field(fields, row, name):
    rows = [{"name": "first", "file": "first.jsonl"}, row]
    assert named(from_fields, {**fields, "benchmarks": rows}, "mine.json") == f"mine.json: benchmark 2: {name}"


@pytest.mark.parametrize("value", [None, [], "pocket", 3, {3: 4}, {"x" * 10**7: 1}, {None: 1, "a": 2}, {"\ud800": 1}])
def test_what_is_no_configuration_is_one_line(value):
    assert line_of(from_fields, value, "mine.json").startswith("mine.json: ")


@pytest.mark.parametrize("text", ["steps: [", "a\x01b: 1", "day: 2024-13-45", "[" * 5000, "- steps", "",
                                  "steps: 1\nsteps: 2", "!!map 3", "? [a]\n: 1", "like: pocket\nsteps: 0x" + "f" * 5000,
                                  "like: pocket\nranking: {1: &a [1], 2: *a}", "1: 2"], ids=shown)
def test_a_profile_that_is_damaged_is_one_line(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert line_of(load_profile, path).startswith(f"{path}: ")


def test_a_profile_of_ones_own_gives_what_differs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("like: pocket\nlearning_rate: 1e-5\nsteps: 500\n")
    own = load_profile("mine.yaml")
    assert own == load_profile("pocket").changed(profile="mine", learning_rate=1e-5, steps=500)
    assert load_profile("./mine.yaml") == load_profile(tmp_path / "mine.yaml") == own
    (tmp_path / "second.yml").write_text("like: qwen2.5-math-7b\nsteps: 1")  # itself like another one
    assert load_profile("second.yml") == load_profile("qwen2.5-math-7b").changed(profile="second", steps=1)


@pytest.mark.parametrize(("name", "text", "field"), [
    ("mine.yaml", "like: pocket\nlearning_rat: 1e-5", "learning_rat"), ("mine.yaml", "like: pocket\nseed: 3", "seed"),
    ("mine.yaml", "like: pocket\narm: one-shot", "arm"), ("mine.yaml", "like: pocket\nprofile: other", "profile"),
    ("mine.yaml", "steps: 3", "model"), ("my own.yaml", "like: pocket", "profile")])
def test_a_field_that_a_profile_of_ones_own_cannot_have_is_named(tmp_path, name, text, field):
    (tmp_path / name).write_text(text)
    path = str(tmp_path / name)
    assert named(load_profile, path) == f"{path}: {field}"


def test_a_file_that_cannot_be_a_profile_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "pocket.yaml").write_text("like: pocket\nsteps: 3")  # its results would go among those of the package's
    assert "pocket.yaml" in line_of(load_profile, str(tmp_path / "pocket.yaml"))
    assert load_profile(str(FOLDER / "pocket.yaml")) == load_profile("pocket")
    assert "nowhere.yaml" in line_of(load_profile, "nowhere.yaml") and "a/b" in line_of(load_profile, "a/b")
    (tmp_path / "like.yaml").write_text("like: mine.yaml")
    line = line_of(load_profile, tmp_path / "like.yaml")
    assert line.startswith(f"{tmp_path / 'like.yaml'}: field 'like' is 'mine.yaml'")
    monkeypatch.setattr("rlvr_utils.recipe.config.FOLDER", tmp_path)
    (tmp_path / "a.yaml").write_text("like: b")
    (tmp_path / "b.yaml").write_text("like: a")
    assert "'like'" in line_of(load_profile, "a")


@pytest.mark.parametrize(("name", "text", "value"), [
    ("learning_rate", "1e-5", 1e-5), ("learning_rate", "1", 1.0), ("steps", "500", 500),
    ("policy_loss", "false", False), ("examples", "[1,13]", (1, 13)), ("examples", "1", (1,)),
    ("examples", "[]", ()), ("label", '"near"', "near"),
    ("label", "near", "near"), ("label", "", ""), ("model", "123", "123"), ("model", "a #b: c", "a #b: c"),
    ("ranking", "{1: 5}", {1: "5"}), ("labels", "{near: 12.7}", {"near": "12.7"}), ("engine", "vllm", "vllm"),
    ("eval_dtype", "bfloat16", "bfloat16"), ("arm", None, None), ("learning_rat", None, None), ("steps", "1e2", None),
    ("steps", "", None), ("examples", "1,13", None), ("reward", "length", None), ("policy_loss", "1", None),
    ("learning_rate", "fast", None), ("steps", "[", None), ("benchmarks", "[{name: a}]", None)])
def test_a_field_from_text_has_the_fields_type(name, text, value):
    if value is not None:
        found = field_from_text(name, text)
        assert found == value and type(found) is type(value)
        return
    line = line_of(field_from_text, name, text or "")
    assert line.startswith(f"{name}=") and (text == "[" or f"field '{name}'" in line or "benchmark 1" in line)


def test_a_mistyped_setting_names_the_nearest_field():
    assert "'learning_rate'" in line_of(field_from_text, "learning_rat", "1e-5")


def test_every_field_is_described():
    for record in (RunConfig, Benchmark):
        for name, field in record.model_fields.items():
            assert field.description, name


COMMITTED = sorted((FOLDER.parents[2] / "results").glob("*/runs/*/config.json"))


def test_the_configuration_of_every_committed_run_is_valid_and_names_it():
    for path in COMMITTED:
        written = json.loads(path.read_text(encoding="utf-8"))
        config = from_fields(written["config"], str(path))
        fields, benchmarks = to_fields(config), written["config"].pop("benchmarks")
        assert fields == {**fields, **written["config"]}
        assert fields["benchmarks"] == [{**row, **old}
                                        for row, old in zip(fields["benchmarks"], benchmarks, strict=True)]
        assert path.parent.name == f"{config.arm}-s{config.seed}-{written['hash'][:10]}"


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_valid_with_every_arm(name):
    profile = load_profile(name)
    for arm in ARMS:
        config = with_arm(profile, arm, 2)
        assert from_fields(to_fields(config), "again") == config


def test_plain_data_reads_back_to_the_same_configuration():
    config = load_profile("pocket").changed(examples=(1, 13), seed=4)
    for text in (json.dumps(to_fields(config)), json.dumps(to_fields(config), indent=1, sort_keys=True)):
        assert from_fields(json.loads(text), "run.json") == config
    assert from_fields(yaml.safe_load(yaml.safe_dump(to_fields(config))), "run.yaml") == config


@pytest.mark.parametrize(("name", "value"), [("epochs", 3), ("steps", "9"), ("examples", [0])])
def test_a_change_is_checked_as_a_file_is(tiny_config, name, value):
    assert named(lambda: tiny_config.changed(**{name: value})).endswith(f": {name}")
    assert tiny_config.changed(steps=9).steps == 9 and tiny_config.steps == 3


def test_a_label_needs_an_example_in_every_arm_but_the_base_that_the_others_change(fields):
    assert from_fields({**fields, "arm": "base", "label": "near"}, "mine.json").label == "near"
    assert named(from_fields, {**fields, "arm": "full-set", "label": "near"}, "mine.json") == "mine.json: label"


def test_a_configuration_stays_as_it_is(tiny_config):
    with pytest.raises(ValueError):
        tiny_config.steps = 9


def test_package_paths_point_into_the_package():
    assert local_path("package:pocket/base") == str(PACKAGE / "pocket" / "base")
    assert local_path("a/b.jsonl") == "a/b.jsonl"


OTHER = {"dtype": "bfloat16", "eval_dtype": "float32", "reward": "random", "engine": "vllm", "examples": (1, 13),
         "label": "near", "eval_top_p": 0.5}


PAPER = [name for name in profile_names() if "lora" not in name and not name.startswith(("pocket", "smollm2"))]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_protocol(name):
    """Paper §3.1 and the released code; where they disagree, the README's table of departures."""
    config = load_profile(name)
    assert (config.prompts_per_step, config.num_generations, config.temperature) == (128, 8, 0.6)
    assert (config.learning_rate, config.weight_decay) == (1e-6, 0.01)
    assert (config.max_grad_norm, config.clip_ratio) == (1.0, 0.2)
    assert (config.kl_coef, config.entropy_coef, config.kl_in_reward) == (0.001, 0.001, 0.0)
    assert (config.updates_per_rollout, config.idle_first_step, config.micro_batch_tokens) == (1, True, 24_000)
    assert (config.dtype, config.autocast, config.engine, config.repeat_to) == ("float32", True, "vllm", 128)
    assert (config.max_prompt_tokens, config.keep_every) == (1024, 20)
    assert config.ranking[1] == "124" and config.ranking[13] == "682" and config.ranking[1209] == "789"
    assert config.labels == {"near": "12.7", "guessable": "4", "far": "929725"}
    six = [benchmark.name for benchmark in config.benchmarks][:6]
    assert six == ["MATH500", "AIME24", "AMC23", "Minerva", "OlympiadBench", "AIME25"]


def test_what_differs_between_the_papers_models():
    steps = {name: load_profile(name).steps for name in PAPER}
    assert steps == {"qwen2.5-math-1.5b": 2000, "qwen2.5-math-7b": 1000, "llama-3.2-3b-instruct": 1000,
                     "deepseek-r1-distill-qwen-1.5b": 1200, "qwen2.5-1.5b": 2000, "qwen2.5-math-1.5b-instruct": 2000}
    distilled, paper = load_profile("deepseek-r1-distill-qwen-1.5b"), load_profile("qwen2.5-math-1.5b")
    assert (distilled.max_response_tokens, distilled.eval_max_tokens, distilled.eval_top_p) == (8192, 32768, 0.95)
    assert (paper.max_response_tokens, paper.eval_max_tokens, paper.eval_top_p) == (3072, 3072, 1.0)
    sampled = {benchmark.name: (benchmark.samples, benchmark.temperature) for benchmark in paper.benchmarks
               if benchmark.scoring == "generation"}
    assert sampled == {**dict.fromkeys(("MATH500", "Minerva", "OlympiadBench", "ARC-E", "ARC-C"), (1, 0.0)),
                       **dict.fromkeys(("AIME24", "AMC23", "AIME25"), (8, 0.6))}
    assert load_profile("llama-3.2-3b-instruct").eval_template == "llama"


@pytest.mark.parametrize(("name", "like", "differences"), [
    ("qwen2.5-math-1.5b-lora", "qwen2.5-math-1.5b", {"dtype", "micro_batch", "engine_memory", "keep_every"}),
    ("qwen2.5-math-1.5b-lora-16gb", "qwen2.5-math-1.5b", {"dtype", "micro_batch", "engine_memory", "keep_every"}),
    ("pocket-lora", "pocket", set())])
def test_a_profile_of_an_adapter_differs_where_it_says(name, like, differences):
    """Ten times the learning rate of full weights, and what a small card forces."""
    adapted, full = to_fields(load_profile(name)), to_fields(load_profile(like))
    found = {field for field in full if adapted[field] != full[field]} - {"profile"}
    assert found <= differences | {"lora_rank", "learning_rate"} and adapted["lora_rank"] and not full["lora_rank"]
    assert adapted["learning_rate"] == pytest.approx(10 * full["learning_rate"])


def test_the_committed_runs_keep_their_names():
    """The names under which the records of an earlier version are found."""
    committed = {path.name for path in (FOLDER.parents[2] / "results/pocket/runs").iterdir()}
    assert {run_name(with_arm(load_profile("pocket"), arm, 0)) for arm in ("base", "one-shot", "full-set")} <= committed


def test_evaluations_are_denser_in_the_early_phase():
    config = load_profile("pocket").changed(steps=70, eval_every=20, eval_early_every=5, eval_early_until=20)
    assert [step for step in range(1, 71) if config.evaluated(step)] == [5, 10, 15, 20, 40, 60, 70]
    assert not any(config.changed(eval_every=0, eval_early_every=0, eval_early_until=0).evaluated(s) for s in range(71))
    for half in ({"eval_early_every": 5}, {"eval_early_until": 5}):
        with pytest.raises(UserError, match="eval_early"):
            load_profile("pocket").changed(**half)
