"""What a bucket keeps of what is deleted in it, and what would keep `erase` from removing it.

S3's API reference, by the names of its pages: GetBucketVersioning (MFADelete too), GetObjectLockConfiguration,
GetBucketReplication, GetBucketLifecycleConfiguration, GetBucketEncryption, ListMultipartUploads. Deleting a version is
never replicated (replication-what-is-isnt-replicated.html in the user guide), so a replica keeps it.
"""

import datetime
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from loaders.common.errors import Failure
from loaders.lake.s3 import S3, explained

# How S3 says that the bucket has no such configuration.
NONE_SET = (
    "ReplicationConfigurationNotFoundError", "ObjectLockConfigurationNotFoundError", "NoSuchLifecycleConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
)  # fmt: skip


def replication(store: S3) -> str:
    """The buckets to which it copies objects, or empty."""
    found = _asked(store, store.client.get_bucket_replication, "s3:GetReplicationConfiguration")
    rules = found.get("ReplicationConfiguration", {}).get("Rules", [])
    return ", ".join(sorted({rule["Destination"]["Bucket"] for rule in rules if rule["Status"] == "Enabled"}))


def lock(store: S3) -> tuple[bool, str]:
    """Whether it has Object Lock, and for how long it keeps each new version by itself."""
    found = _asked(store, store.client.get_object_lock_configuration, "s3:GetBucketObjectLockConfiguration")
    chosen = found.get("ObjectLockConfiguration", {})
    by_default = chosen.get("Rule", {}).get("DefaultRetention", {})
    span = f"{by_default['Days']} days" if by_default.get("Days") else f"{by_default.get('Years')} years"
    return chosen.get("ObjectLockEnabled") == "Enabled", f"{by_default['Mode']}, {span}" if by_default else ""


def encryption(store: S3) -> str:
    """How the bucket encrypts what does not say, as S3 names it; empty for not at all."""
    found = _asked(store, store.client.get_bucket_encryption, "s3:GetEncryptionConfiguration")
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] if rules else ""


def versioning(store: S3) -> str:
    """`Enabled`, `Suspended`, or empty: it never was on."""
    found = _asked(store, store.client.get_bucket_versioning, "s3:GetBucketVersioning")
    return str(found.get("Status", ""))


def mfa_delete(store: S3) -> bool:
    found = _asked(store, store.client.get_bucket_versioning, "s3:GetBucketVersioning")
    return bool(found.get("MFADelete") == "Enabled")


def lifecycle(store: S3) -> str:
    """What its rules end: unfinished uploads, old versions; empty for neither."""
    found = _asked(store, store.client.get_bucket_lifecycle_configuration, "s3:GetLifecycleConfiguration")
    rules = [rule for rule in found.get("Rules", []) if rule["Status"] == "Enabled" and _covers(rule, store.prefix)]
    ends = {
        "unfinished uploads": ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
        "old versions": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    }
    days = {what: [rule[key][of] for rule in rules if of in rule.get(key, {})] for what, (key, of) in ends.items()}
    return "; ".join(f"{what} after {min(spans)} days" for what, spans in days.items() if spans)


def _covers(rule: dict[str, Any], prefix: str) -> bool:
    """Whether a rule is of all of the lake: one by tags or sizes is not."""
    only = rule.get("Filter", {})
    return not {"And", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"} & only.keys() and prefix.startswith(
        only.get("Prefix", rule.get("Prefix", ""))
    )


def unfinished(store: S3) -> list[tuple[str, str]]:
    """(key, id) of uploads below the lake's prefix that were begun and not ended: their parts are kept, unlisted."""
    with explained(str(store), "s3:ListBucketMultipartUploads"):
        pages = store.client.get_paginator("list_multipart_uploads").paginate(Bucket=store.bucket, Prefix=store.prefix)
        return [(each["Key"], each["UploadId"]) for page in pages for each in page.get("Uploads", [])]


