"""Names and values of every kind through discover, COPY and dbt on the stand-in: as they are, and none is run."""

import json
from collections.abc import Iterable
from contextlib import closing

from loaders.common.quoting import mysql_name, sql_name
from loaders.words.catalog import REDSHIFT_NAME_BYTES
from local_stack.redshift import environment
from tests import commands, forked_dbt
from tests.redshift.conftest import connection_to
from tests.test_names import CANARY, COLUMNS, TABLES, VALUES, created, identifier_of, project, views, written  # noqa: F401

MARTS = "names_of_others"


def known_there(names: Iterable[str]) -> list[str]:
    """Names that Redshift would not cut: the others are refused by name."""
    return [name for name in names if len(name.encode()) <= REDSHIFT_NAME_BYTES]


def test_names_and_values_are_loaded_and_built_there(own, project, redshift):  # noqa: F811 (a fixture)
    cloud = environment(redshift) | {"DBT_SCHEMA": MARTS, "CANARY": CANARY}
    tables, columns = map(known_there, (TABLES[1::4], COLUMNS))
    for name in tables:
        created(own, name.replace("{file}", "/x"), ["a", "b"])
    # Redshift's texts have no NUL.
    created(own, "columns", columns, [value for value in VALUES if "\0" not in value])
    with own.snapshot() as snapshot:
        known, _notices = written(project, snapshot.tables().values())
    told = commands.succeeded(commands.python(own, "loaders", "extract", "--catalog", str(known.file), **cloud))
    told += forked_dbt.dbt(own, "build", project=project, **cloud)
    assert CANARY not in told and len(known.tables) > len(tables) - 2
    manifest = json.loads((own.folder / "target/manifest.json").read_text(encoding="utf-8"))
    with closing(connection_to(redshift)) as stored, closing(own.connect(own.shop_url)) as source:
        for view in views(manifest):
            with stored.cursor() as ours, source.cursor() as theirs:
                theirs.execute(f"select * from {mysql_name(identifier_of(manifest)(view))} order by id")
                ours.execute(f"select * from {MARTS}.{sql_name(view['alias'])} order by id")
                assert list(map(tuple, ours.fetchall())) == list(theirs.fetchall())
