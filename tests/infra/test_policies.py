"""The templates keep the rules of policies.py, and each of these damages breaks one."""

import pytest
import yaml

from infra import aws
from tests.infra.policies import Templates, breaches, resources, statements

TEMPLATES: Templates = {name: aws.template(name) for name in aws.ORDER}
DAMAGES = [  # template, what stands there, what is put there, what the rules then say
    ("warehouse", "BlockPublicAcls: true", "BlockPublicAcls: false", "can be made public"),
    ("warehouse", 'Action: "s3:GetObject", Resource', 'Action: "s3:*", Resource', "wildcard"),
    ("warehouse", "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete", "goes with its stack"),
    ("warehouse", "aws:SecureTransport", "aws:PrincipalArn", "without TLS"),
    ("warehouse", "EnhancedVpcRouting: true", "EnhancedVpcRouting: false", "EnhancedVpcRouting"),
    ("warehouse", "require_ssl", "require_nothing", "speaks without TLS"),
    ("warehouse", "ManageAdminPassword: true", "ManageAdminPassword: false", "ManageAdminPassword"),
    ("warehouse", "BucketEncryption:", "Tags:", "no encryption"),
    ("warehouse", "AbortIncompleteMultipartUpload", "Nothing", "unfinished uploads"),
    ("shop", "PubliclyAccessible: false", "PubliclyAccessible: true", "PubliclyAccessible"),
    ("shop", "StorageEncrypted: true", "StorageEncrypted: false", "StorageEncrypted"),
    ("shop", 'require_secure_transport: "1"', 'require_secure_transport: "0"', "speaks without TLS"),
    ("shop", "DeletionPolicy: Snapshot", "DeletionPolicy: Delete", "goes with its stack"),
    ("shop", "BackupRetentionPeriod: !Ref BackupDays", "BackupRetentionPeriod: 7", "parameter BackupDays"),
    ("network", "CidrIp: !Ref VpcCidr", "CidrIp: 0.0.0.0/0", "open from outside"),
    ("network", "aws:ResourceAccount", "aws:PrincipalArn", "buckets of other accounts"),
    ("run", "ReadonlyRootFilesystem: true", "ReadonlyRootFilesystem: false", "root file system"),
    ("run", 'User: "10001"', 'User: "0"', "root file system"),
    ("run", "TreatMissingData: breaching", "TreatMissingData: missing", "silence"),
    ("run", "TaskFailedToStart", "Nothing", "missing run"),
    ("run", "SourceSecurityGroupId: !Ref TaskGroup", "CidrIp: 0.0.0.0/0", "open from outside"),
    ("run", '["redshift-serverless:GetCredentials"]', '["s3:GetObject"]', "a pull request reaches"),
    ("run", "Condition: {StringEquals: {\"token.", "Condition: {StringLike: {\"token.", "a pattern for who may come"),
]  # fmt: skip


def test_the_templates_keep_every_rule():
    assert breaches(TEMPLATES) == []


def test_there_is_something_to_judge():
    assert len(resources(TEMPLATES)) > 60
    assert len(list(statements(TEMPLATES))) > 30


@pytest.mark.parametrize(("name", "old", "new", "said"), DAMAGES)
def test_a_damage_is_seen(name, old, new, said):
    text = TEMPLATES[name][0]
    assert old in text
    damaged = text.replace(old, new)
    found = breaches(TEMPLATES | {name: (damaged, yaml.load(damaged, aws.Loader))})  # noqa: S506 (a SafeLoader)
    assert any(said in each for each in found), found
