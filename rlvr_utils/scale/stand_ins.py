"""Stand-ins for what only the hub has: a model of the real shape with random weights, a tokenizer with the real
chat turns, and files in the formats of the authors' data and of the benchmarks."""
from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from rlvr_utils.data.prompts import SUFFIX

# By evaluation template: beginning of text, end of text, other special tokens, chat template.
CHATML = ("", "<|endoftext|>", (), None)  # the pocket tokenizer's own
LLAMA = ("<|begin_of_text|>", "<|eot_id|>", ("<|start_header_id|>", "<|end_header_id|>"), (
    "{{ bos_token }}{{ '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n"
    "Today Date: ' + date_string + '\\n\\n<|eot_id|>' }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>' }}"
    "{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"))
DISTILLED = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", ("<｜User｜>", "<｜Assistant｜>"), (
    "{{ bos_token }}{% for message in messages %}{{ '<｜User｜>' + message['content'] }}{% endfor %}"
    "{{ '<｜Assistant｜><think>\\n' }}"))
TURNS = {"qwen25-math-cot": CHATML, "chat": CHATML, "llama": LLAMA, "deepseek-distill": DISTILLED}


def write_model(folder: Path, shape, eval_template: str, dtype: str) -> int:
    """Write a model of this shape (a transformers configuration) with random weights, and a tokenizer of its family,
    as a Hugging Face folder. Returns the number of parameters."""
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    tokenizer = build_tokenizer(eval_template)
    torch.manual_seed(0)
    shape.eos_token_id = shape.pad_token_id = tokenizer.eos_token_id
    shape.bos_token_id = tokenizer.bos_token_id
    model = AutoModelForCausalLM.from_config(shape, dtype=getattr(torch, dtype))
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def shrunk(shape, layers: int | None, hidden: int | None):
    """The shape with fewer layers and a smaller hidden size. The feed-forward size and the vocabulary shrink in
    proportion, but the vocabulary keeps what the tokenizer needs."""
    if layers:
        shape.num_hidden_layers = layers
        if getattr(shape, "layer_types", None):
            shape.layer_types = shape.layer_types[:layers]
    if hidden:
        shape.intermediate_size = shape.intermediate_size * hidden // shape.hidden_size
        shape.vocab_size = max(shape.vocab_size * hidden // shape.hidden_size, 1024)
        shape.hidden_size, shape.num_attention_heads, shape.num_key_value_heads = hidden, 4, 2
        shape.head_dim = hidden // 4
    return shape


def build_tokenizer(eval_template: str):
    """A small tokenizer with the special tokens and the chat template of the family and, if the real one adds it,
    its beginning-of-text token."""
    from tokenizers.processors import TemplateProcessing

    from rlvr_utils.pocket.corpus import corpus
    from rlvr_utils.pocket.tokenizer import train_tokenizer

    start, end, others, template = TURNS.get(eval_template, CHATML)
    tokenizer = train_tokenizer(islice(corpus(0), 300), vocabulary=400)
    if template is None:
        return tokenizer
    tokenizer.add_special_tokens({"bos_token": start, "eos_token": end, "pad_token": end,
                                  "additional_special_tokens": list(others)})
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A", special_tokens=[(start, tokenizer.bos_token_id)])
    tokenizer.chat_template = template
    return tokenizer


def write_data(folder: Path) -> dict[str, Path]:
    """Write files with the columns of DSR-sub, MATH500, AIME24 and ARC. Returns their paths by these names."""
    import pyarrow
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    problems = [f"A tank holds {n} litres and loses {n // 2} of them. How many are left?" for n in range(10, 18)]
    answers = [str(n - n // 2) for n in range(10, 18)]
    training = [{"data_source": "deepscaler", "prompt": [{"role": "user", "content": f"{problem} {SUFFIX}"}],
                 "ability": "math", "reward_model": {"style": "rule", "ground_truth": answer},
                 "extra_info": {"index": index, "split": "train"}}
                for index, (problem, answer) in enumerate(zip(problems, answers))]
    parquet.write_table(pyarrow.Table.from_pylist(training), folder / "dsr_sub.parquet")
    _write_lines(folder / "math500.jsonl", [
        {"problem": problem, "solution": f"So \\boxed{{{answer}}}.", "answer": answer, "subject": "Algebra", "level": 1,
         "unique_id": f"test/{index}"} for index, (problem, answer) in enumerate(zip(problems, answers))])
    _write_lines(folder / "aime24.jsonl", [{"id": index, "problem": problem, "answer": answer}
                                           for index, (problem, answer) in enumerate(zip(problems[:3], answers))])
    _write_lines(folder / "arc.jsonl", [
        {"id": f"arc-{index}", "question": "Which of these is a liquid?", "answerKey": "B",
         "choices": {"text": ["stone", "water", "glass", "smoke"], "label": [*"ABCD"]}} for index in range(4)])
    return {"DSR-sub": folder / "dsr_sub.parquet", "MATH500": folder / "math500.jsonl",
            "AIME24": folder / "aime24.jsonl", "ARC": folder / "arc.jsonl"}


def _write_lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
