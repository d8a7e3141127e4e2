"""`sample`: rows that fit together by every foreign key, nobody in them, and a build on them without the source."""

import re

import duckdb
import pytest

from loaders.common.settings import ROOT
from tests import commands, small_shop
from tests.forked_dbt import dbt

NAMES = "Kim Lee Park Choi Jung"
TABLES = (
    "create table grade (code char(2) primary key, label varchar(20) not null)",
    "create table member (id int primary key, name varchar(50), email varchar(90) unique, state varchar(9), "
    "grade char(2), referrer_id int, kind enum('a','b'), prefs json not null, secret varbinary(9), "
    "foreign key (grade) references grade (code), foreign key (referrer_id) references member (id))",
    "create table purchase (id bigint primary key, member_id int, bought_at datetime, note text, "
    "foreign key (member_id) references member (id))",
    "create table line (purchase_id bigint, line_no int, pieces int, primary key (purchase_id, line_no), "
    "foreign key (purchase_id) references purchase (id))",
    "create table parcel (id int primary key, purchase_id bigint, line_no int, by_email varchar(90), "
    "foreign key (purchase_id, line_no) references line (purchase_id, line_no), "
    "foreign key (by_email) references member (email))",
    "create table visit (said varchar(50), at datetime(6))",
)
FITS = (
    "raw_own.member m where grade is not null and not exists (select 1 from raw_own.grade g where g.code = m.grade)",
    "raw_own.member m where referrer_id is not null "
    "and not exists (select 1 from raw_own.member r where r.id = m.referrer_id)",
    "raw_own.purchase p where not exists (select 1 from raw_own.member m where m.id = p.member_id)",
    "raw_own.line l where not exists (select 1 from raw_own.purchase p where p.id = l.purchase_id)",
    "raw_own.parcel p where not exists "
    "(select 1 from raw_own.line l where l.purchase_id = p.purchase_id and l.line_no = p.line_no)",
    "raw_own.parcel p where not exists (select 1 from raw_own.member m where m.email = p.by_email)",
)


@pytest.fixture
def shop(own):
    members = ", ".join(
        f"({n}, 'name-{n}', 'mail-{n}@x', '{'new' if n % 2 else 'old'}', '{'AB'[n % 2]}', {n - 1 or 'null'}, 'a', "
        f"'{{\"a\": \"pref-{n}\"}}', 'secret{n}')"
        for n in range(1, 61)
    )
    numbers = range(1, 301)
    own.write(
        *TABLES,
        "insert into grade values ('A', 'gold'), ('B', 'silver')",
        f"insert into member values {members}",
        "insert into purchase values " + ", ".join(f"({n}, {n % 60 + 1}, now(), 'note-{n}')" for n in numbers),
        "insert into line values " + ", ".join(f"({n}, 1, 2)" for n in numbers),
        "insert into parcel values " + ", ".join(f"({n}, {n}, 1, 'mail-{n % 60 + 1}@x')" for n in numbers),
        "insert into visit values ('x', now(6)), ('x', now(6))",
    )
    own.discover()
    return own


def told(own, *words: str, **changes: str) -> str:
    return commands.succeeded(commands.python(own, "loaders", *words, CATALOG=str(own.catalog_file), **changes))


def test_what_is_drawn_fits_together_and_shows_nobody(shop):
    out = shop.folder / "sample"
    done = commands.python(
        shop, "loaders", "sample", "--out", str(out), "--plain", "x.y", CATALOG=str(shop.catalog_file)
    )
    assert done.returncode == 1 and "has no table x" in done.stderr and not out.exists(), "nothing in its way"
    said = told(shop, "sample", "--rows", "7", "--out", str(out), "--plain", "grade.label")
    assert "Texts that are plain: grade.label, member.state" in said and re.search("member: \\d+ of about", said)
    assert "nothing waits" not in told(shop, "load", LAKE_URL=str(out), SOURCE_URL="")
    with duckdb.connect(shop.warehouse_path) as raw:
        assert [raw.execute(f"select count(*) from {each}").fetchall() for each in FITS] == [[(0,)]] * len(FITS)
        counts = {
            name: raw.execute(f"select count(*) from raw_own.{name}").fetchall()[0][0]
            for name in ("grade", "member", "purchase", "line", "parcel", "visit")
        }
        assert (counts["parcel"], counts["visit"]) == (7, 2) and 7 <= counts["purchase"] <= 21
        every = str([raw.execute(f"from raw_own.{name}").fetchall() for name in counts])
    for person in ("name-", "mail-", "note-", "pref-", "secret"):
        assert person not in every
    assert "gold" in every and "'old'" in every
    assert sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) < 100_000
    told(shop, "sample", "--rows", "1", "--out", str(out))
    assert len(list(out.rglob("*.parquet"))) == len(TABLES), "the earlier sample is gone"


def test_a_folder_with_something_else_in_it_is_left_alone(shop):
    (shop.folder / "mine").mkdir()
    (shop.folder / "mine/work.txt").write_text("mine")
    done = commands.python(
        shop, "loaders", "sample", "--out", str(shop.folder / "mine"), CATALOG=str(shop.catalog_file)
    )
    assert done.returncode == 1 and "is no sample" in done.stderr
    assert (shop.folder / "mine/work.txt").read_text() == "mine"


def test_dbt_builds_the_demo_shop_on_its_sample_alone(own):
    small_shop.create(own)
    own.write(
        *(small_shop.customer(number, "KR", "2024-01-01") for number in range(1, 7)),
        small_shop.product(1, "P", "1.00", "2024-01-01"),
        *(small_shop.order(number, number, 1, "2024-02-01 10:00:00") for number in range(1, 7)),
    )
    plain = ("--plain", "product.category")
    out = own.folder / "sample"
    commands.succeeded(commands.python(own, "loaders", "sample", "--rows", "5", "--out", str(out), *plain))
    assert (out / "settings").read_text().endswith("DEMO_SHOP=1\n")
    nowhere = {"SOURCE_URL": "", "LAKE_URL": str(out)}
    commands.succeeded(commands.python(own, "loaders", "load", **nowhere))
    dbt(own, "build", **nowhere)
    assert own.raw("order_mart", "count(*)", "analytics") == [(5,)]


def test_ci_builds_on_a_sample_that_is_there():
    steps = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "hashFiles('sample/settings')" in steps and "make build-sample" in steps


def test_a_folder_that_is_no_sample_stays_whatever_it_holds(shop):
    """Only what a sample wrote says so: anybody may have a file called settings."""
    folder = shop.folder / "mine"
    folder.mkdir()
    (folder / "settings").write_text("colour=blue\n")
    (folder / "thesis.txt").write_text("years of work")
    done = commands.python(shop, "loaders", "sample", "--out", str(folder), CATALOG=str(shop.catalog_file))
    assert done.returncode == 1 and "is there already, and is no sample" in done.stderr, done.stderr
    assert (folder / "thesis.txt").read_text() == "years of work"