def abort(store: S3) -> int:
    """Give up all of them: the loaders upload in one piece, so none is a run's. How many there were.

    Where the lake is a whole bucket they may be somebody else's, who is still at it.
    """
    found = unfinished(store)
    if found and not store.prefix:
        raise Failure(
            f"the lake is the whole bucket {store.bucket}, so {len(found):,} unfinished uploads may be of others",
            "abort those that are not (aws s3api list-multipart-uploads, abort-multipart-upload)",
        )
    for key, upload in found:
        with explained(f"s3://{store.bucket}/{key}", "s3:AbortMultipartUpload"):
            store.client.abort_multipart_upload(Bucket=store.bucket, Key=key, UploadId=upload)
    return len(found)


def before_erasing(store: S3) -> list[str]:
    """Refuse by name where old versions cannot be removed; else what `erase` does not reach, or could not ask."""
    try:
        return _not_reached(store)
    except Failure as failure:
        raise Failure(f"{failure.problem}; nothing was erased", f"{failure.fix}, then run this again") from None


def _not_reached(store: S3) -> list[str]:
    kept: list[str] = []

    def known(what: str, ask: Callable[[S3], Any]) -> Any:
        try:
            return ask(store)
        except Failure as failure:
            kept.append(f"{what}: not known, because {failure.problem}; {failure.fix}")
            return None

    if known("whether the bucket has MFA delete", mfa_delete):
        raise Failure(
            f"the bucket {store.bucket} has MFA delete: without the device of its account's root user no old version "
            f"can be removed",
            "let the root user turn MFADelete off (aws s3api put-bucket-versioning)",
        )
    locked, by_default = known("whether the bucket has Object Lock", lock) or (False, "")
    if by_default:
        raise Failure(
            f"the bucket {store.bucket} has Object Lock and keeps each new version ({by_default})",
            "remove the default retention (aws s3api put-object-lock-configuration) and wait until that of the lake's "
            "versions ends (nobody can shorten COMPLIANCE)",
        )
    for held in _held(store) if locked else ():
        raise Failure(f"Object Lock keeps {held}", "lift that (legal hold, retention), or wait until it ends")
    _try_removing(store)
    if copies := known("whether the bucket is replicated", replication):
        kept.append(
            f"replicas in {copies}: deleting a version is never replicated, so remove the lake's old versions there too"
        )
    return kept


def _held(store: S3) -> Iterator[str]:
    """Versions of the lake's files, current ones too, that may not be deleted now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    with explained(str(store), "s3:ListBucketVersions, s3:GetObjectVersion, s3:GetObjectRetention"):
        pages = store.client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=store.bucket, Prefix=store.prefix):
            for each in page.get("Versions", []):
                of = {"Bucket": store.bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
                head = store.client.head_object(**of)
                until = head.get("ObjectLockRetainUntilDate")
                if head.get("ObjectLockLegalHoldStatus") == "ON":
                    yield f"version {each['VersionId']} of {each['Key']} (legal hold)"
                elif until and until > now:
                    yield f"version {each['VersionId']} of {each['Key']} (until {until:%Y-%m-%d %H:%M:%S} UTC)"


def _try_removing(store: S3) -> None:
    """An object of our own comes and goes with its versions, as the person's will: every right is tried for real."""
    key = f"_doctor/{secrets.token_hex(8)}"
    store.create(key, b"written by `erase`, which removes it")
    store.delete([key])
    versions = list(store.old_versions(key))
    with tempfile.TemporaryDirectory() as folder:
        for version in versions:
            if not version.marker:
                store.fetch_version(version, Path(folder))
    store.delete_versions(versions)


def _asked(store: S3, ask: Callable[..., dict[str, Any]], right: str) -> dict[str, Any]:
    """The bucket's answer; empty where nothing is set."""
    with explained(str(store), right):
        try:
            return ask(Bucket=store.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in NONE_SET:
                raise
            return {}
