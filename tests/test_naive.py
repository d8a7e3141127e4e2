"""The original's way does run, and does silently what its comments say; the loaders, on the same tables, do not."""

import boto3
import duckdb
import pytest

from examples import lesson_zero, naive
from examples.lesson_zero import Lesson
from loaders.common.settings import ROOT
from tests import commands


@pytest.fixture
def lesson(own):
    return Lesson(own.shop_url, own.folder)


def test_it_goes_the_whole_way_to_the_copy_statements(own, s3_server, tmp_path):
    commands.succeeded(commands.python(own, "seeds_generator", "fill", "--yes", "--orders", "200", SOURCE_URL=""))
    client = boto3.client("s3", **s3_server)
    client.create_bucket(Bucket="naive")
    with own.connect(own.source_url) as connection, duckdb.connect() as warehouse:
        assert list(naive.run(connection, warehouse, tmp_path))[2] == "order: 200 rows"
    url = naive.upload(tmp_path / "order.csv", "naive", client)
    assert "copy raw.\"order\" from 's3://naive/naive/order.csv'" in naive.copy_sql("order", url, "a role")
    assert client.get_object(Bucket="naive", Key="naive/order.csv")["Body"].read().count(b"DLV") == 200


def test_it_changes_values_and_the_loaders_change_none(lesson):
    found = {what: tuple(values) for what, *values in lesson_zero.values(lesson)}
    assert all(mysql == loaders for mysql, _naive, loaders in found.values())
    assert {what: naive for what, (_mysql, naive, _loaders) in found.items()} == {
        "an empty text": "NULL",
        "the text NA": "NULL",
        "a code": "7.0",
        "a big number": "9007199254740992.0",
        "money": "0.1",
        "a day": "'2024-02-29'",
    }


def test_it_reads_each_table_at_another_moment_and_the_loaders_in_one_snapshot(lesson):
    assert lesson_zero.orphans(lesson) == (1, 0)


def test_it_leaves_half_a_load_behind_and_the_loaders_all_or_nothing(lesson):
    assert lesson_zero.half_loaded(lesson) == ((2, 1), (1, 1))


def test_it_needs_more_memory_the_more_rows_there_are_and_the_loaders_do_not(own):
    few, many = 100_000, 300_000  # fewer rows do not fill the loaders' batches

    def measured(rows: int) -> tuple[int, int]:
        own.write("drop table if exists big")
        folder = own.folder / str(rows)
        folder.mkdir()
        return lesson_zero.memory(Lesson(own.shop_url, folder), rows)

    (naive_few, loaders_few), (naive_many, loaders_many) = measured(few), measured(many)
    assert naive_many - naive_few > 2 * (loaders_many - loaders_few)


def test_it_is_short_and_every_flaw_names_its_cure():
    text = (ROOT / "examples" / "naive.py").read_text()
    assert len(text.splitlines()) <= 80
    assert text.count("FLAW:") >= 10
    assert text.count("CURE:") == text.count("FLAW:")
