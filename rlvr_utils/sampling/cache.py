"""The key-value cache during generation: it has room to grow, drops finished rows, and can share one prompt.

transformers' own cache copies itself at every token, and stores a prompt once for every response to it.
"""
from __future__ import annotations

import inspect
from contextlib import contextmanager

import torch
from transformers import AttentionInterface, Cache, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

# A full cache makes room for this many more tokens.
ROOM = 64
# Models whose attention is softmax(q k / sqrt(d)) v and nothing else, as `shared_prompt_attention` computes it.
PLAIN_ATTENTION = ("llama", "qwen2")
SHARED = "shared_prompt"
# Arguments that a forward pass needs so that rows of different lengths can continue a prompt's cache.
NEEDED = {"attention_mask", "position_ids", "past_key_values", "use_cache", "logits_to_keep"}


def has_plain_cache(model) -> bool:
    """Does the model cache only a key and a value per token, so that rows can be repeated, selected and continued?
    The states of a convolution or recurrence are different."""
    if not NEEDED <= inspect.signature(type(model).forward).parameters.keys():
        return False
    return {type(layer) for layer in _layers(model)} <= {DynamicLayer, DynamicSlidingWindowLayer}


def shares_prompt(model) -> bool:
    """Does every layer compute the attention of `shared_prompt_attention`, without a sliding window?"""
    return (model.config.model_type in PLAIN_ATTENTION
            and all(type(layer) is DynamicLayer for layer in _layers(model)))


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Position of each token, not counting padding; padding gets 0."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def _layers(model) -> list:
    """The kinds of cache layers that the model's configuration asks for."""
    return DynamicCache(config=model.config).layers


class GrowingLayer(DynamicLayer):
    """Keys and values [rows, heads, tokens, size] of one layer, in buffers with room for more tokens.

    New tokens are appended in place; `keep` moves the remaining rows to the front. The initial `keys` and
    `values` may have no tokens.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor):
        super().__init__()
        self.lazy_initialization(keys, values)
        self.buffers = (keys, values)
        self._show(len(keys), keys.shape[2])

    def _show(self, rows: int, tokens: int) -> None:
        self.keys, self.values = (buffer[:rows, :, :tokens] for buffer in self.buffers)

    def update(self, key_states, value_states, *_, **__):
        """Append tokens; returns views of all keys and values."""
        rows, _, before, _ = self.keys.shape
        after = before + key_states.shape[2]
        if after > self.buffers[0].shape[2]:
            self.buffers = tuple(_with_room(seen, after + ROOM) for seen in (self.keys, self.values))
        for buffer, new in zip(self.buffers, (key_states, value_states)):
            buffer[:rows, :, before:after] = new
        self._show(rows, after)
        return self.keys, self.values

    def keep(self, rows: int, holes: torch.Tensor, movers: torch.Tensor) -> None:
        """Copy the rows `movers` to the positions `holes`, then keep the first `rows` rows."""
        for seen in (self.keys, self.values):
            seen[holes] = seen[movers]
        self._show(rows, self.keys.shape[2])


def _with_room(seen: torch.Tensor, tokens: int) -> torch.Tensor:
    rows, heads, length, size = seen.shape
    buffer = seen.new_empty(rows, heads, tokens, size)
    buffer[:, :, :length] = seen
    return buffer


class ResponseCache(Cache):
    """The cache of a batch of responses. `prompt` is one prompt shared by all rows, as keys and values
    [heads, tokens, size] per layer, or None if every row has its own prompt."""

    def __init__(self, prefilled: DynamicCache, index: torch.Tensor, share: bool):
        """Built from the cache of the distinct prompts; `index` says which of them each row answers. With `share`
        the only prompt is not copied to the rows."""
        layers = [(layer.keys, layer.values) for layer in prefilled.layers]
        self.prompt = [(keys[0], values[0]) for keys, values in layers] if share else None
        tokens = slice(0, 0) if share else slice(None)
        super().__init__(layers=[GrowingLayer(keys[index, :, tokens], values[index, :, tokens])
                                 for keys, values in layers])

    def drop(self, ended: torch.Tensor) -> torch.Tensor:
        """Drop the rows that have `ended` and move the last remaining rows into the gaps. Returns the former index
        of each remaining row."""
        rows = int((~ended).sum())
        holes, movers = ended[:rows].nonzero().squeeze(-1), (~ended[rows:]).nonzero().squeeze(-1) + rows
        order = torch.arange(rows, device=ended.device)
        order[holes] = movers
        for layer in self.layers:
            layer.keep(rows, holes, movers)
        return order


def shared_prompt_attention(module, query, key, value, attention_mask, scaling: float, prompt, **_):
    """Attention of one new token per row to a prompt shared by all rows and to the row's own response.

    `query` is [rows, heads, 1, size], `key` and `value` are [rows, key heads, response tokens, size],
    `prompt` is `ResponseCache.prompt`. The prompt's part is one matrix product per head for all rows.
    Returns [rows, 1, heads, size] and no weights, as transformers expects.
    """
    prompt_keys, prompt_values = prompt[module.layer_idx]
    (rows, heads, _, size), (groups, tokens, _) = query.shape, prompt_keys.shape
    by_row = (query * scaling).view(rows, groups, heads // groups, size)
    by_group = by_row.transpose(0, 1).reshape(groups, -1, size)
    to_prompt = (by_group @ prompt_keys.transpose(1, 2)).view(groups, rows, -1, tokens).transpose(0, 1)
    scores = torch.cat([to_prompt, by_row @ key.transpose(2, 3)], dim=-1)
    weights = scores.softmax(-1, dtype=torch.float32).to(query.dtype)
    of_prompt = weights[..., :tokens].transpose(0, 1).reshape(groups, -1, tokens) @ prompt_values
    output = of_prompt.view(groups, rows, -1, size).transpose(0, 1) + weights[..., tokens:] @ value
    return output.reshape(rows, 1, heads, size), None


AttentionInterface.register(SHARED, shared_prompt_attention)


@contextmanager
def shared_attention(model, cache: ResponseCache):
    """Within the context the model uses the attention that the cache needs; yields extra arguments for its calls."""
    if cache.prompt is None:
        yield {}
        return
    before = model.config._attn_implementation
    model.config._attn_implementation = SHARED
    try:
        yield {"prompt": cache.prompt}
    finally:
        model.config._attn_implementation = before
