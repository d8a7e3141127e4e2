"""What people are told comes out line by line, and is what it looks like, whatever others have put into it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loaders.cli import report
from loaders.common import telling
from loaders.common.errors import Failure
from loaders.common.telling import notice, printable, say
from loaders.proof.verify import Finding

any_text = st.text(st.characters() | st.sampled_from("\n\r\t\x1b\x07\x7f\x9b\u2028\u2029\u202e\u200b\0"))


@given(any_text)
@example("\x1b[2J\x1b[Hequal: all rows\n")
def test_what_can_be_seen_stays_and_all_else_is_spelled_out(text):
    told = printable(text)
    assert told.isprintable() and told.isascii() >= text.isascii()
    assert told == text or not text.isprintable()


@given(any_text, any_text, st.lists(any_text, max_size=3))
def test_a_failure_has_a_line_for_each_of_its_parts(problem, fix, details):
    lines = str(Failure(problem, fix, details).and_then(fix)).split("\n")
    assert len(lines) == 2 + len(details) and all(map(str.isprintable, lines))
    assert lines[0].startswith("error: ") and lines[-1].startswith("  fix: ")


def test_nothing_that_is_said_forges_a_line(capsys):
    """The finding's input: a name and a key that clear the screen and say that all is well."""
    forged = "\x1b[2J\nequal: all rows"
    say(*report.finding(Finding(forged, False, "DIFFERENT", 1, [f"only here: {forged}"], "make extract"), 9))
    notice(forged)
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 3 and told.err == r"notice: \x1b[2J\nequal: all rows" + "\n"
    assert "\x1b" not in told.out and "\nequal" not in told.out


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("equal: 1 rows, all by value; 1 repaired", "equal: 1 row, all by value; 1 repaired"),
        ("run 1: 1 tables as of", "run 1: 1 table as of"),
        ("lake       here (1 runs)", "lake       here (1 run)"),
        ("1 rows in 0.1 s (1 rows/s)", "1 row in 0.1 s (1 row/s)"),
        ("t          1 rows       4 kB  equal", "t          1 row        4 kB  equal"),
        ("  1 runs wait in the lake (3)", "  1 run waits in the lake (3)"),
        ("1 runs of the lake /l are not in raw yet", "1 run of the lake /l is not in raw yet"),
        ("t: 1 rows were read, the server counts 2", "t: 1 row was read, the server counts 2"),
        ("raw.t: 1 rows of t bear the key", "raw.t: 1 row of t bears the key"),
        ("1 rows under another spelling are left", "1 row under another spelling is left"),
        ("1 invalid values of c became NULL", "1 invalid value of c became NULL"),
        # More than one, and what is another's.
        ("11 rows, 2,001 rows, 0.1 rows, 0 rows wait", "11 rows, 2,001 rows, 0.1 rows, 0 rows wait"),
        ("here 'it has 1 rows', there \"it's 1 rows\"", "here 'it has 1 rows', there \"it's 1 rows\""),
        ("only here: name=it has 1 rows, id=1: it's 1 rows", "only here: name=it has 1 rows, id=1: it's 1 row"),
    ],
)
def test_one_row_is_told_as_one(said, told):
    assert telling.line(said) == told


@pytest.mark.parametrize(
    ("said", "installed"),
    [
        ("run `make load` first", "run `order-he load` first"),
        ("`make verify ARGS=--deep` tells", "`order-he verify --deep` tells"),
        ('`make prune ARGS="--keep-days 30"`', "`order-he prune --keep-days 30`"),
        ("`make extract build dashboard export`", "`order-he extract && order-he dbt build`"),
        ("`python -m loaders extract --full --tables it's`", "`order-he extract --full --tables it's`"),
        ("`make up seed`, or set SOURCE_URL", "`make up seed`, or set SOURCE_URL"),
        ("the row make load", "the row make load"),
    ],
)
def test_who_has_the_package_is_told_its_own_command(monkeypatch, said, installed):
    assert telling.line(said) == said
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/order-he", "load"])
    assert telling.line(said) == installed
    assert str(Failure("it failed", said)).endswith(installed)
