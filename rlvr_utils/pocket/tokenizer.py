"""The pocket tokenizer: byte-level BPE with Qwen2's splitting rule (single digits) and ChatML turns."""
from __future__ import annotations

VOCABULARY = 1024
END, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Qwen2's own rule: a word with the sign before it, one digit, a run of signs, white space.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
# As in Qwen2.5-Math: without a system turn of the user's own, the box instruction stands there.
CHAT_TEMPLATE = (
    "{%- if messages[0]['role'] != 'system' -%}"
    "{{ '<|im_start|>system\\nPlease reason step by step, and put your final answer within "
    "\\\\boxed{}.<|im_end|>\\n' }}{%- endif -%}"
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}")


def train_tokenizer(documents, vocabulary: int = VOCABULARY):
    """A `Qwen2TokenizerFast`-compatible tokenizer trained on the documents."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[END, TURN_START, TURN_END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token=END, pad_token=END, chat_template=CHAT_TEMPLATE,
        additional_special_tokens=[TURN_START, TURN_END], clean_up_tokenization_spaces=False,
        model_max_length=1024)
