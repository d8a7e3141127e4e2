"""What no template of ours may ever say, asked of the parsed templates: each rule yields what breaks it."""

import re
from collections.abc import Iterator
from typing import Any

Templates = dict[str, tuple[str, dict[str, Any]]]
STATEFUL = {"AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::RedshiftServerless::Namespace"}
# ecr:GetAuthorizationToken knows no resource; it tells a log-in that opens nothing without the other rights.
NO_RESOURCE = {"ecr:GetAuthorizationToken"}
ROOT = {"AWS": {"Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def resources(templates: Templates) -> dict[str, dict[str, Any]]:
    return {
        f"{name}.{logical}": each
        for name, (_, parsed) in templates.items()
        for logical, each in parsed["Resources"].items()
    }


def of(templates: Templates, kind: str) -> dict[str, dict[str, Any]]:
    return {name: each.get("Properties", {}) for name, each in resources(templates).items() if each["Type"] == kind}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy, those within an If too."""
    for name, resource in resources(templates).items():
        properties = resource.get("Properties", {})
        documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        documents += [
            properties[key] for key in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument") if key in properties
        ]
        for document in documents:
            for each in listed(document["Statement"]):
                for one in each["If"][1:] if "If" in each else [each]:
                    if "Effect" in one:
                        yield name, one


def meant(templates: Templates) -> Iterator[str]:
    for name, each in statements(templates):
        if each["Effect"] == "Deny":
            continue
        if name == "warehouse.Key":  # the form that lets IAM decide; without it nobody could administer the key
            if each["Principal"] != ROOT:
                yield f"{name}: open to {each['Principal']}"
        elif name == "network.S3Endpoint":
            if each["Resource"] == "*" and "aws:ResourceAccount" not in str(each.get("Condition")):
                yield f"{name}: buckets of other accounts"
        else:
            yield from (f"{name}: {problem}" for problem in least(each))


def least(statement: dict[str, Any]) -> Iterator[str]:
    actions, condition = set(listed(statement["Action"])), statement.get("Condition")
    if any("*" in action for action in actions):
        yield f"wildcard in {actions}"
    if "*" in listed(statement.get("Resource")) and not condition and not actions <= NO_RESOURCE:
        yield f"{actions} on everything"
    if "Resource" not in statement and (statement["Principal"] == "*" or not condition):
        yield "a trust without a condition"
    if "iam:PassRole" in actions and "ecs-tasks.amazonaws.com" not in str(condition):
        yield "passes roles to any service"
    if "sts:AssumeRoleWithWebIdentity" in actions and (
        list(condition or {}) != ["StringEquals"] or ":sub" not in str(condition)
    ):
        yield "a pattern for who may come"


def roles(templates: Templates) -> Iterator[str]:
    for name, properties in of(templates, "AWS::IAM::Role").items():
        if "ManagedPolicyArns" in properties:
            yield f"{name}: a managed policy"
    if re.search(r"s3:|rds-db:|secretsmanager:", str(of(templates, "AWS::IAM::Role")["run.PrTaskRole"]["Policies"])):
        yield "run.PrTaskRole: a pull request reaches source, lake or secrets"


def databases(templates: Templates) -> Iterator[str]:
    wanted = {
        "AWS::RDS::DBInstance": {
            "PubliclyAccessible": False,
            "StorageEncrypted": True,
            "ManageMasterUserPassword": True,
        },
        "AWS::RedshiftServerless::Workgroup": {"PubliclyAccessible": False, "EnhancedVpcRouting": True},
        "AWS::RedshiftServerless::Namespace": {"ManageAdminPassword": True},
    }
    for kind, values in wanted.items():
        for name, properties in of(templates, kind).items():
            yield from (
                f"{name}: {key} is not {value}" for key, value in values.items() if properties.get(key) is not value
            )
    for name, properties in of(templates, "AWS::RDS::DBParameterGroup").items():
        if properties["Parameters"].get("require_secure_transport") != "1":
            yield f"{name}: speaks without TLS"
    for name, properties in of(templates, "AWS::RedshiftServerless::Workgroup").items():
        if {"ParameterKey": "require_ssl", "ParameterValue": "true"} not in properties["ConfigParameters"]:
            yield f"{name}: speaks without TLS"


def buckets(templates: Templates) -> Iterator[str]:
    policies = {str(each["Bucket"]): str(each) for each in of(templates, "AWS::S3::BucketPolicy").values()}
    for name, properties in of(templates, "AWS::S3::Bucket").items():
        if list(properties.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4:
            yield f"{name}: can be made public"
        if "BucketEncryption" not in properties:
            yield f"{name}: no encryption"
        if "VersioningConfiguration" in properties:
            yield f"{name}: a version would keep an erased person"
        if "AbortIncompleteMultipartUpload" not in str(properties.get("LifecycleConfiguration")):
            yield f"{name}: unfinished uploads stay"
        if "aws:SecureTransport" not in policies.get(str({"Ref": name.partition(".")[2]}), ""):
            yield f"{name}: without TLS"


def deletion(templates: Templates) -> Iterator[str]:
    for name, each in resources(templates).items():
        if each["Type"] not in STATEFUL:
            continue
        said = each.get("DeletionPolicy"), each.get("UpdateReplacePolicy")
        if said not in (("RetainExceptOnCreate", "Retain"), ("Snapshot", "Snapshot")):
            yield f"{name}: goes with its stack"
        if name.startswith("run."):
            yield f"{name}: data in the stack that is deletable"


def doors(templates: Templates) -> Iterator[str]:
    for name, properties in of(templates, "AWS::EC2::SecurityGroup").items():
        if any(
            rule.get("CidrIp") not in (None, {"Ref": "VpcCidr"}) for rule in properties.get("SecurityGroupIngress", [])
        ):
            yield f"{name}: open from outside"
        if "SecurityGroupEgress" not in properties:
            yield f"{name}: CloudFormation's default lets everything out"
    for name, properties in of(templates, "AWS::EC2::SecurityGroupIngress").items():
        if "SourceSecurityGroupId" not in properties:
            yield f"{name}: open from outside"


def secrets(templates: Templates) -> Iterator[str]:
    for name, (text, parsed) in templates.items():
        if re.search(r"AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY", text):
            yield f"{name}: a key"
        yield from (
            f"{name}: {each} would be shown in the console" for each in parsed["Parameters"] if "assword" in each
        )
    for name, properties in of(templates, "AWS::ECS::TaskDefinition").items():
        for container in properties["ContainerDefinitions"]:
            if container.get("ReadonlyRootFilesystem") is not True or container.get("User") in (None, "0"):
                yield f"{name}: root, or a root file system that can be written"
            if any("PASSWORD" in each["Name"] for each in container["Environment"]):
                yield f"{name}: a password in the environment"


def alarms(templates: Templates) -> Iterator[str]:
    pattern = str(of(templates, "AWS::Events::Rule"))
    if "anything-but" not in pattern or "TaskFailedToStart" not in pattern:
        yield "run.RunFailed: a failed or a missing run is not told"
    if of(templates, "AWS::CloudWatch::Alarm")["run.Silent"].get("TreatMissingData") != "breaching":
        yield "run.Silent: silence is taken for success"


def parameters(templates: Templates) -> Iterator[str]:
    for name, (text, parsed) in templates.items():
        for each in parsed["Parameters"]:
            if not re.search(rf"!Ref {each}\b|\$\{{{each}\}}", text):
                yield f"{name}: nothing uses the parameter {each}"
        if len(text.encode()) >= 51_200:
            yield f"{name}: too long for one request"


RULES = (meant, roles, databases, buckets, deletion, doors, secrets, alarms, parameters)


def breaches(templates: Templates) -> list[str]:
    return [problem for rule in RULES for problem in rule(templates)]
