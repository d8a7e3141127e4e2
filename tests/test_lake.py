"""One contract for every lake: each test runs on a folder and on an S3 server."""

import base64
import io
import json
import os
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.lake.folder import Folder
from loaders.lake.s3 import S3, explained
from loaders.lake.store import checked, segment, sha256_of
from tests.chaos_proxy import Line


@pytest.fixture(params=["folder", "s3"])
def lake(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path / "lake")
    server = request.getfixturevalue("s3_server")
    client = boto3.client("s3", **server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    return S3(client, bucket, "order-he")


@pytest.fixture
def local(tmp_path):
    def make(data: bytes):
        file = tmp_path / "local.bin"
        file.write_bytes(data)
        return file, sha256_of(file)

    return make


def test_a_stored_file_comes_back_byte_for_byte(lake, local, tmp_path):
    data = bytes(range(256)) * 5000
    lake.put_file("order/1-a/part-00000.parquet", *local(data))
    fetched = lake.fetch("order/1-a/part-00000.parquet", tmp_path)
    assert fetched.read_bytes() == data
    assert checked(fetched, sha256_of(fetched), "x") == fetched


def test_create_lets_one_of_many_win(lake):
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: lake.create("_runs/1.json", b"run of %d" % number), range(16)))
    assert won.count(True) == 1
    assert lake.read("_runs/1.json") == b"run of %d" % won.index(True)


def test_creating_the_same_bytes_again_is_ones_own_success(lake):
    """The answer to a conditional write may be lost; the retry then meets its own object."""
    assert lake.create("_runs/1.json", b"mine")
    assert lake.create("_runs/1.json", b"mine")
    assert not lake.create("_runs/1.json", b"another's")


def test_keys_are_listed_by_prefix_and_deleted(lake, local):
    for key in ("order/1-a/x", "order/10-b/x", "orders/1-a/x", "_runs/1.json"):
        lake.put_file(key, *local(b"x"))
    assert sorted(lake.keys("order/1-")) == ["order/1-a/x"]
    assert sorted(lake.keys("order/")) == ["order/1-a/x", "order/10-b/x"]
    assert len(list(lake.keys(""))) == 4
    lake.delete(["order/1-a/x", "order/never/x"])
    assert sorted(lake.keys("order/")) == ["order/10-b/x"]
    assert list(lake.keys("nothing/")) == []


def test_more_objects_than_one_request_takes_are_deleted(lake):
    for number in range(12):
        lake.create(f"t/{number}", b"x")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loaders.lake.s3.DELETED_AT_ONCE", 5)
        lake.delete(f"t/{number}" for number in range(11))
    assert list(lake.keys("t/")) == ["t/11"]


def test_a_lake_below_has_keys_of_its_own(lake):
    below = lake.below("_schemas/raw")
    assert below.create("_runs/1.json", b"below") and lake.create("_runs/1.json", b"above")
    assert (below.read("_runs/1.json"), lake.read("_runs/1.json")) == (b"below", b"above")
    assert list(below.keys("")) == ["_runs/1.json"] and below.url("x") == lake.url("_schemas/raw/x")


def test_a_missing_object_is_named(lake, tmp_path):
    with pytest.raises(Failure, match=r"_runs/7\.json"):
        lake.read("_runs/7.json")
    with pytest.raises(Failure, match="order/1-a/part"):
        lake.fetch("order/1-a/part", tmp_path)


def test_a_damaged_file_is_named(lake, local, tmp_path):
    lake.put_file("order/1-a/part", *local(b"damaged"))
    with pytest.raises(Failure, match="order/1-a/part is damaged"):
        checked(lake.fetch("order/1-a/part", tmp_path), "0" * 64, "order/1-a/part")


def test_a_file_that_was_exchanged_for_one_of_the_same_size_is_named(lake, local):
    lake.put_file("order/1-a/part", *local(b"published"))
    published = local(b"published")[1]
    lake.verify("order/1-a/part", published)
    lake.put_file("order/1-a/part", *local(b"otherwise"))
    with pytest.raises(Failure, match="order/1-a/part is damaged"):
        lake.verify("order/1-a/part", published)
    with pytest.raises(Failure, match="order/1-a/none"):
        lake.verify("order/1-a/none", published)


