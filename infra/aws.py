"""The CloudFormation stacks of infra/stacks, in order, each fed by the outputs of those before it. Never run on AWS.

  python -m infra.aws up --skip run           network, shop, warehouse; says what they cost, and asks first
  python -m infra.aws up Image=REPOSITORY:1   and what runs; parameters given before are kept
  python -m infra.aws run                     one run of the pipeline, now
  python -m infra.aws env                     what .env lacks, appended to it; lines that are there stay
  python -m infra.aws down                    asks first; data (lake, warehouse, a snapshot of the shop) is kept

A shop with a VPC or a database of its own leaves network or shop out and gives their outputs as parameters:
  python -m infra.aws up --skip network,shop VpcId=vpc-1 SubnetIds=subnet-1,subnet-2,subnet-3 SourceHost=db.example.com

The Region is that of .env or the environment, as for the loaders; the identity is found as the AWS CLI finds it.
Exit codes: 0 done, 1 failed (why is said), 2 wrong arguments, 130 Ctrl-C (what AWS was told goes on); `run` and
`bootstrap` end with the task's own code.
"""

import argparse
import sys
import time
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
        print(f"{prefix}-{name}: {deploy(cloud, f'{prefix}-{name}', template(name)[0], values)}, "
              f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    if "run" in skip and "warehouse" not in skip:
        print(after_warehouse(outputs(cloud, prefix)["ImageRepository"]))


def costs() -> str:
    """What docs/aws.md says of them."""
    page = (STACKS.parents[1] / "docs/aws.md").read_text("utf-8")
    return page.partition("## What it costs a month\n")[2].partition("\n## ")[0].strip()


def after_warehouse(repository: str) -> str:
    """How the image gets to where the stack `run` takes it from."""
    registry, _, _ = repository.partition("/")
    return f"""next, the image (tags are never used twice; on a Mac the platform matters):
  aws ecr get-login-password | docker login --username AWS --password-stdin {registry}
  docker build --platform linux/amd64 -f infra/image/Dockerfile -t {repository}:1 . && docker push {repository}:1
  python -m infra.aws up Image={repository}:1 AlertEmail=you@example.com"""


def ask(prefix: str, sure: bool, done: str) -> None:
    """Go on only if --yes was said, or the prefix is written at a terminal."""
    if not sure and (not sys.stdin.isatty() or input(f"write {prefix} to go on: ") != prefix):
        raise Failure(f"nothing was {done}", "say it again with --yes, or write the prefix when asked")


def deploy(cloud: Any, stack: str, text: str, values: list[dict[str, Any]]) -> str:
    options = {"StackName": stack, "TemplateBody": text, "Parameters": values, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    there = described(cloud, stack)
    if there and there["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        raise Failure(f"{stack} is in {there['StackStatus']}, which no update leaves", "delete it and say `up` again")
    if there and there["StackStatus"].endswith("IN_PROGRESS"):
        raise Failure(f"{stack} is in {there['StackStatus']}", "wait for it to end")
    if there is None:
        cloud.create_stack(**options, OnFailure="DELETE", EnableTerminationProtection=not stack.endswith("-run"))
        wait(cloud, "stack_create_complete", stack)
        return "made"
    try:
        cloud.update_stack(**options)
    except ClientError as error:
        if "No updates" in str(error):
            return "unchanged"
        raise
    wait(cloud, "stack_update_complete", stack)
    return "changed"


def wait(cloud: Any, until: str, stack: str) -> None:
    try:
        cloud.get_waiter(until).wait(StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 720})
    except WaiterError as error:
        events = cloud.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [each for each in events if "FAILED" in each["ResourceStatus"]]
        why = "; ".join(f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason')}" for each in failed[-3:])
        raise Failure(f"{stack}: {why or error}", "mend what it names and say the same command again") from error


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


def run_task(session: Any, known: dict[str, str], which: str) -> int:
    """Start a task inside the VPC, wait for it, return its exit code."""
    if which not in known:
        raise Failure("the stack `run` is not there", "python -m infra.aws up Image=…")
    ecs = session.client("ecs")
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
    )
    if not answer["tasks"]:
        raise Failure(f"the task did not start: {answer.get('failures')}", "what it names")
    task = answer["tasks"][0]["taskArn"]
    print(f"{task}: started; its log: aws logs tail {known['LogGroup']} --follow", flush=True)
    # The waiter's own patience is ten minutes; the image ends a run after RUN_MINUTES, 180 unless told otherwise.
    patience = {"Delay": 6, "MaxAttempts": HOURS_OF_PATIENCE * 600}
    try:
        ecs.get_waiter("tasks_stopped").wait(cluster=known["ClusterArn"], tasks=[task], WaiterConfig=patience)
    except WaiterError as error:
        stop = f"aws ecs stop-task --cluster {known['ClusterArn']} --task {task}"
        raise Failure(
            f"{task} still runs after {HOURS_OF_PATIENCE} h: {error}", f"look at its log; `{stop}` ends it"
        ) from None
    stopped = ecs.describe_tasks(cluster=known["ClusterArn"], tasks=[task])["tasks"][0]
    code = stopped["containers"][0].get("exitCode")
    print(f"{task}: exit code {code}; {stopped.get('stoppedReason', '')}")
    return 1 if code is None else int(code)


def down(cloud: Any, prefix: str, sure: bool) -> None:
    """Delete the stacks, the last one first; whoever has not said --yes is asked for the prefix."""
    going = [f"{prefix}-{name}" for name in ORDER if described(cloud, f"{prefix}-{name}")]
    if not going:
        raise Failure(f"there is no stack {prefix}-…", "--prefix, or the Region (AWS_DEFAULT_REGION)")
    kept = "lake, pages, namespace, key and a last snapshot of RDS stay, and cost"
    print(f"deletes {', '.join(going)}; {kept}", flush=True)
    ask(prefix, sure, "deleted")
    for name in reversed(ORDER):
        stack = f"{prefix}-{name}"
        there = described(cloud, stack)
        if there is None:
            continue
        print(f"{stack}: going", flush=True)
        if there.get("EnableTerminationProtection"):
            cloud.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        cloud.delete_stack(StackName=stack)
        wait(cloud, "stack_delete_complete", stack)
        kept = " (kept: lake, pages, namespace, key)" if name == "warehouse" else ""
        print(f"{stack}: gone{kept}", flush=True)


def act(chosen: argparse.Namespace) -> int:
    session = boto3.Session(region_name=settings.aws_region(settings.read()))
    cloud = session.client("cloudformation")
    if chosen.command == "up":
        up(cloud, chosen.prefix, chosen.skip, dict(chosen.parameters), chosen.yes)
    elif chosen.command == "down":
        down(cloud, chosen.prefix, chosen.yes)
    else:
        known = outputs(cloud, chosen.prefix) | {"Region": cloud.meta.region_name}
        if chosen.command in TASKS:
            return run_task(session, known, TASKS[chosen.command])
        into(settings.ROOT / ".env", environment(known))
    return 0


def left_out(text: str) -> set[str]:
    names = set(filter(None, text.split(",")))
    if unknown := names - set(ORDER):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: the stacks are {', '.join(ORDER)}")
    return names


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
    parser.add_argument("--prefix", default="order-he", help="what the stacks' names begin with")
    parser.add_argument(
        "--skip", default=set(), type=left_out, metavar="A,B", help=f"up: leave out; of {','.join(ORDER)}"
    )
    parser.add_argument("--yes", action="store_true", help="up, down: do not ask")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", type=pair, help="up: parameters of the stacks")
    chosen = parser.parse_intermixed_args(arguments)
    if chosen.command != "up" and (chosen.parameters or chosen.skip):
        parser.error(f"{chosen.command} takes neither NAME=VALUE nor --skip")
    try:
        return act(chosen)
    except NoCredentialsError:
        raise Failure("no AWS credentials", "`aws configure`, or AWS_PROFILE") from None
    except NoRegionError:
        raise Failure("no AWS Region", "set AWS_REGION in .env, for example to eu-west-1") from None
    except (ClientError, BotoCoreError) as error:
        fix = "see to what it names; `aws sts get-caller-identity` says who asks"
        raise Failure(f"AWS refused: {error}", fix) from None


if __name__ == "__main__":
    sys.exit(run_command(main))
