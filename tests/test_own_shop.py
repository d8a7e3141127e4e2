"""An own shop in a project that has the demo's beside it: discovered, built, tested, changed at the source, updated."""

import json
import shutil

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.common.settings import ROOT
from loaders.help import discover, update
from loaders.source.described import Said, SourceTable
from loaders.types.type_contract import SourceColumn
from loaders.words import catalog
from tests import commands, forked_dbt, own_shop, test_conventions

HERE = {"DEMO_SHOP": "0"}


@pytest.fixture
def mall(own, tmp_path):
    """The shop, its catalog and staging in a copy of the dbt project, and a mart of its own."""
    own.write(*own_shop.TABLES, *own_shop.ROWS)
    project = tmp_path / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs", "profiles.yml"))
    with own.snapshot() as snapshot:
        tables, said = list(snapshot.tables().values()), snapshot.said()
    (sources, *_views), notices = discover.write("mall", tables, project, said)
    (project / "models/own/purchase_mart.sql").write_text(own_shop.MART.lstrip())
    (project / "models/own/purchase_mart.yml").write_text(own_shop.MART_YAML)
    return own, project, sources, [*notices, *discover.remarks(tables, said)]


def keeps_the_conventions(manifest):
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {node["fqn"][1] for node in models} == {"staging", "own"}
    for name, convention in vars(test_conventions).items():
        if name.startswith("test_"):
            convention(**{"manifest": manifest, "models": models} if convention.__code__.co_argcount == 2 else
                       {convention.__code__.co_varnames[0]: manifest if "macro" in name else models})  # fmt: skip


def test_an_own_shop_is_discovered_built_and_told_of_what_changed(mall):
    own, project, sources, told = mall
    text = "\n".join(told)
    for fact in (
        "purchase.bought_at",
        "copied; write them as models over the tables: sales",
        "key is written: visit_log",
        "member.deleted_at, ",
        "item.is_deleted",
        "parcel → purchase_line (a foreign key of purchase_id, line_no)",
        "item.kind (labels of its ENUM)",
    ):
        assert fact in text, text
    lint = commands._run(
        [str(ROOT / ".venv/bin/python"), "-m", "sqlfluff", "lint", "--config", str(ROOT / "pyproject.toml"),
         str(project / "models/staging/mall"), str(project / "models/own")], ROOT, commands.settings(own)
    )  # fmt: skip
    assert lint.returncode == 0, lint.stdout
    sources.write_text(sources.read_text().replace("time_zone: UTC", "time_zone: Asia/Seoul"))
    own.run(catalog.read(sources))
    forked_dbt.dbt(own, "--warn-error", "build", project=project, **HERE)
    keeps_the_conventions(json.loads((own.folder / "target/manifest.json").read_text(encoding="utf-8")))
    assert "Nothing to do" not in forked_dbt.dbt(own, "source", "freshness", project=project, **HERE)
    with duckdb.connect(own.warehouse_path, read_only=True) as warehouse:
        bought = warehouse.execute("select bought_at::text, pieces from analytics.purchase_mart order by 1").fetchall()
        assert bought == [("2026-02-28 23:59:59", 3), ("2026-03-01 15:00:00", 1)]
        comments = dict(warehouse.execute("select column_name, comment from duckdb_columns() "
                                          "where table_name = 'stg_mall__member'").fetchall())  # fmt: skip
    assert comments["name"] == "이름; it's personal" and comments["joined_at"] == "KST local time (here in UTC)"

    own.write("alter table item change title heading varchar(60) not null")
    own.run(catalog.read(sources))
    told = " ".join(forked_dbt.dbt(own, "build", project=project, fails=True, **HERE).split())
    assert 'raw_mall."item".title: gone at the source (dropped, or renamed there)' in told
    with own.snapshot() as snapshot:
        files, _notices = update.update("mall", snapshot.tables().values(), project, snapshot.said())
    assert {file.name for file in files} == {"_mall__sources.yml", "stg_mall__item.sql", "stg_mall__item.yml"}
    for file, (_before, after) in files.items():
        file.write_text(after, encoding="utf-8")
    forked_dbt.dbt(own, "build", "--select", "stg_mall__item", project=project, **HERE)
    with duckdb.connect(own.warehouse_path, read_only=True) as warehouse:
        assert warehouse.execute("select heading from analytics.stg_mall__item order by item_id").fetchall() == [
            ("녹차",), ("old tea",)]  # fmt: skip