def test_an_address_begins_with_its_scheme_and_ends_with_the_key(lake):
    url = lake.url("order/1-a/part-00000.parquet")
    assert url.startswith(("file:///", "s3://"))
    assert url.endswith("/order/1-a/part-00000.parquet")


def test_an_unwritable_folder_says_what_to_do(tmp_path):
    (tmp_path / "a file").write_text("")
    with pytest.raises(Failure) as caught:
        Folder(tmp_path / "a file" / "lake").create("_runs/1.json", b"x")
    assert "a file/lake cannot be written" in caught.value.problem
    assert "LAKE_URL" in caught.value.fix


def test_a_missing_bucket_says_what_to_do(s3_server):
    with pytest.raises(Failure) as caught:
        S3(boto3.client("s3", **s3_server), "no-such-bucket", "").create("_runs/1.json", b"x")
    assert "NoSuchBucket" in caught.value.problem
    assert "create the bucket" in caught.value.fix


def test_an_s3_server_that_is_not_there_is_a_failure_not_a_traceback(s3_server):
    client = boto3.client("s3", **s3_server | {"endpoint_url": "http://127.0.0.1:9"})
    client.meta.config.retries = {"max_attempts": 1}
    with pytest.raises(Failure, match="S3 cannot be used"):
        S3(client, "bucket", "").read("_runs/1.json")


class Refusals:
    """Answers some of a client's requests with an error of S3's, as AWS would, before they are sent."""

    def __init__(self, client, operation: str, status: int, code: str, which):
        self.status, self.code, self.which, self.asked = status, code, which, 0
        client.meta.events.register(f"before-send.s3.{operation}".rstrip("."), self._answer)

    def _answer(self, request, **_more):
        self.asked += 1
        if not self.which(self.asked):
            return None
        body = io.BytesIO(f"<Error><Code>{self.code}</Code><Message>{self.code}</Message></Error>".encode())
        body.stream = lambda **_options: iter([body.getvalue()])
        return AWSResponse(request.url, self.status, {}, body)


