"""`erase` and rows that refer to the erased one by a foreign key of the source."""

import pytest

from tests.test_replay import replayed
from tests.test_verify import told


@pytest.fixture
def visits(own):
    """Persons, their visits, what was said at a visit (under a composite key), and a table whose rows have no name."""
    own.write(
        "create table person (id int primary key, name varchar(30))",
        "create table visit (id bigint primary key, who int null, note varchar(60), "
        "foreign key (who) references person (id))",
        "create table said (visit bigint, line smallint, words varchar(60), primary key (visit, line), "
        "foreign key (visit) references visit (id))",
        "create table door (who int null, foreign key (who) references person (id))",
        "insert into person values (1, 'Somebody Else'), (2, 'Nobody Knows')",
        "insert into visit values (10, 1, 'stays'), (20, 2, 'Nobody Knows came'), (30, 2, 'forgot the umbrella')",
        "insert into said values (10, 1, 'good morning'), (20, 1, 'my umbrella!'), (20, 2, 'is gone')",
        "insert into door values (1), (2)",
    )
    own.run()
    # Before the person leaves, a visit becomes somebody else's: its earlier state refers to the person all the same.
    own.write("update visit set who = 1 where id = 30")
    own.run()
    own.write("update door set who = null")
    return own


def leaves(own) -> None:
    own.write("delete from said where visit = 20", "delete from visit where id = 20", "delete from person where id = 2")


def test_rows_that_refer_to_it_are_named_and_stay(visits):
    leaves(visits)
    said = told(visits, "erase", "--table", "person", "--key", "2", "--catalog", str(visits.catalog_file))
    assert "2 rows of visit, referring to person 2 by who: --with-references erases that too" in said
    assert "rows that refer to person 2 from door by who" in said
    assert visits.raw("visit", "id") == [(10,), (20,), (30,)]


def test_one_of_the_same_table_that_is_still_at_the_source_is_not_taken_for_the_person(own):
    own.write(
        "create table employee (id int primary key, name varchar(30), boss int null, "
        "foreign key (boss) references employee (id) on delete set null)",
        "insert into employee values (1, 'Anna', null), (2, 'Ben', 1)",
    )
    own.run()
    own.write("delete from employee where id = 1")
    erase = ("erase", "--table", "employee", "--key", "1", "--catalog", str(own.catalog_file))
    said = told(own, *erase, "--with-references", code=1)
    assert "of 2 rows of employee, 1 are still at the source" in said and len(own.raw("employee")) == 2
    assert "nothing is left of employee 1 in the lake, raw" in told(own, *erase)
    own.run()
    assert own.raw("employee", "id, name") == [(2, "Ben")]


def test_other_spellings_of_the_key_are_named_and_stay(own):
    """To the server's collation they are one, and two people may be told apart by them all the same."""
    own.write(
        "create table person (login varchar(20) primary key, name varchar(30)) collate utf8mb4_general_ci",
        "create table visit (id int primary key, login varchar(20), note varchar(30), "
        "foreign key (login) references person (login) on delete cascade) collate utf8mb4_general_ci",
        "insert into person values ('bob', 'Bob Who Came'), ('zoe', 'Zoe')",
    )
    own.run()
    own.write(
        "update person set login = 'BOB ' where login = 'bob'",
        "insert into visit values (1, 'Bob', 'one'), (2, 'bob', 'two'), (3, 'zoe', 'three')",
    )
    own.run()
    own.write("delete from person where login = 'bob'")
    erase = ("erase", "--table", "person", "--with-references", "--catalog", str(own.catalog_file), "--key")
    said = told(own, *erase, "bob")
    kept = said.partition("not erased:")[2]
    assert "person BOB , whose key differs from person bob in case, accents or blanks" in kept
    assert "visit 1, whose login differs from person bob in case, accents or blanks" in kept
    assert own.raw("person", "login") == [("BOB ",), ("zoe",)] and own.raw("visit", "id") == [(1,), (3,)]
    # What the answer says, done.
    told(own, *erase, "BOB ")
    told(own, "erase", "--table", "visit", "--key", "1", "--catalog", str(own.catalog_file))
    assert own.raw("person", "login") == [("zoe",)] and own.raw("visit", "id") == [(3,)]
    assert not [file for file in own.folder.rglob("*") if file.is_file() and b"Bob Who" in file.read_bytes()]


def test_with_references_they_leave_too_and_what_refers_to_them(visits):
    leaves(visits)
    command = ("erase", "--table", "person", "--key", "2", "--with-references")
    at = ("--catalog", str(visits.catalog_file))
    said = told(visits, *command, *at, code=1)
    assert "of 2 rows of visit, 1 are still at the source" in said and "nothing was erased" in said
    assert len(visits.raw("person")) == 2, "nothing was erased"
    visits.write("delete from visit where id = 30")
    said = told(visits, *command, *at)
    assert "nothing is left of person 2, 2 rows of visit, 2 rows of said in the lake, raw" in said
    for number in (1, 2):
        replayed(visits, number)
        assert visits.raw("person", "id") == [(1,)] and visits.raw("visit", "id, note") == [(10, "stays")]
        assert visits.raw("said", "visit, line") == [(10, 1)]
    for file in (each for each in visits.folder.rglob("*") if each.is_file()):
        assert not [text for text in (b"Nobody Knows", b"umbrella") if text in file.read_bytes()], file
    assert [batch.live_rows for batch in visits.run().batches if batch.table in ("person", "said", "visit")] == [1] * 3
