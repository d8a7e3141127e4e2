"""The lease of infra/image, on an S3 that is asked over HTTP."""

import json
import secrets
import subprocess
import sys
import threading
import time
from email.utils import parsedate_to_datetime

import boto3
import pytest

from infra.image.lease import KEY, Lease, Taken, Times, held
from loaders.common.settings import ROOT
from loaders.lake.s3 import S3

# As short as whole seconds, in which S3 tells times, allow.
SHORT = Times(renew=0.3, end=1.5, stale=3)
HOLDER = """
import sys, time, boto3, json
from infra.image.lease import Taken, held
from loaders.lake.s3 import S3
lake = S3(boto3.client("s3", **json.loads(sys.argv[1])), sys.argv[2], "order-he")
try:
    with held(lake, sys.argv[3], lambda: None):
        print("holds", flush=True)
        sys.stdin.readline()
except Taken as taken:
    print("taken:", taken)
"""


@pytest.fixture
def lake(s3_server) -> S3:
    client = boto3.client("s3", **s3_server)
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    return S3(client, bucket, "order-he")


def says(lake: S3) -> dict:
    return json.loads(lake.read(KEY))


def started(server: dict, bucket: str, run_id: str) -> subprocess.Popen:
    command = [sys.executable, "-c", HOLDER, json.dumps(server), bucket, run_id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, **pipes)


def test_of_two_processes_at_once_one_holds_it_and_the_other_is_told_who(s3_server, lake):
    both = [started(s3_server, lake.bucket, run_id) for run_id in ("a", "b")]
    told = [process.stdout.readline() for process in both]
    assert sorted(text.split()[0] for text in told) == ["holds", "taken:"]
    winner = told.index("holds\n")
    assert f"run {'ab'[winner]} holds the lease" in told[1 - winner] or "taking" in told[1 - winner]
    for process in both:
        process.communicate("\n", timeout=30)
    assert says(lake)["held"] is False


def test_one_of_many_threads_holds_it(lake):
    won = []

    def take(number: int) -> None:
        try:
            Lease(lake, str(number), Times()).take()
            won.append(number)
        except Taken:
            pass

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and says(lake)["run_id"] == str(won[0])


def test_what_was_given_back_is_taken_again_at_once(lake):
    for run_id in ("a", "b"):
        with held(lake, run_id, pytest.fail):
            assert says(lake) | {"me": "", "writes": 0} == {"run_id": run_id, "me": "", "writes": 0, "held": True}
    assert says(lake)["held"] is False


def test_a_renewed_lease_is_not_taken_over_and_one_that_nobody_renews_is_by_one(lake):
    with held(lake, "alive", pytest.fail, SHORT):
        time.sleep(SHORT.stale + 1)
        with pytest.raises(Taken, match="run alive holds the lease"):
            Lease(lake, "b", SHORT).take()
    Lease(lake, "dead", SHORT).take()
    with pytest.raises(Taken, match="run dead holds the lease"):
        Lease(lake, "b", SHORT).take()
    time.sleep(SHORT.stale + 1)
    Lease(lake, "b", SHORT).take()
    with pytest.raises(Taken, match="run b holds the lease"):
        Lease(lake, "c", SHORT).take()


def test_a_holder_that_another_took_over_from_stops_and_leaves_the_others_lease(lake):
    stopped = threading.Event()
    with held(lake, "suspended", stopped.set, SHORT):
        lake.replace(KEY, json.dumps({"run_id": "b", "me": "b", "writes": 1, "held": True}).encode())
        assert stopped.wait(5)
    assert says(lake)["run_id"] == "b" and says(lake)["held"]


def test_a_holder_that_s3_does_not_answer_stops_before_another_may_take_over(lake, s3_server):
    stopped = threading.Event()
    lease = Lease(lake, "cut off", SHORT)
    lease.take()
    # Nobody listens there.
    lake.client = boto3.client("s3", **s3_server | {"endpoint_url": "http://127.0.0.1:9"})
    ended = threading.Event()
    began = time.monotonic()
    keeping = threading.Thread(target=lease.keep, args=(ended, stopped.set))
    keeping.start()
    assert stopped.wait(10) and time.monotonic() - began < SHORT.stale
    ended.set()
    keeping.join()


def test_an_answer_that_was_lost_is_known_by_what_stands_there(lake):
    lease = Lease(lake, "a", Times())
    lease.take()
    put = lake.client.put_object
    # boto3 asks again when no answer comes: the first time has succeeded then.
    lake.client.put_object = lambda **what: put(**what) and put(**what)
    lease.give_back()
    assert says(lake)["held"] is False


def test_the_server_tells_a_leases_age_by_its_own_clock_alone(lake):
    Lease(lake, "a", Times()).take()
    answer = lake.client.get_object(Bucket=lake.bucket, Key=lake.prefix + KEY)
    now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert 0 <= (now - answer["LastModified"]).total_seconds() < 60
    assert not {"renewed", "time", "until"} & says(lake).keys()
