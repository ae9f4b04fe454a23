"""Evaluation: answer every benchmark, grade each answer with two graders, count what the paper counts."""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from rlvr_utils.data.problems import source_rows
from rlvr_utils.errors import UserError
from rlvr_utils.progress import tracked
from rlvr_utils.recipe.config import Benchmark, RunConfig, local_path
from rlvr_utils.recipe.identity import evaluation_identity, evaluation_settings, grading_rules

GRADERS = ("qwen-eval", "math-verify")
# Words of self-reflection that the paper counts (§3.2.4); a response counts at most once per word.
REFLECTION = ("rethink", "recheck", "recalculate")
KEPT_RESPONSES = 12
KEPT_OPENINGS = 40  # of the ways in which responses begin, the commonest


def load_benchmarks(config: RunConfig) -> list[tuple[Benchmark, list]]:
    """Each benchmark of the configuration with its problems; with likelihood scoring, the problems are the raw
    rows of the file. Raises `UserError` as the loader does, and if there is no benchmark."""
    if not config.benchmarks:
        raise UserError("no benchmark to evaluate: give eval_files or a profile with benchmarks")
    return [(benchmark, _load(benchmark)) for benchmark in config.benchmarks]


def _load(benchmark: Benchmark) -> list:
    from rlvr_utils.data.problems import load_benchmark
    from rlvr_utils.evaluation.likelihood import checked_rows

    source = local_path(benchmark.file)
    if benchmark.scoring != "likelihood":
        return load_benchmark(source, benchmark.limit)
    rows = source_rows(source)[:benchmark.limit]
    checked_rows(rows, source)
    return rows


def check_lengths(config: RunConfig, model, tokenizer, loaded: list[tuple[Benchmark, list]]) -> None:
    """Raise `UserError` for the first question whose prompt leaves no room for an answer, naming file and row,
    before anything is generated.

    A model in this process needs positions for the prompt and an answer of full length. vLLM ends an answer
    at the maximum length it was started with, so there room for one token is enough.
    """
    from rlvr_utils.data.prompts import check_prompt_lengths, evaluation_prompts

    positions = getattr(model.config, "max_position_embeddings", None) or 2**31  # state-space models have no limit
    room = (positions - config.eval_max_tokens if config.engine == "transformers"
            else min(config.max_prompt_tokens + config.eval_max_tokens, positions) - 1)
    for benchmark, problems in loaded:
        if benchmark.scoring == "likelihood":
            texts = [f"Question: {row['question']}\nAnswer: {max(row['choices']['text'], key=len)}" for row in problems]
            rows, limit, remedy = [*range(1, len(texts) + 1)], positions, "leave the row out"
        else:
            texts = evaluation_prompts(tokenizer, config.eval_template, [problem.question for problem in problems])
            rows, limit = [problem.row for problem in problems], room
            remedy = f"lower eval_max_tokens (now {config.eval_max_tokens})"
        check_prompt_lengths(tokenizer, texts, rows, limit, benchmark.file, remedy)


