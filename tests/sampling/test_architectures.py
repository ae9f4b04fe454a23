"""Every kind of causal model writes what its own `generate` writes, and has the log-probabilities of its own logits."""
from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from rlvr_utils.errors import UserError
from rlvr_utils.models.loading import check_causal
from rlvr_utils.sampling.cache import has_plain_cache
from rlvr_utils.sampling.rollouts import sample
from rlvr_utils.sampling.shared_prompt import token_log_probs

VOCABULARY, MAX_TOKENS, TEMPERATURE = 60, 8, 0.6
# Small values of every size that a configuration may have, under all the names it goes by.
SIZES = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "word_embed_proj_dim", "embedding_size", "lru_width"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "mamba_n_heads", "mamba_num_heads"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads", "n_mamba_heads"), 2),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "ffn_hidden_size", "n_inner"), 64),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), 128),
    **dict.fromkeys(("sliding_window", "attention_window_size", "window_size", "rotary_dim"), 4),
    **dict.fromkeys(("state_size", "mamba_d_state", "head_dim"), 8),
    **dict.fromkeys(("mamba_d_head", "mamba_headdim", "mamba_head_dim", "q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("chunk_size", "mamba_chunk_size", "mamba_dt_rank", "time_step_rank", "linear_num_value_heads"), 4),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "qk_nope_head_dim", "v_head_dim"), 8),
    **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    **dict.fromkeys(("mamba_n_groups", "mamba_ngroups", "n_groups", "n_group", "topk_group", "n_shared_experts"), 1),
    "vocab_size": VOCABULARY, "num_experts_per_tok": 2, "mamba_d_ssm": 64, "qk_rope_head_dim": 4, "conv_L_cache": 3,
    "linear_num_key_heads": 2, "use_mamba_kernels": False, "use_sliding_window": True, "max_window_layers": 1,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
SCALED = {"final_logit_softcapping": 3.0, "logits_scaling": 4.0, "logit_scale": 0.3, "logits_soft_cap": 3.0,
          "lm_head_multiplier": 0.3}
# None by default somewhere.
OPTIONAL = {"sliding_window", "num_key_value_heads", "head_dim", "q_lora_rank", "n_inner", "num_experts_per_tok"}
SPECIAL = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "mamba2": {"head_dim": 16},
    "bamba": {"attn_layer_indices": [1]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"]},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "deepseek_v3": {"head_dim": 4, "num_key_value_heads": 4},
    "deepseek_v2": {"head_dim": 4, "num_key_value_heads": 4},
    "minicpm3": {"head_dim": 4, "num_key_value_heads": 4},
}
SHARED = ("llama", "mistral", "ministral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "mixtral", "gemma", "gemma2",
          "gemma3_text", "granite", "cohere", "cohere2", "gpt2", "gpt_neox", "gptj", "gpt_neo", "opt", "falcon", "phi",
          "phi3", "phimoe", "stablelm", "starcoder2", "olmo", "olmo2", "olmo3", "olmoe", "smollm3", "glm", "glm4",
          "nemotron", "persimmon", "deepseek_v2", "deepseek_v3", "ernie4_5", "helium", "gpt_oss", "exaone4", "seed_oss",
          "hyperclovax", "minicpm3", "nanochat", "gpt_bigcode", "codegen", "arcee", "apertus", "granite_swa")
WHOLE = ("granitemoe", "bloom", "mpt", "mamba", "mamba2", "falcon_mamba", "jamba", "bamba", "recurrent_gemma",
         "granitemoehybrid", "falcon_h1", "qwen3_next", "qwen3_5_text", "lfm2", "olmo_hybrid", "minimax")


def tiny(kind: str, **chosen):
    """A random model of two layers of this type, in evaluation mode, its logits scaled or capped where the type
    knows how; weights are large enough that what is left out would be seen."""
    default, special = AutoConfig.for_model(kind), SPECIAL.get(kind, {}) | chosen
    declared = default.to_dict() | {name: 0 for name in type(default).attribute_map}
    fields = {name: value for name, value in (SIZES | SCALED).items()
              if name in declared and (declared[name] is not None or name in OPTIONAL)}
    kinds = declared.get("layer_types")
    if isinstance(kinds, list):  # one of each
        fields["layer_types"] = (list(dict.fromkeys(kinds)) * 2)[:2]
    if special.keys() & {"attn_layer_indices", "attn_layer_period"} or kind == "recurrent_gemma":
        fields.pop("layer_types", None)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **fields | special)).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


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


def test_a_qwen2_with_a_window_does_not_share_its_prompt():
    """The attention that shares a prompt knows no window."""
    model = tiny("qwen2", layer_types=["full_attention", "sliding_attention"])
    prompts = random_tokens((9,), 1) * 5
    assert sample(model, prompts, MAX_TOKENS, 0.0, {VOCABULARY - 1}) == [generated(model, p) for p in prompts]
