"""Tiny random models of every architecture, for tests that must hold for all."""
from __future__ import annotations

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY = 60
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
