"""`python -m rlvr_utils.data` checks every public set and says where it was found."""
from __future__ import annotations

from rlvr_utils.data.public import check_all

for line in check_all():
    print(f"{line.name:32s} {line.error or f'{line.rows} rows, {line.place}'}")
