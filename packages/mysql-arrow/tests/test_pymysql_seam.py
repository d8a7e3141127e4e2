"""What mysql_arrow/pymysql_seam.py takes from inside PyMySQL: a new PyMySQL that lacks it fails here, by name."""

import gc
import inspect
import io
import socket
import ssl
from contextlib import closing

import pymysql
import pytest
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CLIENT

from mysql_arrow import pymysql_seam
from tests.own_database import sequence


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (Connection, "_execute_command", ["self", "command", "sql"]),
        (Connection, "_force_close", ["self"]),
        (Connection, "_read_ok_packet", ["self"]),
        (Connection, "_create_ssl_ctx", ["self", "sslp"]),
        (Connection, "_get_server_information", ["self"]),
        (Connection, "_process_auth", ["self", "plugin_name", "auth_packet", "handler"]),
        (Connection, "_read_bytes", ["self", "num_bytes"]),
        (Connection, "_read_packet", ["self", "packet_type"]),
        (Connection, "_read_query_result", ["self", "unbuffered"]),
        (MySQLResult, "__init__", ["self", "connection"]),
        (MySQLResult, "init_unbuffered_query", ["self"]),
        (pymysql.err, "raise_mysql_exception", ["data"]),
    ],
)
def test_a_function_of_pymysql_is_there_and_takes_what_it_took(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters, f"{owner.__name__}.{name}"


def test_the_insides_of_an_open_connection_are_where_they_were(own):
    with closing(own.connect(own.source_url)) as connection:
        assert isinstance(connection._sock, socket.socket | ssl.SSLSocket), "_sock"
        assert isinstance(connection._rfile, io.BufferedReader), "_rfile"
        assert isinstance(connection._next_seq_id, int), "_next_seq_id"
        assert connection._read_timeout is None, "_read_timeout"
        assert connection._result is None or not connection._result.unbuffered_active, "_result"
        assert not connection.client_flag & (pymysql_seam.DEPRECATE_EOF | CLIENT.COMPRESS), "client_flag"


def test_after_the_columns_a_result_is_left_to_us(own):
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    with closing(own.connect(own.source_url)) as connection:
        stream = pymysql_seam.start(connection, "select id from t")
        assert [field.name for field in stream.fields] == ["id"]
        # A row is packet 1 + definitions + EOF later: columns' count, one definition, EOF.
        assert stream.sequence == 4
        assert stream.head.startswith(b"\x02\x00\x00\x04\x011")


def test_nothing_stays_in_the_buffered_file(own):
    """Its buffer must not be larger than what one read takes out of it."""
    with closing(own.connect(own.source_url)) as connection:
        stream = pymysql_seam.start(connection, "select repeat('x', 1000000)")
        assert len(stream.head) <= pymysql_seam.BUFFERED_BYTES
        connection._sock.setblocking(False)
        assert connection._rfile.read1(1 << 20) != stream.head
        assert io.DEFAULT_BUFFER_SIZE <= pymysql_seam.BUFFERED_BYTES


def test_a_connection_that_asked_for_another_protocol_is_refused(own):
    with closing(own.connect(own.source_url)) as connection:
        connection.client_flag |= CLIENT.COMPRESS
        with pytest.raises(pymysql.MySQLError, match="compressed"):
            pymysql_seam.start(connection, "select 1")
        connection.client_flag &= ~CLIENT.COMPRESS


def test_a_cursor_of_pymysqls_that_is_left_early_reads_no_more(own):
    own.write("create table t (id int primary key)", f"insert into t select seq from {sequence(1, 200_000)}")
    ignored = []
    with pytest.MonkeyPatch.context() as patch, own.snapshot() as snapshot:
        patch.setattr("sys.unraisablehook", ignored.append)
        rows = snapshot.printed(snapshot.tables()["t"], "select id from t")
        next(rows)
        rows.close()
        assert not snapshot.connection.open
        del rows
        gc.collect()
    assert ignored == []
