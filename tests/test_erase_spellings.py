"""`erase` and other spellings of a key: to the server's collation they are one, and only told; never erased with it."""

import shlex
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.common import telling
from loaders.retention.spellings import folded
from loaders.words import row_key
from tests.test_erase import batch_of
from tests.test_verify import told

PERSON = "create table person (login varchar(20) primary key, name varchar(30)) character set utf8mb4 collate {}"
VISIT = (
    "create table visit (id int primary key, login varchar(20), note varchar(30), "
    "foreign key (login) references person (login) on delete cascade) character set utf8mb4 collate {}"
)
ANY_CASE, BYTES_ONLY = "utf8mb4_general_ci", "utf8mb4_bin"


@pytest.fixture(autouse=True)
def shown():
    yield
    telling.show_values(True)


def erased(own, key: str, *more: str, table: str = "person", **how) -> str:
    return told(own, "erase", "--table", table, "--key", key, "--catalog", str(own.catalog_file), *more, **how)


def not_erased(said: str) -> list[str]:
    """The lines that say so."""
    lines = said.partition("not erased:\n")[2].splitlines()
    return [line.strip() for line in lines[: lines.index("out of reach, and for you to see to:")]]


def commands(said: str) -> list[list[str]]:
    """The commands that they name, as a shell takes them."""
    return [shlex.split(line.split("`")[1]) for line in not_erased(said) if "`" in line]


def holds(own, text: bytes) -> list:
    return [file for file in own.folder.rglob("*") if file.is_file() and text in file.read_bytes()]


def test_rows_that_refer_to_it_in_another_spelling_are_named_and_stay(own):
    own.write(
        *(table.format(ANY_CASE) for table in (PERSON, VISIT)),
        "insert into person values ('Bob', 'Bob Private'), ('Zoe', 'Zoe Somebody')",
        "insert into visit values (1, 'Bob', 'note of Bob one'), (2, 'bob', 'note of Bob two'), (3, 'Zoe', 'hers')",
    )
    own.run()
    own.write("delete from person where login = 'Bob'")
    said = erased(own, "Bob", "--with-references")
    (line,) = not_erased(said)
    assert line.startswith("visit 2, whose login differs from person Bob in case, accents or blanks at the end only")
    assert "\n1 row under another spelling is left, named above; else nothing is left of person Bob, visit 1" in said
    assert own.raw("person", "login") == [("Zoe",)] and own.raw("visit", "id") == [(2,), (3,)]
    ((_erase, *arguments),) = commands(said)
    assert arguments == ["--table", "visit", "--key", "2"]
    said = told(own, "erase", *arguments, "--catalog", str(own.catalog_file))
    assert "\nnothing is left of visit 2" in said and not holds(own, b"note of Bob")


@pytest.mark.parametrize(
    ("before", "after", "loaded"),
    [("Ada", "ADA", True), ("Zoé", "Zoe", True), ("Eve ", "Eve", True), ("Ada", "ADA", False)],
    ids=["case", "accent", "blank", "in the lake alone"],
)
def test_an_earlier_spelling_of_its_key_is_named_and_its_name_is_looked_for(own, before, after, loaded):
    """It would hide the name else: a text that somebody else has is not looked for."""
    own.write(
        PERSON.format(ANY_CASE), f"insert into person values ('{before}', 'Private Person'), ('x', 'Somebody Else')"
    )
    (own.run if loaded else own.extract)()
    own.write(f"update person set login = '{after}' where login = '{before}'")
    (own.run if loaded else own.extract)(full=not loaded)
    own.write(f"delete from person where login = '{after}'")
    said = erased(own, after)
    assert commands(said) == [["erase", "--table", "person", "--key", before]]
    assert f"person {before}, whose key differs from person {after} in case, accents or blanks" in said
    assert "texts that nobody else has: 1 looked for" in said and "\nnothing is left" not in said
    assert not loaded or "raw_own.person: 1 row holds one" in said
    assert holds(own, b"Private Person"), "told, and left"
    assert f"\nnothing is left of person {before} in the lake" in erased(own, before)
    assert not holds(own, b"Private Person") and holds(own, b"Somebody Else")


def test_of_two_people_whom_a_binary_collation_tells_apart_the_other_is_told_and_stays(own):
    own.write(
        *(table.format(BYTES_ONLY) for table in (PERSON, VISIT)),
        "insert into person values ('bob', 'Bob Who Went'), ('Bob', 'Bob Who Stays'), ('bób', 'Third One')",
        "insert into visit values (1, 'bob', 'his one'), (2, 'Bob', 'stays here')",
    )
    own.run()
    own.write("delete from person where login = 'bob'")
    said = erased(own, "bob", "--with-references")
    assert [row.split(",")[0] for row in not_erased(said)] == ["person Bob", "person bób", "visit 2"]
    assert own.raw("person", "login, name") == [("Bob", "Bob Who Stays"), ("bób", "Third One")]
    assert own.raw("visit", "id, note") == [(2, "stays here")] and not holds(own, b"Who Went")
    run = own.run()
    assert all(batch.verdict.startswith("equal") for batch in run.batches)
    assert "person Bob is still at the source" in erased(own, "Bob", code=1)
    assert len(own.raw("person")) == 2


