"""What an identity of the stack's own account may do, as IAM writes it."""

import json
from typing import Any

from local_stack.redshift.names import BUCKET, PREFIX

# What docs/aws.md tells people to allow (a test compares them): on objects under the prefix, and on the bucket.
# Listing is needed by every run; what is about the bucket itself only by `doctor`.
LOADER = (
    ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    ("s3:ListBucket", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration"),
)
COPY = (("s3:GetObject",), ("s3:ListBucket",))
# S3 asks for s3:DeleteObject on each key that DeleteObjects names (its API reference, "Permissions"); moto asks for it
# on the bucket, where it means nothing to S3.
DELETE_MANY = {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{BUCKET}"}


def lake_policy(objects: tuple[str, ...], bucket: tuple[str, ...]) -> list[dict[str, Any]]:
    """The least that a reader or writer of the lake needs: on objects under the prefix, and on the bucket."""
    return [
        {"Effect": "Allow", "Action": list(objects), "Resource": f"arn:aws:s3:::{BUCKET}/{PREFIX}/*"},
        {"Effect": "Allow", "Action": list(bucket), "Resource": f"arn:aws:s3:::{BUCKET}"},
    ]


def copy_policy() -> list[dict[str, Any]]:
    """What the role needs that COPY takes on."""
    return lake_policy(*COPY)


def document(statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
