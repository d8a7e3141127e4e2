"""infra/aws.py without an account: what is foreseeable ends with a sentence, and .env keeps its lines."""

import secrets

import boto3
import pytest

from infra import aws


@pytest.fixture
def account(s3_server, monkeypatch, tmp_path):
    """The arguments that name stacks of the test's own, in an account that all tests of a worker share."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys that it first saw
    for name in ("AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    settings = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": "eu-west-1"}
    for name, value in (settings | {"AWS_ENDPOINT_URL": s3_server["endpoint_url"]}).items():
        monkeypatch.setenv(name, value)
    return ["--prefix", f"t{secrets.token_hex(6)}"]


def test_the_network_goes_up_and_is_then_unchanged(account, capsys):
    cidrs = "SubnetCidrs=10.42.0.0/24,10.42.1.0/24,10.42.2.0/24,10.42.3.0/24"  # moto does not split a default
    assert aws.main([*account, "up", "--skip", "shop,warehouse,run", cidrs, "Egress=public-ip"]) == 0
    said = capsys.readouterr().out
    assert f"makes or changes: {account[1]}-network; costs: infra/README.md" in said
    assert f"{account[1]}-network: made" in said
    assert aws.outputs(boto3.client("cloudformation"), account[1])["AssignPublicIp"] == "ENABLED"
    assert aws.main([*account, "up", "--skip", "shop,warehouse,run"]) == 0, "parameters given before are kept"
    assert aws.outputs(boto3.client("cloudformation"), account[1])["AssignPublicIp"] == "ENABLED"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--skip", "network,warehouse,run"], "-shop needs VpcId, SubnetIds"),
        (["up", "--skip", "run", "Nothing=1"], "no stack has a parameter Nothing"),
        (["run"], "the stack `run` is not there"),
        (["env"], "no stack has put out WarehouseHost (`up`), SourceUrl"),
    ],
)
def test_what_is_missing_is_named(account, capsys, arguments, said):
    assert aws.main([*account, *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "fix: " in error


def test_without_credentials_or_region(account, capsys, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    assert aws.main([*account, "down"]) == 1
    assert "no AWS credentials" in capsys.readouterr().err
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert aws.main([*account, "down"]) == 1
    assert "no AWS Region" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"])
def test_a_stack_that_cannot_be_updated_is_named(status):
    class Cloud:  # moto rolls no stack back
        def describe_stacks(self, StackName):
            return {"Stacks": [{"StackStatus": status}]}

    with pytest.raises(aws.Stop, match=f"x is in {status}"):
        aws.deploy(Cloud(), "x", "", [])


def test_env_keeps_what_the_user_wrote_and_says_so(tmp_path, capsys):
    file = tmp_path / ".env"
    file.write_text("# mine\nLAKE_URL=s3://mine")
    aws.into(file, "LAKE_URL=s3://stack/x\nDBT_TARGET=redshift\n")
    assert file.read_text() == "# mine\nLAKE_URL=s3://mine\nDBT_TARGET=redshift\n"
    assert "LAKE_URL is kept as you set it; the stacks say LAKE_URL=s3://stack/x" in capsys.readouterr().out
    aws.into(file, "LAKE_URL=s3://stack/x\nDBT_TARGET=redshift\n")
    assert file.read_text().count("DBT_TARGET") == 1


def test_down_asks_and_deletes_nothing_without_an_answer(account, capsys):
    assert aws.main([*account, "down"]) == 1
    assert f"there is no stack {account[1]}-" in capsys.readouterr().err
    boto3.client("cloudformation").create_stack(
        StackName=f"{account[1]}-run", TemplateBody="{Resources: {Topic: {Type: 'AWS::SNS::Topic'}}}"
    )
    assert aws.main([*account, "down"]) == 1
    assert "nothing was deleted" in capsys.readouterr().err
    assert aws.main([*account, "down", "--yes"]) == 0
    assert f"{account[1]}-run: gone" in capsys.readouterr().out
    assert aws.described(boto3.client("cloudformation"), f"{account[1]}-run") is None
