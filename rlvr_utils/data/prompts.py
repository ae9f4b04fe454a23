"""Prompts, byte for byte as the authors wrote them, for training and for evaluation."""
from __future__ import annotations

from rlvr_utils.errors import UserError, reason, shown

# Appended to every training problem after one space (authors: data/deepscaler_dataset.py).
SUFFIX = "Let's think step by step and output the final answer within \\boxed{}."
# The system turn of Qwen2.5-Math, and of the evaluation prompt "qwen25-math-cot".
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
# Llama's own template inserts today's date unless it is given one, so the prompt would change from day to day.
# This is the date in the authors' evaluation prompt.
DATE = "17 Apr 2025"
# The authors' evaluation prompts around the bare question (prompt types of the same names in Qwen2.5-Eval).
# Those for Llama and the distilled model ask neither for steps nor for a box; the one for Llama has a fixed
# date and an empty system turn.
EVALUATION_TEXTS = {
    "qwen25-math-cot": (f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n",
                        "<|im_end|>\n<|im_start|>assistant\n"),
    "llama": ("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
              f"Today Date: {DATE}\n\n <|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
              "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"),
    "deepseek-distill": ("<｜begin▁of▁sentence｜><｜User｜>", "<｜Assistant｜><think>\n"),
}
# The authors' stop strings, the same for every prompt type; a model's own end-of-text token stops it too.
AUTHORS_STOPS = ("</s>", "<|im_end|>", "<|endoftext|>")
QUESTION = "{question}"  # stands for the question in a template of the user's own
TEMPLATES = (*EVALUATION_TEXTS, "chat")
TRAINING_TEMPLATES = ("suffix", "bare", *TEMPLATES)


def stop_strings(template: str) -> tuple[str, ...]:
    """The strings that end an answer to this evaluation template: the authors' for their templates, else none."""
    return AUTHORS_STOPS if template in EVALUATION_TEXTS else ()


def training_prompt(tokenizer, question: str, template: str = "suffix") -> str:
    """The prompt of a rollout, up to where the assistant's answer begins.

    "suffix" is the authors' prompt: the question with `SUFFIX` as one user turn in the model's own chat template.
    Qwen2.5-Math's template adds `SYSTEM`, so this prompt asks for the box twice. "bare" omits `SUFFIX`. All other
    templates are those of `evaluation_prompts`. Raises `UserError` for an unknown template, and if the model's own
    chat template is missing or fails.
    """
    if template in ("suffix", "bare"):
        content = f"{question} {SUFFIX}" if template == "suffix" else question
        return _with_start(tokenizer, _by_template(tokenizer, [{"role": "user", "content": content}]))
    if template not in TEMPLATES and QUESTION not in template:
        raise UserError(f"train_template {shown(template)} does not exist; choose one of: "
                        f"{', '.join(TRAINING_TEMPLATES)}, or write your own with {QUESTION} in it")
    return evaluation_prompts(tokenizer, template, [question])[0]


def evaluation_prompt(template: str, question: str) -> str:
    """The evaluation prompt for one bare question, in a template that needs no tokenizer. Raises `UserError`
    for any other template."""
    if template in EVALUATION_TEXTS:
        before, after = EVALUATION_TEXTS[template]
        return before + question + after
    if QUESTION not in template:
        raise UserError(f"eval_template {shown(template)} has no fixed text; choose one of: "
                        f"{', '.join(EVALUATION_TEXTS)}, or call evaluation_prompts with the model's tokenizer")
    return template.replace(QUESTION, question)


def evaluation_prompts(tokenizer, template: str, questions: list[str]) -> list[str]:
    """The evaluation prompt for each bare question, without the training suffix.

    "chat" puts `SYSTEM` into the model's own chat template, for models that the authors did not
    evaluate; if the template has no system turn (Gemma 2), `SYSTEM` begins the user turn. A text with `QUESTION` in
    it is the user's own template. The other templates are the authors' texts. Raises `UserError` for an unknown
    template.
    """
    if template not in TEMPLATES and QUESTION not in template:
        raise UserError(f"eval_template {shown(template)} does not exist; choose one of: "
                        f"{', '.join(TEMPLATES)}, or write your own with {QUESTION} in it")
    texts = (_chat_prompts(tokenizer, questions) if template == "chat" else
             [evaluation_prompt(template, question) for question in questions])
    return [_with_start(tokenizer, text) for text in texts]


def _with_start(tokenizer, prompt: str) -> str:
    """The prompt with exactly one beginning-of-text token, if the tokenizer would add one itself (Llama, Gemma): most
    chat templates contain it, some leave it to the tokenizer."""
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
    the prompt's row in it; `remedy` says what can be changed instead of the problem."""
    for row, prompt in zip(rows, prompts, strict=True):
        size = _token_count(tokenizer, prompt, limit)
        if size > limit:
            raise UserError(f"{where}: the prompt of row {row} has at least {size} tokens, more than the "
                            f"limit of {limit}; shorten the problem, or {remedy}")


def _token_count(tokenizer, prompt: str, limit: int) -> int:
    """The number of tokens in the prompt, or in its beginning if that alone has more than twice `limit`:
    tokenizing ten megabytes takes half a minute."""
    start = prompt[:16 * max(limit, 64)]
    for text in dict.fromkeys((start, prompt)):
        size = len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        if size > 2 * limit:
            break
    return size


def _takes_system_turn(tokenizer) -> bool:
    """Does the chat template write a system turn? Some refuse one, some drop it silently."""
    try:
        return SYSTEM in _by_template(tokenizer, [{"role": "system", "content": SYSTEM},
                                                  {"role": "user", "content": "?"}])
    except UserError:
        return False


def _by_template(tokenizer, turns: list[dict[str, str]]) -> str:
    """The turns in the model's own chat template. It comes with the model and may do anything that Jinja's
    sandbox allows; any exception is reported as a fault of the template."""
    name = getattr(tokenizer, "name_or_path", "") or "the model"
    if not tokenizer.chat_template:
        raise UserError(f"{name}: its tokenizer has no chat template; use an instruction-tuned model, add "
                        f"chat_template.jinja to its folder, or write train_template and eval_template with {QUESTION}")
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False, date_string=DATE)
    except Exception as error:
        raise UserError(f"{name}: its chat template fails ({reason(error)}); correct chat_template.jinja or "
                        "tokenizer_config.json in its folder") from None
