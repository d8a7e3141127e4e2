"""`python -m exercises check N`: is the answer to exercise N of the course right? (`make check-exercise N=…`)"""

import argparse
import sys
from pathlib import Path

from exercises import checks
from loaders.common import telling
from loaders.common.errors import Failure, run_command

EXAMPLES = """examples:
  python -m exercises check 3               is exercises/3.sql right?
  python -m exercises check 3 --file x.sql  is this file?
  python -m exercises check 3 --lang ko     in Korean; so it is, too, where the shell speaks it (LANG=ko_KR.UTF-8)

The course is in docs/course/en and docs/course/ko; one solution of each exercise is in exercises/solutions."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m exercises",
        description="Checks your answers to the course's exercises, on the real parts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("check",))
    parser.add_argument("number", nargs="?", metavar="N", help=f"one of {', '.join(checks.CHECKS)}")
    parser.add_argument("--file", type=Path, help="your answer (default: the file in exercises/)")
    parser.add_argument("--lang", choices=("en", "ko"), help="the language (default: the shell's)")
    arguments = parser.parse_args()
    telling.speak(arguments.lang)
    known = ", ".join(checks.CHECKS)
    if arguments.number not in checks.CHECKS:
        raise Failure(f"there is no exercise {arguments.number or ''}".strip(), f"name one: N={known}")
    file = arguments.file or checks.start(arguments.number)
    telling.say(f"exercise {arguments.number}: right. {checks.CHECKS[arguments.number](file)}")


if __name__ == "__main__":
    sys.exit(run_command(main))
