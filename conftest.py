"""Real parts, started once per worker and shared: a MariaDB, a MySQL and an S3 server."""

import os
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from local_stack.redshift import NAMES
from tests import forked, servers
from tests import tls_server as tls_server_of_its_own
from tests.dashboard.pages import (  # noqa: F401 (fixtures; one browser of a kind for all tests of a worker)
    browser,
    engine,
    firefox,
    open_page,
    playwright,
)
from tests.own_database import OwnDatabase, fresh_database

pytest_plugins = ["redshift_stand_in.pytest_plugin"]
pytest.register_assert_rewrite("tests.mixes")
# In a CI commands do not show values of rows: tests/test_no_values.py says so, and the others read them.
os.environ.pop("CI", None)
# Commands speak the language of whoever runs them; tests read English.
os.environ["LC_MESSAGES"] = "C"
if os.environ.get("LC_ALL", "").startswith("ko"):
    os.environ["LC_ALL"] = "C.UTF-8"

# No test is timed: what takes 5 ms alone takes 250 while others work.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")
# `make test-long`: 20,000 steps of the state machine.
settings.register_profile(
    "long",
    max_examples=480,
    stateful_step_count=50,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a server runs on each kind there is, but for what tests/servers.py names."""
    if "server_kind" in metafunc.fixturenames:
        test = metafunc.definition.nodeid
        metafunc.parametrize("server_kind", servers.wanted(test), indirect=True, scope="session")


# The files that take a minute and more, longest first: begun last, one would keep a worker busy while the others have
# nothing left to do.
LONGEST_FIRST = (
    "tests/test_checkout.py", "tests/test_kill.py", "tests/test_course.py", "tests/redshift/test_kill.py",
    "tests/redshift/test_marts.py", "tests/test_builds.py", "tests/test_erase_dbt.py", "tests/test_history.py",
    "tests/redshift/test_machines.py", "tests/test_mart_machine.py", "tests/redshift/test_dashboard.py",
    "tests/test_clocks.py", "tests/test_own_shop.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m source` chooses what speaks to a server. What one cannot do is skipped, by its name in the list."""
    places = {file: place for place, file in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
    for item in items:
        kind = item.callspec.params.get("server_kind") if hasattr(item, "callspec") else None
        if kind:
            item.add_marker(pytest.mark.source)
            reason = servers.why_not(kind, item.nodeid)
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"{kind}: {reason}"))


@pytest.fixture(scope="session", autouse=True)
def parsed_once(tmp_path_factory, worker_id):
    """What dbt has parsed for one test serves those of all workers."""
    ours = tmp_path_factory.getbasetemp()
    folder = (ours if worker_id == "master" else ours.parent) / "parsed"
    folder.mkdir(exist_ok=True)
    forked.PARSED[:] = [folder]


@pytest.fixture(scope="session")
def server_kind(request) -> str:
    """mariadb or mysql."""
    return request.param


@pytest.fixture(scope="session")
def started_servers(tmp_path_factory, worker_id):
    """A way to a server of a kind, which is started when the first test asks for it, and stopped after the last."""
    running = {}
    with ExitStack() as stack:

        def server(kind: str):
            if kind not in running:
                home = tmp_path_factory.mktemp(kind)
                running[kind] = stack.enter_context(servers.started(kind, home, worker_id))
            return running[kind]

        yield server


@pytest.fixture(scope="session")
def mysql_server(server_kind, started_servers):
    """A server for the tests alone, of both kinds one after the other."""
    return started_servers(server_kind)


@pytest.fixture
def database(mysql_server):
    """The name of a fresh, empty database."""
    with fresh_database(mysql_server) as name:
        yield name


@pytest.fixture(scope="module")
def module_own(mysql_server, tmp_path_factory):
    """Like `own`, shared by the tests of a module."""
    with fresh_database(mysql_server) as name:
        folder = tmp_path_factory.mktemp("own")
        yield OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), folder)


@pytest.fixture
def own(mysql_server, database, tmp_path):
    """A database of the test's own, with lake and warehouse in a folder."""
    return OwnDatabase(mysql_server.url("shop", database), mysql_server.url("loader", database), tmp_path)


@pytest.fixture(scope="module")
def tls_server(server_kind, tmp_path_factory):
    """A server that insists on TLS."""
    with tls_server_of_its_own.started(tmp_path_factory.mktemp("secured"), server_kind) as server:
        yield server


@pytest.fixture(scope="session")
def redshift_stand_in_names():
    """One stand-in for all tests of a worker, with the project's names."""
    return NAMES


@pytest.fixture(scope="session")
def s3_server():
    """What boto3.client("s3", …) needs to reach an S3 server of the tests' own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    server.stop()
