"""Where logs have other readers than the tables (a CI), no message holds a value or a key of a row."""

import pytest

from loaders.common import telling
from loaders.common.settings import read
from tests import commands, forked

CANARY = "canary-personal-71c"


@pytest.fixture(autouse=True)
def shown():
    yield
    telling.show_values(True)


@pytest.mark.parametrize(
    "said",
    [
        f"Conversion Error: Could not convert string '{CANARY}' to INT32",
        f'Constraint Error: Duplicate key "email: {CANARY}" violates primary key constraint',
        f"Data truncation: Incorrect datetime value: 'Kim's {CANARY}' for column `at` at row 1",
    ],
)
def test_what_another_program_quotes_is_not_shown_and_the_rest_is(said):
    assert telling.said(said) == said
    telling.show_values(False)
    assert CANARY not in telling.said(said) and telling.said(said).split(":")[0] == said.split(":")[0]


@pytest.mark.parametrize(
    ("set_to", "hidden"),
    [({}, False), ({"CI": "true"}, True), ({"CI": "false"}, False), ({"CI": "1", "NO_VALUES": "0"}, False),
     ({"NO_VALUES": "1"}, True)],
)  # fmt: skip
def test_a_ci_and_a_setting_decide(tmp_path, set_to, hidden):
    assert read(tmp_path, set_to).no_values is hidden


def told(own, *arguments: str, **changes: str) -> str:
    settings = commands.settings(own) | {"CATALOG": str(own.catalog_file)} | changes
    done = forked.run("-m", "loaders", *arguments, environment=settings)
    assert "Traceback" not in done.stderr, done.stderr
    return f"{done.returncode} {done.stdout}{done.stderr}"


def test_no_value_and_no_key_of_a_row_is_in_what_a_ci_is_told(own):
    """The key is a person's, too. What is said names table and column, and how to see the rest."""
    own.write(
        "set sql_mode = ''",
        "create table person (id varchar(50) primary key, name varchar(50), born date) character set utf8mb4",
        f"insert into person values ('{CANARY}-key', '{CANARY}', '2000-01-01')",
    )
    own.discover()
    assert told(own, "extract").startswith("0")
    with own.opened("raw_own") as warehouse:
        warehouse.connection.execute("update raw_own.person set name = 'other'")
    seen = told(own, "verify", "--deep")
    assert f"id={CANARY}-key: name is '{CANARY}' at the source, 'other' here" in seen
    hidden = told(own, "verify", "--deep", CI="true")
    assert hidden.startswith("1") and CANARY not in hidden
    assert "id=(not shown): name is (not shown) at the source, (not shown) here" in hidden
    assert "--values shows them" in hidden and "--values" not in seen
    assert CANARY in told(own, "verify", "--deep", "--values", CI="true")
    assert CANARY not in told(own, "verify", "--deep", "--no-values")
    own.write("set sql_mode = ''", f"insert into person values ('{CANARY}-2', '{CANARY}', '0000-00-00')")
    assert f"row id={CANARY}-2" in told(own, "extract")
    refused = told(own, "extract", NO_VALUES="1")
    assert "person.born: the value (not shown) of the row id=(not shown) has no exact home" in refused
    assert CANARY not in refused
    assert CANARY not in told(own, "erase", "--table", "person", "--key", f"{CANARY}-key", "--no-values")
