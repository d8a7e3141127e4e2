"""The dbt project's conventions, read from its manifest: each offender is named with what to do. Part of `make pr`."""

import json
import re

import pytest

from dashboard import metrics
from loaders.common.settings import ROOT
from tests import commands
from tests.own_database import OwnDatabase

LAYERS = {
    "staging": r"(base|stg)_[a-z0-9_]+__[a-z0-9_]+",
    "intermediate": r"int_[a-z0-9_]+",
    "marts": r"[a-z0-9_]+_mart",
    "semantic": r"[a-z0-9_]+_days",
    "own": r"[a-z0-9_]+_mart",
}
MAY_READ = {"staging": ("source", "staging"), "intermediate": ("staging", "intermediate", "snapshots"),
            "snapshots": ("intermediate",), "marts": ("staging", "intermediate", "marts"), "semantic": ("marts",),
            "own": ("staging", "intermediate", "marts", "own")}  # fmt: skip
KEYS = ("unique", "unique_together")


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """Where dbt leaves what it makes of the project's files; no warehouse is asked."""
    own = OwnDatabase("", "", tmp_path_factory.mktemp("parsed"))
    commands.succeeded(commands.dbt(own, "parse", "--quiet"))
    return own.folder / "target"


@pytest.fixture(scope="module")
def manifest(parsed):
    return json.loads((parsed / "manifest.json").read_text())


@pytest.fixture(scope="module")
def models(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "snapshot")]


def layer(node: dict) -> str:
    if node["resource_type"] in ("source", "snapshot"):
        return {"source": "source", "snapshot": "snapshots"}[node["resource_type"]]
    return node["fqn"][1]


def none(offenders, remedy: str) -> None:
    found = sorted(offenders)
    assert not found, f"{', '.join(map(str, found))}: {remedy}"


def test_names_say_the_layer(models):
    wrong = [node["name"] for node in models
             if layer(node) in LAYERS and not re.fullmatch(LAYERS[layer(node)], node["name"])]  # fmt: skip
    none(wrong, f"name it after its layer: {LAYERS}")
    none(
        (node["name"] for node in models if layer(node) not in {*LAYERS, "snapshots"}), "move it into a layer's folder"
    )


def test_each_layer_reads_the_layers_before_it_only(manifest, models):
    every = manifest["nodes"] | manifest["sources"]
    reads = [(node, every[parent]) for node in models for parent in node["depends_on"]["nodes"]]
    wrong = [f"{node['name']} reads {parent['name']}" for node, parent in reads
             if layer(parent) not in MAY_READ[layer(node)]]  # fmt: skip
    none(wrong, f"a layer may read: {MAY_READ}")


def test_staging_reads_one_thing_and_joins_nothing(models):
    staging = [node for node in models if layer(node) == "staging"]
    none((node["name"] for node in staging if len(node["depends_on"]["nodes"]) > 1), "join in intermediate")


def test_a_source_is_read_by_one_model(manifest, models):
    readers = [
        parent
        for node in models
        for parent in node["depends_on"]["nodes"]
        if parent in manifest["sources"]
        if node["name"] != "stg_shop__clock_turns"
    ]  # it reads the loaders' own _loads, beside the source's tables
    none({parent for parent in readers if readers.count(parent) > 1}, "let others read that model (a base_ model)")


def test_marts_are_public_and_all_before_them_is_the_teams_own(models):
    public, private = ("marts", "own"), ("staging", "intermediate", "semantic")
    access = {**dict.fromkeys(public, "public"), **dict.fromkeys(private, "private")}
    wrong = [node["name"] for node in models if layer(node) in access and
             (node["access"] != access[layer(node)] or not node["group"])]  # fmt: skip
    none(wrong, f"access by layer: {access}, and a group (models/groups.yml)")


def test_no_model_names_a_table_by_hand(models):
    """Hard-coded references: what is not in ref or source is not in the graph. The one that is, says why."""
    named = re.compile(r"\b(?:from|join)\s+[\w\"{]+\.[\w\"]+", re.IGNORECASE)
    code = {node["name"]: re.sub(r"{{.*?}}", "x", node.get("raw_code", "")) for node in models}
    wrong = [name for name, text in code.items() if named.search(text) and name != "stg_shop__clock_turns"]
    none(wrong, "read it by ref() or source()")


