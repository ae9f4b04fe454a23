"""Every kind of causal model writes what its own `generate` writes, and has the log-probabilities of its own logits."""
from __future__ import annotations

import pytest
import torch
from architectures import VOCABULARY, tiny

from rlvr_utils.errors import UserError
from rlvr_utils.models.loading import check_causal
from rlvr_utils.sampling.cache import has_plain_cache
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.sampling.shared_prompt import token_log_probs

MAX_TOKENS, TEMPERATURE = 8, 0.6
SHARED = ("llama", "mistral", "ministral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "mixtral", "gemma", "gemma2",
          "gemma3_text", "granite", "cohere", "cohere2", "gpt2", "gpt_neox", "gptj", "gpt_neo", "opt", "falcon", "phi",
          "phi3", "phimoe", "stablelm", "starcoder2", "olmo", "olmo2", "olmo3", "olmoe", "smollm3", "glm", "glm4",
          "nemotron", "persimmon", "deepseek_v2", "deepseek_v3", "ernie4_5", "helium", "gpt_oss", "exaone4", "seed_oss",
          "hyperclovax", "minicpm3", "nanochat", "gpt_bigcode", "codegen", "arcee", "apertus", "granite_swa")
WHOLE = ("granitemoe", "bloom", "mpt", "mamba", "mamba2", "falcon_mamba", "jamba", "bamba", "recurrent_gemma",
         "granitemoehybrid", "falcon_h1", "qwen3_next", "qwen3_5_text", "lfm2", "olmo_hybrid", "minimax")


def random_tokens(lengths: tuple[int, ...], seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, VOCABULARY, (length,), generator=generator).tolist() for length in lengths]


def generated(model, prompt: list[int]) -> list[int]:
    ids = torch.tensor([prompt])
    return model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=MAX_TOKENS,
                          do_sample=False, eos_token_id=VOCABULARY - 1, pad_token_id=0)[0, len(prompt):].tolist()


def by_itself(model, prompt: list[int], response: list[int]) -> torch.Tensor:
    """Log-probabilities of a response, from a whole forward pass of its row alone."""
    with torch.no_grad():
        logits = model(torch.tensor([prompt + response])).logits[0, len(prompt) - 1:-1]
    log_probs = torch.log_softmax(logits.float() / TEMPERATURE, -1)
    return log_probs.gather(-1, torch.tensor(response)[:, None])[:, 0]


@pytest.mark.parametrize("kind", SHARED + WHOLE)
def test_rollouts_and_log_probabilities_are_the_models_own(kind):
    model = tiny(kind)
    check_causal(model, kind)
    assert has_plain_cache(model) == (kind in SHARED)
    prompts = [random_tokens((9, 5, 7), 1)[place] for place in (0, 1, 2, 0)]
    assert sample(model, prompts, MAX_TOKENS, 0.0, {VOCABULARY - 1}) == [generated(model, p) for p in prompts]

    responses = random_tokens((6, 3, 5, 1), 2)
    ids = torch.tensor([[0] * (9 - len(p)) + p + r + [0] * (6 - len(r)) for p, r in zip(prompts, responses)])
    mask = torch.tensor([[0] * (9 - len(p)) + [1] * len(p + r) + [0] * (6 - len(r))
                         for p, r in zip(prompts, responses)])
    with torch.no_grad():
        found, _ = token_log_probs(model, ids, mask, 6, TEMPERATURE)
    for row, (prompt, response) in enumerate(zip(prompts, responses)):
        torch.testing.assert_close(found[row, :len(response)], by_itself(model, prompt, response), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["mamba", "qwen3_5_text"])
def test_drawn_responses_do_not_depend_on_their_companions(kind):
    """Also where the model's own loop writes: each row has its own numbers, and a stop token ends it."""
    model, prompts = tiny(kind), random_tokens((9, 5, 9), 1)
    answers = []
    for stops in ({VOCABULARY - 1}, set(range(3, 20))):
        torch.manual_seed(3)
        answers.append(sample(model, prompts, MAX_TOKENS, 1.0, stops))
    for whole, cut in zip(*answers, strict=True):
        end = next((place + 1 for place, token in enumerate(whole) if 3 <= token < 20), MAX_TOKENS)
        assert cut == whole[:end]
    assert len({len(cut) for cut in answers[1]}) > 1


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_model_that_looks_at_later_tokens_is_refused_by_its_type(kind):
    with pytest.raises(UserError, match=kind):
        check_causal(tiny(kind), "some model")


def test_a_model_whose_states_are_not_continued_as_its_logits_say_is_refused():
    """The library's RWKV mixes up the states of two rows."""
    with pytest.raises(UserError, match="rwkv"):
        check_causal(tiny("rwkv"), "some model")


def test_a_qwen2_with_a_window_does_not_share_its_prompt():
    """The attention that shares a prompt knows no window."""
    model = tiny("qwen2", layer_types=["full_attention", "sliding_attention"])
    prompts = random_tokens((9,), 1) * 5
    assert sample(model, prompts, MAX_TOKENS, 0.0, {VOCABULARY - 1}) == [generated(model, p) for p in prompts]
