"""Rows by TLS, which come in records: the reader must give the same rows, or a failure."""

import threading
from contextlib import closing
from dataclasses import replace

import pytest
from pymysql.cursors import SSCursor

import mysql_arrow
from loaders.common.errors import Failure
from loaders.source import mysql
from loaders.source.conversion import Conversion
from loaders.source.shared_snapshot import shared_snapshot
from loaders.types.type_contract import contract
from mysql_arrow import BLOCK_BYTES, lanes
from tests.own_database import OwnDatabase

SIZES = [0, 1, 250, 251, 16_383, 16_384, 16_385, 70_000, BLOCK_BYTES - 20, BLOCK_BYTES, (1 << 24) - 10, 17_000_000]


@pytest.fixture(scope="module")
def secure(tls_server, tmp_path_factory):
    """A database whose reading account comes by TLS, with rows around every size that has a border somewhere."""
    private, url = tls_server.private, replace(tls_server.url, ssl_ca=str(tls_server.authority))
    own = OwnDatabase(private.url("shop"), url.text(), tmp_path_factory.mktemp("own"))
    own.write("create table t (id int primary key, v longblob)", "create table many (id int primary key, v int)")
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        for number, size in enumerate(SIZES):
            cursor.execute("insert into t values (%s, repeat(char(65 + %s), %s))", (number, number, size))
        cursor.execute("insert into t values (100, null)")
        cursor.executemany("insert into many values (%s, %s)", [(key, -key) for key in range(300_000)])
        connection.commit()
    return own


def read(snapshot: mysql.Snapshot, name: str, conditions=(None,)):
    table = snapshot.tables()[name]
    columns = [contract(column, name) for column in table.columns]
    return snapshot.read(table, Conversion(name, columns, table.primary_key), conditions)


def test_rows_of_any_size_are_those_of_the_plain_cursor(secure):
    with closing(secure.connect(secure.source_url, **mysql.CONNECT_OPTIONS)) as connection:
        with closing(SSCursor(connection)) as cursor:
            cursor.execute("select * from t order by id")
            expected = [(int(key), value) for key, value in cursor]
        with mysql.snapshot(connection) as snapshot:
            assert snapshot.encrypted()
            batches = list(read(snapshot, "t"))
    found = sorted((row["id"], row["v"]) for batch in batches for row in batch.to_pylist())
    assert [key for key, _value in found] == [key for key, _value in expected]
    assert [value == wanted for (_k, value), (_l, wanted) in zip(found, expected, strict=True)] == [True] * 13


def test_rows_are_looked_for_in_blocks_not_in_each_record(secure, monkeypatch):
    """Of 345 records each was looked into, which was half of what reading cost."""
    looks, walk = [], lanes.walk
    monkeypatch.setattr(lanes, "walk", lambda *place: looks.append(place) or walk(*place))
    with secure.snapshot() as snapshot:
        assert snapshot.encrypted() and sum(map(len, read(snapshot, "many"))) == 300_000
    assert len(looks) < 100


def test_several_connections_by_tls_give_every_row_once(secure):
    opened = [secure.connect(secure.source_url, **mysql.CONNECT_OPTIONS) for _ in range(3)]
    try:
        with shared_snapshot(opened[:2], opened[2], ["many"], pytest.fail) as snapshot:
            conditions = ["id < 100000", "id >= 100000 and id < 250000", "id >= 250000"]
            found = [row for batch in read(snapshot, "many", conditions) for row in zip(*batch.columns, strict=True)]
    finally:
        for connection in opened:
            connection.close()
    assert sorted((key.as_py(), value.as_py()) for key, value in found) == [(key, -key) for key in range(300_000)]


def test_a_connection_killed_by_the_server_is_a_failure(secure, tls_server):
    with secure.snapshot() as snapshot, pytest.raises(Failure, match="MySQL stopped while table t was read"):
        batches = read(snapshot, "t", [None] * 50)
        next(batches)
        with closing(secure.connect(tls_server.private.url("root", "mysql"))) as other, other.cursor() as cursor:
            cursor.execute(f"kill {snapshot.connection.thread_id()}")
        list(batches)


def test_left_early_the_connection_is_closed_and_no_thread_waits(secure):
    before = threading.active_count()
    with secure.snapshot() as snapshot:
        batches = read(snapshot, "t", [None] * 50)
        next(batches)
        batches.close()
        assert not snapshot.connection.open and threading.active_count() == before


def test_a_line_cut_within_a_tls_record_is_a_failure(secure):
    """As `interrupt` does it: the socket under the session is shut, which looks like a peer that is gone."""
    with secure.snapshot() as snapshot, pytest.raises(Failure):
        batches = read(snapshot, "t", [None] * 50)
        next(batches)
        mysql_arrow.interrupt(snapshot.connection)
        list(batches)
