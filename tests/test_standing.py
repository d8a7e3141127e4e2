"""A source that follows another server, or only reads: said, and read over one connection where a lock holds nobody."""

from contextlib import ExitStack, closing

import pytest

from loaders.help import doctor
from loaders.source import mysql, standing
from loaders.source.shared_snapshot import may_lock, shared_snapshot
from loaders.types.type_contract import INT64, Column
from tests.own_database import OwnDatabase


@pytest.fixture
def administrator(own, mysql_server):
    with closing(own.connect(mysql_server.url("root", "mysql"), autocommit=True)) as connection:
        yield connection


def run(connection, *statements: str) -> None:
    for statement in statements:
        mysql.rows(connection, statement)


FOLLOWS = {
    "mariadb": ("change master to master_host = '127.0.0.1', master_user = 'nobody'", "reset slave all"),
    "mysql": ("change replication source to source_host = '127.0.0.1', source_user = 'nobody'", "reset replica all"),
}


def test_a_replica_says_that_it_is_one(own, administrator, server_kind):
    assert standing.notice(administrator) is None
    follow, forget = FOLLOWS[server_kind]
    run(administrator, follow)
    try:
        assert "is a replica, and does not follow at the moment" in standing.notice(administrator)
    finally:
        run(administrator, forget)


def test_a_server_that_only_reads_says_so_to_an_account_without_rights(own, administrator):
    run(administrator, "set global read_only = 1")
    try:
        with own.snapshot() as snapshot:
            assert "only reads" in standing.notice(snapshot.connection)
            said = list(doctor.standing_of(snapshot.connection))
    finally:
        run(administrator, "set global read_only = 0")
    assert [finding.what for finding in said] == ["the source writes what is read"]


def test_where_a_lock_holds_nobody_off_one_connection_reads(own, administrator):
    """As on a reader of Aurora's, or a member of a cluster: the lock is given, and the other server goes on writing."""
    own.write("create table t (id int primary key)")
    notices = []
    run(administrator, "set global super_read_only = 1")
    try:
        with ExitStack() as opened:
            one, two, locker = (
                opened.enter_context(closing(own.connect(own.source_url, **mysql.CONNECT_OPTIONS))) for _ in range(3)
            )
            with shared_snapshot([one, two], locker, ["t"], notices.append) as snapshot:
                assert snapshot.connections == (one,)
    finally:
        run(administrator, "set global super_read_only = 0", "set global read_only = 0")
    assert len(notices) == 1 and "super_read_only" in notices[0] and "over one connection" in notices[0]


def test_the_right_to_lock_is_known_without_locking(own, administrator, database, tmp_path):
    with closing(own.connect(own.source_url)) as connection:
        assert may_lock(connection)
    user = f"reader_{database[-8:]}"
    run(administrator, f"create user {user}@'%' identified by 'p'", f"grant select on {database}.* to {user}@'%'")
    try:
        reader = own.source_url.replace(own.source_url.split("//")[1].split("@")[0], f"{user}:p")
        with OwnDatabase("", reader, tmp_path).snapshot() as snapshot:
            assert not may_lock(snapshot.connection)
    finally:
        run(administrator, f"drop user {user}@'%'")


def test_what_a_run_would_be_refused_doctor_and_plan_are_refused(own, monkeypatch):
    """A server without a function that the hash is made of."""
    own.write("create table t (id int primary key, v varchar(5))", "insert into t values (1, 'a')")
    known = own.discover()
    with own.snapshot() as snapshot:
        assert [finding.fault for finding in doctor.source(snapshot, known) if finding.fault] == []
        broken = Column("_source_hash", "bigint", False, INT64, "no_such_function(id)")
        monkeypatch.setattr("loaders.types.fingerprint.hash_column", lambda *_: broken)
        (fault,) = [finding.fault for finding in doctor.source(snapshot, known) if finding.fault]
    assert "no_such_function" in fault.problem and "lacks a function" in fault.fix
