"""The files of a COPY: fetched from S3 with the role's own keys, and checked as strictly as Redshift checks them."""

import codecs
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from redshift_stand_in.copy_options import Copy
from redshift_stand_in.errors import RedshiftError, refused, scan_error

ADDRESS = re.compile(r"s3://([^/]+)/(.*)", re.IGNORECASE)
ROWS_AT_ONCE = 50_000
# Of a single input row from any source: r_COPY. How Redshift words the refusal is not known.
LARGEST_ROW = 4 * 1024 * 1024


@dataclass(frozen=True)
class TableColumn:
    """A column of the target. size: bytes of a text or VARBYTE, digits of a DECIMAL."""

    name: str
    type: str
    size: int
    scale: int
    nullable: bool


@dataclass(frozen=True)
class Cloud:
    """How the warehouse itself reaches AWS: its keys may do nothing but take on roles."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    roles: tuple[str, ...]

    def s3_as(self, role: str) -> Any:
        """An S3 client with the keys of `role`, if the role is attached to the warehouse."""
        arn = self.roles[0] if role == "default" else role
        if arn not in self.roles:
            raise RedshiftError(
                f"User arn:aws:redshift:{self.region} is not authorized to assume IAM Role {arn}",
                "XX000",
                f"error:  User is not authorized to assume IAM Role; code: 8001; context: IAM Role={arn}",
            )
        keys = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        sts = boto3.client("sts", endpoint_url=self.endpoint, region_name=self.region, **keys)
        try:
            given = sts.assume_role(RoleArn=arn, RoleSessionName="redshift")["Credentials"]
        except ClientError as error:
            raise RedshiftError(f"Not authorized to get credentials of role {arn}: {error}", "XX000") from None
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )


def files(copy: Copy, s3: Any) -> Iterator[tuple[str, bytes]]:
    """(address, bytes) of every file that the statement names."""
    if copy.manifest:
        yield from _listed(copy.source, s3)
        return
    bucket, prefix = _parts(copy.source)
    keys = [
        entry["Key"]
        for entry in _call(copy.source, s3.list_objects_v2, Bucket=bucket, Prefix=prefix).get("Contents", [])
    ]
    if not keys:
        raise RedshiftError(f"The specified S3 prefix '{prefix}' does not exist", "XX000")
    for key in keys:
        yield f"s3://{bucket}/{key}", _get(f"s3://{bucket}/{key}", s3)


def _listed(address: str, s3: Any) -> Iterator[tuple[str, bytes]]:
    try:
        entries = json.loads(_get(address, s3))["entries"]
    except (ValueError, KeyError, TypeError):
        raise RedshiftError("Invalid manifest file: invalid JSON", "XX000", f"code: 8001; context: {address}") from None
    for entry in entries:
        length = entry.get("meta", {}).get("content_length")
        if length is None:
            raise RedshiftError(f"Manifest entry for {entry['url']} has no meta.content_length", "XX000")
        try:
            data = _get(entry["url"], s3)
        except RedshiftError as error:
            if "does not exist" in str(error) and not entry.get("mandatory", False):
                continue  # as documented: without `mandatory` a missing file is no error
            raise
        if length != len(data):
            raise scan_error(f"content_length {length} in the manifest, {len(data)} in S3: {entry['url']}")
        yield entry["url"], data


def _get(address: str, s3: Any) -> bytes:
    bucket, key = _parts(address)
    data: bytes = _call(address, s3.get_object, Bucket=bucket, Key=key)["Body"].read()
    return data


def _parts(address: str) -> tuple[str, str]:
    found = ADDRESS.match(address)
    if not found:
        raise refused(f"COPY from {address!r}, which is no address in S3,")
    return found[1], found[2]


def _call(address: str, method: Any, **options: str) -> Any:
    try:
        return method(**options)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("NoSuchKey", "404", "NoSuchBucket"):
            raise RedshiftError(f"The specified S3 object '{address}' does not exist", "XX000") from None
        raise RedshiftError(
            "S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid 0,ExtRid x,CanRetry 1",
            "XX000",
            f"error:  S3ServiceException: Access Denied; code: 8001; context: {address}",
        ) from None


def opened(address: str, data: bytes, columns: list[TableColumn], fill: bool = False) -> pq.ParquetFile:
    """The file, once its columns are known to be exactly the target's, by position. fill: the last may be missing."""
    try:
        file = pq.ParquetFile(io.BytesIO(data))
    except pa.ArrowException:
        raise scan_error(f"File '{address}' has an invalid version number.") from None
    if len(file.schema) > len(columns) or (len(file.schema) < len(columns) and not fill):
        raise scan_error(
            "Unmatched number of columns between table and file. "
            f"Table columns: {len(columns)}, Data columns: {len(file.schema)}, File name: {address}"
        )
    for index, column in enumerate(columns[: len(file.schema)]):
        if not _accepts(column, file.schema.column(index)):
            found = file.schema.column(index)
            raise scan_error(
                f"File '{address}' has an incompatible Parquet schema for column '{column.name}'. "
                f"Column type: {column.type.upper()}, Parquet schema:\noptional {found.physical_type.lower()} "
                f"{found.name} [{found.logical_type}, {found.converted_type}]"
            )
    return file


