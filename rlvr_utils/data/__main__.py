"""`python -m rlvr_utils.data` checks every public data set and prints where it was found."""
from __future__ import annotations

import argparse
import sys

from rlvr_utils.data.public import check_all
from rlvr_utils.errors import UserError, escape_output

argparse.ArgumentParser(prog="python -m rlvr_utils.data", description="Check every public data set, in the folder "
                        "RLVR_DATA or on the hub. Exit status 1 if one of them fails.").parse_args()
escape_output()
try:
    lines = check_all()
except UserError as error:
    sys.exit(f"rlvr_utils: {error}")
for line in lines:
    print(f"{line.name:32s} {line.error or f'{line.rows} rows, {line.place}'}")
sys.exit(any(line.error for line in lines))
