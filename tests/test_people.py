"""Columns with people in them: what is excluded is never read, what is pseudonymised is nowhere what it was."""

import hashlib
import hmac
import re
import shutil
from dataclasses import replace

import duckdb
import pytest

from loaders.common.errors import Failure
from loaders.common.secret import Secret
from loaders.common.settings import ROOT
from loaders.help import discover, update
from loaders.types.pseudonym import Pseudonym, by
from loaders.warehouse.duckdb_sql import read_parquet
from loaders.words import catalog
from tests import commands

KEY, OTHER_KEY = "canary-of-the-pseudonyms-key-0123", "another-canary-of-the-pseudonyms-0"
EMAIL, PHONE, HASH, NAME, NOTE = "Canary@mail.example", "0800-canary", "$2y$canaryhash", "canaryname", "canarynote"
TABLES = (
    "create table customer (id int primary key, email varchar(60) unique, phone varchar(20) character set latin1, "
    "name varchar(40), password_hash varchar(80), shape geometry, updated_at datetime)",
    "create table orders (id int primary key, customer_id int(6) zerofill, email text, tag binary(2), "
    "n bigint unsigned, note varchar(40), updated_at datetime)",
    f"insert into customer values (1, '{EMAIL}', '{PHONE}', '{NAME}', '{HASH}', point(1, 2), '2026-01-01'), "
    "(2, 'b@mail.example', null, 'b', 'b', null, '2026-01-01'), (3, '', 'é', 'c', null, null, '2026-01-01')",
    f"insert into orders values (10, 1, '{EMAIL}', x'00ff', 1, '{NOTE}', '2026-01-01'), "
    f"(11, 1, lower('{EMAIL}'), x'ff00', 18446744073709551615, null, '2026-01-01'), "
    "(12, 2, null, null, null, 'x', '2026-01-01')",
)
HIDDEN = {
    "customer": {"email": "pseudonymise", "phone": "pseudonymise", "password_hash": "exclude", "shape": "exclude"},
    "orders": dict.fromkeys(("customer_id", "email", "tag", "n"), "pseudonymise") | {"note": "exclude"},
}


def hidden(value: str | bytes, key: str = KEY) -> str:
    """What anybody who has the key finds by themselves."""
    data = value.encode() if isinstance(value, str) else value
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest()[:32]


def write_catalog(own, columns=HIDDEN, marts: dict[str, str] | None = None) -> None:
    """The catalog that discover writes, with what is to become of columns."""
    entries = []
    for table in ("customer", "orders"):
        described = "".join(
            f"      - {{name: {name}, config: {{meta: {{{how}: true}}}}}}\n"
            for name, how in columns.get(table, {}).items()
        )
        mart = f", mart: {{name: {table}_mart, query: '{marts[table]}'}}" if table in (marts or {}) else ""
        entries.append(
            f"  - name: {table}\n    config: {{meta: {{primary_key: [id], cursor: updated_at{mart}}}}}\n"
            + (f"    columns:\n{described}" if described else "")
        )
    text = "sources:\n- name: own\n  schema: raw_own\n  tables:\n" + "".join(entries)
    own.catalog_file.write_text(text, encoding="utf-8")


def known(own, key: str | None = KEY) -> catalog.Catalog:
    return catalog.read(own.catalog_file).keyed(by(key))


@pytest.fixture
def shop(own):
    """Two tables with a canary in them, and a catalog that hides it; nothing is loaded."""
    own.write(*TABLES)
    write_catalog(own)
    return own


def told(own, *words: str, code: int = 0, **changes: str) -> str:
    """What a command prints, of a user who has the key."""
    settings = {"CATALOG": str(own.catalog_file), "PSEUDONYM_KEY": KEY} | changes
    done = commands.python(own, "loaders", *words, **settings)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def lake_values(own) -> str:
    """Every value of every Parquet file, as text."""
    files = list((own.folder / "lake").rglob("*.parquet"))
    return str([duckdb.execute(f"from {read_parquet([file])}").fetchall() for file in files])


