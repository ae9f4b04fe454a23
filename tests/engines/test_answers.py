"""What vLLM answers is what transformers answers: greedy to the token, sampled in distribution."""
from __future__ import annotations

import gc
from statistics import fmean, stdev

import pytest
import torch
from scipy.stats import chisquare

from rlvr_utils.data.prompts import evaluation_prompts
from rlvr_utils.models.engines import TransformersPolicy, VllmPolicy
from rlvr_utils.models.loading import load_policy
from rlvr_utils.models.shapes import model_config
from rlvr_utils.recipe.config import local_path
from rlvr_utils.scale.stand_ins import shrunk, write_model

QUESTIONS = [f"A box holds {n} pens and {n // 2} of them are red. What is {n} - {n // 2}?" for n in range(2, 26)]
# A random model of each architecture in the profiles, by the shape that it is made from; the distilled Qwen2 has an
# output layer of its own, the other one shares it with the embeddings.
SHAPES = {"qwen2": "deepseek-r1-distill-qwen-1.5b", "tied qwen2": "qwen2.5-math-1.5b", "llama": "llama-3.2-3b-instruct"}


def random_model(folder, profile: str) -> str:
    """Written with weights so large that no two tokens are nearly equally likely."""
    from rlvr_utils.recipe.config import load_profile

    config = load_profile(profile)
    write_model(folder, shrunk(model_config(config.model), 2, 128), config.eval_template, "float32")
    model, _ = load_policy(str(folder))
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return str(folder)


def opened(source: str, config) -> tuple[TransformersPolicy, VllmPolicy, list[list[int]]]:
    """Both policies, and the questions as token ids."""
    ours = TransformersPolicy(*load_policy(source))
    prompts = [ours.tokenizer(text, add_special_tokens=False)["input_ids"]
               for text in evaluation_prompts(ours.tokenizer, "chat", QUESTIONS)]
    return ours, VllmPolicy(source, config), prompts


@pytest.fixture(scope="module")
def pocket_policies(pocket):
    yield opened(local_path(pocket.model), pocket)
    gc.collect()


def greedy_answers_agree(ours, theirs, prompts, config) -> int:
    """The number of tokens that were compared."""
    wanted = [*ours.respond(prompts, config, 0.0, 0)]
    assert [*theirs.respond(prompts, config, 0.0, 0)] == wanted
    assert ours.stops == theirs.stops
    return sum(map(len, wanted))


def test_greedy_answers_of_the_pocket_model_agree_to_the_token(pocket_policies, pocket):
    assert greedy_answers_agree(*pocket_policies, pocket) > 20 * len(QUESTIONS)


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_answers_of_every_architecture_agree_to_the_token(name, pocket, tmp_path):
    config = pocket.changed(max_prompt_tokens=400, eval_max_tokens=40)
    tokens = greedy_answers_agree(*opened(random_model(tmp_path, SHAPES[name]), config), config)
    assert tokens > 20 * len(QUESTIONS)


def first_token_chances(policy: TransformersPolicy, prompt: list[int], temperature: float) -> torch.Tensor:
    with torch.no_grad():
        logits = policy.model(torch.tensor([prompt])).logits[0, -1]
    return (logits / temperature).softmax(-1)


@pytest.mark.parametrize("temperature", [0.6, 1.0])
def test_first_tokens_are_drawn_with_the_models_own_chances(pocket_policies, pocket, temperature):
    ours, theirs, prompts = pocket_policies
    draws, config = 2000, pocket.changed(eval_max_tokens=1)
    drawn = torch.tensor([answer[0] for answer in theirs.respond([prompts[0]] * draws, config, temperature, 7)])
    expected = draws * first_token_chances(ours, prompts[0], temperature).double()
    seen = torch.bincount(drawn, minlength=len(expected))
    often = expected >= 5
    rest = [float(seen[~often].sum())], [float(expected[~often].sum())]
    counts, chances = seen[often].tolist() + rest[0], expected[often].tolist() + rest[1]
    assert len(counts) > 2 and chisquare(counts, chances, sum_check=False).pvalue > 0.001


def test_the_nucleus_is_that_of_the_configuration(pocket_policies, pocket):
    ours, theirs, prompts = pocket_policies
    config = pocket.changed(eval_max_tokens=1, eval_top_p=0.5)
    order = first_token_chances(ours, prompts[0], 1.0).sort(descending=True)
    inside = order.indices[:int((order.values.cumsum(0) < 0.5).sum()) + 1].tolist()
    drawn = {answer[0] for answer in theirs.respond([prompts[0]] * 500, config, 1.0, 3)}
    assert drawn <= set(inside)


def test_whole_answers_agree_in_length(pocket_policies, pocket):
    ours, theirs, prompts = pocket_policies
    asked = prompts * 16
    lengths = [[len(answer) for answer in policy.respond(asked, pocket, 0.6, 5)] for policy in (ours, theirs)]
    error = (sum(stdev(values) ** 2 for values in lengths) / len(asked)) ** 0.5
    assert abs(fmean(lengths[0]) - fmean(lengths[1])) < 4 * error


def test_an_answer_is_a_matter_of_its_seed_and_not_of_what_else_is_asked(pocket_policies, pocket):
    """Although prompts of many answers are computed together: no part of one is left for later."""
    _, theirs, prompts = pocket_policies
    many = prompts * 40
    answers = [*theirs.respond(many, pocket, 0.6, 11)]
    assert [*theirs.respond(many, pocket, 0.6, 11)] == answers
    assert [*theirs.respond(many[:5], pocket, 0.6, 11)] == answers[:5]
    assert [*theirs.respond(many[:5], pocket, 0.6, 12)] != answers[:5]
