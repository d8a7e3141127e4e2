"""COPY as strict as Redshift's: exact types, exact files, a role that may; all rows or none."""

import datetime
import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from redshift_connector.error import Error

from stand_in_fixtures import connection_to

UTC = pa.timestamp("us", tz="UTC")


class Shelf:
    """Puts Parquet files and manifests under the prefix, and copies them."""

    def __init__(self, s3, redshift, ask, schema):
        self.s3, self.redshift, self.ask = s3, redshift, ask
        self.folder = f"{redshift.prefix}/{schema}"
        self.table = f"{schema}.t"

    def put(self, table: pa.Table, name: str = "part-0.parquet", **options) -> str:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, **{"version": "1.0"} | options)
        return self.put_bytes(buffer.getvalue(), name)

    def put_bytes(self, data: bytes, name: str) -> str:
        self.s3.put_object(Bucket=self.redshift.bucket, Key=f"{self.folder}/{name}", Body=data)
        return f"s3://{self.redshift.bucket}/{self.folder}/{name}"

    def manifest(self, *urls: str, **changes) -> str:
        def entry(url):
            size = self.s3.head_object(Bucket=self.redshift.bucket, Key=url.split("/", 3)[3])["ContentLength"]
            return {"url": url, "mandatory": True, "meta": {"content_length": size}} | changes

        return self.put_bytes(json.dumps({"entries": [entry(url) for url in urls]}).encode(), "manifest")

    def copy(self, manifest: str, role: str | None = None, more: str = "") -> int:
        by = role or self.redshift.copy_role
        self.ask(f"copy {self.table} from '{manifest}' iam_role '{by}' format as parquet manifest {more}")
        return self.ask("select pg_last_copy_count()")[0][0]

    def fails(self, *arguments, **options) -> str:
        with pytest.raises(Error) as caught:
            self.copy(*arguments, **options)
        told = caught.value.args[0]
        return told["M"] + " " + told.get("D", "")


@pytest.fixture
def shelf(s3, redshift, ask, schema):
    return Shelf(s3, redshift, ask, schema)


def test_every_type_arrives_exactly(shelf):
    shelf.ask(
        f"create table {shelf.table} (a smallint, b integer, c bigint, d decimal(10,2), e real, f double precision, "
        "g boolean, h date, i timestamp, j varchar(40), k varbyte(10))"
    )
    row = (1, -2, 2**62, Decimal("-1.10"), 0.5, 0.1, True, datetime.date(2024, 2, 29),
           datetime.datetime(2024, 2, 29, 23, 59, 59, 999999), "a\tb\\n\nc'\"김😀", b"\x00\xff")  # fmt: skip
    types = [pa.int16(), pa.int32(), pa.int64(), pa.decimal128(10, 2), pa.float32(), pa.float64(), pa.bool_(),
             pa.date32(), UTC, pa.string(), pa.binary()]  # fmt: skip
    columns = {name: pa.array([value, None], kind) for name, value, kind in zip("abcdefghijk", row, types, strict=True)}
    assert shelf.copy(shelf.manifest(shelf.put(pa.table(columns)))) == 2
    found = shelf.ask(f"select a, b, c, d, e, f, g, h, i, j, to_hex(k) from {shelf.table} where a is not null")
    assert found == [(*row[:-1], "00ff")]
    assert shelf.ask(f"select count(*) from {shelf.table} where coalesce(a, b, c) is null and j is null") == [(1,)]


@pytest.mark.parametrize(
    ("declared", "array", "options"),
    [
        ("integer", pa.array([1], pa.int64()), {}),
        ("bigint", pa.array([1], pa.int32()), {}),
        ("integer", pa.array([1], pa.uint32()), {"version": "2.6"}),
        ("decimal(10,2)", pa.array([Decimal("1.1")], pa.decimal128(12, 2)), {}),
        ("decimal(10,2)", pa.array([Decimal("1.1")], pa.decimal128(10, 1)), {}),
        ("timestamp", pa.array([datetime.datetime(2024, 1, 1)], pa.timestamp("us")), {"version": "2.6"}),
        ("timestamp", pa.array([datetime.datetime(2024, 1, 1)], pa.timestamp("ns")), {"version": "2.6"}),
        ("varchar(10)", pa.array([b"x"], pa.binary()), {}),
        ("date", pa.array([1], pa.int32()), {}),
        ("real", pa.array([1.0], pa.float64()), {}),
    ],
    ids=["int64 into integer", "int32 into bigint", "unsigned", "another precision", "another scale",
         "a timestamp without ConvertedType", "nanoseconds", "bytes into varchar", "int into date", "double into real"],
)  # fmt: skip
def test_types_that_are_not_exactly_the_columns_are_refused(shelf, declared, array, options):
    shelf.ask(f"create table {shelf.table} (v {declared})")
    told = shelf.fails(shelf.manifest(shelf.put(pa.table({"v": array}), **options)))
    assert "Spectrum Scan Error" in told and "incompatible Parquet schema for column 'v'" in told
    assert shelf.ask(f"select count(*) from {shelf.table}") == [(0,)]


