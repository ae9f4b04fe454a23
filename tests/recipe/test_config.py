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
    return tiny_config.changed(model=str(model), pool=str(pool), benchmarks=(Benchmark("six", str(six)),))


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
    sampled = {benchmark.stands_for for benchmark in config.benchmarks if benchmark.samples == 4}
    assert sampled == {"AIME24", "AMC23", "AIME25"}
    assert all((benchmark.temperature == 0.6) == (benchmark.samples == 4) for benchmark in config.benchmarks)


@pytest.mark.parametrize("name", profile_names())
def test_every_value_of_a_profile_is_explained(name):
    lines = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    for line in [line for line in lines if line.startswith("like: ")]:
        lines += (FOLDER / f"{line.removeprefix('like: ')}.yaml").read_text(encoding="utf-8").splitlines()
    sources = ("model:", "pool:", "temperature:", "learning_rate:", "steps:", "prompts_per_step:")
    for start in sources:
        assert any(line.startswith(start) and "#" in line for line in lines), start


def test_an_unknown_profile_is_one_line_that_lists_the_known():
    for name in ("laptop", "../pocket", ""):
        with pytest.raises(UserError, match="choose one of: .*pocket") as caught:
            load_profile(name)
        assert "\n" not in str(caught.value)


def test_a_missing_and_an_unknown_field_are_named(fields):
    with pytest.raises(UserError, match="mine.json: field 'epochs' is not a known field"):
        from_fields({**fields, "epochs": 3}, "mine.json")
    del fields["clip_ratio"]
    with pytest.raises(UserError, match="mine.json: field 'clip_ratio' is missing"):
        from_fields(fields, "mine.json")


@pytest.mark.parametrize(("name", "value"), [
    ("steps", "60"), ("steps", 6.5), ("steps", True), ("steps", None), ("learning_rate", "1e-4"),
    ("learning_rate", False), ("policy_loss", 1), ("reward", 3), ("model", None)])
def test_a_value_of_the_wrong_type_is_named_with_its_field(fields, name, value):
    with pytest.raises(UserError, match=f"mine.json: field '{name}' must be of type") as caught:
        from_fields({**fields, name: value}, "mine.json")
    assert repr(value) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [
    ("ranking", [1, 2]), ("ranking", {"first": 0}), ("ranking", {"0": "7"}), ("ranking", {"1.5": "7"}),
    ("ranking", {1: None}), ("ranking", {1: [7]}), ("ranking", {True: "7"}), ("ranking", {1: "half \ud800"}),
    ("examples", 1), ("examples", ["one"]), ("examples", [0]), ("examples", [1.0]), ("examples", [True]),
    ("labels", ["near"]), ("labels", {"near": None}), ("labels", {"near": " "}), ("labels", {"near": ["x" * 10**7]}),
    ("labels", {"near": float("nan")}), ("benchmarks", 3), ("benchmarks", {"name": "a", "file": "b"})])
def test_malformed_lists_are_named(fields, name, value):
    assert line_of(from_fields, {**fields, name: value}, "mine.json").startswith(f"mine.json: field '{name}' ")


@pytest.mark.parametrize(("row", "message"), [
    ({"name": "a"}, "field 'file' is missing"),
    ({"name": "a", "file": "b", "shots": 4}, "field 'shots' is not a known field"),
    ("a.jsonl", "expected fields with their values, found 'a.jsonl'"),
    ({"name": "a", "file": "b", "samples": "4"}, "field 'samples' must be of type int, found '4'"),
    ({"name": "a", "file": "b", "samples": 0}, "field 'samples' is 0; give a number from 1"),
    ({"name": "a", "file": "b", "limit": 0}, "field 'limit' is 0; give a number from 1"),
    ({"name": "a", "file": "b", "limit": 1.5}, "field 'limit' must be of type int | None"),
    ({"name": "a", "file": "b", "temperature": "hot"}, "field 'temperature' must be of type float, found 'hot'"),
    ({"name": "a", "file": "b", "temperature": -1}, "field 'temperature' is -1"),
    ({"name": "a", "file": "b", "scoring": "vibes"}, "field 'scoring' is 'vibes'; choose one of: generation, likelih"),
    ({"name": "", "file": "b"}, "field 'name' is empty"),
    ({"name": "a", "file": 3}, "field 'file' must be of type str"),
    ({"name": "first", "file": "b"}, "field 'name' is 'first', as of an earlier one")])
def test_a_malformed_benchmark_is_named_with_its_place_and_field(fields, row, message):
    rows = [{"name": "first", "file": "first.jsonl"}, row]
    assert f"mine.json: benchmark 2: {message}" in line_of(from_fields, {**fields, "benchmarks": rows}, "mine.json")


@pytest.mark.parametrize(("name", "value"), [
    ("steps", -1), ("seed", -1), ("seed", 2**31), ("num_generations", 0), ("num_generations", 1), ("micro_batch", 0),
    ("eval_batch", 0), ("cpu_threads", 0), ("save_every", 0), ("keep_every", -1), ("eval_every", -1), ("repeat_to", -1),
    ("prompts_per_step", 0), ("updates_per_rollout", 0), ("max_prompt_tokens", 0), ("max_response_tokens", 0),
    ("eval_max_tokens", 0), ("steps", 10**5000), ("learning_rate", -1e-6), ("learning_rate", math.nan),
    ("learning_rate", math.inf), ("learning_rate", 10**400), ("temperature", -1), ("temperature", 0),
    ("temperature", math.nan), ("weight_decay", -0.1), ("clip_ratio", -math.inf), ("entropy_coef", math.nan),
    ("entropy_scale", math.inf), ("kl_coef", -1), ("max_grad_norm", -1), ("eval_top_p", 0), ("eval_top_p", 1.1),
    ("engine_memory", 0), ("engine_memory", 2), ("micro_batch_tokens", -1)], ids=shown)
