"""A lake under a prefix of an S3 bucket: whole uploads, and a conditional write for the commit."""

import base64
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
from botocore.exceptions import ConnectionError as NoConnection

from loaders.common.errors import Exit, Failure
from loaders.lake.signing import UNSIGNED, Signing
from loaders.lake.store import MOST_BYTES, Version, damaged, digest_of, is_key, missing, safe, small

# S3 asks for another try (409) when two conditional writes meet; one of them then finds the object there (412).
CONFLICT_TRIES, CONFLICT_SECONDS = 5, 0.2
# S3 takes no more keys in one request.
DELETED_AT_ONCE = 1_000
PASSING = ("InternalError", "SlowDown", "ServiceUnavailable", "ConditionalRequestConflict", "RequestTimeout")
BY_S3 = "AES256"


class S3:
    """A lake under a prefix of an S3 bucket. `client` is boto3's; it retries what is worth retrying.

    kms_key: encrypt objects with this KMS key; AES256: with S3's own keys; None: as the bucket's default has it, over
    which whatever is asked for would go (docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html).
    """

    # Redshift may read it, whose COPY of columnar files documents gzip, Snappy and bzip2 (decision 0130):
    # docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
    codec = "snappy"

    def __init__(self, client: Any, bucket: str, prefix: str, kms_key: str | None = None, signing: Signing = UNSIGNED):
        self.client = client
        self.signing = signing
        self.kms_key = kms_key
        by_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        self.encryption = {"ServerSideEncryption": BY_S3} if kms_key == BY_S3 else by_key
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """In one piece (S3 takes 5 GB, ours have some 0.3): only of those does S3 keep the sum of the whole, for
        `verify`. S3 computes it, and takes nothing else.
        """
        with explained(self.url(key)), file.open("rb") as body:
            sums = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _as_s3_has_it(sha256)}
            self.client.put_object(**self._place(key), Body=body, **sums, **self.encryption)

    def create(self, key: str, data: bytes) -> bool:
        with explained(self.url(key)):
            for left in reversed(range(CONFLICT_TRIES)):
                try:
                    self.client.put_object(**self._place(key), Body=data, IfNoneMatch="*", **self.encryption)
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
            self.client.put_object(**self._place(key), Body=data, **self.encryption)

    def read(self, key: str) -> bytes:
        with explained(self.url(key)):
            return small(key, self.client.get_object(**self._place(key))["Body"].read(MOST_BYTES + 1))

    def fetch(self, key: str, folder: Path) -> Path:
        file = folder / hashlib.sha256(key.encode()).hexdigest()
        with explained(self.url(key)):
            self.client.download_file(self.bucket, self.prefix + safe(key), str(file))
        return file

    def verify(self, key: str, sha256: str) -> None:
        """By the sum that S3 has computed of its bytes, or else (they came in several pieces) by reading them."""
        with explained(self.url(key)):
            head = self.client.head_object(**self._place(key), ChecksumMode="ENABLED")
            if head.get("ChecksumSHA256") == _as_s3_has_it(sha256):
                return
            digest = digest_of(self.client.get_object(**self._place(key))["Body"])
        if digest != sha256:
            raise damaged(key, digest, sha256)

    def keys(self, prefix: str) -> Iterator[str]:
        with explained(self.url(prefix)):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                found = (entry["Key"].removeprefix(self.prefix) for entry in page.get("Contents", []))
                yield from filter(is_key, found)

    def below(self, prefix: str) -> "S3":
        return S3(self.client, self.bucket, self.prefix + prefix, self.kms_key, self.signing.below(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        self._delete({"Key": self.prefix + safe(key)} for key in keys)

    def old_versions(self, prefix: str) -> Iterator[Version]:
        """All that are not what a key means by now, and the marks of deleted keys. Needs s3:ListBucketVersions.

        A bucket that never kept any is not asked.
        """
        if self._keeps_none():
            return
        with explained(self.url(prefix), "s3:ListBucketVersions"):
            pages = self.client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix + prefix):
                kinds = (("Versions", False), ("DeleteMarkers", True))
                for entry, marker in ((entry, marker) for kind, marker in kinds for entry in page.get(kind, [])):
                    key = entry["Key"].removeprefix(self.prefix)
                    if is_key(key) and (marker or not entry["IsLatest"]):
                        yield Version(key, entry["VersionId"], marker)

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
        return f"s3://{self.bucket}/{self.prefix}{safe(key)}"

    @property
    def on_this_machine(self) -> Path:
        return Path(tempfile.gettempdir())

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + safe(key)}

    def region(self) -> str:
        """The bucket's Region; S3 calls the oldest one nothing. Needs s3:GetBucketLocation."""
        with explained(str(self)):
            return self.client.get_bucket_location(Bucket=self.bucket)["LocationConstraint"] or "us-east-1"

    def _keeps_none(self) -> bool:
        """What may not be asked is not known; a server without the request has no versions to ask for."""
        try:
            return not self.client.get_bucket_versioning(Bucket=self.bucket).get("Status")
        except ClientError as error:
            return bool(error.response["Error"]["Code"] == "NotImplemented")


def _as_s3_has_it(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


_S3_FIXES: dict[str, Callable[[str], str]] = {
    "NoSuchBucket": lambda url: f"create the bucket, or correct LAKE_URL ({url})",
    "AccessDenied": lambda url: f"allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on {url}",
    "ExpiredToken": lambda url: "log in again; the run can be started again at once",
    # The answer to a HEAD has no body to say why.
    "400": lambda url: "log in again if your AWS keys are temporary ones: they have expired",
    "403": lambda url: f"allow s3:GetObject and s3:ListBucket on {url}",
    "NotImplemented": lambda url: f"this S3 server does not know that request: ask who runs it what it keeps ({url})",
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
        passes = isinstance(error, NoConnection | HTTPClientError) and not isinstance(error, SSLError)
        ends = Exit.TRY_AGAIN if passes else Exit.FAILED
        problem = f"S3 cannot be used for {url}: {error}"
        raise Failure(problem, "check AWS credentials, Region and network", ends=ends) from None


def _refused(error: ClientError, url: str, right: str = "") -> Failure:
    code = error.response["Error"].get("Code", "?")
    if code in ("404", "NoSuchKey"):
        return missing(url, "in S3")
    fix = _S3_FIXES[code](url) if code in _S3_FIXES else "check LAKE_URL and the AWS account"
    # docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html: to write needs the one, to read the other.
    if "kms:" in error.response["Error"].get("Message", ""):
        fix = "allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket"
    elif right and code in ("AccessDenied", "403"):
        fix = f"allow {right} on {url}"
    # 5xx is S3's own trouble, which boto3 has tried to outwait (docs.aws.amazon.com/AmazonS3/latest/API/
    # ErrorResponses.html). Of several objects it tells only codes.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    ends = Exit.TRY_AGAIN if code in PASSING or status >= 500 else Exit.FAILED
    return Failure(f"S3 refused {error.operation_name} on {url}: {code}", fix, ends=ends)
