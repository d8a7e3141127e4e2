"""Failures that a user can act on: what failed, on which object, and what to do next."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Failure(Exception):
    """A known failure. Every command prints it as two lines and ends with exit code 1, without a traceback.

    problem: what failed and on which object, in one sentence, without a secret.
    fix: what to do next, as a command or a setting where there is one.
    """

    def __init__(self, problem: str, fix: str):
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"error: {self.problem}\n  fix: {self.fix}"


@contextmanager
def ctrl_c_ends_silently() -> Iterator[None]:
    """For a command's imports, a moment in which nothing has begun: Ctrl-C ends it as any program, no traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, handler)


def run_command(command: Callable[[], int | None]) -> int:
    """Run a whole command and return its exit code: its own or 0, 1 for a known failure, 130 Ctrl-C, 143 SIGTERM.

    SIGTERM is made to end a command the way Ctrl-C does, so that it closes its connections and removes its files.
    """
    stopped_by = {"code": 130}

    def stop(_signal, _frame):
        stopped_by["code"] = 143
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        return command() or 0
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB ends a query at Ctrl-C with a RuntimeError of its own.
        if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        print("\nstopped: nothing is half done; run the same command again", file=sys.stderr)
        return stopped_by["code"]
    except BrokenPipeError:
        # The reader of our output (`head`, a closed pager) is gone: nobody is left to tell.
        sys.stderr.close()
        return 141
