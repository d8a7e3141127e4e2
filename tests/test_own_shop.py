"""An own shop in a project that has the demo's beside it: discovered, built, tested, changed at the source, updated."""

import json
import os
import re
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.common.settings import ROOT
from loaders.help import discover, update
from loaders.source.described import ForeignKey, Said, SourceTable
from loaders.types.type_contract import SourceColumn
from loaders.words import catalog
from tests import commands, forked_dbt, git, own_shop
from tests.checkout import checkout

HERE = {"DEMO_SHOP": "0"}
# What cron runs, by the page.
NIGHTLY, FRESH = re.findall(
    r"^\d+ \d+ \* \* \*  cd /path/to/order-he && (.*)$", (ROOT / "docs/aws.md").read_text("utf-8"), re.MULTILINE
)


@pytest.fixture
def mall(own, tmp_path):
    """The shop, its catalog and staging in a copy of the dbt project, and a mart of its own."""
    own.write(*own_shop.TABLES, *own_shop.ROWS)
    project = tmp_path / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs", "profiles.yml"))
    with own.snapshot() as snapshot:
        tables, said = list(snapshot.tables().values()), snapshot.said()
    (sources, *_views), notices = discover.write("mall", tables, project, said)
    own_shop.write_marts(project)
    return own, project, sources, [*notices, *discover.remarks(tables, said)]


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
    lint = commands.python(
        own, "sqlfluff", "lint", "--config", str(ROOT / "pyproject.toml"), str(project / "models/staging/mall"),
        str(project / "models/own"),
    )  # fmt: skip
    assert lint.returncode == 0, lint.stdout
    doctor = commands.python(own, "loaders", "doctor", CATALOG="")
    assert doctor.returncode == 1 and "CATALOG (not set, so the demo shop's: `make discover`" in doctor.stdout
    sources.write_text(sources.read_text().replace("time_zone: UTC", "time_zone: Asia/Seoul"))
    own.run(catalog.read(sources))
    forked_dbt.dbt(own, "--warn-error", "build", project=project, **HERE)
    nodes = json.loads((own.folder / "target/manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    assert {node["fqn"][1] for node in nodes if node["resource_type"] == "model"} == {"staging", "own"}
    assert "Nothing to do" not in forked_dbt.dbt(own, "source", "freshness", project=project, **HERE)
    with duckdb.connect(own.warehouse_path, read_only=True) as warehouse:
        bought = warehouse.execute("select bought_at::text, pieces from analytics.purchase_mart order by 1").fetchall()
        assert bought == [("2026-02-28 23:59:59", 3), ("2026-03-01 15:00:00", 1)]
        comments = dict(warehouse.execute("select column_name, comment from duckdb_columns() "
                                          "where table_name = 'stg_mall__member'").fetchall())  # fmt: skip
    assert comments["name"] == "이름; it's personal" and comments["joined_at"] == "KST local time (here in UTC)"


def test_a_clone_becomes_a_project_of_an_own_shop_alone(own, tmp_path):
    """By the commands of the pages: the demo leaves, then discover, marts, a sample for CI, a rename, an update."""
    own.write(*own_shop.TABLES, *own_shop.ROWS)
    with checkout(tmp_path) as clone:
        path = {"PATH": f"{Path(git.program()).parent}:{os.environ['PATH']}"}
        commit = "git add -A && git -c user.name=x -c user.email=x@x.example commit -qm x"
        clone.run(f"git init -q && {commit}", **path)
        (clone.folder / "mine").touch()
        refused = clone.shell("make without-demo", **path)
        assert refused.returncode and "git shows changes here:\n?? mine" in refused.stderr
        clone.run(commit, **path)
        told = clone.run("make without-demo", **path)
        assert "dbt_project/models/marts" in told and {line[:2] for line in clone.run(
            "git status --porcelain", **path).splitlines()} == {"D ", "M "}  # fmt: skip
        clone.run(commit, **path)

        settings = clone.folder / ".env"
        settings.write_text(f'SOURCE_URL="{own.source_url}"\n')
        told = clone.run('make discover ARGS="--write mall"')
        lines = [line for line in told.splitlines() if re.fullmatch(r"  [A-Z_]+=\S+", line)]
        settings.write_text("\n".join([settings.read_text(), *lines]))
        own_shop.write_marts(clone.folder / "dbt_project")
        assert clone.shell(NIGHTLY).stdout == "", "cron would mail it"
        done = clone.run("make export")
        assert {mart for mart in own_shop.MARTS if f"{mart}.csv" in done} == {*own_shop.MARTS}
        clone.run(".venv/bin/python -m pytest -q tests/test_conventions.py -k 'not parses'")
        left = "git grep -nE '^ *(from|import) (seeds_generator|bench|exercises|examples)' '*.py'"
        assert not clone.shell(left, **path).stdout

        clone.run(f"make sample && {commit}", **path)
        sample = sum(file.stat().st_size for file in (clone.folder / "sample").rglob("*") if file.is_file())
        assert sample < 100_000 and "sample/settings" in clone.run("git ls-files", **path)
        # A runner of CI has no settings, so no source either.
        settings.rename(clone.folder / ".data/env")
        assert "ERROR=0" in clone.run("make build-sample")
        (clone.folder / ".data/env").rename(settings)

        own.write(
            "alter table item change title heading varchar(60) not null", "create table wish (id int primary key)"
        )
        planned = clone.shell("make plan")
        assert "member: incremental, of about" in planned.stdout and "item: full, about" in planned.stdout
        mailed = clone.shell(NIGHTLY).stdout
        assert mailed.startswith("order-he failed") and 'raw_mall."item".title: gone at' in " ".join(mailed.split())
        for said, facts in ((planned.stderr, 3), (clone.shell("make status").stderr, 2)):
            assert said.count("`python -m loaders discover --update mall` brings it up to date") == facts
            assert "lacks columns of the source: item.heading;" in said
            assert "reads columns that are gone at the source: item.title;" in said
        assert "does not name: wish;" in planned.stderr
        diff = clone.run('make discover ARGS="--update mall"')
        assert '-        "title",' in diff and '+        "heading",' in diff and "+  - name: wish" in diff
        assert "discover --update" not in clone.shell("make extract && make build && make plan && make status").stderr
        with duckdb.connect(clone.folder / ".data/warehouse.duckdb") as warehouse:
            assert warehouse.execute("select heading from analytics.stg_mall__item order by item_id").fetchall() == [
                ("녹차",), ("old tea",)]  # fmt: skip
            said = "select comment from duckdb_columns() where schema_name = 'raw_mall' and comment is not null"
            assert {"이름; it's personal", "KST local time", "A, B"} == {
                comment for (comment,) in warehouse.execute(said).fetchall()
            }
            warehouse.execute("update raw_mall._loads set snapshot_at = snapshot_at - interval 3 day")
        assert clone.shell(FRESH).stdout.startswith("order-he is stale")


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
    said = Said({("a", "heading"): "as shown"}, {"b": [ForeignKey("b", ("y",), "c", ("id",))]})
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


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
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
