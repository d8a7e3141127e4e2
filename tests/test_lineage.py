"""Column lineage: what is told is so, what cannot be told is said, and no person gets through to a mart."""

import json
import os
import time

import jsonschema
import pytest

from dashboard import export
from loaders import cli
from loaders.common import settings, telling
from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.help.lineage import Lineage
from tests import commands, forked_dbt
from tests.own_database import OwnDatabase

# Worked out by hand, from the models.
BY_HAND = {
    "order_mart.delivery_days": "raw.order.order_date, raw.order.shipping_date",
    "order_mart.price_when_ordered": "raw.product.price",
    "customer_mart.lifetime_value": "raw.order.amount, raw.order.status",
    "retention_mart.retention_share": "raw.order.customer_id",
    "product_mart.revenue_rank_in_category": "raw.order.amount, raw.order.status, raw.product.category",
}
# Where something of a person gets into a mart, and why it may.
MAY_PASS = {("order_mart.has_request", "raw.order.request"): "whether anything was asked for, never what"}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """No database: dbt compiles, and asks an empty warehouse."""
    own = OwnDatabase("", "", tmp_path_factory.mktemp("lineage"))
    forked_dbt.dbt(own, "compile")
    return own


@pytest.fixture
def manifest(own):
    return json.loads((own.folder / "target/manifest.json").read_text("utf-8"))


def marts(manifest) -> list[str]:
    """By dbt's id, whatever leaves the warehouse: the marts, and what a page, a file or a metric says that it reads."""
    found = {name for name, node in manifest["nodes"].items() if "marts" in node["fqn"] and name.startswith("model.")}
    for kind in ("exposures", "semantic_models", "metrics", "saved_queries"):
        found |= {name for node in manifest[kind].values() for name in node["depends_on"]["nodes"]}
    return sorted(name for name in found if name.startswith("model."))


def test_five_columns_by_hand_and_every_column_of_every_mart_comes_from_somewhere(manifest):
    known = Lineage(manifest)
    for asked, expected in BY_HAND.items():
        model, _, column = asked.partition(".")
        assert known.text(known.origin((known.ids[model], column))) == expected
    columns = [(name, column) for name in marts(manifest) for column in manifest["nodes"][name]["columns"]]
    assert len(columns) > 90
    for column in columns:
        origin = known.origin(column)
        assert (origin.columns or origin.constants) and not origin.unknown, known.name(column)


def people(manifest) -> set[tuple[str, str]]:
    """Personal columns of sources, and the marts' columns that are computed from one; or from what nobody knows."""
    known, found = Lineage(manifest), set()
    for name in marts(manifest):
        for column in known.columns(name):
            origin = known.origin((name, column))
            found |= {(known.name((name, column)), why) for why in origin.unknown}
            for source, begun in origin.columns:
                described = manifest["sources"][source]["columns"].get(begun, {"config": {"meta": {}}})
                if described["config"]["meta"].get("personal"):
                    found.add((known.name((name, column)), known.name((source, begun))))
    return found


def test_no_personal_column_reaches_a_mart_a_metric_the_page_or_a_file(manifest):
    files = export.marts(ROOT / "dbt_project/models", ["marts", "own"])
    assert set(files) <= {manifest["nodes"][name]["name"] for name in marts(manifest)} and len(files) == 6
    sources = [column for source in manifest["sources"].values() for column in source["columns"].values()]
    assert sum(bool(column["config"]["meta"].get("personal")) for column in sources) == 5
    assert people(manifest) == set(MAY_PASS)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("md5(lower(email)) as country", "raw.customer.email"),
        ("case when phone like '+82%' then 'Korea' end as country", "raw.customer.phone"),
        ("max(customer_name) over (partition by country) as country", "raw.customer.name"),
        ("(select min(address) from customers) as country", "customer_mart: it reads customers AS customers, which is "
         "no model, history, seed or source of dbt's"),
    ],
)  # fmt: skip
def test_a_mart_that_takes_one_is_found(manifest, sql, found):
    mart = manifest["nodes"]["model.order_he.customer_mart"]
    assert "country,\n" in mart["compiled_code"]
    mart["compiled_code"] = mart["compiled_code"].replace("country,\n", f"{sql},\n", 1)
    assert ("customer_mart.country", found) in people(manifest)


ALL_OF_A = {"id": "a.id", "email": "a.email", "name": "a.name"}
# What a model's SQL says of the tables a (id, email, name) and b (id, amount, x.id); None: that it is not known.
TOLD = {
    "select * from raw.a": ALL_OF_A,
    "select x.* from (select * from db.raw.a) as x": ALL_OF_A,
    "select * exclude (email) replace (upper(email) as name) from raw.a": {"id": "a.id", "name": "a.email"},
    "select id as email, email as id from raw.a": {"email": "a.id", "id": "a.email"},
    "with a as (select id as email from raw.b) select email from a": {"email": "b.id"},
    "select id, 'x' as s from raw.a union all select amount, null from raw.b": {"id": "a.id, b.amount",
                                                                              "s": "no column: 'x', NULL"},
    "select id from raw.a full join raw.b using (id)": {"id": "a.id, b.id"},
    "select sum(id) filter (where name > '') over (partition by email) as s from raw.a": {"s": "a.email, a.id, a.name"},
    "select id + 1 as one, one + amount as two from raw.b": {"one": "b.id", "two": "b.amount, b.id"},
    'select "x.id" as dotted from raw.b': {"dotted": "b.x.id"},
    "select count(*) as n from raw.a where email in (select email from raw.a)": {"n": "no column: COUNT(*)"},
    "select id, (select max(amount) from raw.b) as m from raw.a": {"id": "a.id", "m": None},
    "select a as everything from raw.a": {"everything": None},
    "select exists(select 1 from raw.a where a.id = b.id) as e from raw.b": {"e": None},
    "select count(columns('e.*')) as c from raw.a": {"c": None},
    # Of these nothing is known: the order of a source's columns, a name's place, a table.
    "select * from raw.a union all select * from raw.a": None,
    "select id, email from raw.a union all by name select amount as email, id from raw.b": None,
    "select e as id from raw.a as a (i, e, n)": None,
    "with w (i, e, n) as (select * from raw.a) select e as id from w": None,
    "with recursive r as (select id from raw.a union all select r.id from r) select id from r": None,
    "select sum(id) over w as id from raw.a window w as (partition by email)": None,
    "select id from raw.a join raw.b on true": None,
    "select id from raw.c": None,
    "select * from read_csv('x.csv')": None,
    "pivot raw.a on email using count(*)": None,
    "select id from": None,
}  # fmt: skip


