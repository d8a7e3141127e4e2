"""The run record: what is written is read back; what cannot be read is refused."""

import datetime
import json

import pytest

from loaders.errors import Failure
from loaders.lake import attempts, runs
from loaders.lake.folder import Folder
from loaders.lake.manifest import manifest

FILE = runs.File("order/1-a/part-00000.parquet", 3, 120, "ab" * 32)
BATCH = runs.Batch(
    "order",
    "full",
    (runs.ColumnType("order_id", "bigint(20)", "BIGINT", "BIGINT"),),
    ("order_id",),
    (FILE,),
    3,
    {},
    "counts equal",
)
TAKEN_AT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)


def record(number: int, attempt: str = "") -> runs.Run:
    return runs.Run(number, attempt or f"{number}-a", "raw", "shop", "10.11.19-MariaDB", TAKEN_AT, (BATCH,))


def test_a_record_is_read_back_as_it_was_written():
    assert runs.from_json(record(7).to_json(), "_runs/7.json") == record(7)


def test_the_record_names_its_parent_for_people_who_read_it():
    assert json.loads(record(7).to_json())["parent"] == 6


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format_version": 1}', record(1).to_json()[:-40]])
def test_a_damaged_record_is_named(data):
    with pytest.raises(Failure, match=r"_runs/1\.json is damaged"):
        runs.from_json(data, "_runs/1.json")


def test_a_record_under_another_number_is_damaged(tmp_path):
    lake = Folder(tmp_path)
    lake.create("_runs/3.json", record(2).to_json())
    with pytest.raises(Failure, match=r"_runs/3\.json is damaged \(it says that it is run 2\)"):
        runs.read(lake, 3)


@pytest.mark.parametrize("where", ["", "batches", "columns", "files"])
def test_what_only_a_newer_version_says_is_not_called_damage(where):
    newer = json.loads(record(1).to_json())
    part = newer["batches"][0] if where else newer
    part = part[where][0] if where in ("columns", "files") else part
    part["colour"] = "green"
    with pytest.raises(Failure, match="written by a newer version of this project: it says `colour`") as caught:
        runs.from_json(json.dumps(newer).encode(), "_runs/1.json")
    assert caught.value.fix.startswith("update this project")


def test_a_record_of_another_format_is_refused():
    changed = json.loads(record(1).to_json()) | {"format_version": 99}
    with pytest.raises(Failure, match="has format 99"):
        runs.from_json(json.dumps(changed).encode(), "_runs/1.json")


def test_a_number_is_won_once(tmp_path):
    lake = Folder(tmp_path)
    assert runs.publish(lake, record(1, "1-mine"))
    assert not runs.publish(lake, record(1, "1-other"))
    assert runs.numbers(lake) == [1]


def test_numbers_beyond_nine_sort_as_numbers_and_a_gap_is_a_failure(tmp_path):
    lake = Folder(tmp_path)
    for number in range(1, 12):
        runs.publish(lake, record(number))
    assert runs.numbers(lake) == list(range(1, 12))
    lake.delete(["_runs/5.json"])
    with pytest.raises(Failure, match="misses a run between 1 and 11"):
        runs.numbers(lake)


def test_the_manifest_makes_every_file_mandatory_and_states_its_size():
    entries = json.loads(manifest([FILE], lambda key: f"s3://b/{key}"))["entries"]
    assert entries == [
        {"url": "s3://b/order/1-a/part-00000.parquet", "mandatory": True, "meta": {"content_length": 120}}
    ]


def test_a_sweep_removes_what_lost_the_parents_number_and_nothing_else(tmp_path):
    lake = Folder(tmp_path)
    for key in ("order/1-a/part", "order/1-lost/part", "order/2-b/part", "order/2-other/part", "order/10-x/part"):
        lake.create(key, b"x")
    runs.publish(lake, record(1, "1-a"))
    runs.publish(lake, record(2, "2-b"))
    attempts.sweep(lake, record(2, "2-b"))
    assert sorted(lake.keys("order/")) == ["order/1-a/part", "order/10-x/part", "order/2-b/part", "order/2-other/part"]
