"""The four stacks through infra/aws.py into moto, an imitation of AWS: each feeds the next, and all of it fits."""

import ast
import copy
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.cloudformation import parsing
from moto.moto_api import state_manager
from moto.rds.models import DBInstance

from infra import aws
from tests.infra.policies import resources
from tests.infra.test_commands import account, called  # noqa: F401 (a fixture)

TEMPLATES = {name: aws.template(name) for name in aws.ORDER}
# What moto does not make. When it does, the first test below fails, and its line goes from here.
UNKNOWN = {
    "AWS::CloudWatch::Alarm",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::IAM::OIDCProvider",
    "AWS::Logs::MetricFilter",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Workgroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::Scheduler::Schedule",
}
UNTOLD = {("Instance", "DbiResourceId"), ("Instance", "MasterUserSecret.SecretArn")}
FUNCTIONS = {"GetAtt", "Sub", "If", "Equals", "Not", "And", "Or", "Select", "Join", "GetAZs"}


def told(node: Any, gone: set[str]) -> Any:
    """The template in CloudFormation's long forms; what asks for something of `gone` or UNTOLD has its name instead."""
    if isinstance(node, list):
        return [told(each, gone) for each in node]
    if not isinstance(node, dict):
        return node
    (name, value), *more = node.items() or [("", None)]
    if not more and name in ("GetAtt", "Fn::GetAtt"):
        resource, _, attribute = (value if isinstance(value, str) else ".".join(value)).partition(".")
        unknown = resource in gone or (resource, attribute) in UNTOLD
        return f"{resource}.{attribute}" if unknown else {"Fn::GetAtt": [resource, attribute]}
    if not more and name == "Ref" and value in gone:
        return value
    return {f"Fn::{key}" if key in FUNCTIONS else key: told(each, gone) for key, each in node.items()}


def for_moto(name: str) -> tuple[str, dict[str, Any]]:
    parsed = copy.deepcopy(TEMPLATES[name][1])
    gone = {key for key, each in parsed["Resources"].items() if each["Type"] in UNKNOWN}
    made = {key: each for key, each in parsed["Resources"].items() if key not in gone}
    if "Instance" in made:  # moto looks for letters in what a Ref gives it
        del made["Instance"]["Properties"]["DBParameterGroupName"]
    for each in made.values():
        for container in each.get("Properties", {}).get("ContainerDefinitions", []):
            container["Memory"] = 512  # moto adds them up, and knows none of the task
    return json.dumps(told(parsed | {"Resources": made}, gone)), parsed


def test_what_moto_cannot_make_is_named():
    there = {each["Type"] for each in resources(TEMPLATES).values()}
    assert {kind for kind in there if not parsing.resource_class_from_type(kind)} == UNKNOWN
    assert len(there - UNKNOWN) > 20
    assert not [attribute for _, attribute in UNTOLD if DBInstance.has_cfn_attr(attribute)]


def defaults(*stacks: str) -> list[str]:
    """As arguments: moto splits none, and keeps none for the next `up`."""
    known = {key: each for name in stacks for key, each in TEMPLATES[name][1]["Parameters"].items()}
    return [f"{key}={each['Default']}" for key, each in known.items() if "Default" in each and key != "Name"]


def of_role(name: str) -> dict[str, Any]:
    """What a role may, by what it may do it to."""
    iam = boto3.client("iam")
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    # moto keeps it in Python's words.
    return {json.dumps(each["Action"]): each["Resource"] for each in ast.literal_eval(document)["Statement"]}


def waits(seconds: float) -> Callable[[float], None]:
    """A sleep that passes at once, until somebody presses Ctrl-C."""
    passed = []

    def sleep(moment: float) -> None:
        passed.append(moment)
        if sum(passed) > seconds:
            raise KeyboardInterrupt

    return sleep


@pytest.fixture(autouse=True)
def _tasks_of_moto():
    """How long they run is a setting of the whole worker's."""
    yield
    state_manager.unset_transition("ecs::task")


@pytest.fixture
def protection(monkeypatch):
    """moto knows no UpdateTerminationProtection."""
    made_by = boto3.Session.client

    def client(self: boto3.Session, service: str) -> Any:
        made = made_by(self, service)
        what = "before-call.cloudformation.UpdateTerminationProtection"
        made.meta.events.register(what, lambda **_: (SimpleNamespace(status_code=200), {}))
        return made

    monkeypatch.setattr(boto3.Session, "client", client)


