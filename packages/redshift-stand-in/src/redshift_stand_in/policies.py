"""What an identity of the stack's own account may do, as IAM writes it."""

import json
from typing import Any

from redshift_stand_in.names import Names

# On objects under the prefix, and on the bucket.
LOADER = (
    ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
    ("s3:ListBucket", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration"),
)
COPY = (("s3:GetObject",), ("s3:ListBucket",))


def loader_policy(names: Names) -> list[dict[str, Any]]:
    """What whoever writes the files needs."""
    return _policy(names, *LOADER)


def copy_policy(names: Names) -> list[dict[str, Any]]:
    """What the role needs that COPY takes on."""
    return _policy(names, *COPY)


def delete_many(names: Names) -> dict[str, Any]:
    """S3 asks for s3:DeleteObject on each key that DeleteObjects names (its API reference, "Permissions").

    moto asks for it on the bucket, where it means nothing to S3.
    """
    return {"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{names.bucket}"}


def _policy(names: Names, objects: tuple[str, ...], bucket: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Action": list(objects), "Resource": names.objects},
        {"Effect": "Allow", "Action": list(bucket), "Resource": f"arn:aws:s3:::{names.bucket}"},
    ]


def document(statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