def test_a_number_out_of_range_is_named_with_its_field(fields, name, value):
    assert line_of(from_fields, {**fields, name: value}, "mine.json").startswith(f"mine.json: field '{name}' is ")


@pytest.mark.parametrize(("name", "value"), [
    ("arm", "../../elsewhere"), ("arm", ""), ("arm", ".hidden"), ("arm", "a" * 101), ("arm", "a\nb"), ("model", ""),
    ("model", "a\0b"), ("pool", " "), ("pool", "half \ud800"), ("dtype", "int8"), ("eval_dtype", "int8"),
    ("engine", "x" * 10**7)], ids=shown)
def test_a_text_that_cannot_be_is_named_with_its_field(fields, name, value):
    assert line_of(from_fields, {**fields, name: value}, "mine.json").startswith(f"mine.json: field '{name}' is ")


@pytest.mark.parametrize("value", [None, [], "pocket", 3, {3: 4}, {"x" * 10**7: 1}, {None: 1, "a": 2}])
def test_what_is_no_configuration_is_one_line(value):
    assert line_of(from_fields, value, "mine.json").startswith("mine.json: ")


@pytest.mark.parametrize(("text", "message"), [
    ("steps: [", "not valid YAML .line 1"), ("a\x01b: 1", "not valid YAML"),
    ("day: 2024-13-45", "not valid YAML .ValueError"), ("[" * 5000, "not valid YAML"), ("- steps", "holds .'steps'"),
    ("", "holds None"), ("like: none", "profile 'none' does not exist"),
    ("like: [pocket]", "profile .'pocket'. does not exist"), ("like: mine\nepochs: 1", "field 'benchmarks' is missing"),
    ("like: pocket\nsteps: 0x" + "f" * 5000, "field 'steps' is a very large int"),
    ("like: pocket\nranking: {1: &a [1], 2: *a}", "field 'ranking'"), ("1: 2", "field 1 is not a known")], ids=shown)
def test_a_profile_that_is_damaged_is_one_line(tmp_path, monkeypatch, text, message):
    shutil.copy(FOLDER / "pocket.yaml", tmp_path)
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setattr("rlvr_utils.recipe.config.FOLDER", tmp_path)
    line = line_of(load_profile, "mine")
    assert re.search(message, line) and "mine" in line


COMMITTED = sorted((FOLDER.parents[2] / "results").glob("*/runs/*/config.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=[path.parent.name for path in COMMITTED])
def test_the_configuration_of_every_committed_run_is_valid_and_names_it(path):
    written = json.loads(path.read_text(encoding="utf-8"))
    config = from_fields(written["config"], str(path))
    fields, benchmarks = to_fields(config), written["config"].pop("benchmarks")
    assert fields == {**fields, **written["config"]}
    assert fields["benchmarks"] == [{**row, **old} for row, old in zip(fields["benchmarks"], benchmarks, strict=True)]
    assert path.parent.name == f"{config.arm}-s{config.seed}-{written['hash'][:10]}"


@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("arm", ARMS)
def test_every_profile_is_valid_with_every_arm(name, arm):
    config = with_arm(load_profile(name), arm, 2)
    assert from_fields(to_fields(config), "again") == config


def test_plain_data_reads_back_to_the_same_configuration():
    config = load_profile("pocket").changed(examples=(1, 13), seed=4)
    for text in (json.dumps(to_fields(config)), json.dumps(to_fields(config), indent=1, sort_keys=True)):
        assert from_fields(json.loads(text), "run.json") == config
    assert from_fields(yaml.safe_load(yaml.safe_dump(to_fields(config))), "run.yaml") == config


def test_an_unknown_field_cannot_be_changed(tiny_config):
    with pytest.raises(UserError, match="'epochs' is not in a run's configuration.*learning_rate"):
        tiny_config.changed(epochs=3)
    assert tiny_config.changed(steps=9).steps == 9 and tiny_config.steps == 3


def test_package_paths_point_into_the_package():
    assert local_path("package:pocket/base") == str(PACKAGE / "pocket" / "base")
    assert local_path("a/b.jsonl") == "a/b.jsonl"


OTHER = {str: lambda old: old + "x", int: lambda old: old + 1, float: lambda old: old + 0.5,
         bool: lambda old: not old, dict: lambda old: {**old, 99: 1}}


PAPER = [name for name in profile_names() if name not in ("pocket", "smollm2-135m")]


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


def test_the_committed_runs_keep_their_names():
    """The names under which the records of an earlier version are found."""
    committed = {path.name for path in (FOLDER.parents[2] / "results/pocket/runs").iterdir()}
    assert {run_name(with_arm(load_profile("pocket"), arm, 0)) for arm in ("base", "one-shot", "full-set")} <= committed
