"""A table that the server says it did not change is not read; nothing that changed one in any way is taken for that."""

import datetime
import shutil
import socket
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from loaders.lake import run_json
from loaders.run import untouched
from loaders.run.match_catalog import match
from loaders.run.options import Options, Places, RunContext
from loaders.run.table_read import about
from loaders.source import mysql, touched
from local_stack import private_server
from tests import untouched_machine
from tests.own_database import OwnDatabase, watch
from tests.untouched_machine import CREATE, PARTITIONS, Machine
from tests.wrong_clocks import LIBFAKETIME, of_a_process

AGO = datetime.timedelta(hours=-1)
EMPTY = [f"{verb} {private_server.DATABASE}" for verb in ("drop database", "create database", "use")]


@pytest.fixture
def believing(monkeypatch):
    """A table that was changed a moment ago may be untouched, too: nobody waits ten minutes."""
    monkeypatch.setattr(untouched, "HANGS", AGO)


@pytest.fixture
def only_mysql(server_kind):
    if server_kind == "mariadb":
        pytest.skip("nothing that MariaDB says is believed")


@pytest.fixture
def two(own, believing):
    """Two tables that a run has compared, and the catalog; on a server that is believed."""
    own.write(*(CREATE.format(table) for table in ("t", "u")), "insert into t values (1, 1)")
    own.write("insert into u values (1, 1), (2, 2)")
    known = own.discover()
    return known, own.run(known)


def asked(connection, *statements: str):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall()


def next_second(own) -> None:
    """Until the server's clock shows another second, by which a commit can be told from those before.

    And a moment more: MySQL notes a commit by `time()`, which Linux answers from the clock's last tick, so right after
    the second's turn still with the old one; `unix_timestamp()` asks the exact clock.
    """
    with closing(own.connect(own.shop_url, autocommit=True)) as connection:
        second = asked(connection, "select unix_timestamp()")
        while asked(connection, "select unix_timestamp()") == second:
            time.sleep(0.02)
    time.sleep(0.05)


def taken(run) -> set[str]:
    """The tables that a run took for untouched."""
    found = {batch.table for batch in run.batches if batch.untouched}
    for batch in run.batches:
        assert batch.untouched == batch.verdict.startswith("untouched since run ")
    return found


def equal(own, known) -> None:
    """Raw has every row as a client reads it."""
    with closing(own.connect(own.shop_url)) as connection:
        for table in known.tables:
            assert own.live(table.name, "id, v") == sorted(asked(connection, f"select id, v from `{table.name}`"))


WAYS = {
    "inserts": "insert into {} values (9, 9)",
    "updates": "update {} set v = v + 1 where id = 1",
    "deletes": "delete from {} where id = 1",
    "replaces": "replace into {} values (1, 7)",
    "truncates": "truncate table {}",
}
LEAVE_IT = ("still", "rolls_back", "opens", "prepares", "updates_nothing")


def test_whatever_commits_after_a_run_is_read_by_the_next(own, server_kind, believing):
    """In one run, so that a table which is taken for changed because of another one would be seen."""
    own.write(
        *(CREATE.format(table) for table in (*WAYS, *LEAVE_IT, "commits_late", "xa_commits", "copies", "dumped")),
        "create table parent (id int primary key, v int)",
        "create table child (id int primary key, v int, foreign key (v) references parent (id) on delete cascade)",
        "insert into parent values (1, 1), (2, 2)",
        "insert into child values (1, 1), (2, 2)",
        *(
            f"insert into {table} values (1, 1), (2, 2)"
            for table in (*WAYS, *LEAVE_IT, "commits_late", "xa_commits", "copies", "dumped")
        ),
    )
    known = own.discover()
    with (
        closing(own.connect(own.shop_url)) as late,
        closing(own.connect(own.shop_url)) as opened,
        closing(own.connect(own.shop_url, autocommit=True)) as xa,
        closing(own.connect(own.shop_url, autocommit=True)) as prepared,
    ):
        asked(late, "begin", "update commits_late set v = 5 where id = 1")
        asked(xa, "xa start 'xa1'", "update xa_commits set v = 5", "xa end 'xa1'", "xa prepare 'xa1'")
        next_second(own)
        first = own.run(known)
        next_second(own)
        own.write(*(statement.format(table) for table, statement in WAYS.items()), "delete from parent where id = 1")
        own.write("insert into copies select id + 10, v from still")
        own.write("drop table dumped", CREATE.format("dumped"), "insert into dumped values (1, 1), (2, 9)")
        asked(late, "commit")
        asked(xa, "xa commit 'xa1'")
        asked(opened, "begin", "update opens set v = 6", "begin", "update rolls_back set v = 5", "rollback")
        asked(opened, "begin", "update opens set v = 6")
        asked(opened, "update updates_nothing set v = v where id = 77")
        asked(prepared, "xa start 'xa2'", "update prepares set v = 5", "xa end 'xa2'", "xa prepare 'xa2'")
        second = own.run(known)
        asked(prepared, "xa rollback 'xa2'")
    expected = set() if server_kind == "mariadb" else {"still", "rolls_back", "prepares", "updates_nothing"}
    # The transaction that was begun again has committed the one before it.
    assert taken(first) == set() and taken(second) == expected
    equal(own, known)


