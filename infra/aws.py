"""The CloudFormation stacks of infra/stacks, in order, each fed by the outputs of those before it. Never run on AWS.

  python -m infra.aws up --skip run           network, shop, warehouse; says what they cost, and asks first
  python -m infra.aws up Image=REPOSITORY:1   and what runs; parameters given before are kept
  python -m infra.aws run                     one run of the pipeline, now
  python -m infra.aws run -- doctor           any command of the loaders, where both databases can be reached
  python -m infra.aws env                     what .env lacks, appended to it; lines that are there stay
  python -m infra.aws down                    asks first; data (lake, warehouse, a snapshot of the shop) is kept

A shop with a VPC or a database of its own leaves network or shop out and gives their outputs as parameters:
  python -m infra.aws up --skip network,shop,run VpcId=vpc-1 SubnetIds=subnet-1,subnet-2,subnet-3
What is lacking then is named before anything is made.

The Region is that of .env or the environment, as for the loaders; the identity is found as the AWS CLI finds it.
Exit codes: 0 done, 1 failed (why is said), 2 wrong arguments, 130 Ctrl-C (what AWS was told goes on); `run` and
`bootstrap` end with the task's own code.
"""

import argparse
import re
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, WaiterError

from loaders.common import settings
from loaders.common.errors import Failure, run_command

