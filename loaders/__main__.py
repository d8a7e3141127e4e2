"""`python -m loaders …`"""

import sys

from loaders.cli import main
from loaders.errors import run_command

sys.exit(run_command(main))
