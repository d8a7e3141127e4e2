"""Every way that is measured: a command that reads the table and leaves it in a folder."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.peers import Peers
from bench.server import TABLE, Source


@dataclass(frozen=True)
class Way:
    """command and environment: {out} in them is the folder to write to, {table} the table.

    output: what lies there then: parquet, lake, csv, raw (a DuckDB warehouse), sql, or None. slow: takes several times
    as long as others. lacking: why it cannot be run here.
    """

    name: str
    what: str
    command: tuple[str, ...]
    output: str | None
    server_pid: int
    slow: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    lacking: str | None = None

    def on(self, table: str) -> "Way":
        """The same, reading another table."""
        command = tuple(table if part == TABLE else part for part in self.command)
        return Way(self.name, self.what, command, self.output, self.server_pid, self.slow, self.environment)


# Ways that need nothing but the client and our own packages.
OWN = {"client", "ours", "ours 2", "no load", "make extract", "make extract 2", "PyMySQL cursor", "pandas"}
OTHERS = {"ConnectorX", "chDB", "Rivet", "dlt connectorx", "dlt pyarrow", "dlt default", "DuckDB scanner", "mydumper 1",
          "mydumper 2"}  # fmt: skip


def all_ways(source: Source, peers: Peers) -> list[Way]:
    """The client first: it is what all are compared with."""
    return [_client(source, peers), *_ours(source, peers), *_python_ways(source, peers), *_mydumper(source, peers)]


def _client(source: Source, peers: Peers) -> Way:
    options = [f"--{name}={value}" for name, value in _address(source).items()]
    asked = ("--quick", "-N", "-B", "-e", f"select * from `{TABLE}`", source.url.database)
    command = (*peers.client.command, "--no-defaults", *options, *asked)
    what = f"`{source.kind} --quick -N -B > /dev/null`: rows as text, thrown away"
    return Way("client", what, command, None, source.pid, environment=peers.client.environment)


def _ours(source: Source, peers: Peers) -> list[Way]:
    python, url = sys.executable, source.url.text()
    reader = (python, "-m", "bench.readers.ours", url, TABLE, "{out}")
    settings = {
        "SOURCE_URL": url,
        "LAKE_URL": "{out}/lake",
        "DBT_PROFILES_DIR": str(peers.home),
        "DBT_TARGET": "duckdb",
        "DUCKDB_PATH": "{out}/warehouse.duckdb",
        "CATALOG": "",
    }
    whole = (python, "-m", "loaders", "extract", "--tables", TABLE)
    return [
        Way("ours", "our reader to Parquet files, sha256 included, one connection", reader, "parquet", source.pid),
        Way("ours 2", "the same over two connections that share one snapshot", (*reader, "2"), "parquet",
            source.pid),
        Way("no load", "`extract --no-load`: with the hash of every row, published in the lake", (*whole, "--no-load"),
            "lake", source.pid, environment=settings),
        Way("make extract", "end to end: the same, then into DuckDB, counted", whole, "raw", source.pid,
            environment=settings),
        Way("make extract 2", "end to end over two connections", (*whole, "--parallel", "2"), "raw", source.pid,
            environment=settings),
    ]  # fmt: skip


def _python_ways(source: Source, peers: Peers) -> list[Way]:
    """Readers that are Python scripts of bench/readers."""

    def way(name: str, what: str, script: str, *more: str, of: str | None = "python", **options) -> Way:
        """`of`: whose packages it needs; None: only our own."""
        python = getattr(peers, of) if of else sys.executable
        command = (python or "", "-m", f"bench.readers.{script}", source.url.text(), TABLE, "{out}", *more)
        options = {"output": "parquet", "lacking": peers.lacking.get(of)} | options
        return Way(name, what, command, server_pid=source.pid, **options)

    dlt = "dlt to Parquet files, backend {}"
    return [
        way("ConnectorX", "`arrow_stream` to a Parquet file", "connectorx_way"),
        way("chDB", "its table function `mysql`, into a Parquet file", "chdb_way"),
        way("Rivet", "one statement, with the types its `init` suggests", "rivet_way"),
        way("dlt connectorx", dlt.format("connectorx"), "dlt_way", "connectorx"),
        way("dlt pyarrow", dlt.format("pyarrow"), "dlt_way", "pyarrow", slow=True),
        way("dlt default", dlt.format("sqlalchemy (its default)"), "dlt_way", "sqlalchemy", slow=True),
        way("DuckDB scanner", "DuckDB's mysql extension, COPY to Parquet", "duckdb_way", of="duckdb", slow=True),
        way("PyMySQL cursor", "SSCursor, rows to Arrow, Parquet", "cursor_way", of=None, slow=True),
        way("pandas", "examples/naive.py: read and to_csv", "pandas_way", output="csv", slow=True, of=None),
    ]  # fmt: skip


def _mydumper(source: Source, peers: Peers) -> list[Way]:
    found, why = peers.mydumper, peers.lacking.get("mydumper")
    options = [f"--{name}={value}" for name, value in _address(source).items() if name != "protocol"]
    return [
        Way(f"mydumper {threads}", f"C, SQL text files, {threads} thread{'s' * (threads > 1)}",
            (*(found.command if found else ()), *options, f"--database={source.url.database}", f"--tables-list={TABLE}",
             f"--threads={threads}", "--rows=500000", "--outputdir={out}"), "sql", source.pid,
            environment=found.environment if found else {}, lacking=why)
        for threads in (1, 2)
    ]  # fmt: skip


def _address(source: Source) -> dict[str, str]:
    url = source.url
    return {
        "host": url.host,
        "port": str(url.port),
        "user": url.user,
        "password": url.password.revealed(),
        "protocol": "tcp",
    }
