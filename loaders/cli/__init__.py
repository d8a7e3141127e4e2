"""The command line: the one place of the loaders that reads settings and opens connections. A module per command."""

import argparse
import os
from pathlib import Path

from loaders.cli import (
    dbt,
    discover,
    doctor,
    erase,
    history,
    lineage,
    plan,
    prune,
    replay,
    run,
    sample,
    sign,
    status,
    verify,
    withdraw,
)
from loaders.common import settings, telling

EPILOG = """examples of each command: python -m loaders COMMAND --help

settings (environment, or .env): SOURCE_URL, LAKE_URL, DBT_TARGET, DBT_PROFILES_DIR, DUCKDB_PATH, CATALOG,
  LOOKBACK_MINUTES (60: how long before the newest change reading begins),
  SOURCE_PACE (100%: of the time, at most so much is spent in the source's queries),
  DELETE_LIMIT_PERCENT (10) and DELETE_LIMIT_ROWS (100): a run that deletes more of a table than both refuses,
  KEEP_DELETED_DAYS (not set: for good; else so many days after a run noticed that rows are deleted, `erase --deleted`
  removes their values),
  VALUE_PARTS (24: each run compares one part in so many of every large table by value; 1: all, 0: nothing),
  NO_VALUES (1: no values and keys of rows in messages; 0: show them; else 1 in a CI, which sets CI),
  LAKE_KEY (run records are signed with it, and others are refused),
  PSEUDONYM_KEY (makes what stands for values of columns that the catalog pseudonymises),
  LOG_FORMAT (text; json: as --json says, for the commands that have it),
  FILES_FOR_GROUP (0; 1: what is written may be read and written by the group of its folder)
exit codes: 0 done; 1 a failure that is explained; 2 a wrong call; 3 a decision is needed: the same command refuses
  again until somebody says that it is meant; 4 another run was faster: the next does what is left; 75 try again later:
  source, lake or warehouse is out of reach, waking up, locked or in conflict; 130 stopped by Ctrl-C, 143 by SIGTERM"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; every subcommand's `run` takes the parsed arguments and the settings."""
    program = telling.program()
    top = argparse.ArgumentParser(
        prog=program,
        description="Moves tables from MySQL to the lake to the raw schema, and changes no value.",
        epilog=EPILOG,
    )
    top.add_argument(
        "--project-dir",
        type=Path,
        metavar="FOLDER",
        help="where .env, .data and the dbt project are (default: this checkout; installed, the folder you are in)",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    catalog = argparse.ArgumentParser(add_help=False)
    catalog.add_argument("--catalog", type=Path, metavar="FILE", help="the catalog (default: CATALOG, or the shop's)")
    values = catalog.add_mutually_exclusive_group()
    values.add_argument("--values", action="store_true", default=None, help="show values and keys of rows in messages")
    values.add_argument("--no-values", action="store_false", dest="values", help="do not (the default in a CI)")
    read_by_programs = argparse.ArgumentParser(add_help=False, parents=[catalog])
    read_by_programs.add_argument(
        "--json",
        action="store_true",
        help="on stdout an object in a line for each thing that happened; texts on stderr",
    )
    read_by_programs.add_argument("--lang", choices=("en", "ko"), help="the language (default: the shell's)")
    for each in (run, plan, verify, status, history, doctor):
        each.add_to(commands, read_by_programs)
    for each in (replay, prune, withdraw, erase, sample):
        each.add_to(commands, catalog)
    for without in (sign, discover, lineage, dbt):
        without.add_to(commands)
    for command in (top, *commands.choices.values()):
        command.formatter_class = argparse.RawDescriptionHelpFormatter
        command.epilog = command.epilog and command.epilog.replace("python -m loaders", program)
    return top


def main() -> int | None:
    arguments = parser().parse_args()
    # Commands without --lang speak English.
    telling.speak(arguments.lang if "lang" in arguments else "en")
    # Also what is wrong with .env is told to a program that has said so by the environment.
    takes_json, asked = hasattr(arguments, "json"), getattr(arguments, "json", False)
    telling.speak_json(asked or (takes_json and os.environ.get("LOG_FORMAT") == "json"))
    chosen = settings.read(arguments.project_dir)
    telling.speak_json(asked or (takes_json and chosen.log_json))
    settings.prepare_process(chosen)
    if getattr(arguments, "values", None) is not None:
        telling.show_values(arguments.values)
    code: int | None = arguments.run(arguments, chosen)
    return code
