"""Excluded and pseudonymised columns on the Redshift stand-in: as on DuckDB, character by character."""

from dataclasses import replace

from loaders.types.pseudonym import by
from loaders.words import catalog
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.redshift.test_verify import finding
from tests.test_people import EMAIL, HIDDEN, KEY, PHONE, TABLES, hidden, write_catalog


def test_raw_there_has_pseudonyms_and_is_equal_by_every_value(both, monkeypatch):  # noqa: F811
    both.own.write(*TABLES)
    write_catalog(both.own, HIDDEN)
    known = replace(catalog.read(both.own.catalog_file).keyed(by(KEY)), schema=both.schema, for_redshift=True)
    assert [batch.verdict for batch in both.run(known=known).batches] == ["equal: 3 rows, all by value"] * 2
    assert both.rows("customer", "id, email, phone")[0] == (1, hidden(EMAIL), hidden(PHONE))
    both.own.write("update customer set phone = 'é1' where id = 2")
    assert both.run(known=known).batches[0].verdict == "equal: 3 rows by hash, all by value"
    assert both.rows("customer", "id, phone")[1] == (2, hidden("é1"))
    monkeypatch.setattr(both, "catalog", lambda **_changes: known.only(["customer"]), raising=False)
    assert finding(both, deep=False).equal
    assert finding(both, deep=True).said == "equal by every value of 5 columns"
    both.ask(f"update {both.schema}.customer set email = 'x' where id = 1")
    assert f"email is '{hidden(EMAIL)}' at the source, 'x' here" in str(finding(both, deep=True).details)
