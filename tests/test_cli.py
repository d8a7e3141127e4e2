"""The command line as a user meets it, bad input above all: what failed, what to do, and no traceback."""

import os
import re
import resource
import signal
import subprocess
import sys
import time

import boto3
import duckdb
import pytest

from loaders.common.errors import Exit
from loaders.common.settings import ROOT
from tests import forked

CANARY = "canary-password"


@pytest.fixture
def shop(own):
    own.write("create table `order` (id int primary key)", "insert into `order` values (1), (2)")
    own.discover()
    (own.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    return own


def environment(own, **changes) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "AWS_"))}
    return (
        kept
        | {
            "SOURCE_URL": own.source_url,
            "LAKE_URL": str(own.folder / "lake"),
            "CATALOG": str(own.catalog_file),
            "DBT_PROFILES_DIR": str(own.folder),
            "DBT_TARGET": "",
            "DUCKDB_PATH": "",
        }
        | changes
    )


def loaders(own, *arguments, preexec_fn=None, **changes) -> subprocess.CompletedProcess:
    if not preexec_fn:
        return forked.run("-m", "loaders", *arguments, environment=environment(own, **changes))
    return subprocess.run(
        [sys.executable, "-m", "loaders", *arguments],
        cwd=ROOT,
        env=environment(own, **changes),
        capture_output=True,
        text=True,
        preexec_fn=preexec_fn,
    )


@pytest.mark.parametrize(("setting", "others"), [("", 0o077), ("1", 0o007)])
def test_lake_and_warehouse_are_readable_by_nobody_else(shop, setting, others):
    """Whatever the umask is: rows of customers are in them."""
    done = loaders(shop, "extract", preexec_fn=lambda: os.umask(0), FILES_FOR_GROUP=setting)
    assert done.returncode == 0, done.stderr
    made = [*(shop.folder / "lake").rglob("*"), shop.folder / "lake", shop.warehouse_path]
    modes = {path.name: path.stat().st_mode & 0o777 for path in made}
    assert len(modes) > 4 and not any(mode & others for mode in modes.values()), modes
    assert all(mode & 0o060 == 0o060 for mode in modes.values()) == bool(setting)


