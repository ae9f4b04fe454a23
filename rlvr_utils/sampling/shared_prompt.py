"""Token log-probabilities of many responses to few prompts, each distinct prompt computed once.

In a 1-shot batch the prompt is the same in every row and often longer than the responses, so most
of the plain forward and backward pass is spent on copies of it. Here its key-value cache is
computed once, with gradients, and shared by the rows.
"""
from __future__ import annotations

import torch

# Rows are computed in groups of similar length, so that short responses do not pay for long ones.
ROWS_AT_ONCE = 16


def token_log_probs(model, input_ids: torch.Tensor, attention_mask: torch.Tensor, keep: int, temperature: float):
    """(log-probabilities, entropies), both [rows, keep], of the last `keep` tokens of each row.

    `input_ids` and `attention_mask` are [rows, prompt + keep], prompts padded on the left and
    responses on the right. Logits are divided by `temperature`, as the authors do. Values at
    padded places are 0 and have no gradient.
    """
    lengths = attention_mask[:, -keep:].sum(-1)
    order = torch.argsort(lengths, stable=True)
    parts = []
    for rows in order.split(ROWS_AT_ONCE):
        cut = keep - max(1, int(lengths[rows].max()))
        stop = input_ids.size(1) - cut
        values = _group_log_probs(model, input_ids[rows, :stop], attention_mask[rows, :stop], keep - cut, temperature)
        parts.append([torch.nn.functional.pad(value, (0, cut)) for value in values])
    back = torch.argsort(order)
    log_probs, entropies = (torch.cat(part)[back] for part in zip(*parts))
    return log_probs, entropies


def _group_log_probs(model, input_ids, attention_mask, keep: int, temperature: float):
    """The same for rows of similar length, each distinct prompt computed once."""
    prompts, prompt_mask = input_ids[:, :-keep], attention_mask[:, :-keep]
    responses = input_ids[:, -keep:]
    distinct, index = torch.unique(prompts, dim=0, return_inverse=True)
    mask = torch.zeros_like(distinct).index_copy_(0, index, prompt_mask)
    decoder = model.get_decoder()
    first = decoder(input_ids=distinct, attention_mask=mask, position_ids=_positions(mask), use_cache=True)
    hidden = first.last_hidden_state[:, -1:][index]
    if keep > 1:
        cache = first.past_key_values
        cache.batch_select_indices(index)
        places = _positions(attention_mask)[:, -keep:-1]
        rest = decoder(input_ids=responses[:, :-1], attention_mask=attention_mask[:, :-1], position_ids=places,
                       past_key_values=cache, use_cache=True)
        hidden = torch.cat([hidden, rest.last_hidden_state], dim=1)
    log_probs = torch.log_softmax(model.get_output_embeddings()(hidden).float() / temperature, dim=-1)
    chosen = log_probs.gather(-1, responses.unsqueeze(-1)).squeeze(-1)
    return chosen, -(log_probs.exp() * log_probs).sum(-1)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    return (mask.cumsum(-1) - 1).clamp(min=0)