def test_raw_has_pseudonyms_that_join_and_none_of_what_is_excluded(shop):
    run = shop.run(known(shop))
    assert [batch.verdict for batch in run.batches] == ["equal: 3 rows, all by value"] * 2
    assert shop.live("customer", "id, email, phone, name") == [
        (1, hidden(EMAIL), hidden(PHONE), NAME),
        (2, hidden("b@mail.example"), None, "b"),
        (3, hidden(""), hidden("é"), "c"),
    ]
    assert shop.live("orders", "id, customer_id, email, tag, n") == [
        (10, hidden("1"), hidden(EMAIL), hidden(b"\0\xff"), hidden("1")),
        (11, hidden("1"), hidden(EMAIL.lower()), hidden(b"\xff\0"), hidden("18446744073709551615")),
        (12, hidden("2"), None, None, None),
    ]
    columns = {name for (name,) in shop.raw("columns", "column_name", "information_schema")}
    assert not columns & {"password_hash", "shape", "note"}
    sent = [batch.columns for batch in run.batches]
    assert "password_hash" not in str(sent)


def test_a_change_of_a_pseudonymised_value_is_found_and_of_an_excluded_one_is_none(shop):
    shop.run(known(shop))
    shop.write("update customer set phone = '1' where id = 2", "update customer set password_hash = 'new'")
    run = shop.run(known(shop))
    assert run.batches[0].verdict == "equal: 3 rows by hash, all by value"
    assert shop.live("customer", "id, phone")[1] == (2, hidden("1"))
    shop.write("delete from orders where id = 11", "insert into orders (id, email) values (13, 'b@mail.example')")
    assert shop.run(known(shop)).batches[1].verdict == "equal: 3 rows by hash, all by value; 1 gone"


def test_the_hash_is_salted_so_that_no_value_can_be_tried(shop):
    """Equal rows have one hash by one key, and another by another: who has raw alone cannot compute it."""
    shop.run(known(shop))
    one = shop.live("customer", "id, _source_hash")
    shop.run(known(shop, OTHER_KEY), full=True)
    other = shop.live("customer", "id, _source_hash")
    assert all(left != right for left, right in zip(one, other, strict=True))
    write_catalog(shop, {"customer": {"password_hash": "exclude"}})
    shop.run(known(shop, None), full=True)
    plain = shop.live("customer", "id, _source_hash")
    write_catalog(shop, {"customer": {"password_hash": "exclude"}, "orders": {"email": "pseudonymise"}})
    shop.run(known(shop), full=True)
    assert shop.live("customer", "id, _source_hash") == plain, "a table without pseudonyms needs no key for it"


def test_another_treatment_stops_the_run_until_the_table_is_made_anew(shop):
    """One after the other: what becomes of the e-mail, by which key, and what the next run says first."""
    steps = [
        ("exclude", KEY, "the catalog excludes column email now, and raw has it"),
        (None, KEY, ""),
        ("pseudonymise", KEY, r"email was varchar\(60\) and is varchar\(60\) pseudonymised by key "),
        ("pseudonymise", OTHER_KEY, "pseudonymised by key [0-9a-f]{8} and is varchar.60. pseudonymised by key "),
        ("exclude", OTHER_KEY, "excludes column email"),
    ]
    write_catalog(shop, {})
    shop.write(f"insert into customer (id, email) values (4, 'gone-{EMAIL}')")
    shop.run(known(shop))
    shop.write("delete from customer where id = 4")
    shop.run(known(shop))
    assert "gone-" in str(shop.raw("customer"))
    for how, key, said in steps:
        write_catalog(shop, {"customer": {"email": how} if how else {}})
        if said:
            rows = shop.raw("customer")
            with pytest.raises(Failure, match=said) as caught:
                shop.run(known(shop, key))
            assert "python -m loaders extract --full --tables customer" in caught.value.fix
            assert shop.raw("customer") == rows
        batch = shop.run(known(shop, key).only(["customer"]), full=bool(said)).batches[0]
        assert batch.verdict == "equal: 3 rows, all by value"
        assert ("docs/people.md" in " ".join(batch.notices)) == bool(said)
        held = str(shop.raw("customer"))
        assert (EMAIL in held, hidden(EMAIL, key) in held) == (how is None, how == "pseudonymise")
        assert "gone-" not in held and hidden(f"gone-{EMAIL}", key) not in held, "nor of rows that the source deleted"
        assert shop.run(known(shop, key)).batches[0].mode == "incremental"


def test_a_column_that_is_excluded_no_longer_is_new(shop):
    shop.run(known(shop))
    write_catalog(
        shop, {"customer": {**HIDDEN["customer"], "password_hash": "pseudonymise"}, "orders": HIDDEN["orders"]}
    )
    batch = shop.run(known(shop)).batches[0]
    assert batch.mode == "full" and shop.live("customer", "id, password_hash")[0] == (1, hidden(HASH))


