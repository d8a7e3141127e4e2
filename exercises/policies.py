"""Exercise 5: the least that the role of COPY needs, tried with the role itself against the stand-in's S3."""

import os
import subprocess
import sys
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

OUTSIDE = "not-the-lake/payroll.csv"
TRIED = "exercise/written-by-the-role"


def check(running: Stack, file: Path) -> None:
    """Attach the policy, let `doctor` try COPY, try what must be refused, and put back what was there."""
    before = faults.current_policy(running)
    faults.put_policy(running, faults.read_policy(file))
    try:
        _copy_works(running, file)
        s3 = _s3_as_role(running)
        faults.client(running, "s3").put_object(Bucket=NAMES.bucket, Key=OUTSIDE, Body=b"")
        _must_be_refused(f"read {OUTSIDE}, outside the lake's prefix", s3.get_object, Key=OUTSIDE)
        _must_be_refused("write to the lake", s3.put_object, Key=f"{NAMES.prefix}/{TRIED}", Body=b"")
        _must_be_refused("delete from the lake", s3.delete_object, Key=f"{NAMES.prefix}/{TRIED}")
    finally:
        faults.restore_policy(running, before)


def _copy_works(running: Stack, file: Path) -> None:
    environment = os.environ | redshift.environment(running)
    command = [sys.executable, "-m", "loaders", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        _before, _failed, why = done.stdout.partition("FAILED")
        raise Failure(
            f"with {file.name}, doctor fails: {' '.join(why.split())}", "the role must list and read the prefix"
        )


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
        method(Bucket=NAMES.bucket, **options)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return
    raise Failure(f"the role could {what}", "allow only what COPY needs, and only where it needs it")
