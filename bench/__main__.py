"""`python -m bench`, or `make bench`: us and the alternatives on the same table, in turn."""

import sys

from bench import cli
from loaders.common.errors import run_command

if __name__ == "__main__":
    sys.exit(run_command(cli.main))
