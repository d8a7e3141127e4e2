"""S3, IAM and STS of the stack's own (moto), with policies that are evaluated: who lacks a right is refused."""

import secrets
import threading
from dataclasses import dataclass
from typing import Any

import boto3
import moto.settings
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sts.models import sts_backends
from werkzeug.serving import make_server

from redshift_stand_in.guard import Guarded
from redshift_stand_in.names import POLICY, REGION, Names
from redshift_stand_in.policies import copy_policy, delete_many, document, loader_policy


@dataclass(frozen=True)
class Keys:
    """An access key and its secret."""

    access: str
    secret: str


@dataclass(frozen=True)
class LocalCloud:
    """Where it is, and who may do what: copy_role reads the prefix, list_role lists it, empty_role nothing.

    administrator: who sits at AWS' console, and may do everything. loader: who writes the files.
    """

    endpoint: str
    administrator: Keys
    loader: Keys
    warehouse: Keys
    copy_role: str
    list_role: str
    empty_role: str


def start(names: Names) -> LocalCloud:
    """Start on a free port of 127.0.0.1, make bucket, users and roles, then switch the evaluation of policies on."""
    ourselves = secrets.token_hex(16)  # the only key that is let in until then
    guarded = Guarded(DomainDispatcherApplication(create_backend_app), only=ourselves)
    server = make_server("127.0.0.1", 0, guarded, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    root = {"endpoint_url": endpoint, "region_name": REGION, "aws_access_key_id": ourselves,
            "aws_secret_access_key": ourselves}  # fmt: skip
    s3, iam = boto3.client("s3", **root), boto3.client("iam", **root)
    s3.create_bucket(Bucket=names.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    administrator = _user(iam, "administrator", {"Effect": "Allow", "Action": "*", "Resource": "*"})
    loader = _user(iam, "loader", [*loader_policy(names), delete_many(names)])
    warehouse = _user(iam, "warehouse", {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})
    copy_role = _role(iam, names.copy_role, copy_policy(names))
    list_role = _role(iam, f"{names.copy_role}-list", copy_policy(names)[1:])
    empty_role = _role(iam, f"{names.copy_role}-nothing", [])
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0  # from now on signatures and policies count
    guarded.only = None
    return LocalCloud(endpoint, administrator, loader, warehouse, copy_role, list_role, empty_role)


def _user(iam: Any, name: str, statements: Any) -> Keys:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=POLICY, PolicyDocument=document(statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def _role(iam: Any, name: str, statements: Any) -> str:
    # moto evaluates AWS principals only; a real role trusts the services redshift and redshift-serverless.
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName=POLICY, PolicyDocument=document(statements))
    return str(role["Arn"])


def identity(access_key: str) -> tuple[str, str] | None:
    """(the database's name of who has this key, its secret): `IAM:user`, or `IAMR:role` for one that took on a role."""
    for users in iam_backends.values():
        for user in users["aws"].users.values():
            for key in user.access_keys:
                if key.access_key_id == access_key:
                    return f"IAM:{user.name}", str(key.secret_access_key)
    for sessions in sts_backends.values():
        taken = sessions["aws"].get_assumed_role_from_access_key(access_key)
        if taken:
            return f"IAMR:{taken.role_arn.rpartition('/')[2]}", str(taken.secret_access_key)
    return None
