"""Train a pocket base from scratch: tokenizer, corpus, next-token prediction.

`python -m rlvr_utils.pocket.pretrain DIR --seed 0` writes a Hugging Face folder. It can be stopped at any time: the
same command goes on from the last part that was finished, a part being about a million tokens. DIR/after/N holds the
weights after 1, 2, 4, 8, ... parts, so that the audit can be drawn as a curve.
"""
from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rlvr_utils.errors import UserError, escape_output
from rlvr_utils.records.files import write_atomically

ROWS, ROW_TOKENS, PART_STEPS = 12, 384, 224  # sequences a step, tokens a sequence, steps a part
PEAK, WARMUP, FLOOR = 4e-3, 100, 0.03       # learning rate; steps up to it; where it ends, as a share of it
DECAY_FROM = 0.3                            # the share of all steps after which the learning rate falls, linearly
WEIGHT_DECAY = 0.1
TOKENIZER_DOCUMENTS = 30_000
LOG, STATE = "pretraining.jsonl", "state.safetensors"  # the log's first line holds seed and parts


@dataclass(frozen=True)
class Pretraining:
    """One pretraining: the seed of tokenizer, corpus and weights, and its length in parts."""

    folder: Path
    seed: int
    parts: int
    compiled: bool = False
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """All optimiser steps."""
        return self.parts * PART_STEPS

    def learning_rate(self, step: int) -> float:
        """Warm-up, a plateau, and a linear fall."""
        left = (self.steps - step) / (self.steps * (1 - DECAY_FROM))
        return PEAK * min(1, (step + 1) / WARMUP, max(FLOOR, left))

    def corpus_seed(self, part: int) -> int:
        """Every part reads a corpus of its own; -1 is what the tokenizer is trained on."""
        return 10_000 * (self.seed + 1) + part


def packed_rows(documents, tokenizer, rows: int, row_tokens: int):
    """Token ids, int16 [rows, row_tokens]; each row starts with a document and is filled with the next ones, the last
    of which is cut at the row's end."""
    import numpy as np

    array = np.zeros((rows, row_tokens), dtype=np.int16)
    for row in array:
        ids: list[int] = []
        while len(ids) < row_tokens:
            ids += tokenizer(next(documents))["input_ids"]
        row[:] = ids[:row_tokens]
    return array


