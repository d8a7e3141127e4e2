"""`verify --against` on the Redshift stand-in: a replica as zero-ETL or DMS fills it, and planted differences."""

from contextlib import closing

import boto3
import pytest

from loaders import cli
from loaders.common import settings
from loaders.proof import replica
from loaders.run.match_catalog import match
from loaders.types.type_contract import SourceColumn
from local_stack.redshift import environment
from tests import commands
from tests.own_database import watch
from tests.redshift.test_load import both  # noqa: F401 (a fixture)

# A CHAR is padded there; TIMESTAMP has a zone; tinyint(1) is a boolean; a decimal has other places.
REPLICA = (
    "create table {0}.t (id bigint, name varchar(65535), code character(9), price numeric(18,6), placed timestamp, "
    "seen timestamptz, flag boolean, ratio double precision, note varchar(65535), padb_internal_txn_id_col bigint)"
)


@pytest.fixture
def filled(both):  # noqa: F811
    both.own.write(
        "set time_zone = '+00:00'",
        "create table T (Id int primary key, Name varchar(20), code char(5), price decimal(10,2), placed datetime(6), "
        "seen timestamp null, flag tinyint(1), ratio double, note longtext)",
        "insert into T values (1, 'Kim', 'ab', 1.25, '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05', 1, 0.1, "
        "repeat('x', 65536)), (2, 'ö ', '', null, null, null, 0, null, 'n')",
    )
    both.ask(REPLICA.format(both.schema))
    both.ask(
        f"insert into {both.schema}.t values (1, 'Kim', 'ab', 1.25, '2026-01-02 03:04:05.678901', "
        "'2026-01-02 03:04:05+00', true, 0.1, null, 7), (2, 'ö ', '', null, null, null, false, null, 'n', 7)"
    )
    return both


def finding(both, deep=True):  # noqa: F811
    with both.warehouse() as warehouse, both.own.snapshot() as snapshot:
        ((table, source),) = match(both.catalog(for_redshift=True), snapshot)
        return replica.finding(table, source, replica.Ends(snapshot, warehouse, both.schema, watch), deep)


def test_padding_zones_places_and_names_are_no_difference_and_a_truncated_text_is(filled):
    filled.ask(f"update {filled.schema}.t set note = rpad('x', 65535, 'x') where id = 1")
    found = finding(filled)
    assert found.equal is False and "2 rows there; compared: rows, keys, every value of 9 of 9 columns" in found.said
    (line,) = found.details[1:]
    assert line.startswith("  Id=1: note is ") and "65536 bytes" in line and "65535 bytes" in line
    assert finding(filled, deep=False).equal is None
    filled.own.write("update T set note = repeat('x', 65535) where Id = 1")
    found = finding(filled)
    assert (found.equal, found.details) == (True, [])
    assert found.said.endswith("only there: padb_internal_txn_id_col")


def test_the_command_needs_no_lake(filled, monkeypatch, capsys):
    """Nothing of the loaders' need be there but the catalog: LAKE_URL is a folder, which Redshift could not read."""
    filled.own.write("update T set note = 'n'")
    filled.ask(f"update {filled.schema}.t set note = 'n'")
    for name, value in environment(filled.redshift).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    filled.own.discover()
    chosen = settings.read(
        filled.own.folder,
        commands.settings(filled.own) | environment(filled.redshift) | {"LAKE_URL": str(filled.own.folder / "lake")},
    )
    words = ["verify", "--catalog", str(filled.own.catalog_file), "--deep", "--against", filled.schema]
    arguments = cli.parser().parse_args(words)
    assert arguments.run(arguments, chosen) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "equal"


CHANGES = {
    "name": ("'kim'", "Name is 'Kim' at the source, 'kim' here"),
    "code": ("'b'", "code is 'ab' at the source, 'b' here"),
    "price": ("1.2", "price is '1.25' at the source, '1.200000' here"),
    "placed": ("placed + interval '1 microsecond'", "'2026-01-02 03:04:05.678902' here"),
    "seen": ("seen + interval '9 hours'", "'2026-01-02 12:04:05.000000' here"),
    "flag": ("null", "flag is '1' at the source, NULL here"),
    "ratio": ("0.3", "ratio is '0.1' at the source, '0.3"),
    "note": ("'y'", "note is "),
}


def test_a_planted_difference_of_each_kind_is_named_with_both_values(filled):
    for column, (value, told) in CHANGES.items():
        filled.ask(f"create table {filled.schema}.kept as select * from {filled.schema}.t")
        filled.ask(f"update {filled.schema}.t set note = 'x' where id = 1")
        filled.own.write("update T set note = 'x' where Id = 1")
        filled.ask(f"update {filled.schema}.t set {column} = {value} where id = 1")
        found = finding(filled)
        assert not found.equal and found.details[0] == "different: 1:" and told in found.details[1], column
        filled.ask(f"delete from {filled.schema}.t")
        filled.ask(f"insert into {filled.schema}.t select * from {filled.schema}.kept")
        filled.ask(f"drop table {filled.schema}.kept")


def test_json_as_super_and_a_datetime_with_a_zone_cannot_be_compared():
    """The stand-in has no SUPER: the type's name alone decides."""
    json, moment = (SourceColumn("c", kind, kind) for kind in ("json", "datetime"))
    assert replica._column(json, "c", "super") is None and replica._column(json, "c", "character varying")
    assert replica._column(moment, "c", "timestamp with time zone") is None


def test_the_session_of_a_replica_reads_no_loads(filled):
    """What somebody else fills has no `_loads`, and none is made."""
    with closing(filled.session()):
        finding(filled)
    tables = f"select table_name from information_schema.tables where table_schema = '{filled.schema}'"
    assert filled.ask(tables) == [("t",)]
