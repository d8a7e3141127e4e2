"""`make break ERROR=…` and `make fix`: the original project's three failures, provoked for real on the local stack.

2003  `.env` names a port of this machine that nobody listens on, as behind a security group that lets nobody in.
s3    the policy is taken from the role by which COPY reads the lake.
bi    the warehouse is no longer publicly accessible: its port is closed.
"""

import argparse
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from loaders.common.errors import Failure, run_command
from loaders.common.settings import PRIVATE_SOURCE_URL, ROOT
from loaders.source import mysql_url
from local_stack import private_server, redshift, settings_file
from local_stack.redshift import NAMES
from redshift_stand_in import Stack, stack
from redshift_stand_in.names import POLICY, REGION, WORKGROUP
from redshift_stand_in.policies import copy_policy, document

AGAIN = "change the file, then check it again"
EXAMPLES = """examples:
  python -m local_stack.faults break 2003                 MySQL's port is closed
  python -m local_stack.faults break s3                   the role of COPY has no policy
  python -m local_stack.faults break bi                   the warehouse is not publicly accessible
  python -m local_stack.faults fix                        mend whatever is broken
  python -m local_stack.faults fix --policy mine.json     the same, with a policy of your own for the role"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack.faults",
        description="Breaks one link of the local stack, so that you can see how that looks; and mends it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    breaking = commands.add_parser("break", help="provoke a failure")
    breaking.add_argument("error", nargs="?", metavar="|".join(FAULTS))
    mending = commands.add_parser("fix", help="mend whatever is broken")
    mending.add_argument("--policy", type=Path, metavar="FILE", help="attach this policy to the role, not ours")
    arguments = parser.parse_args()
    if arguments.command == "fix":
        fix(arguments.policy)
    elif arguments.error in FAULTS:
        FAULTS[arguments.error]()
    else:
        raise Failure("no failure of that name is known", "make break ERROR=2003, ERROR=s3 or ERROR=bi")


def close_mysql() -> None:
    """Error 2003. The source's URL leads to a free port of this machine."""
    if "SOURCE_URL" in os.environ:
        raise Failure("SOURCE_URL is set in this shell and goes before .env", "unset SOURCE_URL, then try again")
    url = mysql_url.parse(private_server.up(PRIVATE_SOURCE_URL.parent).url("loader"), "the private server's URL")
    closed = mysql_url.DatabaseURL(url.user, "127.0.0.1", _free_port(), url.database, url.password)
    settings_file.add(ROOT / ".env", {"SOURCE_URL": closed.text()})
    print(f"broken: .env now leads to MySQL at 127.0.0.1:{closed.port}, where nobody listens")
    _say_next("make extract", "make doctor")


def take_policy() -> None:
    """Access Denied on COPY. The role stays; what it may do is gone."""
    restore_policy(redshift.up(), None)
    print(f"broken: the role {NAMES.copy_role} has no policy any more")
    _say_next("make extract TARGET=redshift_local", "make doctor TARGET=redshift_local")


def close_warehouse() -> None:
    """No BI tool, and no loader, gets in from outside its network."""
    set_public(redshift.up(), False)
    print(f"broken: the workgroup {WORKGROUP} is not publicly accessible any more")
    _say_next("make extract TARGET=redshift_local", "make doctor TARGET=redshift_local")


FAULTS = {"2003": close_mysql, "s3": take_policy, "bi": close_warehouse}


def fix(policy: Path | None) -> None:
    mended = []
    if settings_file.remove(ROOT / ".env"):
        mended.append("mended: .env leads to MySQL again (on RDS: an inbound rule of its security group)")
    running = stack.described(redshift.HOME)
    if running and stack.answers(running):
        mended += _mend_stack(running, policy)
    elif policy:
        raise Failure("Redshift's stand-in does not run", "run `make up TARGET=redshift_local` first")
    print("\n".join(mended) or "nothing was broken")


def _mend_stack(running: Stack, policy: Path | None) -> list[str]:
    mended = []
    wanted = read_policy(policy) if policy else document(copy_policy(NAMES))
    before = current_policy(running)
    if before != json.loads(wanted):
        put_policy(running, wanted)
        instead = ", in place of the one that it had" if before else ""
        # Whether a policy of somebody's own is enough, COPY says.
        done, which = ("attached", str(policy)) if policy else ("mended", "that reads the lake")
        mended.append(f"{done}: the role {NAMES.copy_role} has the policy {which}{instead}")
        mended += ["  see whether it is enough: make load TARGET=redshift_local"] if policy else []
    if not is_public(running):
        set_public(running, True)
        mended.append(f"mended: the workgroup {WORKGROUP} is publicly accessible")
    return mended


def client(running: Stack, service: str) -> Any:
    """boto3, as the stack's administrator: what the console is at AWS."""
    endpoint = running.credentials if service == "redshift-serverless" else running.endpoint
    key, secret = running.administrator
    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret
    )


def current_policy(running: Stack) -> dict[str, Any] | None:
    """What the role of COPY may do. None: it has no policy."""
    iam = client(running, "iam")
    try:
        return iam.get_role_policy(RoleName=NAMES.copy_role, PolicyName=POLICY)["PolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None


def put_policy(running: Stack, text: str) -> None:
    try:
        client(running, "iam").put_role_policy(RoleName=NAMES.copy_role, PolicyName=POLICY, PolicyDocument=text)
    except ClientError as error:
        raise Failure(f"IAM does not take the policy: {error.response['Error']['Message']}", AGAIN) from None


def restore_policy(running: Stack, policy: dict[str, Any] | None) -> None:
    """Put back what `current_policy` found."""
    if policy is not None:
        put_policy(running, json.dumps(policy))
        return
    iam = client(running, "iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_policy(RoleName=NAMES.copy_role, PolicyName=POLICY)


def is_public(running: Stack) -> bool:
    found = client(running, "redshift-serverless").get_workgroup(workgroupName=WORKGROUP)
    return found["workgroup"]["publiclyAccessible"]


def set_public(running: Stack, public: bool) -> None:
    client(running, "redshift-serverless").update_workgroup(workgroupName=WORKGROUP, publiclyAccessible=public)


def read_policy(policy: Path) -> str:
    """A file's text, once it is known to be JSON."""
    try:
        text = policy.read_text(encoding="utf-8")
        json.loads(text)
    except OSError as error:
        raise Failure(f"{policy} cannot be read ({error.strerror})", "name the file with your policy") from None
    except ValueError as error:
        raise Failure(f"{policy} is not JSON: {error}", AGAIN) from None
    return text


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def _say_next(command: str, doctor: str) -> None:
    print(f'  see it: {command}; find it: {doctor} (ARGS="--lang ko" for Korean); mend it: by hand, or `make fix`')


if __name__ == "__main__":
    sys.exit(run_command(main))
