"""GGUF files, which hold quantized weights, settings and tokenizer, read into a plain model."""
from __future__ import annotations

from pathlib import Path

from rlvr_utils.errors import UserError


def gguf_file(path: Path) -> Path | None:
    """The .gguf file at `path` or in the folder `path`; None if it is not a GGUF source."""
    if path.suffix == ".gguf" and path.is_file():
        return path
    if not path.is_dir() or (path / "config.json").exists():
        return None
    files = sorted(path.glob("*.gguf"))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise UserError(f"{path}: contains {len(files)} GGUF files ({names}); give the path of one of them")
    return files[0] if files else None


def read_gguf(file: Path, dtype):
    """(model, tokenizer) with dequantized weights in a plain model: the one that the library returns still counts
    as quantized, so it can be neither trained nor saved."""
    from transformers import AutoModelForCausalLM, GgufConfig

    tokenizer, settings = gguf_tokenizer(file)
    read = AutoModelForCausalLM.from_pretrained(
        str(file.parent), dtype=dtype, quantization_config=GgufConfig(dequantize=True), gguf_file=file.name,
        local_files_only=True)
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.load_state_dict(read.state_dict())
    model.generation_config = settings
    return model, tokenizer


def gguf_tokenizer(file: Path):
    """(tokenizer, generation settings) of the file, without reading its weights."""
    from transformers import AutoTokenizer, GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name, local_files_only=True)
    _split_digits(tokenizer, file)
    return tokenizer, GenerationConfig(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)


def _split_digits(tokenizer, file: Path) -> None:
    """Restore SmolLM2's pre-tokenizer, which splits digits first. The file names it, but the library drops it,
    so a number after an empty line would get tokens that the model never saw in training."""
    from gguf import GGUFReader
    from tokenizers import pre_tokenizers

    rule = GGUFReader(file).get_field("tokenizer.ggml.pre")
    if rule is not None and rule.contents() == "smollm":
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False)])
