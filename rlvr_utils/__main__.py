"""`python -m rlvr_utils`: the command line."""
import sys

from rlvr_utils.cli import main

sys.exit(main())