def of_one_model(sql: str, **changes) -> Lineage:
    tables = {"a": ("id", "email", "name"), "b": ("id", "amount", "x.id")}
    sources = {
        name: {"unique_id": name, "name": name, "identifier": name, "resource_type": "source", "database": "db",
               "schema": "raw", "relation_name": name, "columns": dict.fromkeys(columns)}
        for name, columns in tables.items()
    }  # fmt: skip
    model = {"unique_id": "m", "name": "m", "alias": "m", "resource_type": "model", "database": "db", "schema": "s",
             "relation_name": "m", "columns": {"id": None}, "language": "sql", "compiled_code": sql}  # fmt: skip
    return Lineage({"metadata": {"adapter_type": "duckdb"}, "sources": sources, "nodes": {"m": model | changes}})


@pytest.mark.parametrize("sql", TOLD)
def test_what_is_told_is_so_and_what_cannot_be_told_is_said(sql):
    known, expected = of_one_model(sql), TOLD[sql] or {"id": None}
    told = {column: known.origin(("m", column)) for column in known.columns("m")}
    assert list(told) == list(expected)
    for column, origin in told.items():
        if expected[column] is None:
            assert origin.unknown and not origin.columns
        else:
            assert known.text(origin).replace("raw.", "") == expected[column] and not origin.unknown


def test_a_history_says_what_its_own_columns_are_of():
    times = {"unique_key": "email", "strategy": "timestamp", "updated_at": "id", "hard_deletes": "new_record"}
    known = of_one_model("select * from raw.a", resource_type="snapshot", config=times)
    assert known.text(known.origin(("m", "dbt_scd_id"))) == "raw.a.email, raw.a.id"
    assert known.text(known.origin(("m", "dbt_valid_to"))) == "raw.a.id"
    checked = {"unique_key": ["name"], "strategy": "check", "snapshot_meta_column_names": {"dbt_valid_to": "until"}}
    known = of_one_model("select * from raw.a", resource_type="snapshot", config=checked)
    assert known.text(known.origin(("m", "dbt_scd_id"))) == "raw.a.name"
    assert known.text(known.origin(("m", "until"))) == "no column: what dbt notes of a history"


def ask(own, *words, **changes) -> int:
    """The command, in this process."""
    arguments = cli.parser().parse_args(["lineage", *words])
    return arguments.run(arguments, settings.read(environment=commands.settings(own) | changes))


def test_the_command_tells_a_column_and_each_step(own):
    told = commands.succeeded(commands.python(own, "loaders", "lineage", "order_mart.Delivery_Days"))
    assert told.splitlines() == [
        "order_mart.delivery_days", "  stg_shop__orders.delivered_at", "    raw.order.shipping_date",
        "  stg_shop__orders.ordered_at", "    raw.order.order_date",
        f"order_mart.delivery_days: {BY_HAND['order_mart.delivery_days']}",
    ]  # fmt: skip


def test_a_program_is_told_every_column_of_a_model(own, capsys, monkeypatch):
    monkeypatch.setattr(telling._Output, "json", True)
    assert ask(own, "delivery_mart") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    schema = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/output.schema.json").read_text("utf-8")))
    for event in told:
        schema.validate(event)
    assert len(told) == 16 and told[0]["sources"] == ["raw.customer.country"]


def test_the_command_says_which_name_is_wrong_and_what_makes_a_manifest(own, tmp_path):
    with pytest.raises(Failure, match="order_mart has no column delivery_day") as failed:
        ask(own, "order_mart.delivery_day")
    assert "did you mean delivery_days" in failed.value.fix
    with pytest.raises(Failure, match="the dbt project has no model oder_mart") as failed:
        ask(own, "oder_mart")
    assert "did you mean order_mart" in failed.value.fix
    with pytest.raises(Failure, match=r"dbt has left no manifest in .* \(No such file") as failed:
        ask(own, "order_mart", DBT_TARGET_PATH=str(tmp_path))
    assert failed.value.fix == "run `python -m loaders dbt compile`, which makes it"


def test_what_was_not_compiled_is_not_known_and_what_is_newer_is_noticed(own, manifest, tmp_path, capsys):
    node = manifest["nodes"]["model.order_he.stg_shop__products"]
    del node["compiled_code"]
    node["original_file_path"] = str(tmp_path / "newer.sql")
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (tmp_path / "newer.sql").touch()
    os.utime(tmp_path / "newer.sql", (time.time() + 60,) * 2)
    assert ask(own, "order_mart.price", DBT_TARGET_PATH=str(tmp_path)) == 1
    printed, noticed = capsys.readouterr()
    why = "stg_shop__products: dbt has not compiled it yet: `python -m loaders dbt compile`"
    assert printed.splitlines()[-1] == f"order_mart.price: NOT KNOWN: {why}"
    assert "newer.sql is newer than what dbt compiled" in noticed
