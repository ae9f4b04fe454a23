"""Prompts byte for byte, and the errors of models that cannot have them."""
import pytest
from conftest import line_of

from rlvr_utils.data.prompts import (
    check_prompt_lengths,
    evaluation_prompt,
    evaluation_prompts,
    stop_strings,
    training_prompt,
)
from rlvr_utils.errors import UserError
from rlvr_utils.evaluation.benchmarks import until_stop

SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def chatml(system, user):
    return (f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
            "<|im_start|>assistant\n")


def test_the_training_prompt_asks_for_the_box_in_both_turns(tokenizer):
    suffix = "Let's think step by step and output the final answer within \\boxed{}."
    assert training_prompt(tokenizer, "2 + 2?\n") == chatml(SYSTEM, f"2 + 2?\n {suffix}")


def test_the_evaluation_prompt_has_the_bare_question(tokenizer):
    assert evaluation_prompt("qwen25-math-cot", "2 + 2?") == chatml(SYSTEM, "2 + 2?")
    assert evaluation_prompts(None, "qwen25-math-cot", ["a", "b"]) == [
        chatml(SYSTEM, "a"), chatml(SYSTEM, "b")]


def test_chat_uses_the_models_own_template(tokenizer):
    class Other:
        chat_template = "own"

        def apply_chat_template(self, turns, add_generation_prompt, tokenize, **_):
            assert add_generation_prompt and not tokenize
            return "|".join(f"{turn['role']}={turn['content']}" for turn in turns)

    assert evaluation_prompts(Other(), "chat", ["Q"]) == [f"system={SYSTEM}|user=Q"]
    assert evaluation_prompts(tokenizer, "chat", ["Q"]) == [chatml(SYSTEM, "Q")]


USER_TURNS = "{% for m in messages %}{% if m.role == 'user' %}<user>{{ m.content }}</user>{% endif %}{% endfor %}"


@pytest.mark.parametrize("template", [
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + USER_TURNS,
    USER_TURNS])
def test_without_a_system_turn_its_text_opens_the_user_turn(tiny_model, template):
    """The first refuses a system turn, as Gemma 2's does; the second drops it without a word."""
    from transformers import AutoTokenizer

    own = AutoTokenizer.from_pretrained(tiny_model)
    own.chat_template = template
    assert evaluation_prompts(own, "chat", ["Q", "R"]) == [f"<user>{SYSTEM}\n\n{q}</user>" for q in "QR"]


def test_an_unknown_template_is_an_error_that_lists_the_known(tokenizer):
    with pytest.raises(UserError, match="qwen25-math-cot, llama, deepseek-distill, chat"):
        evaluation_prompts(tokenizer, "vicuna", ["Q"])
    with pytest.raises(UserError, match="'chat'"):
        evaluation_prompt("chat", "Q")


def test_stop_strings_are_the_authors():
    for template in ("qwen25-math-cot", "llama", "deepseek-distill"):
        assert stop_strings(template) == ("</s>", "<|im_end|>", "<|endoftext|>")
    assert stop_strings("chat") == stop_strings("Q: {question}\nA:") == ()


def test_an_answer_ends_before_the_first_stop_string():
    stops = stop_strings("qwen25-math-cot")
    assert until_stop("so 4.<|im_end|>\n</s> 5", stops) == "so 4."
    assert until_stop("a</s>b<|im_end|>", stops) == until_stop("a</s>", stops) == "a"
    assert until_stop("a b", stops) == "a b" and until_stop("a</s>", ()) == "a</s>"


def test_the_llama_prompt_has_a_blank_system_turn_a_fixed_date_and_no_instruction():
    assert evaluation_prompt("llama", "2 + 2?") == (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
        "Today Date: 17 Apr 2025\n\n <|eot_id|><|start_header_id|>user<|end_header_id|>\n\n2 + 2?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n")


def test_the_distilled_models_prompt_opens_its_thoughts():
    assert evaluation_prompt("deepseek-distill", "{x}?") == (
        "<｜begin▁of▁sentence｜><｜User｜>{x}?<｜Assistant｜><think>\n")


def test_a_tokenizer_without_a_template_is_an_error(tiny_model):
    from transformers import AutoTokenizer

    bare = AutoTokenizer.from_pretrained(tiny_model)
    bare.chat_template = None
    with pytest.raises(UserError, match="no chat template"):
        training_prompt(bare, "Q")
    with pytest.raises(UserError, match="no chat template"):
        evaluation_prompts(bare, "chat", ["Q"])


def test_a_prompt_of_exactly_the_limit_passes_and_a_longer_one_is_named(tokenizer):
    size = len(tokenizer("12345")["input_ids"])
    assert size == 5
    check_prompt_lengths(tokenizer, ["1", "12345"], [3, 9], 5, "pool", "raise it")
    line = line_of(check_prompt_lengths, tokenizer, ["1", "12345"], [3, 9], 4, "pool", "raise it")
    assert line == ("pool: the prompt of row 9 has at least 5 tokens, more than the limit of 4; shorten the problem, "
                    "or raise it")


def test_a_prompt_of_ten_megabytes_is_refused_by_its_beginning(tokenizer, monkeypatch):
    seen = []

    def counted(text, **options):
        seen.append(len(text))
        return tokenizer(text, **options)

    prompt = "How many apples? " * 600_000
    assert "the prompt of row 1 has at least " in line_of(check_prompt_lengths, counted, [prompt], [1], 900, "x", "y")
    assert seen == [14_400]
    seen.clear()
    # The beginning of a word may have more tokens than the whole: only twice the limit is certain.
    check_prompt_lengths(counted, ["1" * 1500], [1], 1500, "x", "y")
    assert seen == [1500]


@pytest.mark.parametrize("template", [
    "{{ messages.__class__.__mro__[1].__subclasses__() }}", "{{ messages[0].nothing.more }}", "{% if %}", "{{ 1 / 0 }}",
    "{% for i in range(10**9) %}{% endfor %}", "{{ raise_exception('no\nsystem turn') }}", "{{ 'x' * 10**14 }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"])
def test_a_hostile_chat_template_is_one_line(tiny_model, template):
    from transformers import AutoTokenizer

    hostile = AutoTokenizer.from_pretrained(tiny_model)
    hostile.chat_template = template
    for action, words in ((training_prompt, ("Q",)), (evaluation_prompts, ("chat", ["Q"]))):
        assert "its chat template fails (" in line_of(action, hostile, *words)
