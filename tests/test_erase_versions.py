"""`erase` and a bucket with versioning: what was deleted there is still there, as an old version."""

import secrets
from dataclasses import replace
from pathlib import Path

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError

from loaders.help import doctor
from loaders.lake import runs
from loaders.lake.s3 import S3
from loaders.lake.spool import spool
from loaders.lake.store import sha256_of
from loaders.retention import deleted, erase, erase_versions
from loaders.retention.erase_lake import LakeSearch
from loaders.words import row_key


@pytest.fixture
def versioned(own, s3_server):
    """A lake in such a bucket, whose first run has a row that the second one saw gone; and the search for that row."""
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    lake = S3(client, bucket, "order-he")
    own.write("create table t (id int primary key, v varchar(20))", "insert into t values (1, 'a'), (2, 'Nobody')")
    known = own.discover()
    with own.opened("raw_own", lake) as warehouse:
        own.run_with(warehouse, known, lake)
        own.write("delete from t where id = 2", "insert into t values (3, 'c')")
        own.run_with(warehouse, known, lake)
    with spool() as folder:
        key = row_key.parse("2", runs.newest_batches(lake, "raw_own", ["t"])["t"])
        yield LakeSearch(lake, "raw_own", key, folder)


def rows_of_versions(search) -> list[int]:
    """The keys in every version of every file that S3 still gives, current ones too."""
    client, bucket = search.lake.client, search.lake.bucket
    found = []
    for entry in client.list_object_versions(Bucket=bucket).get("Versions", []):
        if entry["Key"].endswith(".parquet"):
            body = client.get_object(Bucket=bucket, Key=entry["Key"], VersionId=entry["VersionId"])["Body"].read()
            file = search.folder / "version.parquet"
            file.write_bytes(body)
            found += [key for (key,) in duckdb.execute(f"select id from '{file}'").fetchall()]
    return sorted(found)


def test_old_versions_of_files_with_the_row_are_removed_and_others_stay(versioned):
    search = versioned
    assert search.erase() == 2 and 2 in rows_of_versions(search), "what is deleted is an old version"
    # A file without the row, deleted: its old version is nobody's business.
    search.lake.put_file("t/1-other/x.parquet", *other(search))
    search.lake.delete(["t/1-other/x.parquet"])
    done = erase_versions.erase(search)
    assert (done.looked, done.removed, done.unreached) == (3, 2, None)
    assert rows_of_versions(search) == [1, 3, 77] and search.count()[0] == 0
    assert sorted(search.lake.keys("t/1-other")) == []


def test_what_may_not_be_listed_or_removed_is_said_with_the_right_that_is_missing(versioned):
    search = versioned
    search.erase()
    rights = {"ListObjectVersions": "s3:ListBucketVersions", "DeleteObjects": "s3:DeleteObjectVersion"}
    for operation, right in rights.items():

        def refuse(operation=operation, **_):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, operation)

        search.lake.client.meta.events.register(f"before-call.s3.{operation}", refuse)
        done = erase_versions.erase(search)
        search.lake.client.meta.events.unregister(f"before-call.s3.{operation}", refuse)
        assert done.unreached and right in done.unreached.fix and "AccessDenied" in done.unreached.problem
        assert done.removed == 0 and 2 in rows_of_versions(search)
    assert erase_versions.erase(search).removed == 2


def test_doctor_says_whether_the_bucket_keeps_old_versions_and_what_erase_does_with_them(s3_server):
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    lake = S3(client, bucket, "order-he")
    assert doctor.versioning(lake).note == "no: what `erase` and `prune` delete is gone"
    for status, note in {"Enabled": "yes: `erase` removes a person's too", "Suspended": "those from before"}.items():
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert doctor.versioning(lake).note.startswith(note)


def other(search) -> tuple[Path, str]:
    """A file of the table without the row, and its sum."""
    file = search.folder / "other.parquet"
    duckdb.execute(f"copy (select 77::integer as id, 'x' as v) to '{file}' (format parquet)")
    return file, sha256_of(file)


def test_what_a_killed_erasure_of_deleted_rows_left_in_old_versions_only_is_found_again(versioned, own):
    search = versioned
    table = erase.Relation("raw_own", "t", history=True, keeps=True)
    with own.opened("raw_own", search.lake) as warehouse:
        search.erase()
        erase.from_warehouse(warehouse, search.keys, [table])
        empty = replace(search, keys=replace(search.keys, values=()), note=deleted.NOTE)
        moment = runs.read(search.lake, 2).snapshot_at
        rest = deleted.Deleted(empty, warehouse, [table], moment)
        assert (rest.keys(begun=False).values, rest.keys(begun=True).values) == ((), (("2",),))
    assert erase_versions.erase(search).removed == 2
