"""doctor tells the three failures of the original apart, each provoked for real, in English and in Korean."""

import re
import socket

import boto3
import pytest

from loaders.common.errors import Failure
from loaders.common.texts import in_korean
from loaders.help import doctor as doctor_of_loaders
from loaders.warehouse.profile import Target
from local_stack.redshift import NAMES, environment
from redshift_stand_in.names import REGION
from tests import commands


@pytest.fixture(scope="module")
def shop(module_own):
    commands.succeeded(commands.python(module_own, "seeds_generator", "fill", "--yes", "--orders", "50", SOURCE_URL=""))
    return module_own


@pytest.fixture
def closed_port() -> int:
    """A port on this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def doctor(shop, *arguments, **changes):
    return commands.python(shop, "loaders", "doctor", *arguments, **changes)


def failed(done) -> list[str]:
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith(("  FAILED", "  실패"))]


def told(line: str, language: str) -> str:
    return in_korean(line) if language == "ko" else line


def test_every_link_works_on_both_targets_and_nothing_is_left_behind(shop, redshift):
    told = commands.succeeded(doctor(shop, **environment(redshift)))
    # The policy of docs/aws.md does not ask for it.
    assert "keeps old versions (not known: " in told and "allow s3:GetBucketVersioning on s3://" in told
    assert f"AWS's Region ({REGION}, S3 at {redshift.endpoint})" in told
    assert "COPY one row from the lake" in told and "FAILED" not in told and "everything works" in told
    korean = commands.succeeded(doctor(shop, "--lang", "ko", **environment(redshift)))
    assert not re.search(r"not known|allow |\(no\)|the bucket|S3 at", korean), korean
    told = commands.succeeded(doctor(shop, LAKE_URL=str(shop.folder / "lake")))
    assert "FAILED" not in told and "dbt's profile (duckdb, duckdb)" in told
    assert not list((shop.folder / "lake").rglob("*doctor*/*"))
    keys = boto3.client(
        "s3", endpoint_url=redshift.endpoint, region_name=REGION,
        aws_access_key_id=redshift.access_key, aws_secret_access_key=redshift.secret_key,
    ).list_objects_v2(Bucket=NAMES.bucket, Prefix=f"{NAMES.prefix}/_doctor")  # fmt: skip
    assert keys["KeyCount"] == 0


@pytest.mark.parametrize(
    ("language", "remedy"), [("en", "let this machine's address in on that port"), ("ko", "인바운드 규칙에서")]
)
def test_mysql_error_2003(shop, redshift, closed_port, language, remedy):
    url = f"mysql://loader:canary@127.0.0.1:{closed_port}/order_he"
    done = doctor(shop, "--lang", language, **environment(redshift) | {"SOURCE_URL": url})
    assert failed(done) == [told("  FAILED  reach MySQL's port", language)]
    assert f"MySQL {'오류' if language == 'ko' else 'error'} 2003" in done.stdout
    assert remedy in done.stdout and "canary" not in done.stdout


@pytest.mark.parametrize(
    ("language", "remedy"), [("en", "s3:GetObject, s3:ListBucket"), ("ko", "IAM 역할에 버킷 권한이")]
)
def test_access_denied_on_copy(shop, redshift, language, remedy):
    done = doctor(shop, "--lang", language, **environment(redshift) | {"REDSHIFT_IAM_ROLE": redshift.empty_role})
    assert failed(done) == [told("  FAILED  COPY one row from the lake", language)]
    assert "Access Denied" in done.stdout and remedy in done.stdout


@pytest.mark.parametrize(("language", "remedy"), [("en", "is it publicly accessible"), ("ko", "퍼블릭 액세스")])
def test_a_warehouse_that_is_not_publicly_accessible(shop, redshift, closed_port, language, remedy):
    done = doctor(shop, "--lang", language, **environment(redshift) | {"REDSHIFT_LOCAL_PORT": str(closed_port)})
    assert failed(done) == [told("  FAILED  connect to the warehouse and log in", language)]
    assert remedy in done.stdout and "DBT_TARGET=duckdb make load build export" in done.stdout


@pytest.mark.parametrize(("language", "remedy"), [("en", "known inside its own network only"), ("ko", "호스트 이름")])
def test_a_host_without_an_address(shop, redshift, language, remedy):
    changes = environment(redshift) | {"SOURCE_URL": "mysql://loader:canary@nowhere.invalid/order_he"}
    done = doctor(shop, "--lang", language, **changes)
    assert told("  FAILED  find the address of MySQL's host", language) in failed(done) and remedy in done.stdout


@pytest.mark.parametrize(("language", "remedy"), [("en", "grant create on the database"), ("ko", "CREATE 권한")])
def test_a_user_of_the_warehouse_who_may_not_make_tables(shop, redshift, ask, language, remedy):
    ask("drop schema if exists raw cascade")  # what another test loaded there, this user could not even see
    done = doctor(shop, "--lang", language, **environment(redshift, "bi_reader"))
    assert failed(done) == [told("  FAILED  make a table in schema raw", language)] and remedy in done.stdout


def test_a_role_that_is_not_attached(shop, redshift):
    stranger = "arn:aws:iam::123456789012:role/not-attached"
    done = doctor(shop, **environment(redshift) | {"REDSHIFT_IAM_ROLE": stranger})
    assert failed(done) == ["  FAILED  COPY one row from the lake"] and f"attach the role {stranger}" in done.stdout


def test_a_lake_that_this_account_may_not_write(shop, redshift):
    done = doctor(shop, **environment(redshift) | {"LAKE_URL": f"s3://{NAMES.bucket}/elsewhere"})
    assert failed(done)[0].startswith("  FAILED  write to the lake")
    assert "AccessDenied" in done.stdout


def test_a_profile_that_leaves_dbt_open_to_files_is_noted():
    closed, example = {"enable_external_access": False}, "take config_options over from profiles.example.yml"
    for options, noted in ((closed, False), (None, True), ({"enable_external_access": True}, True)):
        told = doctor_of_loaders.profile(Target("dev", "duckdb", {"config_options": options}))
        assert (example in told) is noted
    assert doctor_of_loaders.profile(Target("prod", "redshift", {})) == "prod, redshift"


def test_a_bucket_in_another_region_is_named(lake):
    here, elsewhere = (f"wg.1234.{name}.redshift-serverless.amazonaws.test" for name in ("eu-west-1", "us-east-1"))
    assert doctor_of_loaders.same_region(lake, here) == "eu-west-1"
    with pytest.raises(Failure, match="is in eu-west-1, the warehouse in us-east-1"):
        doctor_of_loaders.same_region(lake, elsewhere)


def test_plan_prints_the_statements_that_the_load_then_sends(shop, redshift):
    told = commands.succeeded(commands.python(shop, "loaders", "plan", "--full", "--sql", **environment(redshift)))
    assert "order: full, about" in told
    for statement in (
        "begin;",
        'lock "raw"."_lock";',
        f'copy "staged_2" from \'s3://{NAMES.bucket}/{NAMES.prefix}/order/',
        f"iam_role '{redshift.copy_role}' format as parquet manifest;",
        'delete from "raw"."order";',
        "commit;",
    ):
        assert statement in told
    assert '"request" VARCHAR(1000)' in told and '"delivery_fee" DECIMAL(10,2)' in told
