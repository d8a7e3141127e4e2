"""Batches to Parquet files: all rows, and files of equal size where the number of rows is known beforehand."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.lake import parquet
from loaders.lake.folder import Folder
from loaders.lake.s3 import S3

SCHEMA = pa.schema([("n", pa.int64())])


def batch(first: int, rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(range(first, first + rows), pa.int64())], schema=SCHEMA)


def batches(rows: int, size: int) -> list[pa.RecordBatch]:
    return [batch(first, min(size, rows - first)) for first in range(0, rows, size)]


@pytest.fixture
def small(monkeypatch):
    """Files of about 8,000 bytes, row groups of 800: a thousand rows and a hundred."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 8_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 800)


def test_files_are_of_equal_size_where_the_rows_are_known(small, tmp_path):
    """And four, or eight, or twelve, as Redshift's slices want them."""
    for rows, files in ((900, 1), (1_100, 4), (2_500, 4), (4_100, 8), (10_000, 12)):
        written = [file.rows for file in parquet.write(batches(rows, 50), SCHEMA, tmp_path / "part", "zstd", rows)]
        assert len(written) == files and sum(written) == rows
        assert max(written) - min(written) <= 100, written


@settings(max_examples=40)
@given(st.integers(0, 6_000), st.integers(1, 3_000), st.integers(0, 20_000))
def test_a_wrong_guess_loses_no_row(tmp_path_factory, rows, size, expected):
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "FILE_BYTES", 8_000)
        patch.setattr(parquet, "ROW_GROUP_BYTES", 800)
        files = list(parquet.write(batches(rows, size), SCHEMA, folder / "part", "zstd", expected))
    found = [value for file in files for value in pq.ParquetFile(file.path).read()["n"].to_pylist()]
    assert found == list(range(rows)) and all(file.rows for file in files)


def test_a_file_is_as_its_sum_says(tmp_path):
    (file,) = parquet.write([batch(0, 10)], SCHEMA, tmp_path / "part", "zstd")
    content = file.path.read_bytes()
    assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    for empty in ([], [batch(0, 0)]):
        assert list(parquet.write(empty, SCHEMA, tmp_path / "part", "zstd")) == []


def test_only_columns_whose_values_repeat_get_a_dictionary(tmp_path):
    """Also where it is no text: a dictionary of values that are all new costs time and bytes."""
    rows = 20_000
    columns = {"key": pa.array(range(rows)), "of_few": pa.array([number % 7 for number in range(rows)]),
               "status": pa.array(["sent", None] * (rows // 2)), "code": pa.array(map(str, range(rows)))}  # fmt: skip
    (batch,) = pa.table(columns).to_batches()
    (file,) = parquet.write([batch], batch.schema, tmp_path / "part", "zstd")
    group = pq.ParquetFile(file.path).metadata.row_group(0)
    kept = {group.column(number).path_in_schema: group.column(number).has_dictionary_page for number in range(4)}
    assert kept == {"key": False, "of_few": True, "status": True, "code": False}
    assert pq.ParquetFile(file.path).read().equals(pa.table(columns))


@pytest.mark.parametrize(("sample_bytes", "dictionary"), [(1 << 20, False), (2_000, True)])
def test_of_long_values_only_the_first_are_looked_at(tmp_path, monkeypatch, sample_bytes, dictionary):
    """Counting the different ones among thirty texts of a megabyte would keep a copy of each."""
    monkeypatch.setattr(parquet, "SAMPLE_BYTES", sample_bytes)
    (batch,) = pa.table({"v": ["a" * 500] * 10 + [str(number) * 500 for number in range(30)]}).to_batches()
    (file,) = parquet.write([batch], batch.schema, tmp_path / "part", "zstd")
    assert pq.ParquetFile(file.path).metadata.row_group(0).column(0).has_dictionary_page == dictionary


@pytest.mark.parametrize("lake", [Folder, S3])
def test_files_are_compressed_as_their_lake_has_it(tmp_path, lake):
    """What COPY documents for columnar files is beside S3.codec."""
    (file,) = parquet.write([batch(0, 10)], SCHEMA, tmp_path / "part", lake.codec)
    found = pq.ParquetFile(file.path).metadata.row_group(0).column(0).compression
    assert found == {Folder: "ZSTD", S3: "SNAPPY"}[lake]
