"""Rollouts: sample many responses, computing each distinct prompt once.

A 1-shot batch has the same prompt in every row, so the prompt is computed, cached and attended to once for all
rows; finished rows leave the batch immediately. Models with another kind of cache use their own `generate`.
"""
from __future__ import annotations

from itertools import islice

import torch
from transformers import DynamicCache, GenerationConfig, LogitsProcessor, TopPLogitsWarper

from rlvr_utils.sampling.cache import ResponseCache, has_plain_cache, positions, shared_attention, shares_prompt


def sample(model, prompts: list[list[int]], max_tokens: int, temperature: float,
           stop_ids: set[int], top_p: float = 1.0, share: bool = True,
           generator: torch.Generator | None = None) -> list[list[int]]:
    """One response per prompt, as token ids in the prompts' order, stop token included.

    `prompts` holds token ids; repeat a prompt to get several responses. Greedy if `temperature` is 0; otherwise
    samples from the nucleus of probability `top_p` of softmax(logits / temperature), with `generator` (on the
    model's device) or torch's global one. Random numbers are drawn per row in advance, so a response does not
    depend on when other rows end. Without `share` every row's prompt is computed. A response without a stop token
    has exactly `max_tokens` ids.
    """
    share = share and has_plain_cache(model)
    places: dict = {}
    for row, prompt in enumerate(prompts):
        places.setdefault(tuple(prompt) if share else row, []).append(row)
    rows = [row for group in places.values() for row in group]
    draws = None
    if temperature:
        draws = torch.rand(len(rows), max_tokens, dtype=torch.float64, device=model.device, generator=generator)[rows]
    if not has_plain_cache(model):
        return _generate(model, prompts, draws, max_tokens, temperature, stop_ids, top_p)
    with torch.no_grad():
        start = _prefill(model, [prompts[group[0]] for group in places.values()], [*map(len, places.values())])
        responses = _decode(model, *start, draws, max_tokens, temperature, stop_ids, top_p)
    ordered: list[list[int]] = [[] for _ in prompts]
    for row, response in zip(rows, responses):
        ordered[row] = response
    return ordered


def batched(items: list, size: int):
    """Consecutive slices of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _prefill(model, prompts: list[list[int]], counts: list[int]):
    """Compute every prompt once; prompt i is answered `counts[i]` times. Returns the logits [rows, vocabulary] after
    each prompt, the cache, the next position [rows, 1] and the left-padding mask [rows, tokens], which is None
    without padding."""
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt):] = torch.tensor(prompt)
        mask[row, width - len(prompt):] = 1
    ids, mask = ids.to(model.device), mask.to(model.device)
    padded = not bool(mask.all())
    # A cache without a configuration keeps all tokens, even for layers with a sliding window.
    output = model(input_ids=ids, attention_mask=mask if padded else None, position_ids=positions(mask),
                   past_key_values=DynamicCache(), use_cache=True, logits_to_keep=1)
    index = torch.repeat_interleave(torch.arange(len(prompts)), torch.tensor(counts)).to(model.device)
    share = len(prompts) == 1 < len(index) and shares_prompt(model)
    cache = ResponseCache(output.past_key_values, index, share)
    mask = mask[index]
    return output.logits[index, -1], cache, mask.sum(-1, keepdim=True), mask if padded else None


def _decode(model, logits, cache: ResponseCache, position, mask, draws, max_tokens: int, temperature: float,
            stop_ids: set[int], top_p: float) -> list[list[int]]:
    """Generate token by token; returns the responses in the order of the rows."""
    rows, device = len(logits), logits.device
    stops = torch.tensor(sorted(stop_ids), device=device)
    written = torch.zeros(rows, max_tokens, dtype=torch.long, device=device)
    lengths = torch.full((rows,), max_tokens, device=device)
    alive = torch.arange(rows, device=device)  # the response that each row of the batch belongs to
    with shared_attention(model, cache) as extra:
        for step in range(max_tokens):
            tokens = _choose(logits, temperature, top_p, None if draws is None else draws[alive, step])
            written[alive, step] = tokens
            ended = torch.isin(tokens, stops)
            if bool(ended.any()):
                lengths[alive[ended]] = step + 1
                order = cache.drop(ended)
                tokens, alive, position = tokens[order], alive[order], position[order]
                mask = mask if mask is None else mask[order]
            if step + 1 == max_tokens or len(alive) == 0:
                break
            if mask is not None:
                mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=-1)
            logits = model(input_ids=tokens[:, None], attention_mask=mask, position_ids=position + step,
                           past_key_values=cache, use_cache=True, logits_to_keep=1, **extra).logits[:, -1]
    return [row[:length] for row, length in zip(written.tolist(), lengths.tolist())]


def _generate(model, prompts: list[list[int]], draws, max_tokens: int, temperature: float, stop_ids: set[int],
              top_p: float) -> list[list[int]]:
    """The model's own `generate`, with prompts of equal length at a time: padding would change recurrent states."""
    responses: list[list[int]] = [[] for _ in prompts]
    before = model.generation_config
    # `_Chosen` picks every token; penalties and the like in the model's own generation settings are ignored.
    model.generation_config = GenerationConfig()
    settings = GenerationConfig(max_new_tokens=max_tokens, do_sample=False, eos_token_id=sorted(stop_ids),
                                pad_token_id=min(stop_ids))
    try:
        for width in sorted(set(map(len, prompts))):
            rows = [row for row, prompt in enumerate(prompts) if len(prompt) == width]
            ids = torch.tensor([prompts[row] for row in rows], device=model.device)
            chosen = _Chosen(width, temperature, top_p, None if draws is None else draws[rows])
            written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings,
                                     logits_processor=[chosen])
            for row, tokens in zip(rows, written[:, width:].tolist()):
                end = next((place for place, token in enumerate(tokens) if token in stop_ids), max_tokens)
                responses[row] = tokens[:end + 1]
    finally:
        model.generation_config = before
    return responses


class _Chosen(LogitsProcessor):
    """Leaves `generate` only the token picked by `_choose`. `draws` is [rows, tokens]."""

    def __init__(self, width: int, temperature: float, top_p: float, draws: torch.Tensor | None):
        self.width, self.temperature, self.top_p, self.draws = width, temperature, top_p, draws

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        draws = None if self.draws is None else self.draws[:, input_ids.shape[1] - self.width]
        tokens = _choose(scores, self.temperature, self.top_p, draws)
        return torch.full_like(scores, -torch.inf).scatter(1, tokens[:, None], 0.0)


def _choose(logits: torch.Tensor, temperature: float, top_p: float, draws: torch.Tensor | None) -> torch.Tensor:
    """Next token of each row, ids [rows]: greedy, or by inverting the cumulative probabilities at the uniform
    numbers `draws`."""
    if draws is None:
        return logits.argmax(-1)
    logits = logits.float() / temperature
    if top_p < 1:
        logits = TopPLogitsWarper(top_p)(None, logits)
    below = torch.softmax(logits, dim=-1).cumsum(-1, dtype=torch.float64)
    # right=True: a token of probability 0 is never picked.
    places = torch.searchsorted(below, (draws * below[:, -1]).unsqueeze(-1), right=True)
    return places.squeeze(-1).clamp(max=logits.shape[-1] - 1)