def new_model(tokenizer, seed: int):
    """A Qwen2 of 1.1 M parameters with random weights and Qwen2.5's architecture choices."""
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM, set_seed

    set_seed(seed)
    model = Qwen2ForCausalLM(Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=512, max_position_embeddings=1024,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return model


def optimizers(model) -> list:
    """Muon for the layers' matrices, AdamW for embeddings, biases and norms."""
    import torch

    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [torch.optim.Muon(matrices, lr=PEAK, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=PEAK, betas=(0.9, 0.95), weight_decay=0.0)]


def pretrain(work: Pretraining) -> None:
    """Train, or go on, to the end. Raises `UserError` for a folder that another pretraining has begun."""
    from rlvr_utils.models.loading import readable_as_umask_says
    from rlvr_utils.progress import tracked

    _claim(work)
    tokenizer = _tokenizer(work)
    model = new_model(tokenizer, work.seed).to(work.device)
    opts = optimizers(model)
    done = _restore(work, model, opts)
    if work.compiled:
        model.compile()
    for part in tracked(range(done, work.parts), work.parts - done, "pretraining", "parts"):
        losses = train_part(work, part, model, opts, tokenizer)
        _keep(work, part + 1, model, opts, sum(losses) / len(losses))
    model.save_pretrained(work.folder)
    tokenizer.save_pretrained(work.folder)
    readable_as_umask_says(work.folder)
    (work.folder / STATE).unlink()


def train_part(work: Pretraining, part: int, model, opts: list, tokenizer) -> list[float]:
    """The loss, in nats a token, of each step of one part; the weights and optimisers change in place."""
    import torch

    from rlvr_utils.pocket.corpus import corpus

    rows = torch.from_numpy(packed_rows(corpus(work.corpus_seed(part)), tokenizer, ROWS * PART_STEPS, ROW_TOKENS))
    losses = []
    model.train()
    for step, ids in enumerate(rows.to(work.device).long().split(ROWS), start=part * PART_STEPS):
        with torch.autocast(work.device, dtype=torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for opt in opts:
            for group in opt.param_groups:
                group["lr"] = work.learning_rate(step)
            opt.step()
            opt.zero_grad()
        losses.append(loss.item())
    return losses


def _tokenizer(work: Pretraining):
    from transformers import AutoTokenizer

    from rlvr_utils.pocket.corpus import corpus
    from rlvr_utils.pocket.tokenizer import train_tokenizer

    if not (work.folder / "tokenizer.json").exists():
        documents = islice(corpus(work.corpus_seed(-1)), TOKENIZER_DOCUMENTS)
        train_tokenizer(documents).save_pretrained(work.folder)
    return AutoTokenizer.from_pretrained(work.folder)


def _claim(work: Pretraining) -> None:
    settings = {"seed": work.seed, "parts": work.parts}
    path = work.folder / LOG
    work.folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(json.dumps(settings) + "\n", encoding="utf-8")
    elif _log(path)[0] != settings:
        raise UserError(f"{path}: this folder holds another pretraining; give its seed and parts, or another folder")


def _log(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _restore(work: Pretraining, model, opts: list) -> int:
    """Weights and optimisers as they were after the last finished part; the number of finished parts."""
    from safetensors.torch import load_file

    path = work.folder / STATE
    if not path.exists():
        return 0
    saved = load_file(path)
    names = {parameter: name for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        parameter.data.copy_(saved[name])
    for opt in opts:
        for parameter in (p for group in opt.param_groups for p in group["params"]):
            start = f"{names[parameter]}:"
            opt.state[parameter] = {key.removeprefix(start): value if key.endswith(":step") else value.to(work.device)
                                    for key, value in saved.items() if key.startswith(start)}
    return int(saved["parts"])


def _keep(work: Pretraining, parts: int, model, opts: list, loss: float) -> None:
    """Save what the next part needs, in one move; then the log, and the weights after 1, 2, 4, 8, ... parts."""
    import torch
    from safetensors.torch import save_file

    tensors = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    names = {parameter: name for name, parameter in model.named_parameters()}
    for opt in opts:
        for parameter, state in opt.state.items():
            tensors |= {f"{names[parameter]}:{key}": value.clone() for key, value in state.items()}
    draft = work.folder / "state.draft"
    save_file(tensors | {"parts": torch.tensor(parts)}, draft)
    draft.replace(work.folder / STATE)
    rows = [row for row in _log(work.folder / LOG) if "loss" not in row or row["parts"] < parts]
    rows.append({"parts": parts, "tokens": parts * PART_STEPS * ROWS * ROW_TOKENS, "loss": round(loss, 4)})
    write_atomically(work.folder / LOG, "".join(json.dumps(row) + "\n" for row in rows))
    if parts & (parts - 1) == 0:
        model.save_pretrained(work.folder / "after" / str(parts))


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    import torch

    parser = argparse.ArgumentParser(prog="python -m rlvr_utils.pocket.pretrain", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where tokenizer, weights and state go")
    parser.add_argument("--seed", type=int, default=0, help="of tokenizer, corpus and weights")
    parser.add_argument("--parts", type=int, default=40, help="length, in parts of about a million tokens (default 40)")
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="cuda for a GPU (default cpu)")
    parser.add_argument("--compile", action="store_true", help="a third faster; needs a C++ compiler")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    escape_output()
    try:
        if given.device == "cuda" and not torch.cuda.is_available():
            raise UserError("--device cuda: torch sees no GPU here; leave it out")
        pretrain(Pretraining(given.folder, given.seed, given.parts, given.compile, given.device))
    except UserError as error:
        parser.exit(2, f"rlvr_utils: {error}\n")


if __name__ == "__main__":
    main()
