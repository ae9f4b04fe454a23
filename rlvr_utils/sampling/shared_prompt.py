"""Token log-probabilities of many responses to few prompts, each distinct prompt computed once.

In a 1-shot batch the prompt is the same in every row and often longer than the responses, so a plain forward and
backward pass spends most of its time on copies of it. Here the prompt's key-value cache is computed once, with
gradients, and shared by the rows. A model whose cache cannot be shared uses a full forward pass. Logits are always
the model's own, since some models scale or cap them after the output matrix.
"""
from __future__ import annotations

from contextlib import contextmanager

import torch
from transformers import DynamicCache

from rlvr_utils.sampling.cache import has_plain_cache, positions

# Rows are computed in groups of similar length, so that short responses do not pay for long ones.
ROWS_AT_ONCE = 16


def token_log_probs(model, input_ids: torch.Tensor, attention_mask: torch.Tensor, keep: int, temperature: float):
    """(log-probabilities, entropies), both [rows, keep], of the last `keep` tokens of each row.

    `input_ids` and `attention_mask` are [rows, prompt + keep], with prompts padded on the left and responses on
    the right. Logits are divided by `temperature`, as the authors do. Values at padded positions are meaningless
    and must be masked.
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
    """Log-probabilities of `tokens` and entropies, [rows, keep] each, from logits [rows, keep, vocabulary]."""
    log_probs = torch.log_softmax(logits.float() / temperature, dim=-1)
    chosen = log_probs.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen, -(log_probs.exp() * log_probs).sum(-1)


def _shared_logits(model, input_ids, attention_mask, keep: int) -> torch.Tensor:
    """Logits [rows, keep, vocabulary] that predict the last `keep` tokens, computing each distinct prompt once."""
    prompts, prompt_mask = input_ids[:, :-keep], attention_mask[:, :-keep]
    distinct, index = torch.unique(prompts, dim=0, return_inverse=True)
    mask = torch.zeros_like(distinct).index_copy_(0, index, prompt_mask)
    kwargs = {"input_ids": distinct, "attention_mask": mask, "position_ids": positions(mask), "use_cache": True,
             "past_key_values": DynamicCache()}  # unconfigured: it keeps all tokens, even with windows
    if keep == 1:
        return model(**kwargs, logits_to_keep=1).logits[index]
    first = model.get_decoder()(**kwargs)
    cache = first.past_key_values
    cache.batch_select_indices(index)
    with _prepended(model.get_decoder(), first.last_hidden_state[:, -1:][index]):
        return model(input_ids=input_ids[:, -keep:-1], attention_mask=attention_mask[:, :-1],
                     position_ids=positions(attention_mask)[:, -keep:-1], past_key_values=cache,
                     use_cache=True).logits


@contextmanager
def _prepended(decoder, hidden: torch.Tensor):
    """Within the context `hidden` [rows, 1, size] is prepended to the decoder's output, so that one pass through
    the model's own head computes all logits."""
    def put_before(_, __, output):
        output["last_hidden_state"] = torch.cat([hidden, output["last_hidden_state"]], dim=1)
        return output

    hook = decoder.register_forward_hook(put_before)
    try:
        yield
    finally:
        hook.remove()


def _whole_logits(model, input_ids, attention_mask, keep: int) -> torch.Tensor:
    """The same with a full forward pass. Rows are shifted to the left, so that positions count from 0 and padding
    comes after a row, where a causal model never sees it."""
    width = input_ids.size(1)
    before = attention_mask.argmax(-1, keepdim=True)  # padding on the left
    order = (torch.arange(width, device=input_ids.device) + before) % width
    logits = model(input_ids=input_ids.gather(1, order), attention_mask=attention_mask.gather(1, order)).logits
    places = torch.arange(width - keep - 1, width - 1, device=input_ids.device) - before
    return logits.gather(1, places.unsqueeze(-1).expand(-1, -1, logits.size(-1)))
