"""An own shop in a project that has the demo's beside it: discovered, built, tested, changed at the source, updated."""

import json
import shutil

import duckdb
import pytest

from loaders.common.settings import ROOT
from loaders.help import discover
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
