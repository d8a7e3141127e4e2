"""The faults that `make break` provokes are those of AWS: a role without its policy, a workgroup that is not public."""

import json
import re
import socket

import boto3
import pytest
from botocore.exceptions import ClientError

from loaders.common.settings import ROOT
from local_stack import faults
from local_stack.redshift import NAMES
from redshift_stand_in.names import POLICY, REGION, WORKGROUP
from redshift_stand_in.policies import copy_policy, document, loader_policy


def reach(running) -> None:
    socket.create_connection(("127.0.0.1", running.port), 5).close()


def test_a_workgroup_that_is_not_public_refuses_clients_and_opens_on_the_same_port(redshift, ask):
    faults.set_public(redshift, False)
    try:
        assert not faults.is_public(redshift)
        with pytest.raises(ConnectionRefusedError):
            reach(redshift)
        assert ask("select 41 + 1") == [(42,)], "who is inside stays"
    finally:
        faults.set_public(redshift, True)
    reach(redshift)
    assert faults.is_public(redshift)


def test_only_the_administrator_may_open_and_close(redshift):
    loader = boto3.client(
        "redshift-serverless", endpoint_url=redshift.credentials, region_name=REGION,
        aws_access_key_id=redshift.access_key, aws_secret_access_key=redshift.secret_key,
    )  # fmt: skip
    for call, code in (
        (
            lambda: loader.update_workgroup(workgroupName=WORKGROUP, publiclyAccessible=False),
            "AccessDeniedException",
        ),
        (lambda: loader.delete_workgroup(workgroupName=WORKGROUP), "ValidationException"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code
    assert faults.is_public(redshift)


def test_the_roles_policy_can_be_taken_and_given_back(redshift):
    iam = faults.client(redshift, "iam")
    iam.delete_role_policy(RoleName=NAMES.copy_role, PolicyName=POLICY)
    assert faults.current_policy(redshift) is None
    faults.put_policy(redshift, document(copy_policy(NAMES)))
    assert faults.current_policy(redshift)["Statement"] == copy_policy(NAMES)


def test_a_policy_of_ones_own_is_attached_and_not_said_to_mend(redshift, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(document([{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]))
    attached, see = faults._mend_stack(redshift, own)
    assert attached.startswith("attached: ") and attached.endswith(f"{own}, in place of the one that it had")
    assert "make load TARGET=redshift_local" in see
    (mended,) = faults._mend_stack(redshift, None)
    assert mended.startswith("mended: ") and faults.current_policy(redshift)["Statement"] == copy_policy(NAMES)


def test_the_policies_of_the_documentation_are_those_that_are_evaluated_here():
    text = (ROOT / "docs/aws.md").read_text().replace("BUCKET", NAMES.bucket)
    found = [json.loads(block)["Statement"] for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    for statement in (statement for policy in found for statement in policy):
        statement["Action"] = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
    assert found == [loader_policy(NAMES), copy_policy(NAMES)]
