"""--json: what a command found, an object in a line for each thing that happened, and nothing else on stdout."""

import json
import re

import jsonschema
import pytest

from loaders.common.settings import ROOT
from tests import commands

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/output.schema.json").read_text("utf-8")))


def told(own, *words: str, code: int = 0) -> list[dict]:
    done = commands.python(own, "loaders", *words, "--json", CATALOG=str(own.catalog_file))
    assert done.returncode == code, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    for event in events:
        SCHEMA.validate(event)
    return events


def only(events: list[dict], name: str) -> dict:
    (found,) = [event for event in events if event["event"] == name]
    return found


def test_a_program_reads_what_a_run_did_what_raw_holds_and_whether_it_is_equal(own):
    own.write("create table t (id int primary key, v varchar(9))", "insert into t values (1, 'a'), (2, null)")
    own.discover()
    plan = only(told(own, "plan"), "table")
    assert (plan["table"], plan["mode"], plan["why"]) == ("t", "full", "first read")

    assert told(own, "history") == []
    none = commands.succeeded(commands.python(own, "loaders", "history", CATALOG=str(own.catalog_file)))
    assert "holds no run for schema" in none and "`make extract` makes one" in none
    run = told(own, "extract")
    (table,) = only(run, "published")["tables"]
    assert (table["rows"], table["live_rows"], table["gone"], table["mode"]) == (2, 2, None, "full")
    cost = only(run, "published")["source_cost"]
    assert cost["snapshot_ms"] >= cost["longest_query_ms"] and cost["rows_scanned"] >= 2
    assert only(run, "loaded")["run"] == only(run, "published")["run"] == 1

    own.write("delete from t where id = 1")
    own.write("update t set v = 'new' where id = 2", "alter table t modify v varchar(20)")
    (table,) = only(told(own, "extract"), "published")["tables"]
    assert (table["live_rows"], table["gone"], table["repaired"]) == (1, 1, 1)
    assert table["drift"] == ["t: column v was varchar(9) and is varchar(20): raw widens"]

    for wrong in ("0", "-1", "x"):
        assert "is not a number from 1 to" in commands.python(own, "loaders", "history", "--last", wrong).stderr
    past = told(own, "history")
    assert [(run["run"], run["tables"][0]["gone"]) for run in past] == [(1, None), (2, 1)]
    assert past[0]["source_cost"] == cost
    assert [run["run"] for run in told(own, "history", "--last", "1")] == [2]
    shown = commands.succeeded(commands.python(own, "loaders", "history", CATALOG=str(own.catalog_file)))
    assert "run 2: as of " in shown and "; 1 repaired; 1 gone" in shown
    assert re.search(r"at the source: snapshot held [\d.]+ s, .*, [1-9]\d* rows scanned, locks 0 ms", shown)

    own.extract(full=True)
    status = only(told(own, "status"), "status")
    assert status["waiting"] == [3] and [held["live_rows"] for held in status["tables"]] == [1]
    assert only(told(own, "plan"), "waits")["run"] == 3

    own.write("update t set v = 'other'")
    verdict = told(own, "verify", code=1)
    assert only(verdict, "verdict")["equal"] is False
    assert only(verdict, "compared") | {"name": "t", "equal": False} == only(verdict, "compared")


def test_a_failure_and_a_notice_are_objects_too_and_texts_go_to_stderr(own):
    own.write("create table t (id int primary key, at date) engine = myisam")
    own.discover()
    events = told(own, "extract", "--tables", "u", code=1)
    assert only(events, "failure")["problem"].endswith("has no table u")
    links = told(own, "doctor", "--catalog", str(own.folder / "absent.yml"), code=1)
    assert [link["works"] for link in links] == [False] and links[0]["fix"]
    done = commands.python(own, "loaders", "status", "--json", CATALOG=str(own.catalog_file))
    assert "does not exist yet" in done.stderr and done.stdout == ""


def test_log_format_is_the_same_as_a_setting(own):
    own.write("create table t (id int primary key)")
    own.discover()
    here = {"CATALOG": str(own.catalog_file)}
    done = commands.python(own, "loaders", "extract", LOG_FORMAT="json", **here)
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["published", "loaded"]
    assert "0 runs wait" in commands.succeeded(commands.python(own, "loaders", "status", LOG_FORMAT="text", **here))
    done = commands.python(own, "loaders", "status", LOG_FORMAT="yaml", **here)
    assert done.returncode == 1 and "LOG_FORMAT is 'yaml'" in done.stderr
    # A command for people stays one.
    assert commands.python(own, "loaders", "discover", LOG_FORMAT="json", **here).stdout.startswith("sources:")


def test_the_schema_takes_nothing_that_it_does_not_know():
    good = {"event": "loaded", "run": 1, "schema": "raw", "warehouse": "w"}
    SCHEMA.validate(good)
    for wrong in (good | {"more": 1}, good | {"run": 0}, good | {"event": "other"}, {"event": "loaded", "run": 1}):
        with pytest.raises(jsonschema.ValidationError):
            SCHEMA.validate(wrong)
