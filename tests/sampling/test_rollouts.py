"""Rollouts: the same tokens as transformers' own loop, draws from the model's own distribution."""
from __future__ import annotations

import pytest
import torch
from conftest import tiny_qwen2
from transformers import DynamicCache

from rlvr_utils.sampling.cache import ROOM, ResponseCache
from rlvr_utils.sampling.rollouts import _choose, batched, sample

VOCABULARY, MAX_TOKENS = 30, 14


@pytest.fixture(scope="module")
def model():
    """Random weights large enough that attention and positions decide the next token."""
    return tiny_qwen2(VOCABULARY, end=0, spread=0.6, seed=3)


@pytest.fixture(scope="module")
def mixed_prompts():
    generator = torch.Generator().manual_seed(0)
    prompts = [torch.randint(1, VOCABULARY, (size,), generator=generator).tolist()
               for size in (9, 2, 5, 9, 1, 7, 12, 3)]
    return [prompts[i] for i in (0, 1, 2, 1, 3, 4, 0, 5, 6, 7, 7)]  # some of them repeated, not side by side


def by_transformers(model, prompts, stops, max_tokens=MAX_TOKENS):
    """model.generate on the left-padded batch, each answer cut after its first stop token."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    output = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False,
                            eos_token_id=sorted(stops) or None, pad_token_id=0)
    answers = []
    for row in output[:, width:].tolist():
        ends = [place for place, token in enumerate(row) if token in stops]
        answers.append(row[:ends[0] + 1] if ends else row[:max_tokens])
    return answers


def seen_tokens(model, prompts) -> set[int]:
    """Tokens that greedy answers contain early and late: as stops they end rows at many places."""
    free = sample(model, prompts, MAX_TOKENS, 0.0, {VOCABULARY})
    return {free[0][3], free[1][6], free[2][0]}


@pytest.mark.parametrize("case", ["mixed", "shared", "one"])
def test_greedy_answers_are_those_of_transformers(model, mixed_prompts, case):
    prompts = {"mixed": mixed_prompts, "shared": [mixed_prompts[0]] * 6, "one": [mixed_prompts[2]]}[case]
    stops = seen_tokens(model, mixed_prompts)
    answers = sample(model, prompts, MAX_TOKENS, 0.0, stops)
    assert answers == by_transformers(model, prompts, stops)
    if case == "mixed":
        assert len({len(answer) for answer in answers}) > 2  # rows ended at different places
        assert len({tuple(answer) for answer in answers}) > 5


def test_without_a_stop_token_an_answer_has_the_full_length(model, mixed_prompts):
    answers = sample(model, mixed_prompts, MAX_TOKENS, 0.0, {VOCABULARY})
    assert {len(answer) for answer in answers} == {MAX_TOKENS}
    assert answers == by_transformers(model, mixed_prompts, set())
    assert all(len(answer) == 1 for answer in sample(model, mixed_prompts, 1, 1.0, {VOCABULARY}))


def test_a_stop_token_is_kept_and_nothing_follows_it(model, mixed_prompts):
    torch.manual_seed(1)
    stops = {4, 5, 6}
    answers = sample(model, mixed_prompts * 20, MAX_TOKENS, 3.0, stops)
    ended = [answer for answer in answers if stops & set(answer)]
    assert len(ended) > 30
    assert all(answer[-1] in stops and not stops & set(answer[:-1]) for answer in ended)
    assert all(len(answer) == MAX_TOKENS for answer in answers if answer not in ended)


def test_each_distinct_prompt_is_computed_once_and_ended_rows_leave_the_batch(model, mixed_prompts):
    shapes = []
    hook = model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True)
    torch.manual_seed(0)
    sample(model, mixed_prompts, MAX_TOKENS, 3.0, {1, 2, 3, 4, 5, 6})
    hook.remove()
    rows = [shape[0] for shape in shapes[1:]]
    assert shapes[0] == (len({tuple(prompt) for prompt in mixed_prompts}), max(map(len, mixed_prompts)))
    assert rows[0] <= len(mixed_prompts) and rows == sorted(rows, reverse=True) and rows[-1] < rows[0]


def test_draws_are_reproducible_and_use_torchs_generator(model, mixed_prompts):
    torch.manual_seed(5)
    first = sample(model, mixed_prompts, MAX_TOKENS, 1.0, {0})
    second = sample(model, mixed_prompts, MAX_TOKENS, 1.0, {0})
    torch.manual_seed(5)
    assert sample(model, mixed_prompts, MAX_TOKENS, 1.0, {0}) == first != second


@pytest.mark.parametrize("padded", [False, True])
def test_the_first_two_tokens_follow_the_softmax(padded):
    """Chi-square over all pairs of tokens, with prompts of equal and of different lengths."""
    from scipy.stats import chi2

    size, temperature, draws = 6, 0.7, 4000
    model = tiny_qwen2(size, end=0, spread=0.1, seed=7)
    prompt, other = [3, 1, 4, 1, 5], [2]
    torch.manual_seed(11)
    prompts = [prompt] * draws + ([other] * 50 if padded else [])
    answers = sample(model, prompts, 2, temperature, {size})[:draws]
    with torch.no_grad():
        first = torch.softmax(model(torch.tensor([prompt])).logits[0, -1] / temperature, -1)
        second = torch.softmax(model(torch.tensor([prompt + [i] for i in range(size)])).logits[:, -1]
                               / temperature, -1)
    expected = (first[:, None] * second).flatten() * draws
    found = torch.bincount(torch.tensor([a * size + b for a, b in answers]), minlength=size * size)
    assert expected.min() > 5 and expected.max() / expected.min() > 4  # far from uniform
    statistic = float(((found - expected) ** 2 / expected).sum())
    assert chi2.sf(statistic, size * size - 1) > 0.001


def test_batches_are_consecutive_and_complete():
    assert list(batched(list(range(7)), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batched([], 3)) == []


# ---- one prompt for all, and room to grow -------------------------------------------------------

def tiny_of(family: str):
    """A random model of two layers of another family, in evaluation mode."""
    import transformers

    torch.manual_seed(5)
    window = {} if family == "Llama" else {"sliding_window": 4}
    config = getattr(transformers, f"{family}Config")(
        vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, intermediate_size=64, initializer_range=0.6, pad_token_id=0, bos_token_id=None,
        eos_token_id=0, **window)
    return getattr(transformers, f"{family}ForCausalLM")(config).eval()


@pytest.mark.parametrize("family", ["Llama", "Mistral", "Qwen3", "Gemma2"])
def test_other_models_answer_as_with_transformers_too(mixed_prompts, family):
    """Llama shares prompts; the others attend in ways of their own, some through a window of four tokens."""
    other = tiny_of(family)
    stops = seen_tokens(other, mixed_prompts)
    for prompts in (mixed_prompts, [mixed_prompts[0]] * 6):
        assert sample(other, prompts, MAX_TOKENS, 0.0, stops) == by_transformers(other, prompts, stops)


@pytest.mark.parametrize("case", ["mixed", "shared"])
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_sharing_prompts_changes_no_token(model, mixed_prompts, case, temperature):
    prompts = {"mixed": mixed_prompts, "shared": [mixed_prompts[0]] * 40}[case]
    answers = []
    for share in (True, False):
        torch.manual_seed(3)
        answers.append(sample(model, prompts, MAX_TOKENS, temperature, {1, 2, 3}, share=share))
    assert answers[0] == answers[1]


def test_what_a_row_becomes_does_not_depend_on_when_others_end(model, mixed_prompts):
    """Rows that end early leave; the others go on with the numbers they would have had anyway."""
    answers = []
    for stops in ({VOCABULARY}, {1, 2, 3, 4, 5, 6}):
        torch.manual_seed(9)
        answers.append(sample(model, [mixed_prompts[0]] * 40, MAX_TOKENS, 1.5, stops))
    for whole, cut in zip(*answers, strict=True):
        assert whole[:len(cut)] == cut
    assert len({len(cut) for cut in answers[1]}) > 5


def test_a_shared_prompt_is_kept_once_and_the_model_is_left_as_it_was(model, mixed_prompts):
    sizes, before = [], model.config._attn_implementation
    hook = model.register_forward_pre_hook(lambda module, args, kwargs: sizes.append(
        kwargs["past_key_values"].get_seq_length()), with_kwargs=True)
    sample(model, [mixed_prompts[0]] * 3, 4, 0.0, {VOCABULARY})
    hook.remove()
    assert sizes == [0, 0, 1, 2]  # the prompt's own pass, then responses without it
    assert model.config._attn_implementation == before != "shared_prompt"


def test_rows_that_end_give_their_places_to_the_last():
    prefilled = DynamicCache()
    values = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 1, 3, 4)
    prefilled.update(values, -values, 0)
    cache = ResponseCache(prefilled, torch.tensor([0, 1, 1, 0, 1]), share=False)
    new = torch.arange(10.0, 15.0).view(5, 1, 1, 1).expand(5, 1, 1, 4)
    keys, _ = cache.update(new, -new, 0)
    assert keys[:, 0, :, 0].tolist() == [[0, 0, 0, 10], [1, 1, 1, 11], [1, 1, 1, 12], [0, 0, 0, 13], [1, 1, 1, 14]]
    assert cache.drop(torch.tensor([False, True, False, True, False])).tolist() == [0, 4, 2]
    for more in range(ROOM):  # beyond the room there was
        keys, values = cache.update(new[:3] + more, -new[:3] - more, 0)
    assert keys[:, 0, :5, 0].tolist() == [[0, 0, 0, 10, 10], [1, 1, 1, 14, 11], [1, 1, 1, 12, 12]]
    assert keys.shape == (3, 1, 4 + ROOM, 4) and torch.equal(keys, -values)
    assert cache.get_seq_length() == 4 + ROOM


def test_a_token_without_probability_is_never_drawn():
    """Not even by the smallest and the largest number that the generator can give."""
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 1.0, -torch.inf]])
    for draw, token in ((0.0, 1), (1 - 2 ** -53, 3)):
        assert _choose(logits, 1.0, 1.0, torch.tensor([draw], dtype=torch.float64)).tolist() == [token]
