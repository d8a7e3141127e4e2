"""The original's way does run, and does silently what its comments say."""

import boto3
import pandas as pd
import pytest

from examples import naive
from loaders import mysql_url
from loaders.settings import ROOT
from tests import commands


@pytest.fixture
def shop(own):
    commands.succeeded(commands.python(own, "seeds_generator", "fill", "--yes", "--orders", "200", SOURCE_URL=""))
    return own


def test_it_goes_the_whole_way_to_the_copy_statements(shop, s3_server, tmp_path):
    client = boto3.client("s3", **s3_server)
    client.create_bucket(Bucket="naive")
    url = mysql_url.parse(shop.source_url, "x")
    where = {"user": url.user, "password": url.password, "database": url.database, "unix_socket": url.unix_socket}
    if url.unix_socket is None:
        where = where | {"host": url.host, "port": url.port}
    statements = naive.main(where, tmp_path, "naive", client, "arn:aws:iam::123456789012:role/copy")
    assert len(statements) == 3 and "copy raw.\"order\" from 's3://naive/naive/order.csv'" in statements[2]
    stored = client.get_object(Bucket="naive", Key="naive/order.csv")["Body"].read()
    assert stored.count(b"DLV") == 200


def test_it_turns_empty_texts_into_nulls_and_the_loaders_do_not(shop, tmp_path):
    counting = "count(*) filter (request is null), count(*) filter (request = '')"
    with shop.connect(shop.source_url) as connection:
        frame = pd.read_csv(naive.extract(connection, tmp_path)["order"])
    commands.succeeded(commands.python(shop, "loaders", "extract"))
    ((nulls, empties),) = shop.raw("order", counting, schema="raw")
    assert empties > 0
    assert frame["request"].isna().sum() == nulls + empties


def test_it_is_short_and_every_flaw_names_its_cure():
    text = (ROOT / "examples" / "naive.py").read_text()
    assert len(text.splitlines()) <= 80
    assert text.count("FLAW:") >= 10
    assert text.count("CURE:") == text.count("FLAW:")