def test_every_model_and_column_has_a_description(models):
    none((node["name"] for node in models if not node["description"].strip()), "describe it in the YAML beside it")
    bare = [f"{node['name']}.{column['name']}" for node in models for column in node["columns"].values()
            if not column["description"].strip()]  # fmt: skip
    none(bare, "describe the column in the YAML beside it")


def test_every_model_has_a_tested_key(manifest, models):
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    tested = {test["attached_node"] for test in tests if (test.get("test_metadata") or {}).get("name") in KEYS}
    keyless = {name for name, source in manifest["sources"].items() if not source["config"]["meta"].get("primary_key")}
    staged = {node["unique_id"] for node in models if layer(node) == "staging" and
              keyless.intersection(node["depends_on"]["nodes"])}  # fmt: skip
    none((node["name"] for node in models if node["unique_id"] not in tested | staged), f"test its key: {KEYS}")


def test_every_mart_has_a_contract_and_says_what_it_is_for(models):
    marts = [node for node in models if layer(node) == "marts"]
    none((mart["name"] for mart in marts if not mart["config"]["contract"]["enforced"]), "enforce its contract")
    said = {"grain", "owner", "freshness", "questions"}
    none((mart["name"] for mart in marts if not said <= set(mart["config"]["meta"])), f"say in config.meta: {said}")


def test_every_rule_of_a_mart_has_a_unit_test(manifest, models):
    tested = {parent for test in manifest["unit_tests"].values() for parent in test["depends_on"]["nodes"]}
    none((node["name"] for node in models if layer(node) == "marts" and node["unique_id"] not in tested),
         "write a unit test of what it computes")  # fmt: skip


def test_every_mart_leads_to_an_exposure(manifest, models):
    exposed = {parent for exposure in manifest["exposures"].values() for parent in exposure["depends_on"]["nodes"]}
    none((node["name"] for node in models if layer(node) == "marts" and node["unique_id"] not in exposed),
         "name it in models/exposures.yml: who reads it?")  # fmt: skip


def test_every_macro_is_described(manifest):
    own = [macro for macro in manifest["macros"].values() if macro["package_name"] == "order_he"]
    helpers = re.compile(r"(default|duckdb|redshift)__(whole_division|text_literal)")
    bare = (macro["name"] for macro in own if not macro["description"] and not helpers.fullmatch(macro["name"]))
    none(bare, "describe it in the YAML beside it")


@pytest.mark.parametrize("target", ["duckdb", "redshift"])
def test_the_project_parses_for_every_target_without_a_deprecation(target, tmp_path):
    own = OwnDatabase("", "", tmp_path)
    told = commands.succeeded(
        commands.dbt(own, "parse", "--no-partial-parse", "--show-all-deprecations", "--target", target)
    )
    # A project in which no shop was discovered yet has settings for layers that are empty.
    has_demo = (ROOT / "dbt_project/models/marts").is_dir()
    bad = re.compile("deprecat|warning" + ("" if has_demo else "(?!.*Configuration paths exist)"), re.IGNORECASE)
    wrong = [line for line in told.splitlines() if bad.search(line)]
    assert not wrong, told


def test_each_metric_is_told_in_docs_bi_as_dbt_defines_it(manifest):
    found = {metric["name"]: metric for metric in manifest["metrics"].values() if metric["fqn"][1] == "marts"}
    assert found.keys() == metrics.defined().keys(), "the page reads the marts' YAML: define metrics there"
    lines = [
        f"| `{name}` | {metric['label']} | `{asks_for(metric)}` | {metric['description']} |"
        for name, metric in found.items()
    ]
    none(set(lines).difference((ROOT / "docs/bi.md").read_text().splitlines()), "its line in docs/bi.md")


def asks_for(metric: dict) -> str:
    if metric["type"] == "simple":
        return metrics.sql()[metric["name"]]
    if metric["type"] == "ratio":
        return " / ".join(metric["type_params"][part]["name"] for part in ("numerator", "denominator"))
    (given,) = metric["type_params"]["metrics"]
    return f"{given['name']}, {given['offset_window']['count']} {given['offset_window']['granularity']} before"


def test_every_metric_has_a_name_and_a_meaning_in_korean():
    told = json.loads(metrics.words())
    none((name for name, words in told["ko"].items() if words in told["en"].values()), "translate it (config.meta.ko)")
