"""Prompts, byte for byte as the authors wrote them, for training and for evaluation."""
from __future__ import annotations

from rlvr_utils.errors import UserError

# Appended to every training problem after one space (authors: data/deepscaler_dataset.py).
SUFFIX = "Let's think step by step and output the final answer within \\boxed{}."
# The system turn of Qwen2.5-Math, and of the evaluation prompt "qwen25-math-cot".
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
# Where an evaluation answer ends, by template (authors: Qwen2.5-Eval). A model's own template
# ends at the model's own end token, which needs no string.
STOP_STRINGS = {"qwen25-math-cot": ("</s>", "<|im_end|>", "<|endoftext|>"), "chat": ()}
TEMPLATES = tuple(STOP_STRINGS)


def training_prompt(tokenizer, question: str) -> str:
    """The question with the suffix as one user turn of the model's own chat template, up to the
    assistant's first word. Qwen2.5-Math's template adds `SYSTEM`, so its training prompt asks for
    the box twice, as the authors' does. Raises `UserError` for a model without a template."""
    _need_template(tokenizer)
    return tokenizer.apply_chat_template([{"role": "user", "content": f"{question} {SUFFIX}"}],
                                         add_generation_prompt=True, tokenize=False)


def evaluation_prompt(template: str, question: str) -> str:
    """The evaluation prompt of one bare question by a template that needs no tokenizer:
    "qwen25-math-cot", the authors' ChatML text. Raises `UserError` for another template."""
    if template != "qwen25-math-cot":
        raise UserError(f"eval_template {template!r} has no text of its own; choose "
                        "qwen25-math-cot, or give evaluation_prompts the model's tokenizer")
    return (f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n"
            "<|im_start|>assistant\n")


def evaluation_prompts(tokenizer, template: str, questions: list[str]) -> list[str]:
    """The evaluation prompt of each bare question, without the training suffix.

    "qwen25-math-cot" is the authors' ChatML text; "chat" puts `SYSTEM` into the model's own chat
    template, for models that are not Qwen. Raises `UserError` for an unknown template.
    """
    if template not in TEMPLATES:
        raise UserError(f"eval_template {template!r} does not exist; choose one of: "
                        f"{', '.join(TEMPLATES)}")
    if template != "chat":
        return [evaluation_prompt(template, question) for question in questions]
    _need_template(tokenizer)
    return [tokenizer.apply_chat_template(
        [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}],
        add_generation_prompt=True, tokenize=False) for question in questions]


def check_prompt_lengths(tokenizer, prompts: list[str], limit: int, where: str) -> None:
    """Raise `UserError` naming the first prompt of more than `limit` tokens, by row from 1."""
    for row, prompt in enumerate(prompts, start=1):
        size = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        if size > limit:
            raise UserError(f"{where}: the prompt of row {row} has {size} tokens, more than the "
                            f"limit of {limit}; shorten the problem or raise max_prompt_tokens")


def _need_template(tokenizer) -> None:
    if not tokenizer.chat_template:
        raise UserError(f"{tokenizer.name_or_path or 'the model'}: its tokenizer has no chat "
                        "template; use an instruction-tuned model, or add chat_template.jinja to "
                        "its folder")
