"""`erase` and a bucket with versioning: what was deleted there is still there, as an old version."""

import datetime
import secrets
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import boto3
import duckdb
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from loaders.cli import erase as erase_command
from loaders.common.errors import Failure
from loaders.help import doctor
from loaders.lake import bucket as bucket_of
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
    assert kept(lake) == "no: what `erase` and `prune` delete is gone"
    for status, note in {"Enabled": "yes: `erase` removes a person's too", "Suspended": "those from before"}.items():
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert kept(lake).startswith(note)


def kept(lake: S3) -> str:
    return next(finding.note for finding in doctor.keeping(lake) if finding.what == "the bucket keeps old versions")


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


CANARY = "Philomena Canary"


@pytest.fixture
def person(own, s3_server, tmp_path):
    """A project whose lake is in a bucket with versioning; a person who was in three runs and is gone at the source."""
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    own.write(
        "create table t (id int primary key, v varchar(40), updated_at datetime)",
        f"insert into t values (1, 'a', now()), (2, '{CANARY}', now())",
    )
    known, lake = own.discover(), S3(client, bucket, "order-he")
    for change in ("select 1", "update t set v = concat(v, ' Jr') where id = 2", "delete from t where id = 2"):
        own.write(change)
        with own.opened("raw_own", lake) as warehouse:
            own.run_with(warehouse, known, lake)
    # What a `prune` has deleted, and what only an unfinished upload has.
    gone = next(key for key in lake.keys("t/") if key.endswith(".parquet"))
    client.put_object(Bucket=bucket, Key=f"order-he/{gone.replace('part', 'other')}", Body=lake.read(gone))
    lake.delete([gone.replace("part", "other")])
    begun = client.create_multipart_upload(Bucket=bucket, Key="order-he/t/9-x/part-00000.parquet")
    client.upload_part(Bucket=bucket, Key=begun["Key"], UploadId=begun["UploadId"], PartNumber=1, Body=CANARY.encode())
    yield own, lake


def everywhere(lake) -> list[str]:
    """Keys of all versions of all objects of the bucket in whose bytes the person is."""
    found = []
    pages = lake.client.get_paginator("list_object_versions").paginate(Bucket=lake.bucket)
    for entry in (entry for page in pages for entry in page.get("Versions", [])):
        of = {"Bucket": lake.bucket, "Key": entry["Key"], "VersionId": entry["VersionId"]}
        body = lake.client.get_object(**of)["Body"].read()
        read = pq.ParquetFile(BytesIO(body)).read().to_pylist() if body[:4] == b"PAR1" else body
        found += [entry["Key"]] if CANARY in str(read) else []
    return found


def erased(own, lake) -> list[str]:
    """What `erase` does, from its refusal on, without dbt."""
    with own.opened("raw_own", lake) as warehouse, spool() as folder:
        key = row_key.parse("2", runs.newest_batches(lake, "raw_own", ["t"])["t"])
        places = erase_command.Searched(own.discover(), lake, warehouse, "analytics", [], folder)
        proof = erase_command._erase(places, [key], [])
        assert not proof.doubts
    return list(proof.unreached)


def test_no_version_of_any_object_and_no_unfinished_upload_holds_an_erased_person(person, capsys):
    own, lake = person
    assert len(everywhere(lake)) >= 3
    assert [each for each in erased(own, lake) if "known" in each or "replica" in each] == []
    assert everywhere(lake) == [] and bucket_of.unfinished(lake) == []
    assert "unfinished uploads below" in capsys.readouterr().out
    left = lake.client.list_object_versions(Bucket=lake.bucket, Prefix="order-he/_doctor/")
    assert "Versions" not in left and "DeleteMarkers" not in left


