"""What a pocket policy answers to freshly drawn problems: freely, or led into a style by its first words."""
from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

from rlvr_utils.data.prompts import evaluation_prompt, stop_strings, training_prompt
from rlvr_utils.evaluation.benchmarks import GRADERS, until_stop
from rlvr_utils.grading import grade_batch, has_box
from rlvr_utils.models.engines import evaluation_stops
from rlvr_utils.pocket.corpus import MATH, Worded, draw
from rlvr_utils.pocket.styles import beginnings, style_of
from rlvr_utils.sampling.rollouts import batched, sample

TEMPLATE = "qwen25-math-cot"
LIMIT, BATCH = 256, 320
STATED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}|answer is (?!\\boxed)\$?([^$ ]+?)\$?\.?(?=\s|$)")
EQUATION = re.compile(r"=(-?\d+)(?![\d*/+=(-])")


@dataclass(frozen=True)
class Answers:
    """Responses to problems (anything with a question and an answer): token ids, texts, whether each came to its end,
    and the temperature."""

    problems: list
    prompts: list[list[int]]
    ids: list[list[int]]
    texts: list[str]
    ended: list[bool]
    temperature: float
    marks: dict[str, list[bool]] = field(default_factory=dict)

    def right(self, grader: str = GRADERS[0]) -> list[bool]:
        """The grader's verdict on each response."""
        if grader not in self.marks:
            golds = [problem.answer for problem in self.problems]
            self.marks[grader] = [verdict == "right" for verdict in grade_batch(self.texts, golds, grader)]
        return self.marks[grader]

    @cached_property
    def boxed(self) -> list[bool]:
        """Is there a box?"""
        return [has_box(text) for text in self.texts]

    @cached_property
    def styles(self) -> list[str | None]:
        """The style that each begins in."""
        return [style_of(text) for text in self.texts]

    @cached_property
    def missed(self) -> list[bool]:
        """Does the work reach the answer while some grader counts the response as wrong?"""
        reached = [same(stated(text), problem.answer) for text, problem in zip(self.texts, self.problems)]
        return [hit and not all(self.right(grader)[place] for grader in GRADERS) for place, hit in enumerate(reached)]


def stated(text: str) -> str:
    """The last answer that a text puts in a box or in words; without either the value of its last equation."""
    found = [box or words for box, words in STATED.findall(text)] or EQUATION.findall(text)
    return found[-1] if found else ""


def same(found: str, gold: str) -> bool:
    """Letter for letter, blanks and a last full stop aside."""
    return found.replace(" ", "").rstrip(".") == gold.replace(" ", "")


def held_out(each: int, seed: int, kinds: Iterable[str] | None = None, split: str = "validation",
             wordings: bool = False) -> list[Worded]:
    """`each` problems of every kind, or with `wordings` of every wording of it, that pretraining never reads."""
    rng, drawn = random.Random(seed), []
    for kind in kinds or [kind.__name__ for some in MATH.values() for kind in some]:
        first = draw(kind, split, rng)
        every = product(range(len(first.problem.setups)), range(len(first.problem.questions)))
        places = [*every] if wordings else [None]
        for place in places:
            for _ in range(each):
                worded = draw(kind, split, rng)
                drawn.append(worded if place is None else replace(worded, wording=place))
    return drawn


def ask(model, tokenizer, problems: list, temperature: float, style: str | None = None, seed: int = 0,
        training: bool = False) -> Answers:
    """One response to each problem by the evaluation prompt (or the `training` prompt), led into `style` if given."""
    import torch

    rng = random.Random(seed)
    starts = [rng.choice(beginnings(style)) if style else "" for _ in problems]
    prompts = [training_prompt(tokenizer, problem.question) if training else
               evaluation_prompt(TEMPLATE, problem.question) for problem in problems]
    ids = [tokenizer(prompt + start)["input_ids"] for prompt, start in zip(prompts, starts)]
    stops = evaluation_stops(model.generation_config, tokenizer)
    generator = torch.Generator().manual_seed(seed)
    responses: list[list[int]] = [[] for _ in ids]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    for chunk in batched(order, BATCH):
        written = sample(model, [ids[place] for place in chunk], LIMIT, temperature, stops, generator=generator)
        for place, response in zip(chunk, written):
            responses[place] = response
    texts = [until_stop(start + tokenizer.decode(response, skip_special_tokens=True), stop_strings(TEMPLATE))
             for start, response in zip(starts, responses)]
    return Answers(problems, ids, responses, texts, [response[-1] in stops for response in responses], temperature)


def entropy(model, answers: Answers, rows: int = 32) -> float:
    """Nats a token over the responses, at the temperature they were drawn with (1 for greedy ones)."""
    import torch

    from rlvr_utils.sampling.shared_prompt import token_log_probs

    total, count = 0.0, 0
    for chunk in batched(list(zip(answers.prompts, answers.ids)), rows):
        left, right = max(len(prompt) for prompt, _ in chunk), max(len(response) for _, response in chunk)
        ids = torch.zeros(len(chunk), left + right, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, (prompt, response) in enumerate(chunk):
            ids[row, left - len(prompt):left + len(response)] = torch.tensor(prompt + response)
            mask[row, left - len(prompt):left + len(response)] = 1
        with torch.no_grad():
            _, entropies = token_log_probs(model, ids, mask, right, answers.temperature or 1.0)
        total += float((entropies * mask[:, left:]).sum())
        count += int(mask[:, left:].sum())
    return total / count
