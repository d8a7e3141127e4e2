"""`python -m local_stack.redshift up|down|status`: Redshift's stand-in and S3 of this checkout."""

import argparse
import shlex
import sys
from pathlib import Path

from loaders.errors import run_command
from loaders.settings import DATA
from local_stack.redshift import stack

EXAMPLES = """examples:
  python -m local_stack.redshift up       start it; it goes on until `down`
  python -m local_stack.redshift env      the settings that make dbt and the loaders use it, for a shell to `eval`
  python -m local_stack.redshift down     stop it; what was in it is gone"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack.redshift",
        description="A strict stand-in for Amazon Redshift, with S3, on this machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("up", "down", "status", "env", "serve"))
    parser.add_argument("--home", type=Path, default=DATA / "redshift", help="the stack's own folder")
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    return {"up": up, "down": down, "status": status, "env": env, "serve": serve}[arguments.command](home)


def up(home: Path) -> int:
    running = stack.up(home)
    print(f"Redshift's stand-in runs on localhost:{running.port}, S3 on {running.endpoint}; lake {running.lake_url}")
    print('  eval "$(.venv/bin/python -m local_stack.redshift env)" makes dbt and the loaders use it')
    print("  `make down TARGET=redshift_local` stops it; what is in it is gone then")
    return 0


def down(home: Path) -> int:
    print("stopped Redshift's stand-in" if stack.down(home) else "no stand-in was running")
    return 0


def status(home: Path) -> int:
    running = stack.described(home)
    alive = running is not None and stack.answers(running)
    print(f"Redshift's stand-in in {home} {'runs' if alive else 'does not run'}")
    return 0 if alive else 1


def env(home: Path) -> int:
    for name, value in stack.up(home, say=lambda text: print(text, file=sys.stderr)).environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def serve(home: Path) -> int:
    from local_stack.redshift import server  # only this process needs PostgreSQL's and moto's packages

    server.serve(home)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