def test_of_a_composite_key_the_other_parts_are_exact(own):
    own.write(
        "create table said (word varchar(20), day date, amount decimal(6,2), b varbinary(4), "
        f"primary key (word, day, amount, b)) character set utf8mb4 collate {BYTES_ONLY}",
        "insert into said values ('a,b', '2026-01-01', 1.50, x'00ff'), ('A,b', '2026-01-01', 1.50, x'00ff'), "
        "('A,b', '2026-01-02', 1.50, x'00ff'), ('A,b', '2026-01-01', 1.51, x'00ff'), "
        "('A,b', '2026-01-01', 1.50, x'00')",
    )
    own.run()
    own.write("delete from said where word = 'a,b'")
    said = erased(own, '"a,b",2026-01-01,1.5,00ff', table="said")
    assert commands(said) == [["erase", "--table", "said", "--key", '"A,b",2026-01-01,1.50,00ff']]


def test_deleted_rows_are_told_from_their_other_spellings_before_they_go_and_no_value_where_none_is_shown(
    own, monkeypatch
):
    monkeypatch.setenv("KEEP_DELETED_DAYS", "0")
    own.write(PERSON.format(ANY_CASE), "insert into person values ('Ada', 'Private Person'), ('x', 'Somebody Else')")
    own.run()
    own.write("update person set login = 'ADA' where login = 'Ada'")
    own.run()
    every = ("erase", "--deleted", "--catalog", str(own.catalog_file))
    for more in (("--dry-run",), ()):
        said = told(own, *every, *more)
        assert "not erased:\n  person ADA, whose key differs from person Ada in case" in said
    own.write("delete from person where login = 'ADA'", "insert into person values ('ada', 'Somebody Third')")
    own.run()
    hidden = erased(own, "ADA", "--no-values")
    assert "person (not shown), whose key differs from person (not shown)" in hidden
    assert "--table person --key (not shown)` erases it" in hidden and "ada" not in hidden.replace("_ada", "")


TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from("aAáÁßẞİıʼnǆ\u0301\u0345 ´Ωµ,\"'-")), max_size=6
)


@settings(max_examples=300, derandomize=True, database=None)
@given(TEXTS)
def test_folding_ends_and_case_and_blanks_at_the_end_are_no_matter(text):
    assert folded(folded(text)) == folded(text) == folded(text + " ") == folded(text.casefold()) == folded(text.lower())


def test_letters_that_the_servers_collations_take_for_one_are_folded_to_one(own, server_kind):
    """But for general_ci's, to which ß is one s; to the others it is two."""
    letters = [chr(code) for code in (*range(0x21, 0x250), *range(0x386, 0x460)) if chr(code).isprintable()]
    newest = {"mariadb": "utf8mb4_uca1400_ai_ci", "mysql": "utf8mb4_0900_ai_ci"}[server_kind]
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute("create table letter (c varchar(2) collate utf8mb4_bin)")
        cursor.executemany("insert into letter values (%s)", [(letter,) for letter in letters])
        for collation in (newest, "utf8mb4_unicode_ci", ANY_CASE):
            same = f"a.c collate {collation} = b.c collate {collation}"
            cursor.execute(f"select a.c, b.c from letter as a join letter as b on {same} where a.c < b.c")
            pairs = [pair for pair in cursor.fetchall() if collation != ANY_CASE or not {*"ßẞ"} & {*pair}]
            assert len(pairs) > 3000 and not [pair for pair in pairs if len({*map(folded, pair)}) > 1], collation


@pytest.mark.parametrize(
    "others", [["Zoé", "ZOE", "zoe\u0301  ", "Ｚoe"], ["straße", "STRASSE"], ["가", "\u1100\u1161"]]
)
def test_spellings_of_one_word_are_folded_to_one(others):
    assert len({*map(folded, others)}) == 1 and folded("Zoe") != folded(" Zoe") != folded("Zo")


@settings(max_examples=200, derandomize=True, database=None)
@given(st.lists(TEXTS.filter(lambda text: "\0" not in text), min_size=1, max_size=3))
def test_a_key_that_is_told_is_the_key_that_is_read(key):
    option, *told_key = shlex.split(row_key.written(key))
    text = told_key[0] if told_key else option.removeprefix("--key=")
    assert bool(told_key) or text.startswith("-")
    assert row_key.parse(text, batch_of(*["VARCHAR"] * len(key))).values == (tuple(key),)
