"""One run at a time: a lease beside the lake, taken, renewed and given back by S3's conditional writes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: of several writes with If-None-Match, or
with If-Match of one ETag, one succeeds; the others get 412, or 409 while another is under way (needs s3:GetObject too).

No two clocks are compared. How old a lease is, S3 says by its own clock (Last-Modified beside Date of one answer); how
long ago it was renewed, its holder says by its own monotonic one, and ends its work before anybody may take over.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from loaders.lake.s3 import S3, explained

KEY = "_lease.json"
LOST = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


class Taken(Exception):
    """Another run holds the lease."""


@dataclass(frozen=True)
class Times:
    """In seconds. A holder stops at `end` without a renewal; from `stale` on, others may take over."""

    renew: float = 60
    end: float = 240
    stale: float = 300


class Lease:
    def __init__(self, lake: S3, run_id: str, times: Times):
        self.lake, self.run_id, self.times = lake, run_id, times
        self.me = secrets.token_hex(8)
        self.writes = 0
        self.etag = ""
        self.renewed = 0.0

    def take(self) -> None:
        with explained(self.lake.url(KEY)):
            if self._write({"IfNoneMatch": "*"}):
                return
            try:
                answer = self._read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    raise Taken("another run is taking the lease") from None
                raise
            holder = json.loads(answer["Body"].read())
            now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            age = (now - answer["LastModified"]).total_seconds()
            if holder["held"] and age < self.times.stale:
                raise Taken(f"run {holder['run_id']} holds the lease, renewed {age:.0f} s ago")
            if not self._write({"IfMatch": answer["ETag"]}):
                raise Taken("another run took the lease at the same moment")

    def keep(self, ended: threading.Event, lost: Callable[[], None]) -> None:
        """Renew until `ended`; say that it is lost, also when S3 is silent for so long."""
        watch = self._watch(lost)
        while not ended.wait(self.times.renew):
            try:
                kept = self._write({"IfMatch": self.etag})
            except (ClientError, BotoCoreError):  # perhaps the next time
                continue
            watch.cancel()
            if not kept:
                return lost()
            watch = self._watch(lost)
        watch.cancel()

    def _watch(self, lost: Callable[[], None]) -> threading.Timer:
        watch = threading.Timer(self.renewed + self.times.end - time.monotonic(), lost)
        watch.daemon = True
        watch.start()
        return watch

    def give_back(self) -> None:
        """Not deleted: a write can be conditional on still being the holder."""
        with explained(self.lake.url(KEY)):
            self._write({"IfMatch": self.etag}, held=False)

    def _write(self, condition: dict[str, str], held: bool = True) -> bool:
        self.writes += 1
        # `writes` makes each text, and so each ETag, another one.
        said = json.dumps({"run_id": self.run_id, "me": self.me, "writes": self.writes, "held": held}).encode()
        began = time.monotonic()
        try:
            place: dict[str, Any] = {"Bucket": self.lake.bucket, "Key": self.lake.prefix + KEY}
            etag = self.lake.client.put_object(**place, Body=said, **condition, **self.lake.encryption)["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] not in LOST:
                raise
            # boto3 asks again when an answer is lost, and then meets its own write.
            etag = self._etag_of(said)
        if etag:
            self.etag, self.renewed = etag, began
        return bool(etag)

    def _etag_of(self, said: bytes) -> str:
        try:
            answer = self._read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return ""
            raise
        etag: str = answer["ETag"]
        return etag if answer["Body"].read() == said else ""

    def _read(self) -> Any:
        return self.lake.client.get_object(Bucket=self.lake.bucket, Key=self.lake.prefix + KEY)


@contextmanager
def held(lake: S3, run_id: str, lost: Callable[[], None], times: Times = Times()) -> Iterator[None]:
    """Hold the lease; Taken if another run does. lost: called when it is no longer ours; work must end then."""
    lease = Lease(lake, run_id, times)
    lease.take()
    ended = threading.Event()
    renewing = threading.Thread(target=lease.keep, args=(ended, lost), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        lease.give_back()
