"""Train the pocket base model from scratch: tokenizer, corpus, next-token prediction.

`python -m rlvr_utils.pocket.pretrain DIR` takes about half an hour on two CPU cores and writes a
Hugging Face folder. The shipped `base/` is its output, unchanged.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

MODEL_SEED = 0
ROWS, ROW_TOKENS, WEIGHT_DECAY = 32, 256, 0.1
# (corpus seed, steps, peak learning rate) of each stage; see the model card for why there are two.
STAGES = {1: (0, 2600, 2e-3), 2: (1, 600, 6e-4)}
WARMUP = {1: 100, 2: 30}


def packed_rows(documents: Iterator[str], tokenizer, rows: int, row_tokens: int):
    """An array [rows, row_tokens] of token ids; each row starts with a document and is filled
    with the next ones, the last of which is cut at the row's end."""
    import numpy as np

    array = np.zeros((rows, row_tokens), dtype=np.int16)
    for row in array:
        ids: list[int] = []
        while len(ids) < row_tokens:
            ids += tokenizer(next(documents))["input_ids"]
        row[:] = ids[:row_tokens]
    return array


def new_model(tokenizer):
    """A Qwen2 of 1.1 M parameters with random weights and Qwen2.5's architecture choices."""
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM, set_seed

    set_seed(MODEL_SEED)
    model = Qwen2ForCausalLM(Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=512, max_position_embeddings=1024,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return model


def pretrain(folder: Path, stages: dict = STAGES) -> None:
    """Write tokenizer and trained weights into `folder`; the log is `pretraining.jsonl` beside them."""
    import json

    from rlvr_utils.models.loading import readable_as_umask_says
    from rlvr_utils.pocket.tokenizer import train_tokenizer
    from rlvr_utils.pocket.world import corpus

    tokenizer = train_tokenizer(corpus(STAGES[1][0]))
    model, log = new_model(tokenizer), []
    for stage, (seed, steps, learning_rate) in stages.items():
        rows = packed_rows(corpus(seed, stage), tokenizer, steps * ROWS, ROW_TOKENS)
        stage_log = train_stage(model, rows, steps, learning_rate, WARMUP[stage], folder)
        log += [{"stage": stage, **row} for row in stage_log]
    model.save_pretrained(folder)
    readable_as_umask_says(folder)
    tokenizer.save_pretrained(folder)
    (folder / "pretraining.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log))


def train_stage(model, rows, steps: int, learning_rate: float, warmup: int, folder: Path) -> list[dict]:
    """Train the model in place on the rows, once each; the log rows."""
    from transformers import Trainer, TrainingArguments

    arguments = TrainingArguments(
        output_dir=str(folder / "checkpoints"), max_steps=steps, per_device_train_batch_size=ROWS,
        learning_rate=learning_rate, lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.05}, warmup_steps=warmup,
        weight_decay=WEIGHT_DECAY, adam_beta2=0.95, max_grad_norm=1.0, seed=MODEL_SEED,
        logging_steps=50, save_strategy="no", report_to=[], use_cpu=True, bf16=False,
        disable_tqdm=True, dataloader_pin_memory=False)
    trainer = Trainer(model=model, args=arguments, train_dataset=list(rows), data_collator=_as_inputs)
    trainer.train()
    return [row for row in trainer.state.log_history if "loss" in row]


def _as_inputs(batch) -> dict:
    import numpy as np
    import torch

    ids = torch.from_numpy(np.stack(batch).astype(np.int64))
    return {"input_ids": ids, "labels": ids}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    pretrain(parser.parse_args().folder)
