"""A lake under a prefix of an S3 bucket: whole uploads, and a conditional write for the commit."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from loaders.errors import Failure
from loaders.lake import missing

ENCRYPTED_BY_S3 = {"ServerSideEncryption": "AES256"}


class S3:
    """A lake under a prefix of an S3 bucket. `client` is boto3's; it retries what is worth retrying.

    kms_key: encrypt objects with this KMS key; None: with S3's own keys.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, kms_key: str | None = None):
        self.client = client
        self.encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else ENCRYPTED_BY_S3
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def put_file(self, key: str, file: Path) -> None:
        with explained(self.url(key)):
            options = {"ChecksumAlgorithm": "SHA256"} | self.encryption
            self.client.upload_file(str(file), self.bucket, self.prefix + key, ExtraArgs=options)

    def create(self, key: str, data: bytes) -> bool:
        with explained(self.url(key)):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=self.prefix + key, Body=data, IfNoneMatch="*", **self.encryption
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise
                # A retry after a lost answer meets its own object: the same bytes are our own success.
                return self.read(key) == data
        return True

    def read(self, key: str) -> bytes:
        with explained(self.url(key)):
            return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()

    def fetch(self, key: str, folder: Path) -> Path:
        file = folder / hashlib.sha256(key.encode()).hexdigest()
        with explained(self.url(key)):
            self.client.download_file(self.bucket, self.prefix + key, str(file))
        return file

    def keys(self, prefix: str) -> Iterator[str]:
        with explained(self.url(prefix)):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self.prefix)

    def delete(self, keys: Iterable[str]) -> None:
        with explained(str(self)):
            for key in keys:
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def region(self) -> str:
        """The bucket's Region; S3 calls the oldest one nothing. Needs s3:GetBucketLocation."""
        with explained(str(self)):
            return self.client.get_bucket_location(Bucket=self.bucket)["LocationConstraint"] or "us-east-1"

    def default_encryption(self) -> str:
        """How the bucket encrypts what does not say, as S3 names it; empty for not at all."""
        with explained(str(self)):
            try:
                rules = self.client.get_bucket_encryption(Bucket=self.bucket)["ServerSideEncryptionConfiguration"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
                    raise
                return ""
        return rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]


_S3_FIXES: dict[str, Callable[[str], str]] = {
    "NoSuchBucket": lambda url: f"create the bucket, or correct LAKE_URL ({url})",
    "AccessDenied": lambda url: f"allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on {url}",
    "ExpiredToken": lambda url: "log in again; the run can be started again at once",
    "InvalidAccessKeyId": lambda url: "check AWS_ACCESS_KEY_ID, or AWS_PROFILE",
    "SignatureDoesNotMatch": lambda url: "check AWS_SECRET_ACCESS_KEY",
}


@contextmanager
def explained(url: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "?")
        fix = _S3_FIXES.get(code, lambda url: "check LAKE_URL and the AWS account")(url)
        if code in ("404", "NoSuchKey"):
            raise missing(url, "in S3") from None
        raise Failure(f"S3 refused {error.operation_name} on {url}: {code}", fix) from None
    except (BotoCoreError, Boto3Error) as error:
        raise Failure(f"S3 cannot be used for {url}: {error}", "check AWS credentials, Region and network") from None
