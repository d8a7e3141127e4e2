"""A server that thinks for long before it answers is waited for; one that is gone is not."""

import socket
import subprocess
import sys
import time

import pytest

from loaders.common.settings import ROOT
from loaders.source import log_in, mysql_url
from loaders.source.bucket_sums import in_parts

VANISHES = """
import fcntl, socket, struct, sys, threading, time
from pathlib import Path
from loaders.common.errors import Failure
from loaders.source import log_in, mysql, mysql_url
from tests import chaos_proxy

def loopback(up):
    flags = 0x1 | 0x40 if up else 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", flags))  # SIOCSIFFLAGS

loopback(True)
url, upstream, dead_after = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
log_in.DEAD_AFTER_SECONDS = dead_after
line = chaos_proxy.Line(upstream)
parsed = mysql_url.parse(url, "x")
address = mysql_url.DatabaseURL(parsed.user, "127.0.0.1", line.port, parsed.database, parsed.password)
with mysql.snapshot(log_in.connect(address, "x", **mysql.CONNECT_OPTIONS)) as snapshot:
    table = snapshot.tables()["t"]
    threading.Timer(1, loopback, [False]).start()
    began = time.monotonic()
    try:
        snapshot.sums(table, "1", "sleep(20)")
    except Failure as failure:
        print(f"{time.monotonic() - began:.0f}", failure)
"""


@pytest.fixture
def quiet(own):
    own.write("create table t (id int primary key)", "insert into t values (1), (2), (3)")
    return own


def test_an_answer_may_be_silent_for_longer_than_a_log_in(quiet, monkeypatch):
    monkeypatch.setattr(log_in, "LOG_IN_SECONDS", 1)
    with quiet.snapshot() as snapshot:
        table = snapshot.tables()["t"]
        assert snapshot.sums(table, "1", "sleep(0.7)") == {1: (3, 0)}
        parts = list(in_parts(snapshot, table, "1", "sleep(0.7)", [None]))
        assert [part.sums for part in parts] == [{1: (3, 0)}]


def test_a_log_in_that_is_not_answered_ends(monkeypatch):
    monkeypatch.setattr(log_in, "LOG_IN_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = mysql_url.DatabaseURL("u", "127.0.0.1", listening.getsockname()[1], "d", "canary")
        began = time.monotonic()
        with pytest.raises(mysql_url.Failure, match="ended the connection"):
            log_in.connect(url, "SOURCE_URL")
        assert time.monotonic() - began < 10


def test_a_server_that_is_gone_without_a_word_ends_the_wait(quiet, mysql_server):
    """The line is cut as a network does it: nothing comes any more, not even an end."""
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this system gives an ordinary process no network of its own, which the test cuts")
    command = [*alone, sys.executable, "-c", VANISHES, quiet.source_url, str(mysql_server.socket), "4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    seconds, _, said = done.stdout.partition(" ")
    assert seconds and 2 <= int(seconds) < 15, done.stdout + done.stderr
    assert "while table t was read" in said and "server's log" in said
