"""`sample`: a few hundred rows of each table that fit together, without a person in them, small enough to commit.

examples:
  python -m loaders sample                            300 rows of each table, and what they refer to, into sample/
  python -m loaders sample --rows 50 --plain country.code,country.name

It is a lake with one run: `make build-sample` loads it into a DuckDB of its own and builds on it, as a pull request's
CI does, without a secret. Texts and bytes become pseudonyms by a key that nobody keeps, but for columns of up to 50
values, each in 5 rows or more; numbers, dates and ENUMs stay. It says which texts are plain: look at them before you
commit.
"""

import argparse
import re
import secrets
import shutil
from pathlib import Path

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add, number
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.lake import attempts
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.run import sample
from loaders.run.options import Options, Places, RunContext
from loaders.run.publish import published
from loaders.source.touched import Word
from loaders.types.pseudonym import by
from loaders.words.catalog import Catalog
from loaders.words.run_record import Batch, Run

# What tells a build which catalog the sample is of, and the next sample that the folder is one.
SETTINGS = "settings"
SAMPLES_SETTINGS = re.compile(r"CATALOG=.+\nDEMO_SHOP=[01]\n")
DEMO = Path("dbt_project/models/staging/shop/_shop__sources.yml")


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    drawing = add(commands, __doc__, draw, catalog)
    drawing.add_argument("--rows", type=number(10_000), default=300, metavar="N", help="of each table, at least (300)")
    drawing.add_argument("--out", type=Path, default=Path("sample"), metavar="FOLDER", help="where to (sample)")
    drawing.add_argument("--plain", default="", metavar="T.C,…", help="text columns to be left as they are")


def draw(arguments: argparse.Namespace, chosen: Settings) -> None:
    file = (arguments.catalog or chosen.catalog).resolve()
    catalog = connections.catalog(arguments, chosen).keyed(by(secrets.token_urlsafe(32)))
    out = chosen.root / arguments.out
    _clear(out)
    root = chosen.root.resolve()
    named = file.relative_to(root) if file.is_relative_to(root) else file
    out.mkdir(parents=True, exist_ok=True)
    # First of all: whatever ends this, the next sample knows the folder for one.
    (out / SETTINGS).write_text(f"CATALOG={named}\nDEMO_SHOP={int(named == DEMO)}\n", encoding="utf-8")
    try:
        batches, plain = _drawn(arguments, chosen, catalog, Folder(out))
    except BaseException:
        shutil.rmtree(out)
        raise
    for batch in batches:
        say(f"{batch.table}: {batch.verdict.removeprefix(sample.VERDICT)}")
    size = sum(each.stat().st_size for each in out.rglob("*") if each.is_file())
    say(f"{out}: {size:,} bytes. Texts that are plain: {', '.join(sorted(map('.'.join, plain))) or 'none'}")
    say(
        "numbers, dates, ENUMs and these texts are the source's: look at them before you commit",
        "then `make build-sample` builds on it, as CI does",
    )


def _drawn(
    arguments: argparse.Namespace, chosen: Settings, catalog: Catalog, lake: Folder
) -> tuple[list[Batch], set[sample.Place]]:
    with connections.snapshot(chosen) as snapshot, spool() as folder:
        attempt = attempts.begin(lake, 1)
        places = Places(lake, folder, None)
        context = RunContext(snapshot, Word(snapshot), attempt, places, Options(full=True), False, report.progress)
        batches, plain = sample.drawn(context, catalog, arguments.rows, _places(arguments.plain))
        version, taken_at = snapshot.server_version, snapshot.taken_at
    run = Run(1, attempt, catalog.schema, catalog.source, version, taken_at, tuple(batches))
    with published(lake, run) as commit:
        commit()
    return batches, plain


def _clear(out: Path) -> None:
    """Only what an earlier sample has written goes."""
    if out.exists() and any(out.iterdir()):
        file = out / SETTINGS
        if not (file.is_file() and SAMPLES_SETTINGS.fullmatch(file.read_text("utf-8", errors="replace"))):
            raise Failure(f"{out} is there already, and is no sample", "remove it, or name another folder with --out")
        shutil.rmtree(out)


def _places(text: str) -> set[sample.Place]:
    places = {tuple(each.strip().rpartition(".")[::2]) for each in text.split(",") if each.strip()}
    return {(table, column) for table, column in places}