def table(name, *columns, key=()):
    return SourceTable(name, "InnoDB", 0, tuple(SourceColumn(*column) for column in columns), key)


KEY = ("id", "int", "int", False)
BEFORE = (table("a", KEY, ("title", "text", "text"), ("at", "datetime", "datetime"), key=("id",)),
          table("b", ("x", "int", "int")))  # fmt: skip


@pytest.fixture
def written(tmp_path):
    """A project of two tables as `discover` writes them, and lines by hand; and what an update then makes of it."""
    for macro in discover.MACROS:
        (tmp_path / "macros" / macro).parent.mkdir(exist_ok=True)
        (tmp_path / "macros" / macro).touch()
    (sources, *_rest), _notices = discover.write("m", BEFORE, tmp_path)
    sources.write_text(sources.read_text().replace("  - name: b\n", "  # by hand\n  - name: b\n") + "# the end\n")

    def updated(*tables, said=discover.SILENT):
        files, notices = update.update("m", tables, tmp_path, said)
        for file, (_before, after) in files.items():
            file.write_text(after, encoding="utf-8")
        return files, notices

    return updated, sources


def test_an_update_follows_the_source_and_keeps_what_was_written_by_hand(written):
    updated, sources = written
    now = (
        table(
            "a",
            ("id", "int", "bigint", False),
            ("heading", "text", "text"),
            ("made", "datetime", "datetime"),
            key=("id",),
        ),
        table("b", ("x", "int", "int"), ("y", "int", "int", False)),
        table("c", KEY, key=("id",)),
    )
    said = Said({("a", "heading"): "as shown"}, {"b": [(("y",), "c", ("id",))]})
    files, notices = updated(*now, said=said)
    assert len(files) == 7 and not notices
    text = sources.read_text()
    assert "  # by hand\n  - name: b\n" in text and text.endswith("# the end\n")
    views = {file.name: after for file, (_before, after) in files.items()}
    assert '"heading",\n' in views["stg_m__a.sql"] and "title" not in views["stg_m__a.sql"]
    assert views["stg_m__a.sql"].count("made") == 2 and "ref('stg_m__c')" in views["stg_m__b.yml"]
    assert updated(*now) == ({}, []), "once is enough"
    fresh = discover.catalog_yaml("m", now, said)[0].replace("bigint", '"bigint"')
    assert text.replace("  # by hand\n", "").replace("# the end\n", "") == fresh
    gone, (told,) = updated(*now[:2])
    assert not gone and told.startswith("c is not at the source")


columns_of = st.lists(st.sampled_from("abcdefgh"), min_size=1, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns_of, columns_of, st.sampled_from(["int", "datetime"]))
def test_any_columns_become_any_others(tmp_path_factory, then, now, kind):
    """The catalog and the view then name the columns of today, each once."""
    project = tmp_path_factory.mktemp("any")
    for macro in discover.MACROS:
        (project / "macros" / macro).parent.mkdir(exist_ok=True)
        (project / "macros" / macro).touch()
    made = [table("t", *((name, kind, kind) for name in names)) for names in (then, now)]
    (sources, view, _yml), _notices = discover.write("m", made[:1], project)
    files, _notices = update.update("m", made[1:], project, discover.SILENT)
    after = {file: text for file, (_before, text) in files.items()}
    (entry,) = yaml.safe_load(after.get(sources, sources.read_text()))["sources"][0]["tables"]
    assert sorted(column["name"] for column in entry["columns"]) == sorted(now)
    select = after.get(view, view.read_text()).split("    select\n")[1].split("\n    from source")[0].split(",\n")
    assert sorted(line.split()[-1].strip('"') for line in select) == sorted(now)