STACKS = Path(__file__).parent / "stacks"
ORDER = ("network", "shop", "warehouse", "run")
HOURS_OF_PATIENCE = 24
DELETE = (
    "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {0} --region {1} "
    "&& aws cloudformation delete-stack --stack-name {0} --region {1}"
)
# States that no update leaves, and what does.
STUCK = {
    "ROLLBACK_COMPLETE": DELETE,
    "ROLLBACK_FAILED": DELETE,
    "CREATE_FAILED": DELETE,
    "DELETE_FAILED": "python -m infra.aws down",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {0} --region {1}",
}
KEPT = {  # what `down` leaves, as an output tells it; the namespace is called as the workgroup is
    "LakeBucket": "the lake's bucket",
    "PagesBucket": "the pages' bucket",
    "WorkgroupName": "the namespace",
    "LakeKeyArn": "the key",
}
WATCH = "aws cloudformation describe-stack-events --stack-name {0} --region {1}"
TASKS = {"bootstrap": "BootstrapTask", "run": "PipelineTask"}
ENV = {  # a setting of .env: the outputs it is made of
    "SOURCE_URL": "{SourceUrl}",
    "LAKE_URL": "{LakeUrl}",
    "LAKE_KMS_KEY": "{LakeKeyArn}",
    "AWS_DEFAULT_REGION": "{Region}",
    "DBT_TARGET": "redshift",
    "REDSHIFT_HOST": "{WarehouseHost}",
    "REDSHIFT_DATABASE": "{WarehouseDatabase}",
    "REDSHIFT_METHOD": "iam_role",
    "REDSHIFT_WORKGROUP": "{WorkgroupName}",
    "REDSHIFT_IAM_ROLE": "{CopyRoleArn}",
}


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms."""


def _tag(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 (YAML has no fourth kind)
    return {suffix: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _tag)


def template(name: str) -> tuple[str, dict[str, Any]]:
    text = (STACKS / f"{name}.yaml").read_text("utf-8")
    return text, yaml.load(text, Loader)  # noqa: S506 (a SafeLoader)


def described(cloud: Any, stack: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = cloud.describe_stacks(StackName=stack)["Stacks"][0]
        return found
    except ClientError as error:
        if "does not exist" in str(error):  # CloudFormation answers ValidationError for this and for others
            return None
        raise


def outputs(cloud: Any, prefix: str) -> dict[str, str]:
    """Of all stacks that are there."""
    there = (described(cloud, f"{prefix}-{name}") or {} for name in ORDER)
    return {each["OutputKey"]: each["OutputValue"] for stack in there for each in stack.get("Outputs", [])}


def up(cloud: Any, prefix: str, skip: set[str], given: dict[str, str], sure: bool) -> None:
    """Make or change the stacks, after what they need is known to be there and somebody has said yes to the costs."""
    chosen = [name for name in ORDER if name not in skip]
    wanted = {name: template(name)[1].get("Parameters", {}) for name in chosen}
    if unknown := set(given) - {key for each in wanted.values() for key in each}:
        raise Failure(f"no stack has a parameter {', '.join(sorted(unknown))}", "infra/stacks/*.yaml names them")
    # Two prefixes are two of everything: what is named by its stack is named after the prefix.
    stacks = {name: described(cloud, f"{prefix}-{name}") or {} for name in chosen}
    before = {name: {each["ParameterKey"] for each in stack.get("Parameters", [])} for name, stack in stacks.items()}
    there = {"Name"} | set(outputs(cloud, prefix)) | set(given)
    lacking = []
    for name in chosen:
        missing = [
            key for key, each in wanted[name].items() if key not in there | before[name] and "Default" not in each
        ]
        lacking += [f"{prefix}-{name} needs {', '.join(missing)}"] if missing else []
        there |= set(template(name)[1]["Outputs"])
    for stack in stacks.values():
        leave_if_stuck(stack, cloud.meta.region_name)
    if lacking:
        raise Failure("; ".join(lacking), "give them as NAME=VALUE (nothing was made), or leave stacks out by --skip")
    print(f"makes or changes: {', '.join(f'{prefix}-{name}' for name in chosen)}\n\n{costs()}\n", flush=True)
    ask(prefix, sure, "made or changed")
    for name in chosen:
        named = {} if before[name] else {"Name": prefix}
        known = named | outputs(cloud, prefix) | given
        values: list[dict[str, Any]] = [
            {"ParameterKey": key, "ParameterValue": known[key]}
            if key in known
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in wanted[name]
            if key in known or key in before[name]
        ]
        started = time.monotonic()
        print(f"{prefix}-{name}: {deploy(cloud, f'{prefix}-{name}', stacks[name], template(name)[0], values)}, "
              f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    if "run" in skip and "warehouse" not in skip:
        print(after_warehouse(outputs(cloud, prefix)["ImageRepository"], cloud.meta.region_name))


def costs() -> str:
    """What docs/aws.md says of them."""
    page = (STACKS.parents[1] / "docs/aws.md").read_text("utf-8")
    return page.partition("## What it costs a month\n")[2].partition("\n## ")[0].strip()


def leave_if_stuck(stack: dict[str, Any], region: str) -> None:
    name, status = stack.get("StackName", ""), stack.get("StackStatus", "")
    if status in STUCK:
        fix = f"`{STUCK[status].format(name, region)}`; when that has ended, say the same command again"
        raise Failure(f"{name} is in {status}, which no update leaves", fix)
    if status.endswith("IN_PROGRESS"):
        raise Failure(f"{name} is in {status}", f"wait for its end (`{WATCH.format(name, region)}`), then say it again")


def after_warehouse(repository: str, region: str) -> str:
    """How the image gets to where the stack `run` takes it from."""
    registry, _, _ = repository.partition("/")
    return f"""next, the image (tags are never used twice; on a Mac the platform matters):
  aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {registry}
  docker build --platform linux/amd64 -f infra/image/Dockerfile -t {repository}:1 . && docker push {repository}:1
  python -m infra.aws up Image={repository}:1 AlertEmail=you@example.com"""


def ask(prefix: str, sure: bool, done: str) -> None:
    """Go on only if --yes was said, or the prefix is written at a terminal."""
    if not sure and (not sys.stdin.isatty() or input(f"write {prefix} to go on: ") != prefix):
        raise Failure(f"nothing was {done}", "say it again with --yes, or write the prefix when asked")


def deploy(cloud: Any, name: str, there: dict[str, Any], text: str, values: list[dict[str, Any]]) -> str:
    """there: the stack as it is, empty if it is not."""
    token = uuid.uuid4().hex
    options = {"StackName": name, "TemplateBody": text, "Parameters": values, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    options |= {"ClientRequestToken": token}
    if not there:
        protected = not name.endswith("-run")
        made = cloud.create_stack(**options, OnFailure="DELETE", EnableTerminationProtection=protected)
        wait(cloud, "stack_create_complete", made["StackId"], token)
        return "made"
    try:
        cloud.update_stack(**options)
    except ClientError as error:
        if "No updates" in str(error):
            return "unchanged"
        raise
    wait(cloud, "stack_update_complete", there["StackId"], token)
    return "changed"


def wait(cloud: Any, until: str, stack: str, token: str) -> None:
    """stack: its id. By its name CloudFormation does not know a stack that is gone, as one is that could not be made
    (docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html). token: the operation's.
    """
    try:
        cloud.get_waiter(until).wait(StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 720})
    except WaiterError as error:
        events = cloud.describe_stack_events(StackName=stack)["StackEvents"]  # the newest first, of all operations
        ours = [each for each in events if each.get("ClientRequestToken") == token]
        failed = [each for each in reversed(ours) if "FAILED" in each["ResourceStatus"]]
        why = "; ".join(f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason')}" for each in failed[:3])
        fix = "mend what it names and say the same command again"
        if "already exists" in why:
            fix = f"is it what an earlier `down` kept? infra/README.md (After down) says how to go on; else {fix}"
        raise Failure(f"{stack.split('/')[1]}: {why or error}", fix) from error


def environment(known: dict[str, str]) -> str:
    needed = {"WarehouseHost": "up", "SourceUrl": "up Image=…"}
    if missing := [f"{key} (`{command}`)" for key, command in needed.items() if key not in known]:
        raise Failure(f"no stack has put out {', '.join(missing)}", "make that stack first")
    filled = {name: value.format(**known) for name, value in ENV.items()}
    return "".join(f"{name}={value}\n" for name, value in filled.items() if value)  # no key of KMS: no line


def into(file: Path, text: str) -> None:
    """Append what is not set there; tell what is set to something else, and leave it."""
    old = file.read_text("utf-8") if file.exists() else ""
    there = dict(line.split("=", 1) for line in old.splitlines() if "=" in line and not line.startswith("#"))
    new = [line for line in text.splitlines() if line.split("=", 1)[0] not in there]
    for line in text.splitlines():
        name, value = line.split("=", 1)
        if there.get(name, value) != value:
            print(f"{file}: {name} is kept as you set it; the stacks say {line}")
    if new:
        with file.open("a", encoding="utf-8") as out:
            out.write("".join(f"{line}\n" for line in (["", *new] if old and not old.endswith("\n") else new)))
    print(
        f"{file}: {len(new)} settings added" + (f": {', '.join(line.split('=', 1)[0] for line in new)}" if new else "")
    )


def run_task(session: Any, known: dict[str, str], which: str, words: list[str]) -> int:
    """Start a task inside the VPC, wait for it, return its exit code. words: a command in place of its own."""
    if which not in known:
        fix = f"`python -m infra.aws up Image=…`; or another --prefix, or Region (this is {known['Region']})"
        raise Failure("the stack `run` is not there", fix)
    ecs, region = session.client("ecs"), f"--region {known['Region']}"
    network = {
        "subnets": [known["RunSubnetId"]],
        "securityGroups": [known["TaskGroup"]],
        "assignPublicIp": known["AssignPublicIp"],
    }
    answer = ecs.run_task(
        cluster=known["ClusterArn"],
        taskDefinition=known[which],
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
        overrides={"containerOverrides": [{"name": "order-he", "command": words}] if words else []},
    )
    if not answer["tasks"]:
        raise Failure(f"the task did not start: {answer.get('failures')}", "what it names")
    task = answer["tasks"][0]["taskArn"]
    print(f"{task}: started; its log: aws logs tail {known['LogGroup']} --follow {region}", flush=True)
    # The waiter's own patience is ten minutes; the image ends a run after RUN_MINUTES, 180 unless told otherwise.
    patience = {"Delay": 6, "MaxAttempts": HOURS_OF_PATIENCE * 600}
    try:
        ecs.get_waiter("tasks_stopped").wait(cluster=known["ClusterArn"], tasks=[task], WaiterConfig=patience)
    except WaiterError as error:
        stop = f"aws ecs stop-task --cluster {known['ClusterArn']} --task {task} {region}"
        raise Failure(
            f"{task} still runs after {HOURS_OF_PATIENCE} h: {error}", f"look at its log; `{stop}` ends it"
        ) from None
    stopped = ecs.describe_tasks(cluster=known["ClusterArn"], tasks=[task])["tasks"][0]
    code = stopped["containers"][0].get("exitCode")
    print(f"{task}: exit code {code}; {stopped.get('stoppedReason', '')}")
    return 1 if code is None else int(code)


def down(cloud: Any, prefix: str, sure: bool) -> None:
    """Delete the stacks, the last one first; whoever has not said --yes is asked for the prefix."""
    stacks = {name: there for name in ORDER if (there := described(cloud, f"{prefix}-{name}"))}
    if not stacks:
        raise Failure(f"there is no stack {prefix}-…", "--prefix, or the Region (AWS_DEFAULT_REGION)")
    protection = {"ParameterKey": "DeletionProtection", "ParameterValue": "true"}
    if protection in stacks.get("shop", {}).get("Parameters", []):
        others = ",".join(name for name in ORDER if name != "shop")
        off = f"`python -m infra.aws up --prefix {prefix} --skip {others} DeletionProtection=false`"
        raise Failure(
            f"{prefix}-shop protects its database from being deleted (nothing was deleted)", f"if you mean it: {off}"
        )
    left = outputs(cloud, prefix)
    print(f"deletes {', '.join(f'{prefix}-{name}' for name in stacks)}; "
          "lake, pages, namespace, key and a last snapshot of RDS stay, and cost", flush=True)  # fmt: skip
    ask(prefix, sure, "deleted")
    for name, there in reversed(stacks.items()):
        stack, token = f"{prefix}-{name}", uuid.uuid4().hex
        print(f"{stack}: going", flush=True)
        if there.get("EnableTerminationProtection"):
            cloud.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        cloud.delete_stack(StackName=stack, ClientRequestToken=token)
        wait(cloud, "stack_delete_complete", there["StackId"], token)
        kept = [f"{what} {left[key]}" for key, what in KEPT.items() if name == "warehouse" and left.get(key)]
        more = "; infra/README.md (After down) says how to go on with them, and how to end them"
        print(f"{stack}: gone" + (f", but for {', '.join(kept)}{more}" if kept else ""), flush=True)


def act(chosen: argparse.Namespace) -> int:
    session = boto3.Session(region_name=settings.aws_region(settings.read()))
    if not session.region_name:  # an empty AWS_DEFAULT_REGION, which boto3 makes an address of
        raise NoRegionError
    cloud = session.client("cloudformation")
    if chosen.command == "up":
        up(cloud, chosen.prefix, chosen.skip, dict(chosen.parameters), chosen.yes)
    elif chosen.command == "down":
        down(cloud, chosen.prefix, chosen.yes)
    else:
        known = outputs(cloud, chosen.prefix) | {"Region": cloud.meta.region_name}
        if chosen.command in TASKS:
            return run_task(session, known, TASKS[chosen.command], chosen.words)
        into(settings.ROOT / ".env", environment(known))
    return 0


def left_out(text: str) -> set[str]:
    names = set(filter(None, text.split(",")))
    if unknown := names - set(ORDER):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: the stacks are {', '.join(ORDER)}")
    return names


def prefix_of_stacks(text: str) -> str:
    # As run.yaml and warehouse.yaml ask it of Name.
    if not re.fullmatch("[a-z][a-z0-9-]{2,30}", text):
        raise argparse.ArgumentTypeError(f"{text!r}: small letters, digits and -, 3 to 31 of them")
    return text


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m infra.aws", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("up", "bootstrap", "run", "env", "down"))
    parser.add_argument("--prefix", default="order-he", type=prefix_of_stacks, help="what the stacks' names begin with")
    parser.add_argument(
        "--skip", default=set(), type=left_out, metavar="A,B", help=f"up: leave out; of {','.join(ORDER)}"
    )
    parser.add_argument("--yes", action="store_true", help="up, down: do not ask")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", type=pair, help="up: parameters of the stacks")
    given = sys.argv[1:] if arguments is None else arguments
    own = given[: given.index("--")] if "--" in given else given
    chosen = parser.parse_intermixed_args(own)
    chosen.words = given[len(own) + 1 :]
    if chosen.words and chosen.command != "run":
        parser.error(f"{chosen.command} takes no command after --")
    if chosen.command != "up" and (chosen.parameters or chosen.skip):
        parser.error(f"{chosen.command} takes neither NAME=VALUE nor --skip")
    if len(chosen.skip) == len(ORDER):
        parser.error("--skip leaves no stack")
    try:
        return act(chosen)
    except NoCredentialsError:
        raise Failure("no AWS credentials", "`aws configure`, or AWS_PROFILE") from None
    except NoRegionError:
        raise Failure("no AWS Region", "set AWS_REGION in .env, for example to eu-west-1") from None
    except ClientError as error:
        fix = "see to what it names; `aws sts get-caller-identity` says who asks"
        raise Failure(f"AWS refused: {error}", fix) from None
    except BotoCoreError as error:
        fix = "see to Region (AWS_REGION in .env), AWS_PROFILE and the network, and say the same command again"
        raise Failure(f"AWS cannot be asked: {error}", fix) from None


if __name__ == "__main__":
    sys.exit(run_command(main))
