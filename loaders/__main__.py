"""`python -m loaders …`"""

import signal
import sys

# Imports take a moment, in which nothing has begun: Ctrl-C may end it as it ends any program, without a traceback.
handler = signal.getsignal(signal.SIGINT)
if handler is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# PyArrow and DuckDB would import it at the first value, and that import can swallow a Ctrl-C.
import pandas  # noqa: E402, F401

from loaders.cli import main  # noqa: E402
from loaders.errors import run_command  # noqa: E402

signal.signal(signal.SIGINT, handler)

sys.exit(run_command(main))
