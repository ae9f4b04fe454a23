"""`prompts` prints what the model is then asked, token for token, whatever its chat template and tokenizer are like."""
from __future__ import annotations

import re

import pytest
from conftest import line_of

from rlvr_utils import cli
from rlvr_utils.data.prompts import SUFFIX, SYSTEM
from rlvr_utils.models.loading import load_policy, load_tokenizer
from rlvr_utils.recipe.config import to_fields
from rlvr_utils.runs.obtain import obtain
from rlvr_utils.training.preview import STAND_IN, prompts_text

START = "<bos>"
TURNS = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
         "<|im_start|>assistant\n")
REFUSES = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
QA = "Question: {question}\nAnswer in \\boxed{}:"


@pytest.fixture(scope="module")
def models(tiny_model, tmp_path_factory):
    """A function that writes the tiny model with another chat template, and a tokenizer that begins each text."""
    def write(template: str | None, begins: bool) -> str:
        from tokenizers.processors import TemplateProcessing

        model, tokenizer = load_policy(str(tiny_model))
        if begins:
            tokenizer.add_special_tokens({"bos_token": START})
            model.resize_token_embeddings(len(tokenizer))
            tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
                single=f"{START} $A", special_tokens=[(START, tokenizer.bos_token_id)])
        tokenizer.chat_template = template
        folder = tmp_path_factory.mktemp("model")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)
    return write


@pytest.fixture
def asked(monkeypatch):
    """The prompts of every call for responses, rollouts first, as token ids."""
    from rlvr_utils.sampling import rollouts
    from rlvr_utils.training import trainer

    seen, original = [], rollouts.sample

    def spy(model, prompts, *words, **rest):
        seen.append(prompts)
        return original(model, prompts, *words, **rest)

    for module in (rollouts, trainer):
        monkeypatch.setattr(module, "sample", spy)
    return seen


def parts(text: str) -> list[tuple[str, int, str]]:
    """Title, number of tokens and prompt of each part."""
    found = re.findall(r"^(\w+ prompt, [^\n]*), (\d+) tokens:\n-{80}\n(.*?)\n-{80}$", text, re.M | re.S)
    return [(title, int(size), prompt) for title, size, prompt in found]


@pytest.mark.slow
@pytest.mark.parametrize(("template", "begins", "fields", "training", "evaluation"), [
    (TURNS, False, {}, "<|im_start|>user\nQ " + SUFFIX, "<|im_start|>system\n" + SYSTEM),
    (TURNS, True, {"eval_template": "chat", "train_template": "bare"}, START + "<|im_start|>user\nQ<|im_end|>",
     START + "<|im_start|>system\n" + SYSTEM),
    ("{{ bos_token }}" + TURNS, True, {"eval_template": "chat"}, START + "<|im_start|>user\nQ " + SUFFIX,
     START + "<|im_start|>system\n" + SYSTEM),
    (REFUSES + TURNS, False, {"eval_template": "chat"}, "<|im_start|>user\nQ " + SUFFIX,
     f"<|im_start|>user\n{SYSTEM}\n\nQ"),
    (REFUSES + TURNS, True, {"eval_template": "chat", "train_template": "chat"},
     f"{START}<|im_start|>user\n{SYSTEM}\n\nQ", f"{START}<|im_start|>user\n{SYSTEM}\n\nQ"),
    (None, True, {"eval_template": QA, "train_template": QA}, START + QA.replace("{question}", "Q"),
     START + QA.replace("{question}", "Q")),
    (None, False, {"eval_template": "qwen25-math-cot", "train_template": "qwen25-math-cot"},
     "<|im_start|>system\n" + SYSTEM, "<|im_start|>system\n" + SYSTEM)])
def test_what_is_printed_is_what_is_asked(tiny_config, models, asked, tmp_path, template, begins, fields, training,
                                          evaluation):
    config = tiny_config.changed(model=models(template, begins), steps=1, eval_every=1, examples=(1,),
                                 benchmarks=tiny_config.benchmarks[:1], **fields)
    (first, rollout_size, rollout), (second, answer_size, answer) = parts(prompts_text(config))
    questions = [f"Find {i} apples and {i} pens. How many is {i}+{i}?" for i in (3,)] + ["What is 0+1?"]
    assert rollout.replace(questions[0], "Q").startswith(training) and "row 4 of" in first
    assert answer.replace(questions[1], "Q").startswith(evaluation) and "row 1 of six" in second
    obtain(config, tmp_path)
    tokenizer, _ = load_tokenizer(config.model)
    rollouts, answers = asked
    assert rollouts == [tokenizer(rollout, add_special_tokens=False)["input_ids"]] * 8
    assert tokenizer(answer, add_special_tokens=False)["input_ids"] in answers and len(answers) == 6
    assert (len(rollouts[0]), rollouts[0].count(tokenizer.bos_token_id)) == (rollout_size, begins)
    assert answer_size == len(tokenizer(answer, add_special_tokens=False)["input_ids"])


