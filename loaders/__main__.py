"""`python -m loaders …`"""

import sys

from loaders.errors import ctrl_c_ends_silently, run_command

with ctrl_c_ends_silently():
    # PyArrow and DuckDB would import it at the first value, and that import can swallow a Ctrl-C.
    import pandas  # noqa: F401

    from loaders.cli import main

sys.exit(run_command(main))
