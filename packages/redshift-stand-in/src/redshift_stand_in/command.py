"""`python -m redshift_stand_in up|down|status|env`. A project may give it another name, folder and names of its own."""

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redshift_stand_in import stack
from redshift_stand_in.errors import StandInError
from redshift_stand_in.names import USUAL, Names
from redshift_stand_in.stack import Stack

EXAMPLES = """examples:
  {called} up                start it; it goes on until `down`
  eval "$({called} env)"     let this shell's dbt and boto3 use it
  {called} down              stop it; what was in it is gone"""


@dataclass(frozen=True)
class Defaults:
    """called: how the command is called. environment: what `env` prints of a stack."""

    called: str = "python -m redshift_stand_in"
    home: Path = Path(".redshift_stand_in")
    names: Names = USUAL
    environment: Callable[[Stack], dict[str, str]] = Stack.environment


def main(defaults: Defaults | None = None) -> int:
    defaults = defaults or Defaults()
    parser = argparse.ArgumentParser(
        prog=defaults.called,
        description="A strict stand-in for Amazon Redshift, with S3, on this machine.",
        epilog=EXAMPLES.format(called=defaults.called),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("up", "down", "status", "env", "serve"))
    parser.add_argument("--home", type=Path, default=defaults.home, help="its own folder (default: %(default)s)")
    parser.add_argument("--bucket", default=defaults.names.bucket, help="of the files (default: %(default)s)")
    parser.add_argument("--prefix", default=defaults.names.prefix, help="the only one that may be read and written")
    parser.add_argument("--copy-role", default=defaults.names.copy_role, help="the role's name (default: %(default)s)")
    arguments = parser.parse_args()
    names = Names(arguments.bucket, arguments.prefix, arguments.copy_role)
    try:
        return _run(arguments.command, arguments.home.resolve(), names, defaults)
    except StandInError as error:
        print(f"error: {error.problem}\n  fix: {error.fix}", file=sys.stderr)
        return 1


def _run(command: str, home: Path, names: Names, defaults: Defaults) -> int:
    if command == "up":
        running = stack.up(home, names)
        print(
            f"Redshift's stand-in runs on localhost:{running.port}, S3 on {running.endpoint}; lake {running.lake_url}\n"
            f'  eval "$({defaults.called} env)" makes dbt and boto3 use it\n'
            f"  `{defaults.called} down` stops it; what is in it is gone then"
        )
    elif command == "env":
        running = stack.up(home, names, say=lambda text: print(text, file=sys.stderr))
        for name, value in defaults.environment(running).items():
            print(f"export {name}={shlex.quote(value)}")
    elif command == "down":
        print("stopped Redshift's stand-in" if stack.down(home) else "no stand-in was running")
    elif command == "status":
        there = stack.described(home)
        alive = there is not None and stack.answers(there)
        print(f"Redshift's stand-in in {home} {'runs' if alive else 'does not run'}")
        return 0 if alive else 1
    else:
        from redshift_stand_in import server  # only this process needs PostgreSQL's and moto's packages

        server.serve(home, names)
    return 0
