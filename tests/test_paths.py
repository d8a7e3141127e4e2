"""No path changes a value, finds another file, or fails without a word: lake, warehouse, TMPDIR and export."""

import datetime
import os
import re
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard import export
from loaders.common import paths
from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.common.telling import printable
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.retention import prune
from loaders.warehouse.duckdb_sql import PARQUET_OPTIONS, read_parquet
from tests.own_database import OwnDatabase
from tests.test_cli import loaders, refused, shop  # noqa: F401 (a fixture)
from tests.test_erase import erased
from tests.test_replay import everything, replayed, unwatched

# Of folders; of two of them lake and warehouse are made. Together all that somebody reads in a way of their own.
FOLDERS = (
    "country=XX/id=7/[!a]*{b,c}",
    '[x]/Kim\'s "R&D" #1/ 쇼핑 🎁 ~',
    "50%25;$HOME`x`{{ 7 }}{% raw %}{#",
    "back\\slash\\n/line\nbreak\ttab",
)
RAW_READERS = re.compile(
    r"\b(read_parquet|parquet_scan|read_csv(_auto)?|sniff_csv|read_json\w*|read_ndjson\w*)\s*\("
    r"|\b(pq|parquet)\.(read_table|read_pandas|read_schema|read_metadata|ParquetDataset)\b|pyarrow\.(dataset|csv|json)"
    r"|\b(pd|pandas)\.read_\w+|(?i:\bfrom|join)\s+'[^' ]*(\.parquet|\.csv|\.json|[/*])"
)
# Where one may stand, and how often: the one function, the course's bad example (and what shows it), pandas told all
# that it would guess, a reader that guesses in place of ours, to be found out, and the search of our own exports for an
# erased person's texts, and a query that is read and never run.
ALLOWED = {
    "loaders/warehouse/duckdb_sql.py": 1,
    "loaders/retention/traces.py": 1,
    "bench/values.py": 1,
    "bench/hard.py": 1,
    "examples/naive.py": 1,
    "seeds_generator/files.py": 1,
    "tests/test_acceptance.py": 1,
    "tests/test_by_value.py": 1,
    "tests/test_lineage.py": 1,
}


def test_files_are_read_by_the_functions_that_state_every_option():
    found: dict[str, int] = {}
    for file in sorted(ROOT.rglob("*")):
        name = file.relative_to(ROOT).as_posix()
        if file.suffix not in (".py", ".sql", ".ipynb") or name.startswith((".", "dbt_project/target")):
            continue
        if file != Path(__file__) and "node_modules" not in name:
            calls = [line for line in file.read_text("utf-8").splitlines() if _reads(line)]
            found |= {name: len(calls)} if calls else {}
    assert found == ALLOWED, "read by duckdb_sql.read_parquet, pq.ParquetFile(…) or with every option stated"


def _reads(line: str) -> bool:
    """Whether a line calls a reader that guesses; `{read_parquet(…)}` and `def read_parquet(` are the one function."""
    ours = re.sub(r"(\{|def |\(|: )read_parquet\((?!\[')(?!')", "", line)
    return bool(RAW_READERS.search(ours)) and "copy " not in line.lower()


def test_every_option_of_duckdbs_reader_is_known():
    """A new one wants a decision: does it change what is read?"""
    (found,) = duckdb.sql(
        "select distinct parameters from duckdb_functions() where function_name = 'read_parquet'"
    ).fetchone()
    harmless = {"col0", "can_have_nan", "compression", "debug_use_openssl", "encryption_config", "explicit_cardinality",
                "parquet_version"}  # fmt: skip
    of_others = {"hive_types", "schema"}  # hive_partitioning's, and a schema of the caller's
    stated = {option.split(" = ")[0] for option in PARQUET_OPTIONS.split(", ")}
    assert {*found} == harmless | of_others | stated


SOME = pa.table({"id": [7, 8], "country": ["KR", "US"], "filename": ["a", "b"]})
names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
odd_names = st.text(st.sampled_from("*?[]{},!\\='\"#%~$ -^a"), min_size=1, max_size=12)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names | odd_names)
@example("country=XX")
@example("**")
@example("[]]")
def test_a_file_is_read_as_it_is_wherever_it_lies(tmp_path, name):
    if name in (".", ".."):
        return
    folder = tmp_path / "some" / name
    folder.mkdir(parents=True, exist_ok=True)
    decoy = tmp_path / "some" / "a"
    decoy.mkdir(exist_ok=True)
    pq.write_table(SOME.slice(1), decoy / "part.parquet")
    pq.write_table(SOME, folder / "part.parquet")
    try:
        paths.for_duckdb(folder, "LAKE_URL")
    except Failure as refusal:
        assert "\\" in name and printable(name) in str(refusal)
        return
    assert duckdb.sql(f"from {read_parquet([folder / 'part.parquet'])} order by id").fetchall() == [
        (7, "KR", "a"), (8, "US", "b")
    ]  # fmt: skip


