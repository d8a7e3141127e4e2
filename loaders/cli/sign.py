"""`sign`: the run records of a lake get the signature that LAKE_KEY asks for, or lose the one they have.

examples:
  python -m loaders sign --dry-run   the records that LAKE_KEY has not signed, and what they say
  python -m loaders sign             they are signed: after LAKE_KEY was set, or changed
  python -m loaders sign --remove    after LAKE_KEY was taken out of .env: no record is signed any more

Whoever could write into the lake may have written what you sign: look at it first, and let `verify --deep` compare raw
with the source afterwards. Every schema's runs are signed, while no other command writes into the lake. Killed, run it
again.
"""

import argparse
from collections.abc import Iterator

from loaders.cli import connections
from loaders.cli.commands import Commands, add
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.lake import run_json, runs, sequences, signing
from loaders.lake.store import Lake
from loaders.words.run_record import Run


def add_to(commands: Commands) -> None:
    """Add the command to the command line; it is for a whole lake, whatever the catalog."""
    signing_ = add(commands, __doc__, sign)
    signing_.add_argument("--dry-run", action="store_true", help="say which records would be written anew")
    signing_.add_argument("--remove", action="store_true", help="take the signatures off; LAKE_KEY must not be set")


def sign(arguments: argparse.Namespace, chosen: Settings) -> None:
    store = connections.lake(chosen)
    if arguments.remove and store.signing.key:
        raise Failure(
            "LAKE_KEY is set, and records without a signature would be refused",
            "take it out of .env first, or leave out --remove",
        )
    if not arguments.remove and not store.signing.key:
        raise Failure(
            "LAKE_KEY is not set",
            'make a key, `python -c "import secrets; print(secrets.token_urlsafe(32))"`, and write it into .env; or '
            "`python -m loaders sign --remove` takes the signatures off",
        )
    found = [(lake, *each) for lake in sequences.all_of(store) for each in _refused(lake)]
    for lake, key, run, why in found:
        say(f"  {why}", f"    schema {run.schema}, as of {run.snapshot_at:%Y-%m-%d %H:%M:%S} UTC: {_tables(run)}")
        if not arguments.dry_run:
            lake.replace(key, runs.readable(lake, run, key))
    done = "would be" if arguments.dry_run else "were"
    how = "without a signature" if arguments.remove else "with a signature by LAKE_KEY"
    say(f"{len(found)} records of the lake {store} {done} written {how}")


def _refused(lake: Lake) -> Iterator[tuple[str, Run, str]]:
    """(key, record, why) of those that other commands refuse by their signature; a damaged one is a failure."""
    for key in runs.keys(lake):
        data = lake.read(key)
        run = run_json.from_json(signing.without_signature(data), key)
        try:
            lake.signing.opened(data, key)
        except Failure as refused:
            yield key, run, refused.problem


def _tables(run: Run) -> str:
    return ", ".join(f"{batch.table} {batch.rows:,} rows" for batch in run.batches)