REFUSED = {
    "a key": ({"customer": {"id": "pseudonymise"}}, KEY, "customer.id has `pseudonymise`, and is key.*: take `pseud"),
    "a cursor": ({"customer": {"updated_at": "exclude"}}, KEY, "customer.updated_at has `exclude`, and .*: take `excl"),
    "a moment": ({"orders": {"shape": "exclude"}}, KEY, "no column shape"),
    "no such type": ({"customer": {"shape": "pseudonymise"}}, KEY, "customer.shape is .*, which is not pseudonymised"),
    "no key": (HIDDEN, None, "customer.email is pseudonymised, and PSEUDONYM_KEY is not set"),
}


def test_what_cannot_be_is_refused_before_a_row_is_read(shop):
    for what, (columns, key, said) in REFUSED.items():
        write_catalog(shop, columns)
        with pytest.raises(Failure) as caught:
            shop.run(known(shop, key))
        assert re.search(said, f"{caught.value.problem}: {caught.value.fix}"), what
    assert not list((shop.folder / "lake").rglob("*.parquet"))


@pytest.mark.parametrize(
    "written",
    [
        "{name: email, meta: {exclude: true}}",
        "{name: email, exclude: true}",
        "{name: email, config: {pseudonymise: true}}",
        "{name: email, config: {meta: {pseudonymize: true}}}",
        "{name: email, config: {meta: {exclude: 'yes'}}}",
        "{name: email, config: {meta: {exclude: true, pseudonymise: true}}}",
        "{name: email, config: {meta: {pseudonymise: true, on_invalid: null}}}",
    ],
)
def test_a_setting_where_nobody_looks_for_it_is_refused(tmp_path, written):
    file = tmp_path / "sources.yml"
    file.write_text(f"sources:\n- name: own\n  tables:\n  - name: t\n    columns: [{written}]\n")
    with pytest.raises(Failure, match="email"):
        catalog.read(file)


def test_a_key_that_could_be_guessed_is_refused_and_none_is_printed():
    with pytest.raises(Failure) as caught:
        by("canary-short")
    assert "canary-short" not in str(caught.value)
    assert KEY not in repr(replace(Pseudonym(Secret(KEY))))


SECRET = (EMAIL, EMAIL.lower(), PHONE, HASH, NOTE, KEY)


def seen(own) -> str:
    """All that is kept: values of the lake, the bytes of every file, names among them."""
    kept = [f"{file.name} {file.read_bytes()!r}" for file in own.folder.rglob("*") if file.is_file()]
    catalog_text = own.catalog_file.read_bytes()
    return lake_values(own) + "".join(text for text in kept if repr(catalog_text) not in text)


def test_a_canary_is_nowhere_but_where_it_is_plain(shop):
    """Extracted, changed, compared, damaged, refused, planned, replayed, erased: with values shown."""
    marts = {"customer": "select id, email, name from customer", "orders": "select id, note from orders"}
    write_catalog(shop, marts=marts)
    said = [told(shop, "doctor"), told(shop, "plan", "--sql"), told(shop, "extract")]
    shop.write("update customer set phone = concat(phone, '1') where id = 1")
    said += [told(shop, "extract", "--json"), told(shop, "verify", "--tables", "orders")]
    assert "equal by every value of 5 columns" in told(shop, "verify", "--deep", "--tables", "customer")
    with duckdb.connect(shop.warehouse_path) as warehouse:
        warehouse.execute("update raw_own.customer set email = 'x', name = 'y' where id = 1")
        warehouse.execute("create schema analytics; create table analytics.customer_mart as from raw_own.customer")
        warehouse.execute("create table analytics.orders_mart as select id, 'x' as note from raw_own.orders")
        warehouse.execute("create schema replica; create table replica.orders as from raw_own.orders")
        warehouse.execute("create table replica.customer as select id, name, 'x' as email from raw_own.customer")
    deep = told(shop, "verify", "--deep", code=1)
    assert f"email is '{hidden(EMAIL)}' at the source, 'x' here; name is '{NAME}' at the source, 'y' here" in deep
    assert "email is another; name is another" in deep and "note is another" in deep
    against = told(shop, "verify", "--deep", "--against", "replica", code=1)
    assert "not compared: email (varchar(60) at the source, VARCHAR there)" in against
    said += [deep, against, told(shop, "extract", "--full"), told(shop, "replay")]
    said += [told(shop, "extract", code=1, PSEUDONYM_KEY=""), told(shop, "extract", code=3, PSEUDONYM_KEY=OTHER_KEY)]
    said += [told(shop, "erase", "--table", "customer", "--key", "1", code=1)]
    everything = "".join(said) + seen(shop)
    assert [secret for secret in SECRET if secret in everything] == []
    assert NAME in everything and hidden(EMAIL) in everything, "so the search finds what is there"