def altered(way: str) -> tuple[str, ...]:
    """Statements that put other rows under the name `t`, or another table, or that only alter one."""
    return {
        "truncate": ("truncate table t", "insert into t values (1, 1)"),
        "rename": ("rename table t to x, twin to t, x to twin",),
        "drop": ("drop table t", CREATE.format("t"), "insert into t values (1, 1), (2, 3)"),
        "exchange": ("alter table parts exchange partition p0 with table t",),
        "dump": (
            "set unique_checks = 0, foreign_key_checks = 0",
            "drop table if exists t", CREATE.format("t"),
            "lock tables t write",
            "alter table t disable keys", "insert into t values (1, 1), (2, 3)", "alter table t enable keys",
            "unlock tables",
        ),
    }[way]  # fmt: skip


@pytest.mark.parametrize("way", ["truncate", "rename", "drop", "exchange", "dump"])
def test_what_brings_other_rows_under_a_tables_name_is_read(own, only_mysql, believing, way):
    """Twin and partition were made and filled in the second in which the table was."""
    own.write(
        *(CREATE.format(table) for table in ("t", "twin")),
        f"{CREATE.format('parts')} partition by range (id) {PARTITIONS}",
        "insert into t values (1, 1), (2, 2)",
        "insert into twin values (1, 1), (2, 3)",
        "insert into parts values (1, 1), (2, 4)",
    )
    known = own.discover()
    own.run(known)
    assert taken(own.run(known)) == {"t", "twin"}
    next_second(own)  # else, without the ten minutes, nothing tells two of one second apart
    own.write(*altered(way))
    assert "t" not in taken(own.run(known))
    equal(own, known)


def test_a_rename_that_waits_for_a_run_to_end_is_read_by_the_next(own, only_mysql, believing, monkeypatch):
    """The server has counted it by then, so what it counted before the table was held is what tells."""
    own.write(*(CREATE.format(table) for table in ("t", "twin")))
    own.write("insert into t values (1, 1)", "insert into twin values (1, 2)")
    known, of = own.discover(), touched.Word.of
    swap = threading.Thread(target=own.write, args=("rename table t to x, twin to t, x to twin",))

    def while_it_waits(word, table):
        if swap.ident is None:
            swap.start()
            with closing(own.connect(own.shop_url)) as other:
                states = "select 1 from information_schema.processlist where state like 'Waiting for table%' and db = "
                while not asked(other, states + "database()"):
                    time.sleep(0.02)
        return of(word, table)

    with monkeypatch.context() as patch:
        patch.setattr(touched.Word, "of", while_it_waits)
        own.run(known)
    swap.join()
    assert taken(own.run(known)) == set()
    equal(own, known)


def test_an_imported_tablespace_is_read(own, only_mysql, mysql_server, believing):
    """Neither second of the table moves."""
    own.write(CREATE.format("t"), "insert into t values (1, 1)")
    known, database = own.discover(), own.source_url.split("?")[0].rpartition("/")[2]
    files = [mysql_server.data / database / f"t.{end}" for end in ("ibd", "cfg")]
    with closing(own.connect(mysql_server.url("root", database), autocommit=True)) as administrator:
        asked(administrator, "flush tables t for export")
        for file in files:
            shutil.copy(file, own.folder / file.name)
        asked(administrator, "unlock tables", "update t set v = 2")
        own.run(known)
        asked(administrator, "alter table t discard tablespace")
        for file in files:
            shutil.copy(own.folder / file.name, file)
            (mysql_server.data / database / file.name).chmod(0o660)
        asked(administrator, "alter table t import tablespace")
    assert taken(own.run(known)) == set()
    assert own.live("t", "id, v") == [(1, 1)]