def answers(policy, prompts: list[str], config: RunConfig, benchmark: Benchmark,
            seed: int) -> Iterator[tuple[int, list[int]]]:
    """Generate `benchmark.samples` responses to each prompt. Yields (index, token ids) in the order of generation;
    the responses to prompt i have the indices i * samples to (i + 1) * samples - 1."""
    encoded = [policy.tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))  # so that batches need little padding
    places = [i * benchmark.samples + k for i in order for k in range(benchmark.samples)]
    asked = [encoded[place // benchmark.samples] for place in places]
    return zip(places, policy.respond(asked, config, benchmark.temperature, seed), strict=True)


def until_stop(text: str, stops: tuple[str, ...]) -> str:
    """The text up to the first stop string, where the authors' evaluation ends an answer."""
    return text[:min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


def answer_and_grade(policy, prompts: list[str], golds: list[str], config: RunConfig, benchmark: Benchmark,
                     seed: int) -> tuple[list[list[int]], list[str], dict[str, list[str]]]:
    """Token ids, texts and each grader's verdicts for all responses; `golds` has one entry per response. A batch
    is graded while the next one is being generated."""
    from rlvr_utils.data.prompts import stop_strings
    from rlvr_utils.grading import grade_batch

    ids: list[list[int]] = [[] for _ in golds]
    texts = ["" for _ in golds]
    grading: dict[tuple[str, int], Future] = {}
    pool = ThreadPoolExecutor(1)
    try:
        written = answers(policy, prompts, config, benchmark, seed)
        for place, response in tracked(written, len(golds), benchmark.name, "answers"):
            text = policy.tokenizer.decode(response, skip_special_tokens=True)
            ids[place], texts[place] = response, until_stop(text, stop_strings(config.eval_template))
            for grader in GRADERS:
                grading[grader, place] = pool.submit(grade_batch, [texts[place]], [golds[place]], grader,
                                                     grading_rules(benchmark))
        return ids, texts, {grader: [grading[grader, place].result()[0].value for place in range(len(golds))]
                            for grader in GRADERS}
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C, wait for one answer only


def evaluate_benchmark(policy, benchmark: Benchmark, problems: list, config: RunConfig,
                       seed: int) -> tuple[dict, list[dict]]:
    """The evaluation record of one benchmark (shares are between 0 and 1) and its first graded responses."""
    from rlvr_utils.data.prompts import evaluation_prompts
    from rlvr_utils.grading import sandbox as worker

    worker.start()
    prompts = evaluation_prompts(policy.tokenizer, config.eval_template, [p.question for p in problems])
    asked = [problem for problem in problems for _ in range(benchmark.samples)]
    ids, texts, verdicts = answer_and_grade(policy, prompts, [p.answer for p in asked], config, benchmark, seed)
    row = {"benchmark": benchmark.name, "problems": len(problems), "samples": benchmark.samples,
           **summarise(ids, texts, asked, verdicts, benchmark.samples, config.eval_max_tokens,
                       policy.stops)}
    kept = [{"benchmark": benchmark.name, "id": problem.id, "question": problem.question,
             "answer": problem.answer, "subject": problem.subject, "response": text,
             **{grader: verdicts[grader][i] for grader in GRADERS}}
            for i, (problem, text) in enumerate(zip(asked, texts)) if i < KEPT_RESPONSES]
    return row, kept


def summarise(ids, texts, asked, verdicts, samples: int, limit: int, stops: set[int]) -> dict:
    """Accuracies, time-outs, boxed share, lengths, truncation, reflection words, subjects, kinds, first sentences."""
    from rlvr_utils.grading import has_box

    size = len(texts)
    right = {grader: [v == "right" for v in verdicts[grader]] for grader in GRADERS}
    main = right[GRADERS[0]]
    solved = [sum(main[i:i + samples]) for i in range(0, size, samples)]
    lower = [text.lower() for text in texts]
    return {
        "accuracy": {grader: sum(right[grader]) / size for grader in GRADERS},
        "timeouts": {grader: verdicts[grader].count("timeout") for grader in GRADERS},
        "solved_once": 1 - solved.count(0) / len(solved),
        "right_counts": [solved.count(right_answers) for right_answers in range(samples + 1)],
        "boxed": sum(map(has_box, texts)) / size,
        "length": sum(map(len, ids)) / size,
        "truncated": sum(len(i) >= limit and i[-1] not in stops for i in ids) / size,
        "reflection": {word: sum(word in text for text in lower) for word in REFLECTION},
        "reflecting": sum(any(word in text for word in REFLECTION) for text in lower),
        "by_subject": _parts([problem.subject for problem in asked], main),
        "by_kind": _parts([problem.kind and f"{problem.subject or ''}: {problem.kind}" for problem in asked], main),
        "openings": dict(Counter(map(opening, texts)).most_common(KEPT_OPENINGS)),
    }


def _parts(names: list[str | None], right: list[bool]) -> dict[str, dict]:
    """Number and accuracy of the responses under each name; none for those without one."""
    groups: dict[str, list[bool]] = {}
    for name, hit in zip(names, right):
        if name:
            groups.setdefault(name, []).append(hit)
    return {name: {"n": len(hits), "accuracy": sum(hits) / len(hits)} for name, hits in sorted(groups.items())}


def opening(text: str) -> str:
    """The first sentence or line of a response, at most 60 characters of it, with # for every run of digits: which
    way of answering it begins with."""
    return re.sub(r"\d+", "#", re.split(r"(?<=[.:!?])\s|\n", text.lstrip(), maxsplit=1)[0])[:60]


def score_choices(policy, benchmark: Benchmark, rows: list[dict]) -> dict:
    """The evaluation record of a multiple-choice benchmark, scored by the likelihood of each choice."""
    from rlvr_utils.evaluation.likelihood import multiple_choice_accuracy

    return {"benchmark": benchmark.name, "problems": len(rows), "samples": 1, "scoring": benchmark.scoring,
            "accuracy": multiple_choice_accuracy(policy.model, policy.tokenizer, benchmark.name, rows)}


def evaluate(policy, loaded: list[tuple[Benchmark, list]], config: RunConfig,
             seed: int) -> tuple[list[dict], list[dict]]:
    """Evaluation records and kept responses of all benchmarks. An evaluation never disturbs the training it
    interrupts: it draws from a random generator of its own."""
    rows, responses = [], []
    for benchmark, problems in loaded:
        identity = evaluation_identity(config, benchmark)
        if benchmark.scoring == "likelihood":
            row, kept = score_choices(policy, benchmark, problems), []
        else:
            row, kept = evaluate_benchmark(policy, benchmark, problems, config, seed)
        rows.append({**row, **identity, "asked": evaluation_settings(config, benchmark)})
        responses += [{**response, **identity} for response in kept]
    return rows, responses
