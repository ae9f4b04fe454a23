"""`python -m rlvr_utils.models SOURCE TARGET` converts a GGUF file into a Hugging Face folder."""
from __future__ import annotations

import argparse
from pathlib import Path

from rlvr_utils.errors import UserError, escape_output
from rlvr_utils.models.loading import convert_gguf

parser = argparse.ArgumentParser(prog="python -m rlvr_utils.models",
                                 description="Convert a GGUF file into a Hugging Face folder.")
parser.add_argument("source", type=Path, help="a .gguf file, or a folder that contains exactly one")
parser.add_argument("target", type=Path, help="the new Hugging Face folder")
escape_output()
arguments = parser.parse_args()
try:
    convert_gguf(arguments.source, arguments.target)
except UserError as error:
    parser.exit(2, f"rlvr_utils: {error}\n")