def refused(done: subprocess.CompletedProcess, problem: str, fix: str, code: int = Exit.FAILED) -> None:
    """The house style of a known failure."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    first, second = done.stderr.strip().splitlines()[-2:]
    assert re.match(r"error( \[[a-z0-9-]+\])?: ", first) and problem in first, first
    assert second.startswith("  fix: ") and fix in second, second
    assert CANARY not in done.stdout + done.stderr


def test_extract_shows_a_line_per_table_and_a_summary(shop):
    done = loaders(shop, "extract")
    assert done.returncode == 0, done.stderr
    assert "run 1: 1 table as of " in done.stdout
    assert "order             2 rows" in done.stdout and "equal: 2 rows" in done.stdout
    assert f"run 1: 2 rows -> {shop.warehouse_path}, schema raw_own" in done.stdout
    assert shop.raw("order", "id") == [(1,), (2,)]


def test_no_load_stops_at_the_lake_and_load_goes_on_from_there(shop):
    assert "not loaded" in loaders(shop, "extract", "--no-load").stdout
    assert not shop.warehouse_path.exists()
    assert "does not exist yet" in loaders(shop, "status").stdout
    assert "run 1: 2 rows" in loaders(shop, "load").stdout
    assert "raw is up to date" in loaders(shop, "load").stdout
    told = loaders(shop, "status").stdout
    assert "order  run    1" in told and "0 runs wait in the lake" in told


def test_discover_prints_a_catalog_that_works(shop):
    done = loaders(shop, "discover")
    shop.catalog_file.write_text(done.stdout)
    assert loaders(shop, "extract").returncode == 0


@pytest.mark.parametrize("arguments", [[], ["--help"], ["extract", "--help"], ["discover", "--help"]])
def test_help_is_there(shop, arguments):
    done = loaders(shop, *arguments)
    assert done.returncode == (0 if arguments else 2)
    assert "usage: python -m loaders" in done.stdout + done.stderr


def test_a_wrong_password(shop):
    url = shop.source_url.replace("mysql://loader:", f"mysql://loader:{CANARY}")
    refused(loaders(shop, "extract", SOURCE_URL=url), "refused user loader", "SOURCE_URL")


def test_an_unreachable_host(shop):
    url = f"mysql://loader:{CANARY}@127.0.0.1:9/shop"
    refused(loaders(shop, "extract", SOURCE_URL=url), "127.0.0.1:9 cannot be reached", "SOURCE_URL", Exit.TRY_AGAIN)


def test_a_missing_database(shop, database):
    url = shop.source_url.replace(database, "order_he_nowhere")
    refused(loaders(shop, "extract", SOURCE_URL=url), "has no database order_he_nowhere", "SOURCE_URL")


def test_a_table_that_the_source_does_not_have(shop):
    shop.catalog_file.write_text(shop.catalog_file.read_text().replace("name: order", "name: orders"))
    refused(loaders(shop, "extract"), "has no table orders", "did you mean order?")


def test_a_table_that_the_catalog_does_not_have(shop):
    refused(loaders(shop, "extract", "--tables", "ordre"), "has no table ordre", "did you mean order?")


def test_a_catalog_with_a_typo(shop):
    shop.catalog_file.write_text(shop.catalog_file.read_text().replace("primary_key", "primary_kye"))
    refused(loaders(shop, "extract"), "table order has `primary_kye`", "did you mean `primary_key`?")


def test_a_key_column_that_does_not_exist(shop):
    shop.catalog_file.write_text(shop.catalog_file.read_text().replace("- id", "- ident"))
    refused(loaders(shop, "extract"), "has no column ident", "did you mean id?")


def test_an_unwritable_lake(shop):
    (shop.folder / "a file").write_text("")
    refused(loaders(shop, "extract", LAKE_URL=str(shop.folder / "a file" / "lake")), "Not a directory", "LAKE_URL")


def test_a_lake_of_an_unknown_kind(shop):
    refused(loaders(shop, "extract", LAKE_URL="ftp://x/y"), "neither a folder nor s3://", "s3://bucket/prefix")


INCOMPRESSIBLE = (
    "create table big (id int primary key auto_increment, v blob)",
    "insert into big (v) values ('')",
    *["insert into big (v) select random_bytes(1024) from big"] * 12,
)


def test_a_full_disk_while_reading_leaves_lake_and_raw_as_they_were(shop):
    """A limit on the size of a file stands for a full disk: both make a write fail half way."""
    shop.write(*INCOMPRESSIBLE)
    shop.discover()
    done = loaders(shop, "extract", "--no-load", preexec_fn=lambda: limit_files_to(1 << 20))
    refused(done, "cannot be written", "free some space")
    assert list(shop.lake.keys("")) == []
    assert loaders(shop, "extract").returncode == 0


def test_a_full_disk_while_loading_leaves_raw_as_it_was_and_load_goes_on(shop):
    assert loaders(shop, "extract").returncode == 0
    shop.write(*INCOMPRESSIBLE, "insert into `order` values (3)")
    shop.discover()
    assert loaders(shop, "extract", "--no-load", "--full").returncode == 0
    refused(loaders(shop, "load", preexec_fn=lambda: limit_files_to(1 << 20)), "could not apply run 2", "make load")
    assert shop.raw("order", "id, _run") == [(1, 1), (2, 1)]
    assert loaders(shop, "load").returncode == 0
    assert shop.raw("order", "id, _run") == [(1, 2), (2, 2), (3, 2)]


def test_a_warehouse_in_use_is_named_with_its_user(shop):
    assert loaders(shop, "extract").returncode == 0
    with duckdb.connect(shop.warehouse_path):
        refused(loaders(shop, "extract"), f"PID {os.getpid()}", "close it there", Exit.TRY_AGAIN)
    assert loaders(shop, "extract").returncode == 0


def test_two_runs_at_the_same_moment_end_in_one_truth(shop):
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "loaders", "extract"],
            cwd=ROOT,
            env=environment(shop),
            stdout=-1,
            stderr=-1,
            text=True,
        )
        for _ in range(4)
    ]
    ends = [(*process.communicate(), process.returncode) for process in running]
    assert any(code == 0 for _out, _err, code in ends) or all("error" in err for _out, err, _code in ends)
    for _out, err, code in ends:
        assert code == 0 or ("error" in err and "fix: " in err and "Traceback" not in err), err
    assert loaders(shop, "extract").returncode == 0
    assert shop.raw("order", "id") == [(1,), (2,)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_hand_it_leaves_nothing_half_done(shop, number, code):
    shop.write("create table big (id int primary key auto_increment, v varchar(1000))")
    shop.write("insert into big (v) values (repeat('x', 1000))", *["insert into big (v) select v from big"] * 17)
    shop.discover()
    process = subprocess.Popen(
        [sys.executable, "-m", "loaders", "extract", "--tables", "big"],
        cwd=ROOT, env=environment(shop), stdout=-1, stderr=-1, text=True,
        # A test run in the background of a script inherits Ctrl-C as ignored; a user's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while process.poll() is None and not list(shop.folder.glob("warehouse.duckdb")):
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(number)
    _out, err = process.communicate()
    assert process.returncode == code, err
    assert "nothing is half done" in err and "Traceback" not in err
    assert list(shop.lake.keys("")) == []
    assert loaders(shop, "extract", "--tables", "order").returncode == 0


def test_on_a_terminal_a_load_says_that_it_is_at_work_and_wipes_it_out(shop):
    screen, terminal = os.openpty()
    with open(screen, "rb", buffering=0) as shown:  # noqa: PTH123 (a file descriptor)
        done = subprocess.run(
            [sys.executable, "-m", "loaders", "extract"], cwd=ROOT, env=environment(shop), stdout=-1, stderr=terminal
        )
        os.close(terminal)
        written = shown.read(10_000).decode()
    assert done.returncode == 0 and b"run 1: " in done.stdout
    assert f"loading into {shop.warehouse_path} …" in written and written.endswith("\r")


@pytest.mark.parametrize("package", ["loaders", "seeds_generator", "local_stack", "dashboard"])
def test_stopped_by_hand_while_it_imports_it_ends_without_a_word(package, tmp_path):
    """The package's first import of its own waits, as a slow disk would; then comes the Ctrl-C."""
    slow = f"import sys, time; name = {package + '.cli'!r}\n" + SLOW_IMPORT
    (tmp_path / "sitecustomize.py").write_text(slow)
    process = subprocess.Popen(
        [sys.executable, "-m", package, "--help"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(tmp_path)}, stdout=-1, stderr=-1, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (-signal.SIGINT, "", "")


SLOW_IMPORT = """
class Slow:
    def find_spec(self, found, *_):
        if found == name:
            print("importing", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
"""

LONG_QUERY = """
import os, signal, sys, threading
from pathlib import Path
from types import SimpleNamespace
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.common.errors import run_command

def reading(warehouse):
    with warehouse.live(SimpleNamespace(table="t", files=(), key_columns=()), "1-attempt", None) as live:
        live.ask(sys.argv[3])

def loading(warehouse):
    with warehouse._transaction("apply run 1", "run it again"):
        warehouse.connection.execute(sys.argv[3])

def command():
    with open_warehouse(Path(sys.argv[1]), "raw") as warehouse:
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
        globals()[sys.argv[2]](warehouse)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run_command(command))
"""
ENDLESS = "select count(*) from range(1000000000000) t(i) where i % 3 = 0"


@pytest.mark.parametrize("doing", ["reading", "loading"])
def test_stopped_by_hand_in_a_query_of_duckdb_it_says_the_same_and_ends(tmp_path, doing):
    """DuckDB makes a RuntimeError of Ctrl-C, and its other threads go on with the query until they are told."""
    command = [sys.executable, "-c", LONG_QUERY, str(tmp_path / "w.duckdb"), doing, ENDLESS]
    # The moment decides whether another thread has part of the query; several moments meet it.
    for _ in range(5):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 130, done.stderr
        assert "nothing is half done" in done.stderr and "Traceback" not in done.stderr


def test_while_a_value_stops_one_table_the_others_go_on_as_the_failure_says(shop):
    shop.write("create table zero (id int primary key, at date)")
    with shop.connect(shop.shop_url, sql_mode="", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("insert into zero values (7, '2024-00-00')")
    shop.discover()
    said, fix = "zero.at: the value 2024-00-00 of the row id=7", "`extract --tables` moves the other"
    refused(loaders(shop, "extract"), said, fix, Exit.DECIDE)
    assert loaders(shop, "extract", "--tables", "order").returncode == 0
    assert shop.raw("order", "id") == [(1,), (2,)]
    text = shop.catalog_file.read_text() + "    columns: [{name: at, config: {meta: {on_invalid: null}}}]\n"
    shop.catalog_file.write_text(text)
    done = loaders(shop, "extract")
    assert "1 invalid value of at became NULL" in done.stdout and shop.raw("zero", 'id, "at"') == [(7, None)]


def test_a_lake_in_s3_by_boto3s_own_variables(shop, s3_server):
    boto3.client("s3", **s3_server).create_bucket(Bucket="cli-lake")
    aws = {
        "AWS_ENDPOINT_URL_S3": s3_server["endpoint_url"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "LAKE_URL": "s3://cli-lake/order-he",
    }
    done = loaders(shop, "extract", **aws)
    assert done.returncode == 0, done.stderr
    assert shop.raw("order", "id") == [(1,), (2,)]
    refused(loaders(shop, "extract", **aws | {"LAKE_URL": "s3://nowhere/x"}), "NoSuchBucket", "create the bucket")


def test_an_unknown_target_and_a_target_that_cannot_be_loaded(shop):
    refused(loaders(shop, "extract", DBT_TARGET="e"), "no target e", "known are d")


def test_a_database_without_tables_is_not_a_wrong_name(shop):
    """What the first day on an empty server meets."""
    shop.write("drop table `order`")
    for command in ("extract", "discover"):
        refused(loaders(shop, command), "no table", "grant select on")


def limit_files_to(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
