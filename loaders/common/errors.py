"""Failures that a user can act on: what failed, on which object, and what to do next."""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from types import FrameType
from typing import NoReturn

from loaders.common import texts
from loaders.common.telling import line, say_how_to_see, speaks_json, tell

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Exit(IntEnum):
    """The exit code of a command that fails: what whoever started it, a schedule above all, has to do about it."""

    FAILED = 1
    # A person has to say that it is meant; the same command, tried again, refuses again.
    DECIDE = 3
    # Another run has done this one's work meanwhile: no failure for a schedule.
    OVERTAKEN = 4
    # sysexits.h calls it EX_TEMPFAIL: the same command may succeed later, and nothing has to be mended here.
    TRY_AGAIN = 75


class Failure(Exception):
    """A known failure. Every command prints it as two lines, without a traceback, and ends with the exit code `ends`.

    problem: what failed and on which object, in one sentence, without a secret.
    fix: what to do next, as a command or a setting where there is one.
    details: lines about single rows, between the two.
    """

    def __init__(self, problem: str, fix: str, details: Sequence[str] = (), ends: Exit = Exit.FAILED):
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
        self.details = details
        self.ends = ends

    def and_then(self, more: str) -> "Failure":
        """The same failure, with more to do, or to know, after its fix."""
        return Failure(self.problem, f"{self.fix}; {more}", self.details, self.ends)

    @property
    def code(self) -> str:
        """What people search for and programs read: it stays when the text changes (texts.txt). Rare ones have none."""
        return texts.code(self.problem)

    def __str__(self) -> str:
        code = self.code
        head = f"error [{code}]: {self.problem}" if code else f"error: {self.problem}"
        lines = [head, *(f"  {detail}" for detail in self.details), f"  fix: {self.fix}"]
        return "\n".join(map(line, lines))


@contextmanager
def ctrl_c_ends_silently() -> Iterator[None]:
    """For a command's imports, a moment in which nothing has begun: Ctrl-C ends it as any program, no traceback."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGINT, handler)


def of_the_system(error: OSError) -> Failure:
    """What the system refused: a file, or what is printed, as a failure. Nothing of that is a fault of the program."""
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
    fix = "see to what it says"
    if error.errno in FULL:
        fix = "free some space there"
    elif error.errno in FORBIDDEN:
        fix = "give this user access to it, or be the user whose it is"
    return Failure(f"the system refused: {error.strerror or error}{where}", f"{fix}, then run the same command again")


def run_command(command: Callable[[], int | None]) -> int:
    """Run a whole command and return its exit code: its own or 0, a known failure's, 130 Ctrl-C, 143 SIGTERM.

    SIGTERM is made to end a command the way Ctrl-C does, so that it closes its connections and removes its files.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):
        # What the terminal's character set has not is written as \u…: no command ends for want of a letter.
        stream.reconfigure(errors="backslashreplace")
    try:
        code = _ended(command)
        if sys.stdout:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of our output (`head`, a closed pager) is gone: nobody is left to tell.
        code = 141
    except OSError as error:
        print(of_the_system(error), file=sys.stderr)
        code = 1
    _print_no_more()
    return code


def _ended(command: Callable[[], int | None]) -> int:
    stopped_by = {"code": 130}

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        stopped_by["code"] = 143
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        code = command() or 0
        say_how_to_see()
        return code
    except SystemExit as ended:
        # argparse has printed its help, or what is wrong with the call.
        if not isinstance(ended.code, int):
            raise
        return ended.code
    except Failure as failure:
        print(failure, file=sys.stderr)
        if speaks_json():
            told = {"problem": failure.problem, "fix": failure.fix, "details": failure.details}
            tell("failure", [], code=failure.code, exit=int(failure.ends), **told)
        say_how_to_see()
        return failure.ends
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB ends a query at Ctrl-C with a RuntimeError of its own.
        if not isinstance(error, KeyboardInterrupt) and not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        print("\n" + line(f"stopped: {_left(error)}; run the same command again"), file=sys.stderr)
        return stopped_by["code"]


def _left(error: BaseException) -> str:
    """What a command says that it leaves when it is stopped; most leave nothing half done."""
    return str(error) if isinstance(error, KeyboardInterrupt) and str(error) else "nothing is half done"


def _print_no_more() -> None:
    """Give up what could not be printed: Python would try again at its end, and tell in its own words."""
    with suppress(OSError, AttributeError):
        sys.stdout.flush()
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
