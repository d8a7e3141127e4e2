"""The CloudFormation stacks of infra/stacks, in order, each fed by the outputs of those before it. Never run on AWS.

  python -m infra.aws up --skip run           network, shop, warehouse (costs: README.md)
  python -m infra.aws up Image=REPOSITORY:1   and what runs; parameters given before are kept
  python -m infra.aws run                     one run of the pipeline, now
  python -m infra.aws env                     what .env lacks, appended to it; lines that are there stay
  python -m infra.aws down                    asks first; data (lake, warehouse, a snapshot of the shop) is kept

A shop with a VPC or a database of its own leaves network or shop out and gives their outputs as parameters:
  python -m infra.aws up --skip network,shop VpcId=vpc-1 SubnetIds=subnet-1,subnet-2,subnet-3 SourceHost=db.example.com

Exit codes: 0 done, 1 failed (why is said), 2 wrong arguments; `run` and `bootstrap` end with the task's own code.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, WaiterError

STACKS = Path(__file__).parent / "stacks"
ORDER = ("network", "shop", "warehouse", "run")
TASKS = {"bootstrap": "BootstrapTask", "run": "PipelineTask"}
ENV = {  # a setting of .env: the outputs it is made of
    "SOURCE_URL": "{SourceUrl}",
    "LAKE_URL": "{LakeUrl}",
    "AWS_DEFAULT_REGION": "{Region}",
    "DBT_TARGET": "redshift",
    "REDSHIFT_HOST": "{WarehouseHost}",
    "REDSHIFT_DATABASE": "{WarehouseDatabase}",
    "REDSHIFT_WORKGROUP": "{WorkgroupName}",
    "REDSHIFT_IAM_ROLE": "{CopyRoleArn}",
}


class Stop(Exception):
    """What failed, and the way out."""


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


def up(cloud: Any, prefix: str, skip: set[str], given: dict[str, str]) -> None:
    chosen = [name for name in ORDER if name not in skip]
    parameters = {name: template(name)[1].get("Parameters", {}) for name in chosen}
    if unknown := set(given) - {key for each in parameters.values() for key in each}:
        raise Stop(f"no stack has a parameter {', '.join(sorted(unknown))}\n  fix: infra/stacks/*.yaml names them")
    print(f"makes or changes: {', '.join(f'{prefix}-{name}' for name in chosen)}; costs: infra/README.md", flush=True)
    for name in chosen:
        known = outputs(cloud, prefix) | given
        wanted = parameters[name]
        there = described(cloud, f"{prefix}-{name}") or {}
        before = {each["ParameterKey"] for each in there.get("Parameters", [])}
        if missing := [key for key, each in wanted.items() if key not in {*known, *before} and "Default" not in each]:
            raise Stop(f"{prefix}-{name} needs {', '.join(missing)}\n  fix: give them as NAME=VALUE")
        values: list[dict[str, Any]] = [
            {"ParameterKey": key, "ParameterValue": known[key]}
            if key in known
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in wanted
            if key in known or key in before
        ]
        started = time.monotonic()
        print(f"{prefix}-{name}: {deploy(cloud, f'{prefix}-{name}', template(name)[0], values)}, "
              f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip


def deploy(cloud: Any, stack: str, text: str, values: list[dict[str, Any]]) -> str:
    options = {"StackName": stack, "TemplateBody": text, "Parameters": values, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    there = described(cloud, stack)
    if there and there["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"):
        raise Stop(f"{stack} is in {there['StackStatus']}, which no update leaves\n  fix: delete it and say `up` again")
    if there and there["StackStatus"].endswith("IN_PROGRESS"):
        raise Stop(f"{stack} is in {there['StackStatus']}\n  fix: wait for it to end")
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
        raise Stop(f"{stack}: {why or error}\n  fix: mend what it names and say the same command again") from error


def environment(known: dict[str, str]) -> str:
    needed = {"WarehouseHost": "up", "SourceUrl": "up Image=…"}
    if missing := [f"{key} (`{command}`)" for key, command in needed.items() if key not in known]:
        raise Stop(f"no stack has put out {', '.join(missing)}\n  fix: make that stack first")
    return "".join(f"{name}={value.format(**known)}\n" for name, value in ENV.items())


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
        raise Stop("the stack `run` is not there\n  fix: python -m infra.aws up Image=…")
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
        raise Stop(f"the task did not start: {answer.get('failures')}\n  fix: what it names")
    task = answer["tasks"][0]["taskArn"]
    print(f"{task}: started; its log is in the log group of the stack `run`", flush=True)
    ecs.get_waiter("tasks_stopped").wait(cluster=known["ClusterArn"], tasks=[task])
    stopped = ecs.describe_tasks(cluster=known["ClusterArn"], tasks=[task])["tasks"][0]
    code = stopped["containers"][0].get("exitCode")
    print(f"{task}: exit code {code}; {stopped.get('stoppedReason', '')}")
    return 1 if code is None else int(code)


def down(cloud: Any, prefix: str, sure: bool) -> None:
    """Delete the stacks, the last one first; whoever has not said --yes is asked for the prefix."""
    going = [f"{prefix}-{name}" for name in ORDER if described(cloud, f"{prefix}-{name}")]
    if not going:
        raise Stop(f"there is no stack {prefix}-…\n  fix: --prefix, or the Region (AWS_DEFAULT_REGION)")
    kept = "lake, pages, namespace, key and a last snapshot of RDS stay, and cost"
    print(f"deletes {', '.join(going)}; {kept}", flush=True)
    if not sure and (not sys.stdin.isatty() or input(f"write {prefix} to go on: ") != prefix):
        raise Stop("nothing was deleted\n  fix: say it again with --yes, or write the prefix when asked")
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
    session = boto3.Session()
    cloud = session.client("cloudformation")
    if chosen.command == "up":
        up(cloud, chosen.prefix, set(filter(None, chosen.skip.split(","))), dict(chosen.parameters))
    elif chosen.command == "down":
        down(cloud, chosen.prefix, chosen.yes)
    else:
        known = outputs(cloud, chosen.prefix) | {"Region": cloud.meta.region_name}
        if chosen.command in TASKS:
            return run_task(session, known, TASKS[chosen.command])
        into(Path(".env"), environment(known))
    return 0


def pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("up", "bootstrap", "run", "env", "down"))
    parser.add_argument("--prefix", default="order-he", help="what the stacks' names begin with")
    parser.add_argument("--skip", default="", help="stacks to leave out: network,shop,run")
    parser.add_argument("--yes", action="store_true", help="down: do not ask")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", type=pair)
    try:
        return act(parser.parse_intermixed_args(arguments))
    except Stop as stop:
        said = str(stop)
    except NoCredentialsError:
        said = "no AWS credentials\n  fix: `aws configure`, or AWS_PROFILE"
    except NoRegionError:
        said = "no AWS Region\n  fix: set AWS_DEFAULT_REGION, for example to eu-west-1"
    except (ClientError, BotoCoreError) as error:
        said = f"AWS refused: {error}\n  fix: what it names; `aws sts get-caller-identity` says who asks"
    print(f"error: {said}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
