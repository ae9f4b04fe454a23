"""A small model of what a run costs, in bytes and seconds.

Every result is an estimate; the assumptions are given with the constants. A `share` is the part of the allowed
prompt and response length that is used.
"""
from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from rlvr_utils.recipe.config import RunConfig
from rlvr_utils.scale.hardware import CORE, GIB, Hardware

WIDTHS = {"float32": 4, "bfloat16": 2, "float16": 2}  # bytes of a number
GPU_BASE = 1.5 * GIB     # CUDA's context and workspaces
PROCESS_BASE = 0.5 * GIB  # Python with torch, transformers and TRL loaded
GPU_PROCESS_BASE = 4 * GIB  # the same with CUDA's libraries
# What a layer stores per token for the backward pass: about ten vectors of the hidden size (norms, queries, keys,
# values, attention, residuals) and four of the MLP's size. Attention scores are never stored (fused kernels).
HIDDEN_VECTORS, MLP_VECTORS = 10, 4
# An adapter stores its own copy of the input of each matrix: six vectors of the hidden size, one of the MLP's.
ADAPTER_HIDDEN_VECTORS, ADAPTER_MLP_VECTORS = 6, 1
ADAPTER_WIDTH = 4        # an adapter is trained in float32, whatever the type of the frozen weights
MERGE_WIDTH = 6          # bytes of RAM per parameter to merge a kept policy: in float32, and rounded to bfloat16
HEAD_TILE = 4096 * 32768  # logits that TRL's fused head holds at a time
LOGIT_COPIES = 3         # full-size tensors: the logits, their log-softmax, its exponential
CHECKPOINTS = 3          # the trainer keeps two and writes the third before it deletes one
RECORDS = 25_000         # bytes per step; the committed runs need 1,000 to 25,000
ENGINE_SEQUENCES = 256   # vLLM's default limit of concurrent responses
ENGINE_MINIMUM = 8       # vLLM's cache must hold this many responses of full length: with fewer it would be too slow
MATRIX_SHARE, MEMORY_SHARE = 0.35, 0.6  # share of the data sheet's rates reached in training and in decoding
LAYER_SECONDS = {"cpu": 2e-4, "transformers": 1e-3, "vllm": 1e-4}  # launching one layer for one new token