def _accepts(column: TableColumn, found: Any) -> bool:
    """Whether a Parquet column may go into the table's column: exact types only."""
    physical: str = found.physical_type
    logical: str = found.logical_type.type
    converted: str = found.converted_type
    kind = column.type
    if kind in ("smallint", "integer"):
        return physical == "INT32" and logical in ("INT", "NONE") and "UINT" not in converted
    if kind == "bigint":
        return physical == "INT64" and logical in ("INT", "NONE") and "UINT" not in converted
    if kind.startswith("timestamp"):
        # Without the old annotation Redshift has read such files as the year 161065 (apache/arrow#38000).
        return physical == "INT64" and converted in ("TIMESTAMP_MICROS", "TIMESTAMP_MILLIS")
    if kind == "numeric":
        return bool(logical == "DECIMAL" and (found.precision, found.scale) == (column.size, column.scale))
    if kind == "date":
        return physical == "INT32" and logical == "DATE"
    if kind in ("character varying", "character"):
        return physical == "BYTE_ARRAY" and logical in ("STRING", "ENUM", "JSON")
    return physical == {"real": "FLOAT", "double precision": "DOUBLE", "boolean": "BOOLEAN", "bytea": "BYTE_ARRAY"}.get(
        kind
    )


def copy_text(
    file: pq.ParquetFile, columns: list[TableColumn], replacement: str | None = None
) -> Iterator[tuple[int, bytes]]:
    """(rows, text for PostgreSQL's COPY) of the file, part by part; a value that does not fit is an error.

    replacement: of bytes that are no UTF-8 (ACCEPTINVCHARS); None: they are an error. Missing columns are NULL.
    """
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
        missing = [pa.nulls(batch.num_rows, pa.string())] * (len(columns) - batch.num_columns)
        pairs = list(zip([*batch.columns, *missing], columns, strict=True))
        _check_rows(pairs)
        fields = [_field(_valid(values, column, replacement), column) for values, column in pairs]
        options = {"null_handling": "replace", "null_replacement": "\\N"}
        lines = (
            pc.binary_join_element_wise(*fields, "\t", **options) if len(fields) > 1 else pc.fill_null(fields[0], "\\N")
        )
        yield batch.num_rows, ("\n".join(lines.to_pylist()) + "\n").encode() if batch.num_rows else b""


def _check_rows(pairs: list[tuple[pa.Array, TableColumn]]) -> None:
    size: Any = 0
    for values, column in pairs:
        if column.type in ("character varying", "character", "bytea"):
            size = pc.add(size, pc.fill_null(pc.binary_length(values.cast(pa.binary())), 0))
    if isinstance(size, pa.Array) and (pc.max(size).as_py() or 0) > LARGEST_ROW:
        raise scan_error(f"The size of an input row is {pc.max(size)} bytes; the maximum is {LARGEST_ROW}", 15001)


def _valid(values: pa.Array, column: TableColumn, replacement: str | None) -> pa.Array:
    """Texts that are UTF-8: multi-byte-character-load-errors, and ACCEPTINVCHARS in copy-parameters-data-conversion."""
    if column.type not in ("character varying", "character"):
        return values
    try:
        values.validate(full=True)
        return values
    except pa.ArrowInvalid:
        if replacement is None:
            raise scan_error(f"invalid UTF-8 in the column {column.name}", 15001) from None
    codecs.register_error(
        f"rs_{replacement}",
        lambda error: (str(replacement) * (error.end - error.start), error.end),  # type: ignore[attr-defined]
    )
    texts = values.cast(pa.binary()).to_pylist()
    return pa.array(
        [None if each is None else each.decode("utf-8", f"rs_{replacement}") for each in texts], pa.string()
    )


def _field(values: pa.Array, column: TableColumn) -> pa.Array:
    if column.type in ("character varying", "character", "bytea"):
        lengths = pc.binary_length(values.cast(pa.binary()))
        longest = pc.max(lengths).as_py() or 0
        if column.size and longest > column.size:
            raise scan_error(
                f"The length of the data column {column.name} is longer than the length defined in the table. "
                f"Table: {column.size}, Data: {longest}",
                15001,
            )
    if not column.nullable and values.null_count:
        raise scan_error(f"NULL in the column {column.name}, which is declared NOT NULL", 15001)
    if column.type == "bytea":
        return pa.array([None if value is None else "\\\\x" + value.hex() for value in values.to_pylist()], pa.string())
    if column.type.startswith("timestamp"):
        return values.cast(pa.timestamp("us")).cast(pa.string())
    text = values.cast(pa.string())
    if column.type in ("character varying", "character"):
        if pc.any(pc.match_substring(text, "\0")).as_py():
            raise scan_error(f"invalid byte sequence 0x00 in the column {column.name}", 15001)
        for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            text = pc.replace_substring(text, plain, escaped)
    return text