def test_another_number_of_columns_is_refused(shelf):
    shelf.ask(f"create table {shelf.table} (v integer, w integer)")
    told = shelf.fails(shelf.manifest(shelf.put(pa.table({"v": pa.array([1], pa.int32())}))))
    assert "Table columns: 2, Data columns: 1" in told


def test_a_text_too_long_in_bytes_is_refused_and_no_row_of_any_file_stays(shelf):
    shelf.ask(f"create table {shelf.table} (v varchar(8))")
    good = shelf.put(pa.table({"v": ["ok"]}), "a.parquet")
    long = shelf.put(pa.table({"v": ["일이삼"]}), "b.parquet")
    told = shelf.fails(shelf.manifest(good, long))
    assert "column v is longer than the length defined in the table. Table: 8, Data: 9" in told
    assert shelf.ask(f"select count(*) from {shelf.table}") == [(0,)]


def test_null_in_a_column_that_may_not_be_null_is_refused(shelf):
    shelf.ask(f"create table {shelf.table} (v integer not null)")
    assert "declared NOT NULL" in shelf.fails(shelf.manifest(shelf.put(pa.table({"v": pa.array([None], pa.int32())}))))


def test_the_manifest_is_taken_at_its_word(shelf):
    shelf.ask(f"create table {shelf.table} (v integer)")
    url = shelf.put(pa.table({"v": pa.array([1], pa.int32())}))
    assert "has no meta.content_length" in shelf.fails(shelf.manifest(url, meta={}))
    assert "content_length 1 in the manifest" in shelf.fails(shelf.manifest(url, meta={"content_length": 1}))
    missing = {"url": url + "x", "meta": {"content_length": 1}}
    mandatory = shelf.put_bytes(json.dumps({"entries": [missing | {"mandatory": True}]}).encode(), "manifest")
    assert "does not exist" in shelf.fails(mandatory)
    # The documented trap: `mandatory` is false by default, and then a missing file is no error.
    assert shelf.copy(shelf.put_bytes(json.dumps({"entries": [missing]}).encode(), "manifest")) == 0
    assert "invalid JSON" in shelf.fails(shelf.put_bytes(b"{", "manifest"))


def test_a_role_without_rights_and_a_role_that_is_not_attached_are_refused(shelf):
    shelf.ask(f"create table {shelf.table} (v integer)")
    manifest = shelf.manifest(shelf.put(pa.table({"v": pa.array([1], pa.int32())})))
    assert "Access Denied" in shelf.fails(manifest, role=shelf.redshift.empty_role)
    assert "not authorized to assume" in shelf.fails(manifest, role="arn:aws:iam::123456789012:role/somebody-elses")
    assert shelf.copy(manifest) == 1


def test_options_and_credentials_that_do_not_belong_there_are_refused(shelf):
    shelf.ask(f"create table {shelf.table} (v integer)")
    manifest = shelf.manifest(shelf.put(pa.table({"v": pa.array([1], pa.int32())})))
    assert "REGION argument is not supported" in shelf.fails(manifest, more="region 'eu-west-1'")
    assert "MAXERROR argument is not supported" in shelf.fails(manifest, more="maxerror 5")
    with pytest.raises(Error, match="keys in the text of a COPY is refused"):
        shelf.ask(
            f"copy {shelf.table} from '{manifest}' access_key_id 'a' secret_access_key 'b' format parquet manifest"
        )
    with pytest.raises(Error, match="COPY in the format CSV is refused"):
        shelf.ask(f"copy {shelf.table} from '{manifest}' iam_role default csv")
    with pytest.raises(Error, match="nonexistent table"):
        shelf.ask(f"copy {shelf.table}x from '{manifest}' iam_role default format parquet manifest")


def test_copy_belongs_to_the_transaction_it_is_in_and_its_error_is_kept_after_the_rollback(shelf):
    shelf.ask(f"create table {shelf.table} (v integer)")
    manifest = shelf.manifest(shelf.put(pa.table({"v": pa.array([1, 2], pa.int32())})))
    shelf.ask("begin")
    assert shelf.copy(manifest) == 2
    shelf.ask("rollback")
    assert shelf.ask(f"select count(*) from {shelf.table}") == [(0,)]
    shelf.ask("begin")
    wrong = shelf.put(pa.table({"v": pa.array([1], pa.int64())}), "wrong.parquet")
    shelf.fails(shelf.manifest(wrong))
    shelf.ask("rollback")
    assert shelf.ask(f"select column_name from sys_load_error_detail where file_name = '{wrong}'") == [("v",)]


