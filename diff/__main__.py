"""`python -m diff …`"""

import sys

from loaders.common.errors import ctrl_c_ends_silently, run_command

with ctrl_c_ends_silently():
    from diff.cli import main

sys.exit(run_command(main))
