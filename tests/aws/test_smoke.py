"""The warehouse that dbt's profile and .env name, against what the stand-in says of Redshift: `make test-aws`.

It writes only to temporary tables and under `_smoke/` of the lake, and removes what it wrote there. Where a real
Redshift answers otherwise than the stand-in, a test fails and says so: then the stand-in is wrong, and its README too.
"""

import datetime
import json
import secrets
from contextlib import closing
from decimal import Decimal

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from redshift_connector.error import Error

from loaders.common import settings
from loaders.lake.s3 import S3
from loaders.lake.store import sha256_of
from loaders.warehouse import profile
from loaders.warehouse.redshift_connection import connect

UTC = pa.timestamp("us", tz="UTC")
MOMENTS = [
    datetime.datetime(1000, 1, 1),
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999999),
    datetime.datetime(2024, 2, 29, 12, 0, 0, 1),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
]
# (what, declared column, file's column, whether the stand-in takes it)
EXPERIMENTS = [
    ("INT64 microseconds with TIMESTAMP_MICROS", "timestamp", pa.array(MOMENTS, UTC), True),
    ("INT64 microseconds without ConvertedType", "timestamp", pa.array(MOMENTS, pa.timestamp("us")), False),
    ("INT64 into INTEGER", "integer", pa.array([1], pa.int64()), False),
    ("INT32 into BIGINT", "bigint", pa.array([1], pa.int32()), False),
    ("INT16 as INT32 into SMALLINT", "smallint", pa.array([1], pa.int16()), True),
    ("a DECIMAL of the column's own digits", "decimal(10,2)", pa.array([Decimal("-1.10")], pa.decimal128(10, 2)), True),
    ("a DECIMAL of more digits", "decimal(10,2)", pa.array([Decimal("-1.10")], pa.decimal128(12, 2)), False),
    ("20 digits for an unsigned BIGINT", "decimal(20,0)", pa.array([Decimal(2**64 - 1)], pa.decimal128(20, 0)), True),
    ("bytes into VARBYTE", "varbyte(4)", pa.array([b"\x00\xff"], pa.binary()), True),
    ("a text of as many bytes as declared", "varchar(9)", pa.array(["일이삼"]), True),
    ("a NUL in a text", "varchar(8)", pa.array(["a\0b"]), False),
    ("a text of one byte more", "varchar(8)", pa.array(["일이삼"]), False),
    ("FLOAT into REAL", "real", pa.array([0.5], pa.float32()), True),
    ("DATE", "date", pa.array([datetime.date(2024, 2, 29)]), True),
]


@pytest.fixture(scope="module")
def chosen():
    read = settings.read()
    settings.prepare_process(read)
    if not read.lake_url.startswith("s3://"):
        pytest.fail("LAKE_URL must be s3://bucket/prefix: set it in .env (docs/aws.md)")
    return read


@pytest.fixture(scope="module")
def lake(chosen):
    bucket, _, prefix = chosen.lake_url.removeprefix("s3://").partition("/")
    store = S3(boto3.client("s3"), bucket, f"{prefix.strip('/')}/_smoke/{secrets.token_hex(6)}")
    yield store
    store.delete(list(store.keys("")))


@pytest.fixture(scope="module")
def ask(chosen):
    project = settings.ROOT / "dbt_project"
    target = profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, chosen.environment, project)
    with closing(connect(target)) as connection:

        def run(sql: str) -> list[tuple]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield run