def test_a_user_without_the_right_to_insert_cannot_copy(shelf, redshift, schema):
    shelf.ask(f"create table {shelf.table} (v integer)")
    shelf.ask(f"grant usage on schema {schema} to bi_reader")
    manifest = shelf.manifest(shelf.put(pa.table({"v": pa.array([1], pa.int32())})))
    with (
        connection_to(redshift, "bi_reader") as reader,
        reader.cursor() as cursor,
        pytest.raises(Error, match="permission denied"),
    ):
        cursor.execute(f"copy {shelf.table} from '{manifest}' iam_role default format parquet manifest")


def test_the_account_that_writes_the_files_may_do_what_it_needs_and_no_more(redshift, s3):
    """The policy in policies.py, evaluated by the S3 server. With no prefix there is no elsewhere in the bucket."""
    bucket = redshift.bucket
    s3.put_object(Bucket=bucket, Key=f"{redshift.prefix}/x", Body=b"x")
    elsewhere = (
        lambda: s3.put_object(Bucket=bucket, Key="elsewhere/x", Body=b"x"),
        lambda: s3.get_object(Bucket=bucket, Key="elsewhere/x"),
    )
    for forbidden in (
        *(elsewhere if redshift.prefix else ()),
        lambda: s3.create_bucket(Bucket="another"),
        lambda: s3.delete_bucket(Bucket=bucket),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            forbidden()


def test_a_row_of_more_than_four_megabytes_is_refused(shelf):
    """https://docs.aws.amazon.com/redshift/latest/dg/r_COPY.html: of a single input row from any source."""
    shelf.ask(f"create table {shelf.table} (id int, b varbyte(5000000), c varbyte(5000000))")

    def rows(more: int) -> pa.Table:
        halves = {"b": pa.array([b"x" * 2 * 1024 * 1024]), "c": pa.array([b"x" * (2 * 1024 * 1024 + more)])}
        return pa.table({"id": pa.array([1], pa.int32()), **halves})

    assert shelf.copy(shelf.manifest(shelf.put(rows(0)))) == 1
    assert "The size of an input row is 4194305 bytes" in shelf.fails(shelf.manifest(shelf.put(rows(1))))


def test_missing_columns_at_the_end_are_null_with_fillrecord(shelf):
    """FILLRECORD: https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html"""
    shelf.ask(f"create table {shelf.table} (id int, v varchar(9), n int)")
    manifest = shelf.manifest(shelf.put(pa.table({"id": pa.array([1], pa.int32())})))
    assert "Unmatched number of columns" in shelf.fails(manifest)
    assert shelf.copy(manifest, more="fillrecord statupdate off") == 1
    assert shelf.ask(f"select * from {shelf.table}") == [(1, None, None)]
    shelf.ask(f"drop table {shelf.table}")
    shelf.ask(f"create table {shelf.table} (id int, v varchar(9) not null)")
    assert "NULL in the column v" in shelf.fails(manifest, more="fillrecord")


def test_bytes_that_are_no_utf8_are_refused_or_replaced_one_by_one(shelf):
    """ACCEPTINVCHARS: https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-data-conversion.html"""
    shelf.ask(f"create table {shelf.table} (v varchar(20))")
    broken = pa.Array.from_buffers(pa.string(), 1, pa.array([b"a\xff\xfeb"]).buffers())
    manifest = shelf.manifest(shelf.put(pa.table({"v": broken})))
    assert "invalid UTF-8 in the column v" in shelf.fails(manifest)
    assert shelf.copy(manifest, more="acceptinvchars") == 1
    assert shelf.copy(manifest, more="acceptinvchars as '^'") == 1
    assert sorted(shelf.ask(f"select v from {shelf.table}")) == [("a??b",), ("a^^b",)]
    assert "one ASCII character" in shelf.fails(manifest, more="acceptinvchars 'é'")


def test_identity_columns_are_left_out_unless_explicit_ids_says_otherwise(shelf):
    """https://docs.aws.amazon.com/redshift/latest/dg/copy-parameters-column-mapping.html, column_list."""
    shelf.ask(f"create table {shelf.table} (id bigint identity(5, 1), v varchar(9))")
    values = {"id": pa.array([77], pa.int64()), "v": pa.array(["x"])}
    whole = shelf.manifest(shelf.put(pa.table(values), "whole"))
    assert "Table columns: 1, Data columns: 2" in shelf.fails(whole)
    assert shelf.copy(whole, more="explicit_ids") == 1
    shelf.copy(shelf.manifest(shelf.put(pa.table({"v": values["v"]}), "values")))
    assert sorted(shelf.ask(f"select * from {shelf.table}")) == [(5, "x"), (77, "x")]
    copy = f"copy {shelf.table} {{}} from '{whole}' iam_role '{shelf.redshift.copy_role}' format parquet manifest {{}}"
    for columns, more in (("(id, v)", ""), ("(v)", "explicit_ids")):
        with pytest.raises(Error, match="needs EXPLICIT_IDS"):
            shelf.ask(copy.format(columns, more))
