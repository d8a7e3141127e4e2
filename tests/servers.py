"""Which tests run on which server: all that ask for one run on MariaDB and on MySQL, but for what is named here.

TEST_SERVERS names the servers of a run ("mariadb", "mysql", or both with a blank between them; both, if not set).
TEST_MYSQL_URL, an administrator's URL, names a server to take for "mysql" in place of a private one.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import pytest

from loaders.source import log_in, mysql_url
from local_stack import private_server

# Files and folders whose tests are about something behind the lake, and for which one server is as good as the other.
ON_ONE = {
    "tests/dashboard/": "what is drawn of a warehouse",
    "tests/infra/test_image.py": "what a schedule starts",
    "tests/redshift/": "what the warehouse does with files of the lake",
    "tests/test_acceptance.py": "what dbt makes of the original shop's data",
    "tests/test_builds.py": "what dbt builds of raw",
    "tests/test_by_hash.py::test_a_lake_of_parts_is_pruned": "what becomes of rows and runs in the lake",
    "tests/test_canary.py": "what is told and written of rows",
    "tests/test_cli.py": "what commands print",
    "tests/test_clocks.py": "what dbt builds of raw",
    "tests/test_commits.py": "how lake and warehouse commit together",
    "tests/test_copied_checkout.py": "where a checkout's things are",
    "tests/test_dbt_project.py": "what dbt builds of raw",
    "tests/test_diff.py": "what dbt builds of raw",
    "tests/test_drift_dbt.py": "what dbt builds of raw",
    "tests/test_duckdb_warehouse.py": "what DuckDB does with files of the lake",
    "tests/test_erase.py": "what becomes of rows in the lake",
    "tests/test_erase_dbt.py": "what dbt builds of raw",
    "tests/test_erase_deleted.py": "what becomes of rows in the lake",
    "tests/test_erase_histories.py": "what dbt builds of raw",
    "tests/test_erase_versions.py": "what becomes of rows in the lake",
    "tests/test_export.py": "what is exported of a warehouse",
    "tests/test_extract.py::test_more_tables_than_files_may_be_open_are_discovered_and_extracted": "how we scale",
    "tests/test_foreign_lake.py": "what of the lake is believed",
    "tests/test_foreign_project.py": "what a wheel brings",
    "tests/test_history.py": "what dbt builds of raw",
    "tests/test_kill.py": "what is left of a process that is killed",
    "tests/test_korean.py": "what commands print",
    "tests/test_leftover.py::test_a_file_that_goes_while_it_is_compared_ends_the_run": "which files are believed",
    "tests/test_leftover.py::test_a_damaged_file_is_read_again_and_the_others_are_not": "which files are believed",
    "tests/test_leftover.py::test_a_lake_in_s3_goes_on_too": "where the lake is",
    "tests/test_leftover.py::test_a_person_is_not_erased_while_a_broken_run_has_the_row": "what is in the lake",
    "tests/test_leftover.py::test_ctrl_c_leaves_what_was_read_and_commands_tell_of_it": "what is told",
    "tests/test_leftover.py::test_full_takes_nothing_over": "which of the lake's rows are believed",
    "tests/test_leftover.py::test_rows_of_other_columns_are_read_again_and_that_is_told": "what is told",
    "tests/test_leftover.py::test_rows_whose_hashes_are_not_the_sources_are_not_taken_over": "which rows are believed",
    "tests/test_leftover.py::test_values_beside_true_hashes_end_the_run_and_the_next_believes_none": "what is believed",
    "tests/test_leftover.py::test_with_a_key_only_notes_that_it_signed_are_believed": "which notes are believed",
    "tests/test_mart_check.py::test_whatever_differs_is_named_by_key_and_column": "what a mart holds",
    "tests/test_mart_machine.py": "what dbt builds of raw",
    "tests/test_own_shop.py::test_a_clone_becomes_a_project_of_an_own_shop_alone": "what commands print",
    "tests/test_naive.py": "an example's flaws",
    "tests/test_names.py::test_any_names_and_values_are_loaded_built_and_exported_or_left_out": "what dbt builds",
    "tests/test_odds.py": "how commands end",
    "tests/test_paths.py": "where lake and warehouse lie",
    "tests/test_prune.py": "what becomes of runs in the lake",
    "tests/test_replay.py": "what becomes of runs in the lake",
    "tests/test_sample.py::test_dbt_builds_the_demo_shop_on_its_sample_alone": "what dbt builds of raw",
    "tests/test_sequences.py": "what becomes of runs in the lake",
    "tests/test_signing.py": "which run records are believed",
    "tests/test_withdraw.py": "what becomes of runs in the lake",
}
_TYPES = "no such type there"
_VARIABLE = "no such variable there"
_HOSTILE = "tests/test_session.py::test_a_hostile_server_changes_no_answer_and_would_without_the_setting"
# What a server cannot do, by the test's name: without the server's own part of its parameters.
CANNOT = {
    "mariadb": {
        "tests/test_log_in.py::test_a_public_key_named_in_the_url_is_the_only_one_a_password_is_sent_by":
            "no log-in by a public key there",
        "tests/test_fingerprint.py::test_a_vector_arrives_and_is_hashed": f"{_TYPES} before 11.7",
        "tests/test_standing.py::test_where_a_lock_holds_nobody_off_one_connection_reads": _VARIABLE,
        **{
            f"{_HOSTILE}[{name}]": _VARIABLE
            for name in (
                "information_schema_stats_expiry", "max_execution_time",
                "show_gipk_in_create_table_and_information_schema",
            )
        },
    },
    "mysql": {
        **{
            f"tests/{test}[{kind}]": _TYPES
            for kind in ("uuid", "inet6", "inet4", "compressed")
            for test in (
                "test_type_matrix.py::test_a_value_arrives_as_the_server_prints_it",
                "test_fingerprint.py::test_every_value_of_a_type_has_a_hash_of_its_own",
            )
        },
        "tests/test_type_matrix.py::test_a_value_without_an_exact_home_stops_the_run_or_becomes_null_and_is_counted"
        "[decimal(38,38)-0.00000000000000000000000000000000000001-0.00000000000000000000000000000000000001]":
            "MySQL's decimals have at most 30 places",
        **{
            f"{_HOSTILE}[{name}]": _VARIABLE
            for name in (
                "idle_readonly_transaction_timeout", "idle_transaction_timeout", "max_session_mem_used",
                "max_statement_time", "system_versioning_asof", "tmp_disk_table_size",
            )
        },
        "tests/test_log_in.py::test_an_account_of_the_operating_systems_says_so":
            "its plug-in is a file that is not fetched",
        f"{_HOSTILE}[max_sort_length]": "MySQL sorts VARBINARY whole whatever it says",
    },
}  # fmt: skip
# What needs a server that listens on a socket, has files of its own, or can be started with other options.
NEEDS_A_PRIVATE_SERVER = (
    "tests/infra/test_bootstrap.py",
    "tests/test_bench.py::test_the_bench_measures",
    "tests/test_local_stack.py",
    "tests/test_mysql_tls.py",
    "tests/test_log_in.py",
    "tests/test_long_silence.py::test_a_server_that_is_gone_without_a_word_ends_the_wait",
    "tests/test_session.py",
    "tests/test_standing.py",
    *(
        f"tests/test_untouched.py::test_{name}"
        for name in ("a_restart", "a_change_in_a_second", "a_replica", "an_imported_tablespace")
    ),
    "tests/test_mysql.py::test_a_connection_cut_in_mid_stream_is_a_failure_never_a_short_read",
)


@dataclass(frozen=True)
class ServiceServer:
    """A server that is there already (CI's mysql:8.4, mysql:9), with accounts of this worker's own."""

    admin: mysql_url.DatabaseURL
    users: dict[str, str]
    passwords: dict[str, str]

    def url(self, account: str, database: str) -> str:
        return replace(self.admin, user=self.users[account], password=self.passwords[account], database=database).text()


@contextmanager
def service(admin_url: str, worker: str) -> Iterator[ServiceServer]:
    """Accounts like the private server's, by names that no other worker has, and none of them at the end."""
    admin = mysql_url.parse(admin_url, "TEST_MYSQL_URL")
    users = {account: f"{account}_{worker}_{secrets.token_hex(4)}" for account in ("shop", "loader")}
    passwords = {account: secrets.token_urlsafe(24) for account in users}
    rights = {"shop": "all privileges", "loader": "select, lock tables"}
    _run(
        admin,
        *(f"create user '{user}'@'%' identified by '{passwords[account]}'" for account, user in users.items()),
        *(f"grant {rights[account]} on `order\\_he%`.* to '{user}'@'%'" for account, user in users.items()),
    )
    try:
        yield ServiceServer(admin, users | {"root": admin.user}, passwords | {"root": admin.password})
    finally:
        _run(admin, *(f"drop user '{user}'@'%'" for user in users.values()))


def _run(admin: mysql_url.DatabaseURL, *statements: str) -> None:
    with closing(log_in.connect(admin, "TEST_MYSQL_URL")) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def started(kind: str, home, worker: str) -> Iterator[ServiceServer | private_server.Server]:
    """A server for one worker's tests."""
    if is_service(kind):
        with service(os.environ["TEST_MYSQL_URL"], worker) as server:
            yield server
        return
    # Thousands of tables come and go, each of which would wait for the disk.
    options = ("--innodb-flush-method=nosync",)
    yield private_server.up(home, kind, say=lambda _text: None, options=options)
    private_server.down(home, say=lambda _text: None)


def is_service(kind: str) -> bool:
    return kind == "mysql" and bool(os.environ.get("TEST_MYSQL_URL"))


def named() -> list[str]:
    """The servers of this run."""
    kinds = os.environ.get("TEST_SERVERS", "").split() or list(private_server.NAMES)
    for kind in kinds:
        if kind not in private_server.NAMES:
            raise pytest.UsageError(f"TEST_SERVERS names {kind!r}; there are {', '.join(private_server.NAMES)}")
    return kinds


def private() -> list[str]:
    """Those of them that the tests start by themselves."""
    return [kind for kind in named() if not is_service(kind)]


def wanted(test: str) -> list[str]:
    """The servers on which a test is to run, by its file and name."""
    return named()[:1] if test.startswith(tuple(ON_ONE)) else named()


def why_not(kind: str, test: str) -> str | None:
    """Why a test is skipped on a server: its reason in the list."""
    name = bare(kind, test)
    if is_service(kind) and name.startswith(NEEDS_A_PRIVATE_SERVER):
        return "TEST_MYSQL_URL names a server that is not the test's own"
    return CANNOT[kind].get(name)


def bare(kind: str, test: str) -> str:
    """A test's name without the kind of its server."""
    return test.replace(f"[{kind}]", "").replace(f"[{kind}-", "[")