def test_the_stacks_are_made_feed_each_other_run_and_go(account, capsys, monkeypatch, protection, tmp_path):  # noqa: F811
    monkeypatch.setattr(aws, "template", for_moto)
    prefix, three = account[1], ("network", "shop", "warehouse")
    # A key of KMS, a mail, pull requests: so that all conditions hold but two.
    given = ["Image=x:1", "AlertEmail=you@example.com", "GitHubSubject=repo:a/b:environment:pull-requests"]
    more = ["Encryption=kms", "DeletionProtection=false"]
    assert called(*account, "up", "--yes", "--skip", "run", *defaults(*three), *more) == 0
    assert "docker push" in capsys.readouterr().out
    assert called(*account, "up", "--yes", "--skip", ",".join(three), *given) == 0

    cloud = boto3.client("cloudformation")
    for name in aws.ORDER:
        made = {
            each["LogicalResourceId"]
            for each in cloud.list_stack_resources(StackName=f"{prefix}-{name}")["StackResourceSummaries"]
            if each["LogicalResourceId"]  # moto lists what a condition leaves out without a name
        }
        wanted = json.loads(for_moto(name)[0])["Resources"]
        assert made == {key for key, each in wanted.items() if each.get("Condition") not in ("Open", "MakeOidc")}

    known = aws.outputs(cloud, prefix)
    lake = f"arn:aws:s3:::{known['LakeBucket']}"
    boto3.client("s3").head_bucket(Bucket=known["LakeBucket"])
    may = of_role(known["TaskRole"])
    assert may['["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]'] == f"{lake}/order-he/*"
    assert may['"s3:ListBucket"'] == lake
    assert may['["kms:GenerateDataKey", "kms:Decrypt"]'] == known["LakeKeyArn"]
    assert of_role(known["CopyRoleArn"].split("/")[1])['"s3:GetObject"'] == f"{lake}/order-he/*"
    instance = known["SourceHost"].partition(".")[0]
    (server,) = boto3.client("rds").describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    task = boto3.client("ecs").describe_task_definition(taskDefinition=known["PipelineTask"])["taskDefinition"]
    (container,) = task["containerDefinitions"]
    said = {each["name"]: each["value"] for each in container["environment"]}
    assert said["SOURCE_URL"].startswith(f"mysql://order_he_loader@{server['Endpoint']['Address']}:3306/order_he?")
    assert (said["LAKE_URL"], said["LAKE_KMS_KEY"]) == (f"s3://{known['LakeBucket']}/order-he", known["LakeKeyArn"])
    assert container["image"] == "x:1"
    assert "${" not in json.dumps([task["containerDefinitions"], may, known])

    assert called(*account, "env") == 0
    assert f"LAKE_URL={said['LAKE_URL']}\n" in (tmp_path / ".env").read_text()

    monkeypatch.setattr("botocore.waiter.time.sleep", waits(12))
    state_manager.set_transition("ecs::task", {"progression": "immediate"})
    assert called(*account, "bootstrap") == 0, "the task's own code, which moto says is 0"
    assert called(*account, "run", "--", "erase", "--table", "customer", "--key", "1") == 0
    ecs = boto3.client("ecs")
    tasks = ecs.describe_tasks(cluster=prefix, tasks=ecs.list_tasks(cluster=prefix)["taskArns"])["tasks"]
    commands = [each["command"] for task in tasks for each in task["overrides"]["containerOverrides"]]
    assert commands == [["erase", "--table", "customer", "--key", "1"]]
    # A waiter's own patience is ten minutes; a run may take three hours.
    state_manager.set_transition("ecs::task", {"progression": "manual", "times": 10_000})
    monkeypatch.setattr("botocore.waiter.time.sleep", waits(700))
    capsys.readouterr()
    assert called(*account, "run") == 130
    assert f"aws logs tail /order-he/{prefix} --follow --region eu-west-1" in capsys.readouterr().out

    monkeypatch.setattr("botocore.waiter.time.sleep", waits(700))
    assert called(*account, "down", "--yes") == 1
    said = capsys.readouterr()
    assert "The vpc" in said.err, "moto deletes a VPC before its subnets, and refuses that"
    assert [f"{prefix}-{name}: gone" in said.out for name in aws.ORDER] == [False, True, True, True]
    assert f"but for the lake's bucket {known['LakeBucket']}, the pages' bucket {known['PagesBucket']}, " in said.out
    assert f"the key {known['LakeKeyArn']}; infra/README.md (After down)" in said.out