def test_a_table_of_another_database_on_the_server_is_read(own, only_mysql, believing, database):
    """Both tables were made and filled in the same seconds, and SOURCE_URL names the other database now."""
    twin = f"{database}_twin"
    shop, source = (url.replace(f"/{database}?", f"/{twin}?") for url in (own.shop_url, own.source_url))
    other = replace(own, shop_url=shop, source_url=source)
    own.write(f"create database {twin}")
    try:
        next_second(own)
        own.write(CREATE.format("t"), f"use {twin}", CREATE.format("t"), "insert into t values (1, 2)")
        own.write("insert into t values (1, 1)")
        next_second(own)
        known = own.discover()
        own.run(known)
        assert taken(other.run(known)) == set()
        equal(other, known)
    finally:
        own.write(f"drop database {twin}")


def test_why_mariadb_is_not_believed(own, server_kind, monkeypatch):
    """It notes when the transaction began: long before a snapshot that does not see it."""
    # Nor if it had a name for itself as MySQL has.
    monkeypatch.setattr(touched, "NAMED", ("hostname", "port"))
    own.write(CREATE.format("t"), "insert into t values (1, 1)")
    sql = "select update_time from information_schema.tables where table_schema = database() and table_name = 't'"
    with closing(own.connect(own.shop_url)) as writer, closing(own.connect(own.shop_url, autocommit=True)) as other:
        if server_kind == "mysql":
            asked(other, "set session information_schema_stats_expiry = 0")
        asked(writer, "begin", "update t set v = 2")
        next_second(own)
        next_second(own)
        with own.snapshot() as snapshot:
            seen, word = snapshot.taken_at, touched.Word(snapshot)
            assert (word.of("t") is None) == (server_kind == "mariadb")
            asked(writer, "commit")
        ((noted,),) = asked(other, sql)
    assert (noted < seen.replace(microsecond=0)) == (server_kind == "mariadb")


def test_an_untouched_table_is_not_scanned_and_the_record_says_whose_comparison_holds(
    own, only_mysql, two, monkeypatch
):
    known, first = two

    def asked_all_the_same(*_arguments):
        raise AssertionError("the table was read")

    for way in ("read", "sums", "count", "extremes", "printed", "texts"):
        monkeypatch.setattr(mysql.Snapshot, way, asked_all_the_same)
    for run in (own.run(known), own.run(known)):
        assert taken(run) == {"t", "u"}
        u, before = run.batches[1], first.batches[1]
        assert u.verdict == f"untouched since run {first.run}, 2 rows equal by hash then"
        assert (u.compared.run, u.compared.at) == (first.run, first.snapshot_at)
        assert (u.live_rows, u.hash_sum, u.by_value) == (before.live_rows, before.hash_sum, before.by_value)
        assert run_json.from_json(run.to_json(), f"_runs/{run.run}.json") == run


def test_somebody_changed_raw_by_hand(own, only_mysql, two):
    known, _first = two
    with own.opened(known.schema) as warehouse:
        warehouse.connection.execute("delete from raw_own.u where id = 2")
        assert taken(own.run_with(warehouse, known)) == {"t"}
    equal(own, known)


@pytest.mark.parametrize("options", [{"full": True}, {"compare": True}])
def test_all_is_compared_where_that_is_asked(own, only_mysql, two, options):
    assert taken(own.run(two[0], **options)) == set()
    assert taken(own.run(two[0])) == {"t", "u"}


def test_what_a_run_publishes_without_a_load_is_read_by_the_cursor_as_ever(own, only_mysql, two):
    known, _first = two
    assert taken(own.extract(known)) == set()
    own.load()
    assert taken(own.run(known)) == set() and taken(own.run(known)) == {"t", "u"}


