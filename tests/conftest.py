"""What every test stands on: no network, one thread, and a model so small that it trains in seconds."""
from __future__ import annotations

import atexit
import json
import os
import runpy
import signal
import sys
import tempfile
from itertools import islice
from pathlib import Path

import pytest

from rlvr_utils.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = ROOT / "tests" / "offline"  # its sitecustomize.py watches the sockets of every Python
ATTEMPTS = Path(tempfile.mkstemp(prefix="network-")[1])
LONGEST = ("test_processes.py", "test_pool.py", "test_notebook_profiles.py")
DEAD_PROXY = "http://127.0.0.1:9"  # for libraries that open sockets without Python
# Before any test imports a library that reads it.
os.environ.update(HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", RLVR_ATTEMPTS=str(ATTEMPTS),
                  HTTP_PROXY=DEAD_PROXY, HTTPS_PROXY=DEAD_PROXY, NO_PROXY="localhost,127.0.0.1",
                  PYTHONPATH=os.pathsep.join([str(ROOT), str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script; what the tests start would too
    signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(ATTEMPTS.unlink, missing_ok=True)
runpy.run_path(str(OFFLINE / "sitecustomize.py"))


def pytest_collection_modifyitems(items):
    """Everything in tests/torture is torture, and what is in tests/engines needs real engines. The longest files come
    first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        for folder, mark in (("torture", "torture"), ("engines", "engine")):
            if ROOT / "tests" / folder in item.path.parents:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def pocket():
    """The pocket profile, with little memory for vLLM, so that several engines fit; for tests in tests/engines."""
    from rlvr_utils.recipe.config import load_profile

    # vLLM's processes inherit these. It would find out this machine's address by opening a socket to elsewhere.
    os.environ.update(VLLM_HOST_IP="127.0.0.1", VLLM_LOGGING_LEVEL="ERROR")
    return load_profile("pocket").changed(engine_memory=0.1)


@pytest.fixture(autouse=True)
def no_network():
    """Every attempt to connect elsewhere fails the test, also one of a process that it has started, and
    one that the code under test swallows."""
    ATTEMPTS.write_text("")
    yield
    assert not ATTEMPTS.read_text(), f"the test tried to reach the network: {ATTEMPTS.read_text()}"


@pytest.fixture(autouse=True)
def one_thread():
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def forks():
    """Runs commands in processes that need no time for their imports."""
    from forks import Forks

    server = Forks()
    yield server
    server.close()


@pytest.fixture(scope="session")
def tiny_tokenizer():
    from rlvr_utils.pocket.corpus import corpus
    from rlvr_utils.pocket.tokenizer import train_tokenizer

    return train_tokenizer(islice(corpus(0), 400), vocabulary=420)


def tiny_qwen2(vocabulary: int, end: int, spread: float = 0.1, seed: int = 0):
    """A random Qwen2 of two layers, in evaluation mode."""
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(Qwen2Config(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=64, max_position_embeddings=512, initializer_range=spread,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=end, pad_token_id=end))
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=end)
    return model.eval()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory, tiny_tokenizer) -> Path:
    """Folder with a two-layer Qwen2, taught for a moment to answer with a random digit in a box, or
    with no box, so that rewards vary within a group and every part of the loss does something."""
    import torch

    from rlvr_utils.data.prompts import evaluation_prompts, training_prompt

    torch.set_num_threads(1)
    model = tiny_qwen2(len(tiny_tokenizer), tiny_tokenizer.eos_token_id)
    prompts = [training_prompt(tiny_tokenizer, f"Find {i} apples and {i} pens.") for i in (0, 3)]
    prompts += evaluation_prompts(tiny_tokenizer, "qwen25-math-cot", ["What is 1+1?", "What is 4+1?"])
    answers = ["\\boxed{1}.", "\\boxed{2}.", "\\boxed{3}.", "We have it."]
    batch = tiny_tokenizer([f"{prompt}{answer}<|endoftext|>" for prompt in prompts for answer in answers],
                           padding=True, return_tensors="pt", padding_side="left")
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    labels[:, :-8] = -100
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def gguf_folder(tiny_model, tmp_path_factory):
    """The tiny model's own weights as a GGUF file with SmolLM2's splitting rule."""
    import gguf

    from rlvr_utils.models.loading import load_policy

    model, tokenizer = load_policy(str(tiny_model))
    folder = tmp_path_factory.mktemp("gguf")
    writer, config = gguf.GGUFWriter(folder / "tiny.gguf", "qwen2"), model.config
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    vocabulary = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids)
    writer.add_token_list(sorted(vocabulary, key=vocabulary.get))
    writer.add_token_types([3 if i in special else 1 for i in range(len(vocabulary))])
    merges = json.loads((tiny_model / "tokenizer.json").read_text())["model"]["merges"]
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(tokenizer.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":  # tied to the embeddings
            writer.add_tensor(names.get_name(name, (".weight", ".bias")), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder


@pytest.fixture(scope="session")
def tiny_config(tmp_path_factory, tiny_model):
    """The pocket profile shrunk to three steps of two prompts with four answers each."""
    from rlvr_utils.recipe.config import Benchmark, load_profile

    folder = tmp_path_factory.mktemp("data")
    pool = write_lines(folder / "pool.jsonl", [
        {"id": i, "problem": f"Find {i} apples and {i} pens. How many is {i}+{i}?", "answer": str(i % 3 + 1)}
        for i in range(5)])
    tests = write_lines(folder / "six.jsonl", [
        {"id": i, "problem": f"What is {i}+1?", "answer": str(i % 3 + 1), "subject": "AB"[i % 2], "kind": "sum"}
        for i in range(6)])
    benchmarks = (Benchmark(name="six", file=str(tests), stands_for="MATH500"),
                  Benchmark(name="six-sampled", file=str(tests), stands_for="AIME24", samples=2, temperature=0.6))
    return load_profile("pocket").changed(
        arm="full-set", model=str(tiny_model), pool=str(pool), ranking={1: "3", 13: "0"},
        benchmarks=benchmarks, repeat_to=5, prompts_per_step=2, num_generations=4, micro_batch=8,
        max_prompt_tokens=512, temperature=1.0, max_response_tokens=8, eval_max_tokens=8, learning_rate=1e-3,
        steps=3, eval_every=2, save_every=2)


def line_of(action, *words, **named) -> str:
    """The message of the `UserError` that the action must raise: one line, and short."""
    with pytest.raises(UserError) as caught:
        action(*words, **named)
    line = str(caught.value)
    assert line.isprintable() and len(line) < 400
    return line


def write_lines(path: Path, rows: list) -> Path:
    """JSON Lines, as most benchmarks are published."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def write_rows(tmp_path):
    """A function that writes rows as JSON Lines, JSON or Parquet, by the suffix of the name."""
    def write(rows, name="rows.jsonl"):
        path = tmp_path / name
        if path.suffix == ".parquet":
            import pyarrow
            from pyarrow import parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        elif path.suffix == ".json":
            path.write_text(json.dumps(rows))
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path
    return write