def test_rows_that_refer_to_a_person_by_a_pseudonym_are_found_by_the_plain_key(shop):
    """In files from before the column was pseudonymised, too."""
    shop.write("alter table orders modify customer_id int, add foreign key (customer_id) references customer (id)")
    write_catalog(shop, {})
    told(shop, "extract")
    write_catalog(shop)
    told(shop, "extract", "--full")
    shop.write("delete from orders where customer_id = 1", "delete from customer where id = 1")
    told(shop, "extract")
    assert "PSEUDONYM_KEY is not that key" in told(
        shop, "erase", "--table", "customer", "--key", "1", "--with-references", code=1, PSEUDONYM_KEY=OTHER_KEY
    )
    erased = told(shop, "erase", "--table", "customer", "--key", "1", "--with-references")
    assert "2 rows of orders" in erased
    left = seen(shop)
    assert [text for text in (*SECRET, NAME, hidden("1"), hidden(EMAIL)) if text in left] == []
    assert hidden("2") in left and shop.live("orders", "id") == [(12,)]


def test_what_was_plain_leaves_by_the_commands_that_the_page_names(shop):
    write_catalog(shop, {})
    told(shop, "extract")
    assert EMAIL in seen(shop) and HASH in seen(shop)
    write_catalog(shop)
    assert "docs/people.md" in told(shop, "extract", "--full")
    assert EMAIL in seen(shop), "older files have it"
    told(shop, "prune", "--keep-days", "0")
    told(shop, "erase", "--rewrite")
    assert [secret for secret in SECRET if secret in seen(shop)] == []


def test_discover_proposes_to_exclude_passwords_and_update_goes_on_so(own, tmp_path):
    own.write(
        "create table account (id int primary key, email varchar(9), password_hash varchar(9), api_key varchar(9), "
        "secretary varchar(9), at datetime)"
    )

    def described():
        with own.snapshot() as snapshot:
            return list(snapshot.tables().values()), snapshot.said()

    for folder in ("macros", "tests"):
        shutil.copytree(ROOT / "dbt_project" / folder, tmp_path / folder)
    tables, said = described()
    (sources, *_files), _notices = discover.write("mall", tables, tmp_path, said)
    view = sources.parent / "stg_mall__account.sql"
    told = " ".join(discover.remarks(tables, said))
    assert catalog.read(sources).tables[0].excluded == {"password_hash", "api_key"}
    assert "account.password_hash, account.api_key" in told and "account.email" in told
    own.write("alter table account add column reset_token varchar(9) after api_key, add column more int")
    files, _notices = update.update("mall", *described()[:1], tmp_path, described()[1])
    for file, (_before, after) in files.items():
        file.write_text(after, encoding="utf-8")
    known = catalog.read(sources)
    assert known.tables[0].excluded == {"password_hash", "api_key", "reset_token"}
    every = view.read_text() + view.with_suffix(".yml").read_text()
    assert '"secretary"' in every and '"more"' in every and "at" in every
    assert not re.search("password_hash|api_key|reset_token", every)
    # One that the view has already.
    sources.write_text(
        sources.read_text().replace("- name: email", "- name: email\n      config: {meta: {exclude: on}}")
    )
    known, now = catalog.read(sources), {"account": [column.name for column in described()[0][0].columns]}
    assert update.behind(known, tmp_path, now) == [
        "staging reads columns that the catalog excludes: account.email; `python -m loaders discover --update mall` "
        "brings it up to date"
    ]
    files, _notices = update.update("mall", *described()[:1], tmp_path, described()[1])
    assert [file.name for file in files] == ["stg_mall__account.sql", "stg_mall__account.yml"]
    assert "email" not in "".join(after for _before, after in files.values())
    own.run(known)
    assert not {"password_hash", "api_key", "email"} & {
        name for (name,) in own.raw("columns", "column_name", "information_schema")
    }
