"""The run record: what is written is read back; what cannot be read is refused."""

import datetime
import json
from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.lake import attempts, run_json, runs
from loaders.lake.folder import Folder
from loaders.lake.run_files import manifest
from loaders.types.column_type import ColumnType
from loaders.words.run_record import Batch, File, Run

FILE = File("order/1-aaaaaaaaaaaaaaaa/part-00000.parquet", 3, 120, "ab" * 32)
BATCH = Batch(
    "order",
    "full",
    (ColumnType("order_id", "bigint(20)", "BIGINT", "BIGINT"),),
    ("order_id",),
    (FILE,),
    3,
    {},
    "counts equal",
)
TAKEN_AT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)


def attempt(number: int, digit: str = "a") -> str:
    return f"{number}-{digit * 16}"


def record(number: int, digit: str = "a") -> Run:
    file = replace(FILE, key=f"order/{attempt(number, digit)}/part-00000.parquet")
    batches = (replace(BATCH, files=(file,)),)
    return Run(number, attempt(number, digit), "raw", "shop", "10.11.19-MariaDB", TAKEN_AT, batches)


def test_a_record_is_read_back_as_it_was_written():
    assert run_json.from_json(record(7).to_json(), "_runs/7.json") == record(7)


def test_the_record_names_its_parent_for_people_who_read_it():
    assert json.loads(record(7).to_json())["parent"] == 6
    false = json.loads(record(1).to_json()) | {"parent": False}
    with pytest.raises(Failure, match="its parent is False"):
        run_json.from_json(json.dumps(false).encode(), "_runs/1.json")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format_version": 1}', record(1).to_json()[:-40]])
def test_a_damaged_record_is_named(data):
    with pytest.raises(Failure, match=r"_runs/1\.json is damaged"):
        run_json.from_json(data, "_runs/1.json")


def test_a_record_under_another_number_is_damaged(tmp_path):
    lake = Folder(tmp_path)
    lake.create("_runs/3.json", record(2).to_json())
    with pytest.raises(Failure, match=r"_runs/3\.json is damaged \(it says that it is run 2\)"):
        runs.read(lake, 3)
    lake.create("_runs/4.json", record(2).to_json().replace(b'"run": 2', b'"run": 4'))
    with pytest.raises(Failure, match=r"_runs/4\.json is damaged \(its attempt is '2-aaaaaaaaaaaaaaaa'\)"):
        runs.read(lake, 4)


@pytest.mark.parametrize("where", ["", "batches", "columns", "files"])
def test_what_only_a_newer_version_says_is_not_called_damage(where):
    newer = json.loads(record(1).to_json())
    part = newer["batches"][0] if where else newer
    part = part[where][0] if where in ("columns", "files") else part
    part["colour"] = "green"
    with pytest.raises(Failure, match="written by a newer version of this project: it says `colour`") as caught:
        run_json.from_json(json.dumps(newer).encode(), "_runs/1.json")
    assert caught.value.fix.startswith("update this project")


def test_a_record_of_another_format_is_refused():
    changed = json.loads(record(1).to_json()) | {"format_version": 99}
    with pytest.raises(Failure, match="has format 99"):
        run_json.from_json(json.dumps(changed).encode(), "_runs/1.json")


def test_a_number_is_won_once(tmp_path):
    lake = Folder(tmp_path)
    assert runs.publish(lake, record(1, "a"))
    assert not runs.publish(lake, record(1, "b"))
    assert runs.numbers(lake) == [1]


def test_numbers_beyond_nine_sort_as_numbers_and_a_gap_is_a_failure(tmp_path):
    lake = Folder(tmp_path)
    for number in range(1, 12):
        runs.publish(lake, record(number))
    assert runs.numbers(lake) == list(range(1, 12))
    lake.delete(["_runs/5.json"])
    with pytest.raises(Failure, match=r"misses a run between 1 and 11: _runs/5\.json") as caught:
        runs.numbers(lake)
    assert "`python -m loaders withdraw 6`" in caught.value.fix


def test_a_number_far_away_costs_nothing(tmp_path):
    """It took 6.5 GB of memory; and what int() takes for a number is not always one."""
    lake = Folder(tmp_path)
    runs.publish(lake, record(1))
    for stem in ("300000000", "07", "²", "1" * 30):
        (tmp_path / f"_runs/{stem}.json").touch()
    with pytest.raises(Failure, match=r"misses a run between 1 and 300000000: _runs/2\.json to 299999999\.json"):
        runs.numbers(lake)
    assert runs.listed(lake) == [1, 300_000_000]


def test_the_oldest_record_is_missed(tmp_path):
    lake = Folder(tmp_path)
    for number in (1, 2, 3):
        runs.publish(lake, record(number))
    lake.delete(["_runs/1.json"])
    with pytest.raises(Failure, match=r"misses its oldest: _runs/1\.json"):
        runs.numbers(lake)
    base = replace(record(2), attempt=f"baseline-{attempt(2)}", batches=())
    lake.create(run_json.baseline_key(2), runs.readable(lake, base, run_json.baseline_key(2)))
    assert runs.numbers(lake) == [2, 3]
    lake.delete(["_runs/2.json"])
    with pytest.raises(Failure, match=r"misses its oldest: _runs/3\.json"):
        runs.numbers(lake)
    lake.delete(["_runs/3.json"])
    with pytest.raises(Failure, match="misses every run from 2 on"):
        runs.numbers(lake)


def test_the_manifest_makes_every_file_mandatory_and_states_its_size():
    entries = json.loads(manifest([FILE], lambda key: f"s3://b/{key}"))["entries"]
    assert entries == [{"url": f"s3://b/{FILE.key}", "mandatory": True, "meta": {"content_length": 120}}]


def test_a_sweep_removes_what_lost_the_parents_number_and_nothing_else(tmp_path):
    lake = Folder(tmp_path)
    kept = [f"order/{each}/part" for each in (attempt(1), attempt(10), attempt(2), "2-other")]
    for key in (*kept, "order/1-lost/part"):
        lake.create(key, b"x")
    runs.publish(lake, record(1))
    runs.publish(lake, record(2))
    attempts.sweep(lake, record(2))
    assert sorted(lake.keys("order/")) == sorted(kept)
