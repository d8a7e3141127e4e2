"""The lake: immutable objects under a folder or an S3 prefix. An object is there whole, or not at all.

Keys use only ASCII letters, digits and -_.%/ (see `segment`), so that they mean the same in every store and to every
reader. Both stores (folder.py, s3.py) pass the same tests.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from loaders.errors import Failure

# The longest name that file systems take.
SEGMENT_BYTES = 255


@dataclass(frozen=True)
class Version:
    """What a store keeps of an object that was deleted or replaced. marker: it only says that the object is deleted."""

    key: str
    id: str
    marker: bool


class Lake(Protocol):
    """What the pipeline needs of a lake. `str(lake)` is its address for people."""

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """Store a whole local file, which may be moved away. sha256: of its bytes, in hex, known by who wrote them."""

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` only if the key is free. False: something else has it. Exactly one of many callers wins."""

    def replace(self, key: str, data: bytes) -> None:
        """Store `data` in the place of what is there, whole or not at all: for what `erase` takes a row out of."""

    def read(self, key: str) -> bytes: ...

    def fetch(self, key: str, folder: Path) -> Path:
        """A local file with the object's bytes: the lake's own, which must not be changed, or one made in `folder`."""

    def verify(self, key: str, sha256: str) -> None:
        """Fail unless the object is there and the one with that sum."""

    def keys(self, prefix: str) -> Iterator[str]: ...

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


def checked(fetched: Path, sha256: str, key: str) -> Path:
    """`fetched` itself, once its bytes are known to be the ones that were published."""
    digest = sha256_of(fetched)
    if digest != sha256:
        raise damaged(key, digest, sha256)
    return fetched


def damaged(key: str, found: str, published: str) -> Failure:
    return Failure(
        f"the lake's file {key} is damaged: sha256 is {found[:12]}…, published was {published[:12]}…",
        "restore that file from a backup of the lake; raw is unchanged",
    )


def sha256_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def missing(key: str, lake: object) -> Failure:
    return Failure(f"the lake {lake} has no {key}", "restore that file from a backup of the lake; raw is unchanged")