def test_another_server_a_day_and_a_commit_of_the_last_minutes_are_no_proof(own, only_mysql, two, monkeypatch):
    known, first = two
    base = first.batches[0]
    with closing(own.connect(own.source_url)) as connection:
        (names,) = asked(connection, "select @@server_uuid, @@hostname, @@port")
    assert base.compared.server.split()[:3] == [*map(str, names)]
    then, hour = base.compared, datetime.timedelta(hours=1)
    monkeypatch.undo()
    with own.snapshot() as snapshot:
        with monkeypatch.context() as patch:
            patch.setattr(touched, "ELSEWHERE", ("version",))
            assert touched.Word(snapshot).of("t") is None, "what Aurora alone has"
        word = touched.Word(snapshot)
        context = RunContext(snapshot, word, "2-x", Places(own.lake, own.folder, None), Options(), False, watch)
        table, source = match(known, snapshot)[0]
        read = about(context, table, source, base)
        said = replace(word.of("t"), updated=then.updated - hour)

        def holds(said=said, **others) -> bool:
            kept = {"updated": then.updated - hour} | others
            return untouched.since(read, replace(base, compared=replace(then, **kept)), said) is not None

        assert holds()
        assert not holds(server=then.server + "1")
        assert not holds(said=replace(said, after=said.after + "1"))
        assert holds(said=replace(said, before="what it was before this table was held"))
        assert not holds(created=then.created - hour)
        assert not holds(said=replace(said, updated=then.updated))
        assert not holds(said=None)
        assert untouched.since(read, replace(base, compared=None), said) is None
        # A second of the last ten minutes before the comparison, or after it: the clock was set back.
        for age in (0, 599, -7200):
            late = then.at - datetime.timedelta(seconds=age)
            assert not holds(updated=late, said=replace(said, updated=late))
        for hours, still in ((23, True), (25, False)):
            ago, long_ago = then.at - hours * hour, then.at - 99 * hour
            assert holds(at=ago, updated=long_ago, said=replace(said, updated=long_ago)) is still
        assert not holds(at=snapshot.taken_at + hour)
        for other in ({"nulled": ("v",)}, {"cursor": "v"}, {"live_rows": None}, {"hash_version": 1}):
            changed = replace(base, compared=replace(then, updated=said.updated), **other)
            reading = replace(read, drift=about(context, table, source, changed).drift)
            assert untouched.since(reading, changed, said) is None, other


def test_loaded_files_are_read(own, only_mysql, two, mysql_server):
    file = own.folder / "rows"
    file.write_text("7\t7\n")
    next_second(own)
    with follows(own, mysql_server, "set global local_infile = 1", "set global local_infile = 0"):
        with closing(own.connect(own.shop_url, autocommit=True, local_infile=True)) as connection:
            asked(connection, f"load data local infile '{file}' into table t")
        assert taken(own.run(two[0])) == {"u"}
    equal(own, two[0])


@pytest.mark.skipif(not LIBFAKETIME, reason="requirements/test.txt brings libfaketime for Linux on x86_64 alone")
def test_a_change_in_a_second_that_was_noted_already_by_a_clock_that_was_set_back(only_mysql, home, tmp_path):
    """Nothing that the server says of the table tells the two apart: its clock does, as it shows less than then."""
    ahead = tmp_path / "ahead"
    ahead.write_text("+0")
    moved = of_a_process(0) | {"FAKETIME_TIMESTAMP_FILE": str(ahead), "FAKETIME_NO_CACHE": "1"}
    moved.pop("FAKETIME")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in moved.items():
            patch.setenv(name, value)
        own = started(home, tmp_path)
    try:
        own.write(*EMPTY, CREATE.format("t"), "insert into t values (1, 1)")
        known = own.discover()
        ahead.write_text("+30m")
        first = own.run(known).batches[0].compared
        assert taken(own.run(known)) == {"t"}
        noted = first.updated.replace(tzinfo=datetime.timezone.utc)
        while True:
            behind = time.time() - noted.timestamp() - 0.2
            ahead.write_text(f"-{behind:.3f}")
            own.write("update t set v = v + 1")
            with own.snapshot() as snapshot:
                if touched.Word(snapshot).of("t").updated == first.updated:
                    break
        assert taken(own.run(known)) == set()
        equal(own, known)
    finally:
        private_server.down(home, say=lambda _text: None)


