"""A lake under a prefix of an S3 bucket: whole uploads, and a conditional write for the commit."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from loaders.errors import Failure
from loaders.lake.store import Version, damaged, missing

# S3 asks for another try (409) when two conditional writes meet; one of them then finds the object there (412).
CONFLICT_TRIES, CONFLICT_SECONDS = 5, 0.2
SHA256 = "sha256"
# S3 takes no more keys in one request.
DELETED_AT_ONCE = 1_000
ENCRYPTED_BY_S3 = {"ServerSideEncryption": "AES256"}


class S3:
    """A lake under a prefix of an S3 bucket. `client` is boto3's; it retries what is worth retrying.

    kms_key: encrypt objects with this KMS key; None: with S3's own keys.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, kms_key: str | None = None):
        self.client = client
        self.kms_key = kms_key
        self.encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else ENCRYPTED_BY_S3
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        with explained(self.url(key)):
            # S3 checks what arrives, part by part; the whole file's sum goes along for `verify`.
            options = {"ChecksumAlgorithm": "SHA256", "Metadata": {SHA256: sha256}} | self.encryption
            self.client.upload_file(str(file), self.bucket, self.prefix + key, ExtraArgs=options)

    def create(self, key: str, data: bytes) -> bool:
        with explained(self.url(key)):
            for left in reversed(range(CONFLICT_TRIES)):
                try:
                    self.client.put_object(
                        Bucket=self.bucket, Key=self.prefix + key, Body=data, IfNoneMatch="*", **self.encryption
                    )
                    return True
                except ClientError as error:
                    code = error.response["Error"]["Code"]
                    if code == "PreconditionFailed":
                        # A retry after a lost answer meets its own object: the same bytes are our own success.
                        return self.read(key) == data
                    if code != "ConditionalRequestConflict" or not left:
                        raise
                    time.sleep(CONFLICT_SECONDS)  # another write is under way: nobody has won yet
        raise AssertionError("the last try returns or raises")

    def replace(self, key: str, data: bytes) -> None:
        with explained(self.url(key)):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data, **self.encryption)

    def read(self, key: str) -> bytes:
        with explained(self.url(key)):
            return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()

    def fetch(self, key: str, folder: Path) -> Path:
        file = folder / hashlib.sha256(key.encode()).hexdigest()
        with explained(self.url(key)):
            self.client.download_file(self.bucket, self.prefix + key, str(file))
        return file

    def verify(self, key: str, sha256: str) -> None:
        """Without its bytes: the object is the one that was put there, which S3 itself keeps from decay."""
        with explained(self.url(key)):
            metadata = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key)["Metadata"]
        if metadata.get(SHA256) != sha256:
            raise damaged(key, metadata.get(SHA256, "unknown"), sha256)

    def keys(self, prefix: str) -> Iterator[str]:
        with explained(self.url(prefix)):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                for entry in page.get("Contents", []):
                    yield entry["Key"].removeprefix(self.prefix)

    def below(self, prefix: str) -> "S3":
        return S3(self.client, self.bucket, self.prefix + prefix, self.kms_key)

    def delete(self, keys: Iterable[str]) -> None:
        self._delete({"Key": self.prefix + key} for key in keys)

    def old_versions(self, prefix: str) -> Iterator[Version]:
        """All that are not what a key means by now, and the marks of deleted keys. Needs s3:ListBucketVersions."""
        with explained(self.url(prefix), "s3:ListBucketVersions"):
            pages = self.client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                kinds = (("Versions", False), ("DeleteMarkers", True))
                for entry, marker in ((entry, marker) for kind, marker in kinds for entry in page.get(kind, [])):
                    if marker or not entry["IsLatest"]:
                        yield Version(entry["Key"].removeprefix(self.prefix), entry["VersionId"], marker)

    def fetch_version(self, version: Version, folder: Path) -> Path:
        file = folder / hashlib.sha256(f"{version.key} {version.id}".encode()).hexdigest()
        with explained(self.url(version.key), "s3:GetObjectVersion"):
            of = {"ExtraArgs": {"VersionId": version.id}}
            self.client.download_file(self.bucket, self.prefix + version.key, str(file), **of)
        return file

    def delete_versions(self, versions: Iterable[Version]) -> None:
        chosen = ({"Key": self.prefix + version.key, "VersionId": version.id} for version in versions)
        self._delete(chosen, "s3:DeleteObjectVersion")

    def _delete(self, chosen: Iterable[dict[str, str]], right: str = "") -> None:
        left = iter(chosen)
        with explained(str(self), right):
            while objects := list(islice(left, DELETED_AT_ONCE)):
                answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
                for error in answer.get("Errors", []):
                    raise ClientError({"Error": error}, f"DeleteObjects of {error['Key']}")

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
    # The answer to a HEAD has no body to say why.
    "400": lambda url: "log in again if your AWS keys are temporary ones: they have expired",
    "403": lambda url: f"allow s3:GetObject and s3:ListBucket on {url}",
    "InvalidAccessKeyId": lambda url: "check AWS_ACCESS_KEY_ID, or AWS_PROFILE",
    "SignatureDoesNotMatch": lambda url: "check AWS_SECRET_ACCESS_KEY",
}


@contextmanager
def explained(url: str, right: str = "") -> Iterator[None]:
    """Turn what S3 refuses, and what keeps one from asking it, into a failure that names the object and the remedy.

    right: what the account must be allowed to do besides what every run needs.
    """
    try:
        yield
    except ClientError as error:
        raise _refused(error, url, right) from None
    except (BotoCoreError, Boto3Error) as error:
        # An upload that S3 refuses is wrapped in an error of boto3's own.
        if isinstance(error.__context__, ClientError):
            raise _refused(error.__context__, url, right) from None
        raise Failure(f"S3 cannot be used for {url}: {error}", "check AWS credentials, Region and network") from None


def _refused(error: ClientError, url: str, right: str = "") -> Failure:
    code = error.response["Error"].get("Code", "?")
    if code in ("404", "NoSuchKey"):
        return missing(url, "in S3")
    fix = _S3_FIXES.get(code, lambda url: "check LAKE_URL and the AWS account")(url)
    if right and code in ("AccessDenied", "403"):
        fix = f"allow {right} on {url}"
    return Failure(f"S3 refused {error.operation_name} on {url}: {code}", fix)
