"""`python -m rlvr_utils.data` checks every public data set and prints where it was found."""
from __future__ import annotations

import sys

from rlvr_utils.data.public import check_all
from rlvr_utils.errors import UserError, escape_output

escape_output()
try:
    lines = check_all()
except UserError as error:
    sys.exit(f"rlvr_utils: {error}")
for line in lines:
    print(f"{line.name:32s} {line.error or f'{line.rows} rows, {line.place}'}")