def test_the_stops_are_those_of_training_and_of_evaluation(tiny_config):
    """The tiny model's own end is <|endoftext|>; the authors' evaluation stops at the end of a turn too."""
    text = prompts_text(tiny_config.changed(max_response_tokens=77, eval_max_tokens=88))
    assert "A rollout ends with <|endoftext|> (0), or after 77 tokens." in text
    assert "An answer ends with <|endoftext|> (0) or <|im_end|> (2), or after 88 tokens." in text
    assert "Its text is cut off at the first </s> or <|im_end|> or <|endoftext|>." in text
    assert "cut off" not in prompts_text(tiny_config.changed(eval_template="chat"))


def test_no_weight_is_read_and_nothing_written(tiny_config, tmp_path, monkeypatch, capsys):
    import transformers

    from rlvr_utils.study import study

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", lambda *_, **__: pytest.fail("weights"))
    monkeypatch.setattr(study, "HOME", tmp_path)
    files = ["--train-file", tiny_config.pool, "--eval-files", tiny_config.benchmarks[0].file]
    assert cli.main(["prompts", "--model", tiny_config.model, *files, "--set", "train_template=bare"]) == 0
    (first, _, rollout), (second, _, _) = parts(capsys.readouterr().out)
    assert "'bare'" in first and SUFFIX not in rollout and "'chat'" in second  # as a model without a profile is asked
    assert cli.main(["prompts", "--model", tiny_config.model, *files, "--eval-template", "qwen25-math-cot"]) == 0
    assert "Evaluation prompt, template 'qwen25-math-cot'" in capsys.readouterr().out
    assert cli.main(["prompts", "--model", tiny_config.model, *files, "--arm", "base"]) == 0
    assert "Training" not in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_public_set_that_is_not_available_is_replaced(tiny_config, tmp_path, monkeypatch):
    from rlvr_utils.recipe.config import Benchmark

    monkeypatch.setenv("RLVR_DATA", str(tmp_path))
    config = tiny_config.changed(pool="public:dsr_sub", benchmarks=(Benchmark(name="M", file="public:MATH500"),))
    for title, _, prompt in parts(prompts_text(config)):
        assert "a stand-in for" in title and STAND_IN in prompt


@pytest.mark.parametrize("field", ["train_template", "eval_template"])
def test_an_unknown_template_is_refused_before_anything_is_written(tiny_config, tmp_path, field):
    config = tiny_config.changed(**{field: "alpaca"})
    for action in (lambda: obtain(config, tmp_path), lambda: prompts_text(config)):
        assert line_of(action).startswith(f"{field} 'alpaca' does not exist")
    assert not list(tmp_path.iterdir())


def test_a_model_without_a_chat_template_is_told_what_to_write(tiny_config, models):
    config = tiny_config.changed(model=models(None, False))
    assert "train_template" in line_of(prompts_text, config)


def test_the_tokenizer_alone_is_the_one_of_the_whole_model(tiny_model, gguf_folder):
    for source in (str(tiny_model), str(gguf_folder)):
        (tokenizer, settings), (model, other) = load_tokenizer(source), load_policy(source)
        assert tokenizer.get_vocab() == other.get_vocab() and tokenizer.chat_template == other.chat_template
        assert settings.eos_token_id == model.generation_config.eos_token_id
        assert tokenizer("ab 12")["input_ids"] == other("ab 12")["input_ids"]


def test_the_settings_of_a_model_that_has_them_in_its_configuration_alone(tiny_model, tmp_path):
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "model", ignore=shutil.ignore_patterns("generation_config.json"))
    assert load_tokenizer(str(folder))[1].eos_token_id == load_policy(str(folder))[0].generation_config.eos_token_id


def test_the_prompt_of_rollouts_names_another_run_and_the_authors_leaves_the_name(tiny_config):
    from rlvr_utils.recipe.identity import training_fields
    from rlvr_utils.records.run import run_name

    assert "train_template" in to_fields(tiny_config) and "train_template" not in training_fields(tiny_config)
    assert run_name(tiny_config) != run_name(tiny_config.changed(train_template="bare"))
