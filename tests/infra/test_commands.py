"""infra/aws.py without an account: what is foreseeable ends with a sentence, and .env keeps its lines."""

import datetime
import secrets
from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

from infra import aws
from loaders.common import settings
from loaders.common.errors import run_command


@pytest.fixture
def account(s3_server, monkeypatch, tmp_path):
    """The arguments that name stacks of the test's own, in an account that all tests of a worker share."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys that it first saw
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    said = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "eu-west-1"}
    for name, value in (said | {"AWS_ENDPOINT_URL": s3_server["endpoint_url"]}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings, "ROOT", tmp_path)  # whose .env is read, and written
    return ["--prefix", f"t{secrets.token_hex(6)}"]


def called(*words: str) -> int:
    return run_command(lambda: aws.main(list(words)))


def test_the_network_goes_up_and_is_then_unchanged(account, capsys):
    cidrs = "SubnetCidrs=10.42.0.0/24,10.42.1.0/24,10.42.2.0/24,10.42.3.0/24"  # moto does not split a default
    assert called(*account, "up", "--yes", "--skip", "shop,warehouse,run", cidrs, "Egress=public-ip") == 0
    said = capsys.readouterr().out
    assert f"makes or changes: {account[1]}-network\n" in said
    assert f"{account[1]}-network: made" in said
    assert aws.outputs(boto3.client("cloudformation"), account[1])["AssignPublicIp"] == "ENABLED"
    assert called(*account, "up", "--yes", "--skip", "shop,warehouse,run") == 0, "parameters given before are kept"
    assert aws.outputs(boto3.client("cloudformation"), account[1])["AssignPublicIp"] == "ENABLED"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--skip", "network,warehouse,run"], "-shop needs VpcId, SubnetIds"),
        (["up", "--yes"], "-run needs Image"),
        (["up", "--skip", "run", "Nothing=1"], "no stack has a parameter Nothing"),
        (["run"], "the stack `run` is not there"),
        (["env"], "no stack has put out WarehouseHost (`up`), SourceUrl"),
    ],
)
def test_what_is_missing_is_named(account, capsys, arguments, said):
    assert called(*account, *arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "fix: " in error


def test_nothing_is_made_before_all_that_is_needed_is_known_and_the_costs_are_agreed_to(account, capsys, monkeypatch):
    assert called(*account, "up", "--yes") == 1, "no Image: also the first three stacks are not made"
    assert called(*account, "up", "--skip", "run") == 1
    said = capsys.readouterr()
    assert "nothing was made or changed" in said.err
    assert "| Redshift Serverless | 91 USD" in said.out and "interface endpoints" in said.out
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    assert called(*account, "up", "--skip", "run") == 1, "yes is not the prefix"
    assert aws.outputs(boto3.client("cloudformation"), account[1]) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up", "--skip", "netwrok"], "netwrok: the stacks are network, shop, warehouse, run"),
        (["up", "Image"], "'Image' is not NAME=VALUE"),
        (["run", "Image=x"], "run takes neither NAME=VALUE nor --skip"),
        (["down", "--skip", "shop"], "down takes neither"),
        (["up", "--", "doctor"], "up takes no command after --"),
        (["up", "--skip", "network,shop,warehouse,run"], "--skip leaves no stack"),
        (["down", "--prefix", "Kim's"], "small letters, digits and -"),
    ],
)
def test_a_wrong_call_ends_with_2_and_asks_nobody(account, capsys, words, said):
    assert called(*account, *words) == 2
    assert said in capsys.readouterr().err


def test_a_stack_is_named_after_its_prefix_and_the_image_is_told_its_way(account):
    text = "Parameters: {Name: {Type: String, Default: order-he}}\nOutputs: {Is: {Value: !Ref Name}}\nResources: "
    text += "{Topic: {Type: 'AWS::SNS::Topic'}}"
    cloud = boto3.client("cloudformation")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "template", lambda _name: (text, aws.yaml.load(text, aws.Loader)))
        assert called(*account, "up", "--yes", "--skip", "shop,warehouse,run") == 0
    assert aws.outputs(cloud, account[1]) == {"Is": account[1]}
    assert "docker push 1.dkr.ecr/order-he:1" in aws.after_warehouse("1.dkr.ecr/order-he", "eu-west-1")


def test_env_has_the_key_of_kms_where_there_is_one():
    known = dict.fromkeys(
        ("SourceUrl", "LakeUrl", "Region", "WarehouseHost", "WarehouseDatabase", "WorkgroupName"), "x"
    )
    known |= {"CopyRoleArn": "x", "LakeKeyArn": "arn:aws:kms:key"}
    assert "LAKE_KMS_KEY=arn:aws:kms:key\n" in aws.environment(known)
    assert "LAKE_KMS_KEY" not in aws.environment(known | {"LakeKeyArn": ""})


def test_without_credentials_or_region(account, capsys, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    assert called(*account, "down") == 1
    assert "no AWS credentials" in capsys.readouterr().err
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    assert called(*account, "down") == 1
    assert "no AWS Region" in capsys.readouterr().err
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert called(*account, "down") == 1
    assert "AWS cannot be asked" in capsys.readouterr().err


@pytest.fixture
def cloud(account, monkeypatch):
    """CloudFormation's answers one after the other: moto rolls nothing back. Each call is held against AWS's names."""
    client = boto3.client("cloudformation")
    monkeypatch.setattr(boto3.Session, "client", lambda _self, _service: client)
    monkeypatch.setattr("botocore.waiter.time.sleep", lambda _seconds: None)
    monkeypatch.setattr(aws.uuid, "uuid4", lambda: SimpleNamespace(hex="ours"))
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


NOW = datetime.datetime(2026, 11, 27)


def stack(name: str, status: str, **more) -> dict[str, object]:
    known = {"StackName": name, "StackId": f"arn:aws:x:stack/{name}/1", "StackStatus": status, "CreationTime": NOW}
    return {"Stacks": [known | more]}


@pytest.mark.parametrize(
    ("status", "way_out"),
    [
        ("ROLLBACK_COMPLETE", "aws cloudformation delete-stack --stack-name order-he-network --region eu-west-1"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name order-he-network"),
        ("DELETE_FAILED", "python -m infra.aws down"),
        ("UPDATE_IN_PROGRESS", "aws cloudformation describe-stack-events --stack-name order-he-network"),
    ],
)
def test_a_stack_that_cannot_be_updated_is_named_with_the_way_out_before_anything_is_made(
    cloud, capsys, status, way_out
):
    cloud.add_response("describe_stacks", stack("order-he-network", status))
    for _name in aws.ORDER:
        cloud.add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")
    assert called("up", "--yes", "--skip", "shop,warehouse,run") == 1
    said = capsys.readouterr().err
    assert f"order-he-network is in {status}" in said
    assert way_out in said


def test_why_a_stack_was_not_made_is_told_though_it_is_gone_and_old_failures_are_not(cloud, capsys):
    """Gone with OnFailure=DELETE, it is known by its id alone."""

    def event(name, status, reason, **more):
        known = {"StackId": "x", "EventId": name, "StackName": "x", "Timestamp": NOW}
        return known | {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": reason} | more

    arn = "arn:aws:x:stack/order-he-network/1"
    for _name in ("network", *aws.ORDER, *aws.ORDER):
        cloud.add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")
    cloud.add_response("create_stack", {"StackId": arn})
    cloud.add_response("describe_stacks", stack("order-he-network", "DELETE_COMPLETE"), {"StackName": arn})
    events = [
        event("Later", "CREATE_FAILED", "Resource creation cancelled", ClientRequestToken="ours"),
        event("Vpc", "CREATE_FAILED", "The maximum number of VPCs has been reached", ClientRequestToken="ours"),
        event("Vpc", "CREATE_FAILED", "of another day", ClientRequestToken="another"),
    ]
    cloud.add_response("describe_stack_events", {"StackEvents": events}, {"StackName": arn})
    assert called("up", "--yes", "--skip", "shop,warehouse,run") == 1
    said = capsys.readouterr().err
    assert "error: order-he-network: Vpc: The maximum number of VPCs has been reached; Later: " in said
    assert "another day" not in said


def test_down_deletes_nothing_where_the_database_is_protected_and_says_the_command(cloud, capsys):
    protected = [{"ParameterKey": "DeletionProtection", "ParameterValue": "true"}]
    for name in aws.ORDER:
        cloud.add_response("describe_stacks", stack(f"order-he-{name}", "CREATE_COMPLETE", Parameters=protected))
    assert called("down", "--yes") == 1
    said = capsys.readouterr().err
    assert "nothing was deleted" in said
    assert "up --prefix order-he --skip network,warehouse,run DeletionProtection=false" in said


def test_env_keeps_what_the_user_wrote_and_says_so(tmp_path, capsys):
    file = tmp_path / ".env"
    file.write_text("# mine\nLAKE_URL=s3://mine")
    aws.into(file, "LAKE_URL=s3://stack/x\nDBT_TARGET=redshift\n")
    assert file.read_text() == "# mine\nLAKE_URL=s3://mine\nDBT_TARGET=redshift\n"
    assert "LAKE_URL is kept as you set it; the stacks say LAKE_URL=s3://stack/x" in capsys.readouterr().out
    aws.into(file, "LAKE_URL=s3://stack/x\nDBT_TARGET=redshift\n")
    assert file.read_text().count("DBT_TARGET") == 1


def test_down_asks_and_deletes_nothing_without_an_answer(account, capsys):
    assert called(*account, "down") == 1
    assert f"there is no stack {account[1]}-" in capsys.readouterr().err
    boto3.client("cloudformation").create_stack(
        StackName=f"{account[1]}-run", TemplateBody="{Resources: {Topic: {Type: 'AWS::SNS::Topic'}}}"
    )
    assert called(*account, "down") == 1
    assert "nothing was deleted" in capsys.readouterr().err
    assert called(*account, "down", "--yes") == 0
    assert f"{account[1]}-run: gone" in capsys.readouterr().out
    assert aws.described(boto3.client("cloudformation"), f"{account[1]}-run") is None