@pytest.fixture
def copy(lake, ask, chosen, tmp_path):
    """Put one column into the lake and COPY it into a temporary table of one column; the table's name."""

    def one(declared: str, column: pa.Array, codec: str = "snappy", **entry) -> str:
        name = f"smoke_{secrets.token_hex(4)}"
        path = tmp_path / f"{name}.parquet"
        naive = pa.types.is_timestamp(column.type) and column.type.tz is None
        version = "2.6" if naive else "1.0"
        pq.write_table(pa.table({"v": column}), path, version=version, store_schema=False, compression=codec)
        size = path.stat().st_size
        lake.put_file(f"{name}/part", path, sha256_of(path))
        listed = {"url": lake.url(f"{name}/part"), "mandatory": True, "meta": {"content_length": size}} | entry
        lake.create(f"{name}/manifest", json.dumps({"entries": [listed]}).encode())
        role = chosen.environment.get("REDSHIFT_IAM_ROLE", "default")
        by = role if role == "default" else f"'{role}'"
        ask(f'create temporary table "{name}" ("v" {declared})')
        ask(f"copy \"{name}\" from '{lake.url(f'{name}/manifest')}' iam_role {by} format as parquet manifest")
        return name

    return one


@pytest.mark.parametrize(("what", "declared", "column", "taken"), EXPERIMENTS, ids=[e[0] for e in EXPERIMENTS])
def test_a_column_is_taken_exactly_or_refused_as_the_stand_in_does(copy, ask, what, declared, column, taken):
    try:
        name = copy(declared, column)
    except Error as error:
        assert not taken, f"{what}: the stand-in takes it, this warehouse does not: {error}"
        return
    shown = 'to_hex("v")' if declared.startswith("varbyte") else '"v"'
    found = [row[0] for row in ask(f'select {shown} from "{name}" order by "v"')]
    expected = [plain(value) for value in column.to_pylist()]
    assert taken, f"{what}: the stand-in refuses it, this warehouse made {found} of it"
    assert found == expected, f"{what}: the stand-in is exact, this warehouse made {found} of {expected}"


def plain(value):
    """A value as the driver gives it back: moments without a zone, bytes as the hex digits they were asked for in."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return value.hex() if isinstance(value, bytes) else value


def test_zstd_inside_parquet_is_taken_though_no_page_says_so(copy, ask):
    """Lakes in S3 had it before decision 0130, and may have it again where this passes."""
    assert ask(f'select "v" from "{copy("bigint", pa.array([1], pa.int64()), "zstd")}"') == [(1,)]


def test_a_missing_mandatory_file_and_a_wrong_length_are_refused(copy, lake):
    column = pa.array([1], pa.int64())
    with pytest.raises(Error):
        copy("bigint", column, url=lake.url("nowhere/part"))
    with pytest.raises(Error):
        copy("bigint", column, meta={"content_length": 1})


def test_the_reason_of_a_failed_copy_stands_in_the_errors_detail(copy):
    with pytest.raises(Error) as caught:
        copy("integer", pa.array([1], pa.int64()))
    told = caught.value.args[0]
    assert "Spectrum Scan Error" in told["M"] and "incompatible Parquet schema" in told.get("D", ""), told


def test_truncate_commits(ask):
    name = f"smoke_{secrets.token_hex(4)}"
    ask(f"create temporary table {name} (v int)")
    ask(f"insert into {name} values (1)")
    ask("begin")
    ask(f"truncate {name}")
    ask("rollback")
    assert ask(f"select count(*) from {name}") == [(0,)]


def test_the_driver_reads_values_as_they_are(ask):
    """As text, here and on the stand-in (loaders/warehouse/redshift_connection.py: AS_TEXT)."""
    ask("create temp table smoke_read (n decimal(28,4), small decimal(10,2), day date, at timestamp, b varbyte(4))")
    ask(
        "insert into smoke_read values (-123456789012345678901234.5678, -0.01, '1000-01-01', "
        "'9999-12-31 23:59:59.999999', from_hex('00ff'))"
    )
    moment = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
    ((whole, small, day, at, in_hex),) = ask("select n, small, day, at, to_hex(b) from smoke_read")
    assert (whole, small) == (Decimal("-123456789012345678901234.5678"), Decimal("-0.01"))
    assert (day, at, in_hex) == (datetime.date(1000, 1, 1), moment, "00ff")
    ask("drop table smoke_read")