def test_a_replica_is_not_believed_and_what_its_source_does_not_log_is_read_there(
    only_mysql, believing, mysql_server, home, tmp_path
):
    """An account that may not ask whether it is one sees at least what the replica has applied."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        network = ("--skip-networking=0", "--bind-address=127.0.0.1", f"--port={free.getsockname()[1]}")
    own = started(home, tmp_path / "source", "--server-id=2", "--log-bin=log", *network)
    copy = OwnDatabase(mysql_server.url("shop"), mysql_server.url("loader"), tmp_path / "replica")
    try:
        for server in (own, copy):
            server.folder.mkdir()
            server.write(*EMPTY, *(CREATE.format(table) for table in ("t", "u")))
            server.write("insert into t values (1, 1)", "insert into u values (1, 1)")
        known, the_same = own.discover(), copy.discover()
        root = (home / "root.url").read_text().strip()
        with closing(own.connect(root, autocommit=True)) as source:
            asked(source, "create user follower identified by 'p'", "grant replication slave on *.* to follower")
            ((log, position, *_more),) = asked(source, "show binary log status")
            follow = (
                f"change replication source to source_host = '127.0.0.1', source_{network[-1][2:]}, "
                "source_user = 'follower', source_password = 'p', get_source_public_key = 1, "
                f"source_log_file = '{log}', source_log_pos = {position}"
            )
            with follows(copy, mysql_server, follow, "stop replica", "reset replica all") as replica:
                asked(replica, "start replica")
                for _run in range(2):
                    first, its_first = own.run(known), copy.run(the_same)
                assert taken(first) == taken(its_first) == {"t", "u"}
                next_second(own)
                asked(source, "update t set v = 2", "set sql_log_bin = 0", "update u set v = 2")
                while not asked(replica, f"select * from {private_server.DATABASE}.t where v = 2"):
                    time.sleep(0.02)
                assert taken(own.run(known)) == set() and taken(copy.run(the_same)) == {"u"}
                equal(own, known)
                equal(copy, the_same)
                asked(replica, "grant replication client on *.* to loader@localhost")
                assert taken(copy.run(the_same)) == set()
                asked(replica, "revoke replication client on *.* from loader@localhost")
        assert copy.live("u", "id, v") == [(1, 1)] and own.live("u", "id, v") == [(1, 2)]
    finally:
        copy.write(*EMPTY)
        private_server.down(home, say=lambda _text: None)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Of a server that tests start in their own ways; its data are made once."""
    return tmp_path_factory.mktemp("another") / "server"


def started(home, folder, *options: str) -> OwnDatabase:
    server = private_server.up(home, "mysql", lambda _text: None, ("--innodb-flush-method=nosync", *options))
    return OwnDatabase(server.url("shop"), server.url("loader"), folder)


@contextmanager
def follows(own, server, follow: str, *forget: str):
    with closing(own.connect(server.url("root", "mysql"), autocommit=True)) as administrator:
        asked(administrator, follow)
        try:
            yield administrator
        finally:
            asked(administrator, *forget)


def test_a_server_that_only_reads_is_not_believed(own, only_mysql, two, mysql_server):
    with follows(own, mysql_server, "set global read_only = 1", "set global read_only = 0"):
        assert taken(own.run(two[0])) == set()
    assert taken(own.run(two[0])) == set()
    assert taken(own.run(two[0])) == {"t", "u"}


def test_an_engine_that_is_not_innodb_and_a_partitioned_table_are_read(own, only_mysql, two):
    own.write(
        "create table m (id int primary key, v int) engine = MyISAM",
        f"{CREATE.format('parts')} partition by range (id) {PARTITIONS}",
    )
    known = own.discover()
    own.run(known)
    assert taken(own.run(known)) == {"t", "u"}
    with own.snapshot() as snapshot:
        assert touched.Word(snapshot).of("m") is None, "nor would it be if a snapshot held it"


def test_a_restart_and_a_transaction_that_was_prepared_before_it(only_mysql, believing, home, tmp_path):
    """What the server noted is gone, so nothing is believed; a table that is written anew is, from then on."""
    own = started(home, tmp_path)
    try:
        own.write(*EMPTY, CREATE.format("t"), CREATE.format("u"), "insert into t values (1, 1), (2, 2)")
        own.write("insert into u values (1, 1)")
        known = own.discover()
        own.run(known)
        assert taken(own.run(known)) == {"t", "u"}
        with closing(own.connect(own.shop_url, autocommit=True)) as xa:
            asked(xa, "xa start 'h'", "update t set v = 9 where id = 1", "xa end 'h'", "xa prepare 'h'")
        private_server.down(home, say=lambda _text: None)
        own = started(home, tmp_path)
        assert taken(own.run(known)) == set()
        own.write("update t set v = 3 where id = 2")
        own.run(known)
        assert taken(own.run(known)) == {"t"}
        next_second(own)
        own.write("xa commit 'h'")
        assert taken(own.run(known)) == set()
        equal(own, known)
    finally:
        private_server.down(home, say=lambda _text: None)


def test_random_writers_and_runs(own, server_kind, monkeypatch, request):
    """`make test-long`: 2,000 runs on each server."""
    long = request.config.getoption("--hypothesis-profile") == "long"
    seed = request.config.getoption("--hypothesis-seed")
    monkeypatch.setattr(untouched, "HANGS", untouched_machine.HANGS)
    machine = Machine(own, int(seed or 1))
    # What it has made is old enough by then to be untouched in the second run, however quick the runs are.
    next_second(own)
    next_second(own)
    did = machine.run(2_000 if long else 12)
    print(f"{server_kind}, seed {seed or 1}: {dict(did)}")
    assert (did["untouched"] > 0) == (server_kind == "mysql") and did["compared"] > 0