def test_a_legal_hold_a_retention_or_mfa_delete_is_refused_by_name_before_anything_is_changed(person):
    own, lake = person
    client, before = lake.client, everywhere(lake)
    held = {"Bucket": lake.bucket, "Key": f"order-he/{next(key for key in lake.keys('t/'))}"}
    client.put_object_legal_hold(**held, LegalHold={"Status": "ON"})
    with pytest.raises(Failure, match=f"Object Lock keeps version .* of {held['Key']} .legal hold.*nothing was erased"):
        erased(own, lake)
    client.put_object_legal_hold(**held, LegalHold={"Status": "OFF"})
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3)
    client.put_object_retention(**held, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    with pytest.raises(Failure, match=f"Object Lock keeps version .* of {held['Key']} .until .*nothing was erased"):
        erased(own, lake)

    # moto knows no MFA delete: its answer is S3's, as GetBucketVersioning's page has it.
    def with_mfa(parsed, **_):
        parsed["MFADelete"] = "Enabled"

    client.meta.events.register("after-call.s3.GetBucketVersioning", with_mfa)
    with pytest.raises(Failure, match=r"has MFA delete.*nothing was erased"):
        erased(own, lake)
    client.meta.events.unregister("after-call.s3.GetBucketVersioning", with_mfa)
    assert everywhere(lake) == before
    time.sleep(max(0, (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) + 1)
    assert erased(own, lake) == [] and everywhere(lake) == []


def test_a_bucket_that_keeps_each_new_version_is_refused_and_doctor_says_for_how_long(s3_server):
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    kept = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=kept)
    lake = S3(client, bucket, "order-he")
    with pytest.raises(Failure, match=r"keeps each new version .COMPLIANCE, 30 days.; nothing was erased"):
        bucket_of.before_erasing(lake)
    assert "COMPLIANCE, 30 days" in next(f.note for f in doctor.keeping(lake) if "Object Lock" in f.what)


def refusing(lake, operation: str, code: str):
    def refuse(**_):
        raise ClientError({"Error": {"Code": code}}, operation)

    lake.client.meta.events.register(f"before-call.s3.{operation}", refuse)
    return lambda: lake.client.meta.events.unregister(f"before-call.s3.{operation}", refuse)


def test_a_right_that_is_missing_to_remove_versions_is_refused_before_anything_is_changed(person):
    own, lake = person
    before = everywhere(lake)
    for operation, right in {"ListObjectVersions": "ListBucketVersions", "DeleteObjects": "DeleteObject"}.items():
        undo = refusing(lake, operation, "AccessDenied")
        with pytest.raises(Failure, match="AccessDenied; nothing was erased") as refused:
            erased(own, lake)
        undo()
        assert right in refused.value.fix and everywhere(lake) == before


def test_what_may_not_be_asked_is_said_and_what_a_server_does_not_know_is_told_apart(person):
    own, lake = person
    asked = {
        "GetBucketReplication": ("the bucket is replicated", "s3:GetReplicationConfiguration"),
        "GetObjectLockConfiguration": ("the bucket has Object Lock", "s3:GetBucketObjectLockConfiguration"),
        "GetBucketLifecycleConfiguration": ("lifecycle rules", "s3:GetLifecycleConfiguration"),
        "ListMultipartUploads": ("uploads were not finished", "s3:ListBucketMultipartUploads"),
        "GetBucketEncryption": ("encrypts by default", "AccessDenied"),
    }
    for operation, (what, right) in asked.items():
        for code, fix in {"AccessDenied": right, "NotImplemented": "does not know that request"}.items():
            undo = refusing(lake, operation, code)
            note = next(finding.note for finding in doctor.keeping(lake) if what in finding.what)
            undo()
            assert note.startswith("not known: ") and code in note and fix in note
    undo = refusing(lake, "GetBucketReplication", "AccessDenied")
    assert "whether the bucket is replicated: not known" in erased(own, lake)[0]
    undo()


def test_a_replica_is_named_and_lifecycle_rules_are_told(person, s3_server):
    own, lake = person
    copy = f"copy-{secrets.token_hex(6)}"
    lake.client.create_bucket(Bucket=copy)
    lake.client.put_bucket_versioning(Bucket=copy, VersioningConfiguration={"Status": "Enabled"})
    rule = {"Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "ID": "all"}
    rule |= {"DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{copy}"}}
    chosen = {"Role": "arn:aws:iam::123456789012:role/copies", "Rules": [rule]}
    lake.client.put_bucket_replication(Bucket=lake.bucket, ReplicationConfiguration=chosen)
    ending = {"ID": "end", "Status": "Enabled", "Filter": {"Prefix": ""},
              "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}  # fmt: skip
    lake.client.put_bucket_lifecycle_configuration(Bucket=lake.bucket, LifecycleConfiguration={"Rules": [ending]})
    notes = {finding.what: finding.note for finding in doctor.keeping(lake)}
    assert copy in notes["the bucket is replicated"] and "after 7 days" in next(
        note for what, note in notes.items() if "lifecycle" in what
    )
    assert notes["the bucket has Object Lock"] == "yes" and notes["uploads were not finished"] == "1"
    assert copy in erased(own, lake)[0]


def test_a_server_without_versions_and_locks_is_erased_from_and_what_it_did_not_say_is_said(own, s3_server):
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    lake = S3(client, bucket, "order-he")
    own.write("create table t (id int primary key, v varchar(40))", f"insert into t values (1, 'a'), (2, '{CANARY}')")
    for change in ("select 1", "delete from t where id = 2"):
        own.write(change)
        with own.opened("raw_own", lake) as warehouse:
            own.run_with(warehouse, own.discover(), lake)
    asked = "GetBucketVersioning", "ListObjectVersions", "GetBucketReplication", "GetObjectLockConfiguration"
    undone = [refusing(lake, operation, "NotImplemented") for operation in asked]
    told = erased(own, lake)
    for undo in undone:
        undo()
    assert len(told) == 3 and all("ask who runs it" in each for each in told)
    assert everywhere(lake) == []


def test_where_the_lake_is_a_whole_bucket_unfinished_uploads_are_named_and_left(s3_server):
    """They may be of others, who are still at it."""
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    lake = S3(client, bucket, "")
    assert bucket_of.abort(lake) == 0
    client.create_multipart_upload(Bucket=bucket, Key="another/program")
    with pytest.raises(Failure, match="1 unfinished uploads may be of others"):
        bucket_of.abort(lake)
    assert [key for key, _id in bucket_of.unfinished(lake)] == ["another/program"]
