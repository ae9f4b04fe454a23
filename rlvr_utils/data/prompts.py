"""Prompts, byte for byte as the authors wrote them, for training and for evaluation."""
from __future__ import annotations

from rlvr_utils.errors import UserError, reason, shown

# Appended to every training problem after one space (authors: data/deepscaler_dataset.py).
SUFFIX = "Let's think step by step and output the final answer within \\boxed{}."
# The system turn of Qwen2.5-Math, and of the evaluation prompt "qwen25-math-cot".
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
# Llama's own template writes the day's date unless it is given one: a prompt that changes overnight. This is the
# date in the authors' evaluation prompt.
DATE = "17 Apr 2025"
# The authors' evaluation prompts, with the bare question (Qwen2.5-Eval, prompt types of these
# names). Those for Llama and the distilled model ask neither for steps nor for a box, and the one
# for Llama carries a fixed date and a blank system turn.
EVALUATION_TEXTS = {
    "qwen25-math-cot": (f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n",
                        "<|im_end|>\n<|im_start|>assistant\n"),
    "llama": ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
              f"Today Date: {DATE}\n\n <|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
              "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"),
    "deepseek-distill": ("<｜begin▁of▁sentence｜><｜User｜>", "<｜Assistant｜><think>\n"),
}
# The authors' stop strings, the same for every prompt type; a model's own end token stops it too.
# Its own chat template ("chat") needs no string.
STOP_STRINGS = {**dict.fromkeys(EVALUATION_TEXTS, ("</s>", "<|im_end|>", "<|endoftext|>")), "chat": ()}
TEMPLATES = tuple(STOP_STRINGS)


def training_prompt(tokenizer, question: str) -> str:
    """The question with the suffix as one user turn of the model's own chat template, up to the
    assistant's first word. Qwen2.5-Math's template adds `SYSTEM`, so its training prompt asks for
    the box twice, as the authors' does. Raises `UserError` for a model whose template is missing or
    fails."""
    return _by_template(tokenizer, [{"role": "user", "content": f"{question} {SUFFIX}"}])


def evaluation_prompt(template: str, question: str) -> str:
    """The evaluation prompt of one bare question by a template that needs no tokenizer. Raises
    `UserError` for another template."""
    if template not in EVALUATION_TEXTS:
        raise UserError(f"eval_template {shown(template)} has no text of its own; choose one of: "
                        f"{', '.join(EVALUATION_TEXTS)}, or give evaluation_prompts the model's tokenizer")
    before, after = EVALUATION_TEXTS[template]
    return before + question + after


def evaluation_prompts(tokenizer, template: str, questions: list[str]) -> list[str]:
    """The evaluation prompt of each bare question, without the training suffix.

    "chat" puts `SYSTEM` into the model's own chat template, for models that the authors did not
    evaluate; where the template has no system turn (Gemma 2), it opens the user turn. The other
    templates are the authors' texts. Raises `UserError` for an unknown template.
    """
    if template not in TEMPLATES:
        raise UserError(f"eval_template {shown(template)} does not exist; choose one of: "
                        f"{', '.join(TEMPLATES)}")
    if template != "chat":
        return [evaluation_prompt(template, question) for question in questions]
    if _takes_system_turn(tokenizer):
        return [_by_template(tokenizer, [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}])
                for question in questions]
    return [_by_template(tokenizer, [{"role": "user", "content": f"{SYSTEM}\n\n{question}"}]) for question in questions]


def check_prompt_lengths(tokenizer, prompts: list[str], rows: list[int], limit: int, where: str, remedy: str) -> None:
    """Raise `UserError` for the first prompt of more than `limit` tokens, naming the file `where` and
    the prompt's row there; `remedy` is what may be changed instead of the problem."""
    for row, prompt in zip(rows, prompts, strict=True):
        size = _token_count(tokenizer, prompt, limit)
        if size > limit:
            raise UserError(f"{where}: the prompt of row {row} has at least {size} tokens, more than the "
                            f"limit of {limit}; shorten the problem, or {remedy}")


def _token_count(tokenizer, prompt: str, limit: int) -> int:
    """The tokens of the prompt, or of its first part where that alone has over twice `limit`: all of
    ten megabytes take half a minute."""
    start = prompt[:16 * max(limit, 64)]
    for text in dict.fromkeys((start, prompt)):
        size = len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        if size > 2 * limit:
            break
    return size


def _takes_system_turn(tokenizer) -> bool:
    """Does the chat template write a system turn? Some refuse it, some leave it out without a word."""
    try:
        return SYSTEM in _by_template(tokenizer, [{"role": "system", "content": SYSTEM},
                                                  {"role": "user", "content": "?"}])
    except UserError:
        return False


def _by_template(tokenizer, turns: list[dict[str, str]]) -> str:
    """The turns in the model's own chat template. It comes with the model, so it may do anything that
    Jinja's sandbox lets it; whatever it raises is its mistake."""
    name = getattr(tokenizer, "name_or_path", "") or "the model"
    if not tokenizer.chat_template:
        raise UserError(f"{name}: its tokenizer has no chat template; use an instruction-tuned model, or add "
                        "chat_template.jinja to its folder")
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, date_string=DATE)
    except Exception as error:
        raise UserError(f"{name}: its chat template fails ({reason(error)}); mend chat_template.jinja or "
                        "tokenizer_config.json in its folder") from None