@pytest.fixture
def in_s3(s3_server):
    """A lake in a bucket of its own."""
    client = boto3.client("s3", **s3_server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    return S3(client, bucket, "order-he")


def test_two_conditional_writes_that_meet_are_tried_again(in_s3):
    """S3 answers 409 while the other write is under way: neither is there yet, and asking for the object finds none."""
    Refusals(in_s3.client, "PutObject", 409, "ConditionalRequestConflict", lambda number: number <= 2)
    assert in_s3.create("_runs/1.json", b"mine")
    assert in_s3.read("_runs/1.json") == b"mine"


def test_a_conflict_that_does_not_end_is_a_failure(in_s3):
    Refusals(in_s3.client, "PutObject", 409, "ConditionalRequestConflict", lambda _number: True)
    with pytest.raises(Failure, match="ConditionalRequestConflict"):
        in_s3.create("_runs/1.json", b"mine")


def test_the_answer_to_a_commit_is_lost_on_the_line_and_the_commit_is_ones_own(s3_server, in_s3):
    """The object is there, the client asks again, is told 412, and finds its own bytes."""
    with closing(Line(int(s3_server["endpoint_url"].rpartition(":")[2]))) as line:
        client = boto3.client("s3", **s3_server | {"endpoint_url": f"http://127.0.0.1:{line.port}"})
        told = []
        client.meta.events.register("response-received.s3.PutObject", lambda parsed_response, **_: told.append(
            parsed_response and parsed_response["ResponseMetadata"]["HTTPStatusCode"]
        ))  # fmt: skip
        line.lose_answers_of_next(after=0)
        assert S3(client, in_s3.bucket, "order-he").create("_runs/1.json", b"mine")
    assert told == [None, 412]
    assert in_s3.read("_runs/1.json") == b"mine"


@pytest.mark.parametrize("use", ["put_file", "create", "read", "fetch", "keys", "delete"])
def test_keys_that_have_expired_are_named_by_every_use_of_the_lake(in_s3, local, tmp_path, use):
    Refusals(in_s3.client, "", 400, "ExpiredToken", lambda _number: True)
    uses = {
        "put_file": lambda: in_s3.put_file("a", *local(b"x")),
        "create": lambda: in_s3.create("a", b"x"),
        "read": lambda: in_s3.read("a"),
        "fetch": lambda: in_s3.fetch("a", tmp_path),
        "keys": lambda: list(in_s3.keys("")),
        "delete": lambda: in_s3.delete(["a"]),
    }
    with pytest.raises(Failure, match="ExpiredToken") as caught:
        uses[use]()
    assert "log in again" in caught.value.fix


BMP = st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs"])
long_names = st.builds(lambda common, end: common * (60 // len(common)) + end, st.text(BMP, min_size=1, max_size=9),
                       st.text(BMP, max_size=4))  # fmt: skip


@settings(max_examples=300)
@given(st.text(BMP, min_size=1, max_size=64) | long_names, st.text(BMP, min_size=1, max_size=64) | long_names)
@example("가" * 64, "가" * 63 + "나")
def test_segments_are_safe_and_tell_names_apart(one, other):
    assert segment(one).isascii() and "/" not in segment(one) and not segment(one).startswith(("_", "."))
    assert len(segment(one)) <= 255
    assert (segment(one) == segment(other)) == (one == other)
    json.dumps(segment(one))


def test_a_segment_is_what_it_was_for_names_that_older_lakes_could_hold(tmp_path):
    assert segment("order") == "order" and segment("_a.b c") == "%5Fa.b%20c" and segment("고객") == "%EA%B3%A0%EA%B0%9D"
    assert segment("가" * 28) == "%EA%B0%80" * 28
    longest = "가" * 64
    lake = Folder(tmp_path / "lake")
    assert lake.create(f"{segment(longest)}/1-a/manifest", b"x")
    assert list(lake.keys(f"{segment(longest)}/")) == [f"{segment(longest)}/1-a/manifest"]


@pytest.mark.parametrize(
    ("kms_key", "expected"),
    [(None, (None, None)), ("AES256", ("AES256", None)), ("a-key", ("aws:kms", "a-key"))],
)
def test_encryption_is_asked_for_as_set_and_else_the_buckets_own(s3_server, local, kms_key, expected):
    """What is asked for goes over the bucket's default, and may be refused by its policy: so it is what counts."""
    client = boto3.client("s3", **s3_server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    asked = []
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: asked.append(request.headers))
    lake = S3(client, bucket, "p", kms_key).below("q")
    lake.put_file("file", *local(b"x"))
    lake.create("created", b"x")
    lake.replace("created", b"y")
    name, key = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
    plain = [
        {each: str(value, "ascii") if isinstance(value, bytes) else value for each, value in h.items()} for h in asked
    ]
    assert [(headers.get(name), headers.get(key)) for headers in plain] == [expected] * 3


def test_what_the_key_of_the_bucket_refuses_is_told_from_what_the_bucket_does():
    told = {"Code": "AccessDenied", "Message": "User: u is not authorized to perform: kms:GenerateDataKey on the key"}
    with pytest.raises(Failure, match="S3 refused PutObject") as caught, explained("s3://b/k"):
        raise ClientError({"Error": told}, "PutObject")
    assert caught.value.fix == "allow kms:GenerateDataKey and kms:Decrypt on the key that encrypts the bucket"


def test_a_large_file_arrives_whole_and_s3_keeps_the_sum_of_all_of_it(s3_server, local, tmp_path):
    client = boto3.client("s3", **s3_server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    data = secrets.token_bytes(20_000_000)
    lake = S3(client, bucket, "p")
    file, sha256 = local(data)
    lake.put_file("big", file, sha256)
    kept = client.head_object(Bucket=bucket, Key="p/big", ChecksumMode="ENABLED")["ChecksumSHA256"]
    assert base64.b64decode(kept).hex() == sha256
    assert lake.fetch("big", tmp_path).read_bytes() == data


def test_an_object_that_came_in_parts_or_under_old_metadata_is_known_by_its_bytes(s3_server, local):
    """Older versions let boto3 upload in parts, of which S3 keeps no sum of the whole."""
    client = boto3.client("s3", **s3_server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    lake = S3(client, bucket, "p")
    file, sha256 = local(secrets.token_bytes(9_000_000))
    client.upload_file(str(file), bucket, "p/parts", ExtraArgs={"ChecksumAlgorithm": "SHA256"})
    lake.verify("parts", sha256)
    client.put_object(Bucket=bucket, Key="p/parts", Body=b"other", Metadata={"sha256": sha256})
    with pytest.raises(Failure, match="parts is damaged"):
        lake.verify("parts", sha256)


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "a//b", "a/./b", "a\nb", "a b", "é"])
def test_no_key_leads_out_of_the_lake(lake, local, tmp_path, key):
    uses = [
        lambda: lake.read(key), lambda: lake.fetch(key, tmp_path), lambda: lake.create(key, b"x"),
        lambda: lake.replace(key, b"x"), lambda: lake.put_file(key, *local(b"x")), lambda: lake.delete([key]),
        lambda: lake.verify(key, "0" * 64), lambda: lake.url(key),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(Failure, match="is no key of a lake"):
            use()


def test_no_link_leads_out_of_a_folder(tmp_path):
    lake, outside = Folder(tmp_path / "lake"), tmp_path / "victim"
    lake.create("order/1-a/part", b"x")
    outside.mkdir()
    (outside / "file").write_bytes(b"theirs")
    (lake.folder / "order/2-b").symlink_to(outside)
    (lake.folder / "order/1-a/link").symlink_to(outside / "file")
    for key in ("order/2-b/file", "order/1-a/link"):
        for use in (lambda: lake.read(key), lambda: lake.delete([key]), lambda: lake.replace(key, b"ours")):  # noqa: B023
            with pytest.raises(Failure, match="leads out of the lake"):
                use()
    assert (outside / "file").read_bytes() == b"theirs"
    (tmp_path / "link").symlink_to(lake.folder)
    assert Folder(tmp_path / "link").read("order/1-a/part") == b"x", "the lake itself may be one"


def test_a_record_of_more_bytes_than_any_has_is_not_read(lake, local, monkeypatch):
    monkeypatch.setattr("loaders.lake.store.MOST_BYTES", 100)
    lake.put_file("_runs/1.json", *local(b"x" * 101))
    with pytest.raises(Failure, match="has more bytes than any record"):
        lake.read("_runs/1.json")


@contextmanager
def as_another_user():
    """Whom permissions hold off, as they do not root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_what_cannot_be_listed_or_read_is_not_empty():
    with tempfile.TemporaryDirectory() as name:
        lake = Folder(Path(name))
        for key in ("_runs/1.json", "_runs/2.json"):
            lake.create(key, b"x")
        (lake.folder / "_runs/1.json").chmod(0)
        for folder in (lake.folder, lake.folder / "_runs"):
            folder.chmod(0o755)
        with as_another_user():
            assert sorted(lake.keys("_runs/")) == ["_runs/1.json", "_runs/2.json"]
            with pytest.raises(Failure, match=r"cannot be read \(Permission denied: .*1\.json\)") as caught:
                lake.read("_runs/1.json")
        assert "the user whose lake it is" in caught.value.fix
        for folder in (lake.folder / "_runs", lake.folder):
            folder.chmod(0)
            with as_another_user(), pytest.raises(Failure, match=r"cannot be read \(Permission denied"):
                list(lake.keys("_runs/"))
            folder.chmod(0o755)
    assert list(lake.keys("_runs/")) == [], "what is not there is empty"
