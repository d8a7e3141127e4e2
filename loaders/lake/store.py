"""The lake: immutable objects under a folder or an S3 prefix. An object is there whole, or not at all.

Keys use only ASCII letters, digits and -_.%/ (see `segment`), so that they mean the same in every store and to every
reader. Both stores (folder.py, s3.py) pass the same tests.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import quote

from loaders.lake.damaged import LOST, Damaged
from loaders.lake.signing import Signing

# The longest name that file systems take.
SEGMENT_BYTES = 255
# No run record is longer: Python makes up to 20 times as much of one, if it is made for that.
MOST_BYTES = 16 << 20
KEY = re.compile(r"(?:[A-Za-z0-9_.~%-]+/)*[A-Za-z0-9_.~%-]*")


@dataclass(frozen=True)
class Version:
    """What a store keeps of an object that was deleted or replaced. marker: it only says that the object is deleted."""

    key: str
    id: str
    marker: bool


class Lake(Protocol):
    """What the pipeline needs of a lake. `str(lake)` is its address for people; signing: of its run records."""

    @property
    def signing(self) -> Signing: ...

    @property
    def codec(self) -> str:
        """How Parquet files for it are compressed."""

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """Store a whole local file, which may be moved away. sha256: of its bytes, in hex, known by who wrote them."""

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` only if the key is free. False: something else has it. Exactly one of many callers wins."""

    def replace(self, key: str, data: bytes) -> None:
        """Store `data` in the place of what is there, whole or not at all: for what `erase` takes a row out of."""

    def read(self, key: str) -> bytes:
        """A small object's bytes; one of more than MOST_BYTES is a failure."""

    def fetch(self, key: str, folder: Path) -> Path:
        """A local file with the object's bytes: the lake's own, which must not be changed, or one made in `folder`."""

    def verify(self, key: str, sha256: str) -> None:
        """Fail unless the object is there and its bytes have that sum."""

    def keys(self, prefix: str) -> Iterator[str]:
        """What is there, if it could be ours. What cannot be listed is a failure, not empty."""

    def below(self, prefix: str) -> "Lake":
        """The lake whose keys are this one's behind `prefix/`."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is fine."""

    def old_versions(self, prefix: str) -> Iterator[Version]:
        """What the store itself keeps of objects that were deleted or replaced; only S3 does, if it is told to."""

    def fetch_version(self, version: Version, folder: Path) -> Path:
        """A local file, made in `folder`, with the bytes of an old version."""

    def delete_versions(self, versions: Iterable[Version]) -> None:
        """Remove old versions, in this order."""

    def url(self, key: str) -> str: ...

    @property
    def on_this_machine(self) -> Path:
        """The folder below which all that `fetch` gives is."""


def segment(name: str) -> str:
    """A table's name as one part of a key. A leading _ or . is kept for the lake's own folders and for `..`.

    What is too long for a file system (64 Hangul characters make 576 bytes) ends in a hash, and has just the length
    that no whole one has: two names never share one.
    """
    text = quote(name, safe="")
    text = f"%{ord(text[0]):02X}{text[1:]}" if text[:1] in ("_", ".") else text
    if len(text) < SEGMENT_BYTES:
        return text
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{text[: SEGMENT_BYTES - len(digest) - 1]}-{digest}"


def is_key(text: str) -> bool:
    """Whether it is one that we could have written; others in a lake are strangers' files."""
    return KEY.fullmatch(text) is not None and not {".", ".."} & set(text.split("/"))


def safe(key: str) -> str:
    """The key itself, if it means one place below the lake and no other, in every store."""
    if not is_key(key):
        raise Damaged(f"{ascii(key)[:SEGMENT_BYTES]} is no key of a lake", "restore what names it from a backup")
    return key


def checked(fetched: Path, sha256: str, key: str) -> Path:
    """`fetched` itself, once its bytes are known to be the ones that were published."""
    digest = sha256_of(fetched)
    if digest != sha256:
        raise damaged(key, digest, sha256)
    return fetched


def damaged(key: str, found: str, published: str) -> Damaged:
    return Damaged(
        f"the lake's file {key} is damaged: sha256 is {found[:12]}…, published was {published[:12]}…",
        LOST,
    )


def small(key: str, data: bytes) -> bytes:
    """The bytes of a record, of which one more than allowed was asked for."""
    if len(data) > MOST_BYTES:
        raise Damaged(f"{key} has more bytes than any record, {MOST_BYTES:,}", "restore it from a backup of the lake")
    return data


def sha256_of(file: Path) -> str:
    with file.open("rb") as stream:
        return digest_of(stream)


def digest_of(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def missing(key: str, lake: object) -> Damaged:
    return Damaged(f"the lake {lake} has no {key}", LOST)
