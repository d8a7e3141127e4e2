"""Exercise 5: the least that the role of COPY needs, tried with the role itself against the stand-in's S3."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from local_stack import faults, redshift
from local_stack.redshift import NAMES
from redshift_stand_in import Stack
from redshift_stand_in.names import REGION

# Its beginning is the prefix's, without the slash.
OUTSIDE = ("not-the-lake/payroll.csv", f"{NAMES.prefix}-staff/payroll.csv")
TRIED = f"{NAMES.prefix}/exercise/written-by-the-role"
OTHER = f"{NAMES.bucket}-payroll"


def check(running: Stack, file: Path) -> None:
    """Attach the policy, let `doctor` try COPY, try what must be refused, and put back what was there."""
    before = faults.current_policy(running)
    faults.put_policy(running, faults.read_policy(file))
    try:
        _copy_works(running, file)
        s3 = _s3_as_role(running)
        for key in (*OUTSIDE, TRIED):
            faults.client(running, "s3").put_object(Bucket=NAMES.bucket, Key=key, Body=b"")
        _other_bucket(faults.client(running, "s3"))
        try:
            s3.list_objects_v2(Bucket=NAMES.bucket, Prefix=f"{NAMES.prefix}/")
        except ClientError:
            fix = f"s3:ListBucket is a right to the bucket, arn:aws:s3:::{NAMES.bucket}, not to the objects in it"
            raise Failure("the role could not list the bucket", fix) from None
        for key in OUTSIDE:
            _must_be_refused(f"read {key}, outside the lake's prefix", s3.get_object, Key=key)
        _must_be_refused("write to the lake", s3.put_object, Key=TRIED, Body=b"")
        _must_be_refused("delete from the lake", s3.delete_object, Key=TRIED)
        _must_be_refused("see who may read the lake's objects", s3.get_object_acl, Key=TRIED)
        _must_be_refused("read old versions' names", s3.list_object_versions)
        _must_be_refused("read the bucket's own policy", s3.get_bucket_policy)
        _must_be_refused("list another bucket", s3.list_objects_v2, Bucket=OTHER)
    finally:
        faults.restore_policy(running, before)
        for key in (*OUTSIDE, TRIED):
            faults.client(running, "s3").delete_object(Bucket=NAMES.bucket, Key=key)
        s3 = faults.client(running, "s3")
        with suppress(s3.exceptions.NoSuchBucket):
            s3.delete_bucket(Bucket=OTHER)


def _other_bucket(s3: Any) -> None:
    """It is there already if a check was killed."""
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=OTHER, CreateBucketConfiguration={"LocationConstraint": REGION})


def _copy_works(running: Stack, file: Path) -> None:
    environment = os.environ | redshift.environment(running)
    command = [sys.executable, "-m", "loaders", "doctor", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    for link in map(json.loads, done.stdout.splitlines()):
        if link.get("works") is False:
            raise Failure(f"with {file.name}, doctor fails: {link['problem']}", link["fix"])
    if done.returncode:
        raise Failure("doctor fails", "see what it says: `make doctor TARGET=redshift_local`")


def _s3_as_role(running: Stack) -> Any:
    given = faults.client(running, "sts").assume_role(RoleArn=running.copy_role, RoleSessionName="exercise")[
        "Credentials"
    ]
    return boto3.client(
        "s3",
        endpoint_url=running.endpoint,
        region_name=REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def _must_be_refused(what: str, method: Any, **options: Any) -> None:
    try:
        method(**{"Bucket": NAMES.bucket} | options)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return
    raise Failure(f"the role could {what}", "allow only what COPY needs, and only where it needs it")
