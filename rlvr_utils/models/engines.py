"""Policies that generate answers: a model in this process, or vLLM on a GPU.

Each has a `tokenizer`, the token ids `stops` that end an answer, and the method `respond`.
"""
from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from rlvr_utils.errors import UserError
from rlvr_utils.recipe.config import RunConfig


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
        from vllm import LLM

        self.tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        self.stops = evaluation_stops(GenerationConfig.from_pretrained(source), self.tokenizer)
        # Use vLLM's generation defaults: a limit in the model's generation_config.json would truncate responses.
        self.engine = LLM(model=source, dtype=config.eval_dtype or config.dtype, seed=config.seed,
                          max_model_len=config.max_prompt_tokens + config.eval_max_tokens, generation_config="vllm")

    def respond(self, prompts: list[list[int]], config: RunConfig, temperature: float,
                seed: int) -> Iterator[list[int]]:
        """Like `TransformersPolicy.respond`, but all responses arrive at the end. Each request has its own seed, so
        a response does not depend on the other prompts."""
        from vllm import SamplingParams

        requests = [SamplingParams(temperature=temperature, top_p=config.eval_top_p if temperature else 1.0,
                                   max_tokens=config.eval_max_tokens, stop_token_ids=sorted(self.stops),
                                   seed=seed + place, detokenize=False) for place in range(len(prompts))]
        outputs = self.engine.generate([{"prompt_token_ids": ids} for ids in prompts], requests, use_tqdm=False)
        return (list(output.outputs[0].token_ids) for output in outputs)


def open_policy(config: RunConfig, source: str, scoring: str = "generation"):
    """The policy in `source`, in the run's engine. vLLM only generates; likelihoods of given choices are always
    computed in this process."""
    if config.engine != "transformers" and scoring == "generation":
        return VllmPolicy(source, config)
    from rlvr_utils.models.loading import load_policy

    return TransformersPolicy(*load_policy(source, config.eval_dtype or config.dtype))


def check_engine(engine: str) -> None:
    """Raise `UserError` if vLLM is needed but cannot run: it is not installed, was built for another torch, or
    there is no GPU."""
    import torch

    if engine == "transformers":
        return
    try:
        wanted = next(line for line in requires("vllm") if line.replace(" ", "").startswith("torch=="))
    except PackageNotFoundError:
        raise UserError(f"engine {engine!r} needs vLLM, which is not installed; install requirements-gpu.txt, or set "
                        "engine to transformers") from None
    pinned, found = wanted.split("==")[1].split(";")[0].strip(), version("torch").split("+")[0]
    if pinned != found:
        raise UserError(f"vLLM {version('vllm')} was built for torch {pinned}, found {found}; install "
                        "requirements-gpu.txt into a fresh environment")
    if not torch.cuda.is_available():
        raise UserError(f"engine {engine!r} needs an NVIDIA GPU and none is usable (torch is built for CUDA "
                        f"{torch.version.cuda or 'none'}); check the driver, or set engine to transformers")


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