@dataclass(frozen=True)
class Cost:
    """The cost of one run whose model has this shape (a transformers configuration) and size, and whose LoRA adapter
    has this size (0 without one).

    `layout` is "replicated" (every GPU has everything), "sharded" (weights, gradients, Adam moments and reference
    are divided among the GPUs: FSDP, ZeRO-3) or "offloaded" (bfloat16 weights and gradients on every GPU, float32
    weights and Adam moments in RAM: ZeRO-2 with CPU offload).
    """

    config: RunConfig
    hardware: Hardware
    layout: str
    shape: object
    parameters: int
    adapter: int

    @property
    def width(self) -> int:
        """Bytes of a weight."""
        return WIDTHS[self.config.dtype]

    @property
    def compute_width(self) -> int:
        """Bytes of a number in forward and backward passes."""
        return 2 if self.config.autocast else self.width

    @property
    def state(self) -> int:
        """Bytes of one copy of the weights."""
        return self.parameters * self.width

    @property
    def trained(self) -> int:
        """Bytes of one copy of what is trained: the adapter, or else the weights."""
        return self.adapter * ADAPTER_WIDTH or self.state

    @property
    def referenced(self) -> bool:
        """Is there a reference policy?"""
        return bool(self.config.kl_coef or self.config.kl_in_reward)

    @property
    def copies(self) -> int:
        """Copies of the weights: policy and reference, which share the frozen weights under an adapter."""
        return 1 + (self.referenced and not self.adapter)

    @property
    def sharded(self) -> bool:
        """Are the weights divided among the GPUs?"""
        return self.layout == "sharded"

    def offloaded(self) -> int:
        """Bytes of RAM for float32 weights, gradients and moments; 0 unless offloaded."""
        return 16 * (self.adapter or self.parameters) if self.layout == "offloaded" else 0

    def merging(self) -> int:
        """Bytes of RAM for merging an adapter into a policy that is kept; 0 without an adapter."""
        return MERGE_WIDTH * self.parameters if self.adapter else 0

    @property
    def workers(self) -> int:
        """The number of processes that train together."""
        return max(1, self.hardware.gpus)

    def memory(self) -> tuple[float, float, float]:
        """Bytes needed permanently, at the peak of training, and during generation: on each GPU, or in RAM if there
        is none."""
        base = GPU_BASE if self.hardware.gpus else PROCESS_BASE
        if self.layout == "offloaded" and self.config.steps:
            resident = base + self.copies * 2 * self.parameters + 2 * self.adapter
            training = resident + 2 * (self.adapter or self.parameters) + self._activations()
            return resident, training, resident + self._generation()
        parts = self.workers if self.sharded else 1
        if not self.config.steps:
            return base + self.state, 0, base + self.state + self._answering()
        moments = (3 if self.adapter else 2) * self.trained  # AdamW's two; the adapter itself is not in the weights
        resident = base + (self.copies * self.state + moments) / parts
        gradients = self.trained / parts
        if self.workers > 1 and not self.sharded:
            gradients += self.trained  # data parallelism copies them into buckets
        # Cached during a forward pass; autocast caches no cast of frozen weights.
        casts = 2 * (self.adapter or self.parameters) / parts if self.config.autocast else 0
        training = resident + gradients + casts + self._activations() + self._gathered()
        return resident, training, resident + self._generation()

    def _activations(self) -> float:
        """Bytes of activations for one micro-batch of sequences of full length. On a GPU only each layer's input is
        kept (activation checkpointing), and one layer at a time is recomputed, unless prompts are shared."""
        config, shape, rows = self.config, self.shape, self.config.micro_batch
        prompts = ceil(rows / config.num_generations) if config.share_prompts else rows
        tokens = rows * config.max_response_tokens + prompts * config.max_prompt_tokens
        vectors = HIDDEN_VECTORS * shape.hidden_size + MLP_VECTORS * _mlp_size(shape)
        if self.adapter:
            vectors += ADAPTER_HIDDEN_VECTORS * shape.hidden_size + ADAPTER_MLP_VECTORS * _mlp_size(shape)
        layer, layers = tokens * vectors * self.compute_width, shape.num_hidden_layers
        recomputed = self.hardware.gpus and not config.share_prompts
        stack = layers * tokens * shape.hidden_size * self.width + layer if recomputed else layers * layer
        if config.share_prompts:  # this path computes full logits in float32
            return stack + LOGIT_COPIES * rows * config.max_response_tokens * shape.vocab_size * 4
        head = 0 if self.adapter else shape.vocab_size  # a frozen head has no gradient
        return stack + 4 * (HEAD_TILE + (head + tokens) * shape.hidden_size)  # the head's gradients

    def _gathered(self) -> float:
        """Bytes of unsharded weights during a forward pass: one layer and the embeddings."""
        if not self.sharded:
            return 0
        matrices = 1 if self.shape.tie_word_embeddings else 2
        embeddings = matrices * self.shape.vocab_size * self.shape.hidden_size
        return (embeddings + (self.parameters - embeddings) / self.shape.num_hidden_layers) * self.width

    def _generation(self) -> float:
        """Bytes for generation: vLLM's share of the GPU (it sleeps while the policy trains), or the key-value cache of
        all rollouts of a step; a sharded policy that generates by itself is gathered first."""
        config = self.config
        if config.engine != "transformers":  # a vLLM server has its own GPUs
            return config.engine_memory * self.hardware.gpu_memory * GIB if config.engine == "vllm" else 0
        rows = ceil(config.prompts_per_step * config.num_generations / self.workers)
        rollouts = self._cache(rows, config.max_response_tokens)
        return max(rollouts, self._answering() if config.eval_every else 0) + (self.state if self.sharded else 0)

    def _answering(self) -> float:
        """Bytes for an evaluation: vLLM's own bfloat16 weights and smallest cache, or the cache of one batch."""
        if self.config.engine != "transformers":
            return self._engine(self.config.eval_max_tokens)
        return self._cache(self.config.eval_batch, self.config.eval_max_tokens)

    def _engine(self, length: int) -> float:
        cache = ENGINE_MINIMUM * (self.config.max_prompt_tokens + length) * self._token_bytes(2)
        return 2 * self.parameters + cache

    def engine_minimum(self) -> float:
        """Bytes that a colocated vLLM needs at least; 0 if there is none."""
        colocated = self.config.engine == "vllm" and self.config.steps
        return self._engine(self.config.max_response_tokens) if colocated else 0

    def _token_bytes(self, width: int) -> int:
        """Bytes of keys and values per token; 0 for a model without attention, whose states do not grow."""
        heads = getattr(self.shape, "num_attention_heads", None)
        if not heads:
            return 0
        size = getattr(self.shape, "head_dim", None) or self.shape.hidden_size // heads
        groups = getattr(self.shape, "num_key_value_heads", None) or heads
        return 2 * self.shape.num_hidden_layers * groups * size * width

    def _cache(self, rows: int, length: int) -> float:
        """Bytes of cache and next-token logits for `rows` responses of this length."""
        tokens = self.config.max_prompt_tokens + length
        return rows * (tokens * self._token_bytes(self.width) + LOGIT_COPIES * self.shape.vocab_size * 4)

    def disk(self) -> float:
        """Bytes on disk: trainer checkpoints (deleted when a run ends), kept and final weights, records."""
        config = self.config
        checkpoints = min(CHECKPOINTS, config.steps // config.save_every if config.save_every else 0)
        kept = config.steps // config.keep_every if config.keep_every else 0
        kept_state = self.parameters * WIDTHS[config.eval_dtype or config.dtype]
        weights = (1 + bool(kept)) * self.state + kept * kept_state if config.steps else 0  # one is written raw first
        return checkpoints * 3 * self.trained + weights + (config.steps + 1) * RECORDS

    def training_seconds(self, share: float) -> float:
        """Seconds for all rollouts and updates, on all GPUs. A forward pass costs 2 operations per parameter and
        token, the backward pass twice that, or as much as the forward pass if the weights are frozen."""
        config = self.config
        per_step = config.prompts_per_step * config.num_generations / self.workers
        prompts = per_step / config.num_generations if config.share_prompts else per_step
        tokens = share * (per_step * config.max_response_tokens + prompts * config.max_prompt_tokens)
        # Recomputation on a GPU, the reference's log-probabilities, and the old ones if a step has several updates.
        recomputed = bool(self.hardware.gpus) and not config.share_prompts
        passes = (2 if self.adapter else 3) + recomputed + self.referenced + (config.updates_per_rollout > 1)
        at_once = per_step if config.engine == "transformers" else ENGINE_SEQUENCES
        writing = self._writing_seconds(per_step, at_once, config.max_response_tokens, share)
        return config.steps * (2 * passes * self.parameters * tokens / self._rate() + writing)

    def evaluation_seconds(self, answers: int, share: float) -> float:
        """Seconds for one evaluation, on one GPU."""
        at_once = self.config.eval_batch if self.config.engine == "transformers" else ENGINE_SEQUENCES
        return self._writing_seconds(answers, at_once, self.config.eval_max_tokens, share)

    def _writing_seconds(self, answers: float, at_once: float, longest: int, share: float) -> float:
        """Seconds to generate answers. Decoding reads the weights for every new token of a batch, and every answer's
        cache so far. One answer per batch is assumed to have full length; vLLM refills finished places."""
        config, length, prompt = self.config, share * longest, share * self.config.max_prompt_tokens
        engine = "vllm" if config.engine != "transformers" else "transformers" if self.hardware.gpus else "cpu"
        width = 2 if engine == "vllm" else self.width
        batches = ceil(answers / at_once) * longest
        steps = max(answers * length / at_once, longest * bool(answers)) if engine == "vllm" else batches
        cache = answers * length * (prompt + length / 2) * self._token_bytes(width)
        bandwidth = self.hardware.rates().bandwidth * (MEMORY_SHARE if self.hardware.gpus else config.cpu_threads)
        return (steps * LAYER_SECONDS[engine] * self.shape.num_hidden_layers
                + (steps * width * self.parameters + cache) / bandwidth
                + 2 * self.parameters * answers * (prompt + length) / self._rate())

    def _rate(self) -> float:
        """Operations per second of one GPU, or of the run's cores."""
        rates = self.hardware.rates()
        if not self.hardware.gpus:
            return CORE.float32 * min(self.config.cpu_threads, self.hardware.cores)
        return MATRIX_SHARE * (rates.bfloat16 if self.compute_width == 2 else rates.float32)


def _mlp_size(shape) -> int:
    """The inner size of the MLP, or the total inner size of the experts that one token passes through."""
    experts = getattr(shape, "num_experts_per_tok", None) or 1
    size = getattr(shape, "moe_intermediate_size", None) if experts > 1 else None
    names = ("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner")  # GPT-2's may be None: 4 x hidden size
    size = size or next((getattr(shape, name) for name in names if getattr(shape, name, None)), 4 * shape.hidden_size)
    return experts * size
