"""`python -m rlvr_utils`: the command line."""
import sys

from rlvr_utils.cli import main

if __name__ == "__main__":  # vLLM's processes import it again
    sys.exit(main())
