"""Rollouts: sample many responses, prefilling each distinct prompt once.

A 1-shot batch asks the same question in every row, so its prompt is computed a single time and
its key-value cache shared out; rows that have ended leave the batch.
"""
from __future__ import annotations

from itertools import islice

import torch
from transformers import TopPLogitsWarper

# Dropping rows copies the cache, so it waits until this share of the rows has ended.
DROP_SHARE = 0.25


def sample(model, prompts: list[list[int]], max_tokens: int, temperature: float,
           stop_ids: set[int], top_p: float = 1.0) -> list[list[int]]:
    """One response per prompt, as token ids in the prompts' order, the stop token included.

    `prompts` holds token ids, repeated where several responses are wanted. Greedy when
    `temperature` is 0; otherwise draws from the nucleus of probability `top_p` of
    softmax(logits / temperature) with torch's global generator. A response without a stop token
    has exactly `max_tokens` ids.
    """
    places: dict[tuple[int, ...], list[int]] = {}
    for row, prompt in enumerate(prompts):
        places.setdefault(tuple(prompt), []).append(row)
    rows = [row for group in places.values() for row in group]
    with torch.no_grad():
        logits, cache, mask = _prefill(model, list(places), [len(group) for group in places.values()])
        responses = _decode(model, logits, cache, mask, max_tokens, temperature, stop_ids, top_p)
    ordered: list[list[int]] = [[] for _ in prompts]
    for row, response in zip(rows, responses):
        ordered[row] = response
    return ordered


def batched(items: list, size: int):
    """Consecutive slices of at most `size` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _prefill(model, prompts: list[tuple[int, ...]], counts: list[int]):
    """Logits [rows, vocabulary] after each prompt, the cache and the left-padding mask, every
    distinct prompt computed once and repeated `counts` times. The mask is None without padding."""
    device, width = model.device, max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    mask = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt):] = torch.tensor(prompt)
        mask[row, width - len(prompt):] = 1
    ids, mask = ids.to(device), mask.to(device)
    padded = not bool(mask.all())
    output = model(input_ids=ids, attention_mask=mask if padded else None,
                   position_ids=_positions(mask), use_cache=True, logits_to_keep=1)
    index = torch.repeat_interleave(torch.arange(len(prompts)), torch.tensor(counts)).to(device)
    output.past_key_values.batch_select_indices(index)
    return output.logits[index, -1], output.past_key_values, mask[index] if padded else None


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Position of each token among the real ones; padding gets 0."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def _decode(model, logits, cache, mask, max_tokens: int, temperature: float, stop_ids: set[int],
            top_p: float):
    responses: list[list[int]] = [[] for _ in range(len(logits))]
    stops = torch.tensor(sorted(stop_ids), device=logits.device)
    alive = torch.arange(len(logits), device=logits.device)  # response that each batch row writes
    ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    position = cache.get_seq_length() if mask is None else mask.sum(-1, keepdim=True)
    for step in range(max_tokens):
        tokens = _choose(logits, temperature, top_p)
        for row, token, done in zip(alive.tolist(), tokens.tolist(), ended.tolist()):
            if not done:
                responses[row].append(token)
        ended |= torch.isin(tokens, stops)
        if step + 1 == max_tokens or bool(ended.all()):
            break
        if ended.sum() >= max(1, DROP_SHARE * len(ended)):
            keep = (~ended).nonzero().squeeze(-1)
            cache.batch_select_indices(keep)
            alive, tokens, ended = alive[keep], tokens[keep], ended[keep]
            if mask is not None:
                mask, position = mask[keep], position[keep]
        if mask is not None:
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=-1)
        positions = (torch.full((len(tokens), 1), position + step, device=tokens.device)
                     if mask is None else position + step)
        logits = model(input_ids=tokens[:, None], attention_mask=mask, position_ids=positions,
                       past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
    return responses


def _choose(logits: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Next token of each row, ids [rows]."""
    if temperature == 0:
        return logits.argmax(-1)
    logits = logits.float() / temperature
    if top_p < 1:
        logits = TopPLogitsWarper(top_p)(None, logits)
    return torch.multinomial(torch.softmax(logits, dim=-1), 1).squeeze(-1)
