"""Token log-probabilities of many responses to few prompts, each distinct prompt computed once.

In a 1-shot batch the prompt is the same in every row and often longer than the responses, so most
of the plain forward and backward pass is spent on copies of it. Here its key-value cache is
computed once, with gradients, and shared by the rows. A model whose cache cannot be shared goes
through a whole forward pass. Logits are always the model's own: some scale or cap them behind
the output matrix.
"""
from __future__ import annotations

from contextlib import contextmanager

import torch
from transformers import DynamicCache

from rlvr_utils.sampling.cache import has_plain_cache

# Rows are computed in groups of similar length, so that short responses do not pay for long ones.
ROWS_AT_ONCE = 16


def token_log_probs(model, input_ids: torch.Tensor, attention_mask: torch.Tensor, keep: int, temperature: float):
    """(log-probabilities, entropies), both [rows, keep], of the last `keep` tokens of each row.

    `input_ids` and `attention_mask` are [rows, prompt + keep], prompts padded on the left and
    responses on the right. Logits are divided by `temperature`, as the authors do. Values at
    padded places mean nothing; mask them.
    """
    group_logits = _shared_logits if has_plain_cache(model) else _whole_logits
    lengths = attention_mask[:, -keep:].sum(-1)
    order = torch.argsort(lengths, stable=True)
    parts = []
    for rows in order.split(ROWS_AT_ONCE):
        cut = keep - max(1, int(lengths[rows].max()))
        stop = input_ids.size(1) - cut
        ids = input_ids[rows, :stop]
        logits = group_logits(model, ids, attention_mask[rows, :stop], keep - cut)
        values = _log_probs(logits, ids[:, cut - keep:], temperature)
        parts.append([torch.nn.functional.pad(value, (0, cut)) for value in values])
    back = torch.argsort(order)
    log_probs, entropies = (torch.cat(part)[back] for part in zip(*parts))
    return log_probs, entropies


def _log_probs(logits: torch.Tensor, tokens: torch.Tensor, temperature: float):
    """Of logits [rows, keep, vocabulary]: the log-probabilities of `tokens` [rows, keep], and the entropies."""
    log_probs = torch.log_softmax(logits.float() / temperature, dim=-1)
    chosen = log_probs.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen, -(log_probs.exp() * log_probs).sum(-1)


def _shared_logits(model, input_ids, attention_mask, keep: int) -> torch.Tensor:
    """Logits [rows, keep, vocabulary] from which the last `keep` tokens are drawn, each distinct prompt
    computed once, for rows of similar length."""
    prompts, prompt_mask = input_ids[:, :-keep], attention_mask[:, :-keep]
    distinct, index = torch.unique(prompts, dim=0, return_inverse=True)
    mask = torch.zeros_like(distinct).index_copy_(0, index, prompt_mask)
    words = {"input_ids": distinct, "attention_mask": mask, "position_ids": _positions(mask), "use_cache": True,
             "past_key_values": DynamicCache()}  # not configured, it keeps all tokens, whatever window a layer has
    if keep == 1:
        return model(**words, logits_to_keep=1).logits[index]
    first = model.get_decoder()(**words)
    cache = first.past_key_values
    cache.batch_select_indices(index)
    with _preceded(model.get_decoder(), first.last_hidden_state[:, -1:][index]):
        return model(input_ids=input_ids[:, -keep:-1], attention_mask=attention_mask[:, :-1],
                     position_ids=_positions(attention_mask)[:, -keep:-1], past_key_values=cache,
                     use_cache=True).logits


@contextmanager
def _preceded(decoder, hidden: torch.Tensor):
    """While it lasts, `hidden` [rows, 1, size] stands before the states that the decoder returns, so
    that one pass through the model's own head makes logits of all."""
    def put_before(_, __, output):
        output["last_hidden_state"] = torch.cat([hidden, output["last_hidden_state"]], dim=1)
        return output

    hook = decoder.register_forward_hook(put_before)
    try:
        yield
    finally:
        hook.remove()


def _whole_logits(model, input_ids, attention_mask, keep: int) -> torch.Tensor:
    """The same by a whole forward pass. Rows are moved to the left: padding behind a row is seen by none
    of its tokens in any causal model, and positions count from 0."""
    width = input_ids.size(1)
    before = attention_mask.argmax(-1, keepdim=True)  # padding on the left
    order = (torch.arange(width, device=input_ids.device) + before) % width
    logits = model(input_ids=input_ids.gather(1, order), attention_mask=attention_mask.gather(1, order)).logits
    places = torch.arange(width - keep - 1, width - 1, device=input_ids.device) - before
    return logits.gather(1, places.unsqueeze(-1).expand(-1, -1, logits.size(-1)))


def _positions(mask: torch.Tensor) -> torch.Tensor:
    return (mask.cumsum(-1) - 1).clamp(min=0)
