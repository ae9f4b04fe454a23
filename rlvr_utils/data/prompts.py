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
AUTHORS_STOPS = ("</s>", "<|im_end|>", "<|endoftext|>")
QUESTION = "{question}"  # the place of the question in a template of one's own
TEMPLATES = (*EVALUATION_TEXTS, "chat")
TRAINING_TEMPLATES = ("suffix", "bare", *TEMPLATES)


def stop_strings(template: str) -> tuple[str, ...]:
    """Strings that end an answer by this template: the authors' for theirs, none for another."""
    return AUTHORS_STOPS if template in EVALUATION_TEXTS else ()


def training_prompt(tokenizer, question: str, template: str = "suffix") -> str:
    """The prompt of a rollout, up to the assistant's first word.

    "suffix" is the authors': the question with `SUFFIX` as one user turn of the model's own chat template.
    Qwen2.5-Math's template adds `SYSTEM`, so that prompt asks for the box twice. "bare" leaves `SUFFIX` out. Any
    other template is one of the evaluation's. Raises `UserError` for an unknown template, and for a model whose own
    is missing or fails.
    """
    if template in ("suffix", "bare"):
        content = f"{question} {SUFFIX}" if template == "suffix" else question
        return _begun(tokenizer, _by_template(tokenizer, [{"role": "user", "content": content}]))
    if template not in TEMPLATES and QUESTION not in template:
        raise UserError(f"train_template {shown(template)} does not exist; choose one of: "
                        f"{', '.join(TRAINING_TEMPLATES)}, or write one with {QUESTION} in it")
    return evaluation_prompts(tokenizer, template, [question])[0]


def evaluation_prompt(template: str, question: str) -> str:
    """The evaluation prompt of one bare question by a template that needs no tokenizer. Raises
    `UserError` for another template."""
    if template in EVALUATION_TEXTS:
        before, after = EVALUATION_TEXTS[template]
        return before + question + after
    if QUESTION not in template:
        raise UserError(f"eval_template {shown(template)} has no text of its own; choose one of: "
                        f"{', '.join(EVALUATION_TEXTS)}, or give evaluation_prompts the model's tokenizer")
    return template.replace(QUESTION, question)


def evaluation_prompts(tokenizer, template: str, questions: list[str]) -> list[str]:
    """The evaluation prompt of each bare question, without the training suffix.

    "chat" puts `SYSTEM` into the model's own chat template, for models that the authors did not
    evaluate; where the template has no system turn (Gemma 2), it opens the user turn. A text with `QUESTION` in it is
    one's own. The other templates are the authors' texts. Raises `UserError` for an unknown template.
    """
    if template not in TEMPLATES and QUESTION not in template:
        raise UserError(f"eval_template {shown(template)} does not exist; choose one of: {', '.join(TEMPLATES)}, or "
                        f"write one with {QUESTION} in it")
    texts = ([evaluation_prompt(template, question) for question in questions] if template != "chat" else
             _chat_prompts(tokenizer, questions))
    return [_begun(tokenizer, text) for text in texts]


def _begun(tokenizer, prompt: str) -> str:
    """The prompt with the beginning-of-text token that the tokenizer would write by itself (Llama, Gemma) before it,
    once: most chat templates have it, some leave it to the tokenizer."""
    start = getattr(tokenizer, "bos_token", None)
    if not start or prompt.startswith(start) or tokenizer.bos_token_id not in tokenizer("")["input_ids"]:
        return prompt
    return start + prompt


def _chat_prompts(tokenizer, questions: list[str]) -> list[str]:
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
        raise UserError(f"{name}: its tokenizer has no chat template; use an instruction-tuned model, add "
                        f"chat_template.jinja to its folder, or write train_template and eval_template with {QUESTION}")
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, date_string=DATE)
    except Exception as error:
        raise UserError(f"{name}: its chat template fails ({reason(error)}); mend chat_template.jinja or "
                        "tokenizer_config.json in its folder") from None
