"""infra/aws.py without an account: what is foreseeable ends with a sentence, and .env keeps its lines."""

import secrets

import boto3
import pytest

from infra import aws
from loaders.common import settings
from loaders.common.errors import Failure, run_command


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
    assert "docker push 1.dkr.ecr/order-he:1" in aws.after_warehouse("1.dkr.ecr/order-he")


def test_a_long_run_is_waited_for_and_ctrl_c_is_no_traceback(account, capsys, monkeypatch):
    """The waiter's own patience is ten minutes; a run may take three hours."""
    asked = {}

    class Ecs:  # moto's tasks never end
        def run_task(self, **_what):
            return {"tasks": [{"taskArn": "arn:task"}]}

        def get_waiter(self, _name):
            return self

        def wait(self, WaiterConfig, **_what):
            asked.update(WaiterConfig)
            raise KeyboardInterrupt

    class Session:
        def client(self, _name):
            return Ecs()

    names = ("RunSubnetId", "TaskGroup", "AssignPublicIp", "ClusterArn", "PipelineTask", "LogGroup")
    known = {name: name for name in names}
    assert run_command(lambda: aws.run_task(Session(), known, "PipelineTask")) == 130
    assert asked["Delay"] * asked["MaxAttempts"] >= 24 * 3600
    assert "aws logs tail LogGroup --follow" in capsys.readouterr().out


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
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert called(*account, "down") == 1
    assert "no AWS Region" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"])
def test_a_stack_that_cannot_be_updated_is_named(status):
    class Cloud:  # moto rolls no stack back
        def describe_stacks(self, StackName):
            return {"Stacks": [{"StackStatus": status}]}

    with pytest.raises(Failure, match=f"x is in {status}"):
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