class Elsewhere(OwnDatabase):
    """Its lake lies where its warehouse cannot lie."""

    @property
    def lake(self) -> Folder:
        return Folder(self.folder / "who?" if "\\" not in str(self.folder) else self.folder / "lake")


@pytest.mark.parametrize("name", FOLDERS)
def test_lake_warehouse_tmpdir_and_export_may_lie_anywhere(own, name, monkeypatch):
    """Every value against the source's own, after each thing that reads the lake: run, erase, prune, replay."""
    own = Elsewhere(own.shop_url, own.source_url, own.folder / name)
    (own.folder / "tmp").mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(own.folder / "tmp"))
    monkeypatch.setenv("TMPDIR", str(own.folder / "tmp"))
    own.write(
        "create table t (id int primary key, country varchar(9), filename text)",
        "insert into t values (1, 'Peru', 'a'), (2, 'Korea', null), (3, 'Chad', '')",
    )
    own.run()
    own.write("update t set country = 'Laos' where id = 2", "insert into t values (9, 'Iran', 'b')")
    own.run()
    own.write("delete from t where id = 9")
    own.run()
    assert rows_of(own) == own.live("t", "id, country, filename") and len(rows_of(own)) == 3
    own.write("delete from t where id = 3")
    assert erased(own, text="3") > 0
    before = everything(own)["t"]
    assert erased(own, text="7") == 0
    assert everything(own)["t"] == before
    assert pruned(own) == 3
    replayed(own)
    assert own.live("t", "id, country, filename") == rows_of(own) == [(1, "Peru", "a"), (2, "Laos", None)]
    exported_as_it_is(own)


def pruned(own) -> int:
    """Everything but the last run leaves the lake; the run that the baseline stands for."""
    tomorrow = datetime.datetime.now() + datetime.timedelta(days=1)
    with own.opened("raw_own") as warehouse, spool() as folder:
        planned = prune.plan(own.lake, warehouse, tomorrow)
        (base,) = prune.write_baselines(own.lake, planned, folder, unwatched)
        list(prune.remove(own.lake, planned))
    return base.run


def rows_of(own) -> list[tuple]:
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select id, country, filename from t order by id")
        return list(cursor.fetchall())


def exported_as_it_is(own) -> None:
    folder = own.folder / "export"
    with duckdb.connect(own.warehouse_path) as connection:
        connection.execute("create schema analytics; create table analytics.some_mart as from raw_own.t")
        list(export.export(connection, "analytics", ["some_mart"], folder, export.Style()))
        wanted = connection.execute("from raw_own.t order by all").fetchall()
    assert duckdb.sql(f"from {read_parquet([folder / 'some_mart.parquet'])}").fetchall() == wanted
    assert (folder / "some_mart.csv").read_text("utf-8").count("\n") == 1 + len(wanted)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("who?/w.duckdb", "what follows a ? for options"),
        ("w?.duckdb", "what follows a ? for options"),
        ("/room #1/w.duckdb", "a path at a #"),
        ('my "own".duckdb', "in its name"),
        ("a;b.duckdb", "in its name"),
        ("w\udcff.duckdb", "not UTF-8"),
    ],
)
def test_a_warehouse_that_duckdb_or_dbt_would_look_for_elsewhere_is_refused(written, said):
    with pytest.raises(Failure, match=re.escape(said)):
        paths.database_file(written, Path("/some/project"))


@pytest.mark.parametrize("name", ["raw_own.duckdb", ".X.duckdb", "temp.2.duckdb"])
def test_a_warehouse_named_like_a_schema_in_it_is_refused_at_the_first_command(shop, name):  # noqa: F811
    profile = shop.folder / "profiles.yml"
    profile.write_text(profile.read_text().replace("warehouse.duckdb", name))
    refused(loaders(shop, "extract"), f"{name}: DuckDB would call it", "DUCKDB_PATH")
    assert not list(shop.folder.rglob("_runs/*"))


def test_a_lake_that_duckdb_would_look_for_elsewhere_is_refused_at_the_first_command(shop):  # noqa: F811
    for command in ("extract", "plan", "status"):
        refused(loaders(shop, command, LAKE_URL=str(shop.folder / "a\\b*c")), "a pattern for other files", "LAKE_URL")
    refused(loaders(shop, "extract", LAKE_URL="file:///tmp/my%20lake"), "a URL with a %", "the folder itself")


@pytest.mark.parametrize(("folder", "code"), [("plain", 0), ("쇼핑", 1)])
def test_a_path_that_this_shell_writes_with_other_bytes_than_duckdb_is_refused(folder, code):
    """In a shell without UTF-8 Python has other letters for a file's name, and DuckDB would make a file of those."""
    asked = "import sys; from pathlib import Path; from loaders.common import errors, paths; " + (
        "sys.exit(errors.run_command(lambda: paths.for_duckdb(Path(sys.argv[1]), 'LAKE_URL') and None))"
    )
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", asked, folder], cwd=ROOT, env=os.environ | ascii_only, capture_output=True, text=True
    )
    assert done.returncode == code and "Traceback" not in done.stderr
    assert ("export LC_ALL=C.UTF-8" in done.stderr) == bool(code)
