"""Signatures of run records: HMAC-SHA256 by a key that is not in the lake, over a record's bytes and its place there.

A signed record has its signature as the first field, on a line of its own; everything else is what was signed, byte by
byte. The record says the sums of its Parquet files, so they are signed with it.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from loaders.common.errors import Failure
from loaders.common.secret import Secret
from loaders.lake.damaged import Damaged, way_out

KEY = re.compile("[!-~]{32,}")
HEAD = re.compile(rb'\{\n "signature": "([0-9a-f]{64})",')


@dataclass(frozen=True)
class Signing:
    """How records are signed in a lake, or in the part of one that begins at `place`. key None: they are not."""

    key: Secret | None = None
    place: str = ""

    def below(self, prefix: str) -> "Signing":
        return replace(self, place=f"{self.place}{prefix}/")

    def signed(self, record: bytes, key: str) -> bytes:
        """A record (a JSON object) as it is written to its key."""
        return (
            b'{\n "signature": "%s",%s' % (self._signature(self.key, record, key), record[1:]) if self.key else record
        )

    def opened(self, data: bytes, key: str) -> bytes:
        """The record that was written to its key, without its signature. Any other than signing asks for is refused."""
        head, record = HEAD.match(data), without_signature(data)
        if self.key is None and head:
            raise Failure(
                f"the run record {self.place}{key} is signed, and LAKE_KEY is not set",
                "set LAKE_KEY in .env to the key that signed it; or, to do without signatures from now on, "
                "`python -m loaders sign --remove`",
            )
        if self.key is None or (head and hmac.compare_digest(head[1], self._signature(self.key, record, key))):
            return record
        how = (
            "not what LAKE_KEY has signed there: changed, of another place, or of another key"
            if head
            else "unsigned, and LAKE_KEY is set"
        )
        raise Damaged(
            f"the run record {self.place}{key} is {how}",
            "nothing was loaded. `python -m loaders sign --dry-run` shows it; if it is yours, `python -m loaders sign` "
            f"signs it with LAKE_KEY; else {way_out(key)}",
        )

    def _signature(self, secret: Secret, record: bytes, key: str) -> bytes:
        """No place has a line break in it, so that it ends where the record begins."""
        said = f"{self.place}{key}\n".encode() + record
        return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest().encode()


UNSIGNED = Signing()


def of(key: str | None) -> Signing:
    """Signing with the key in LAKE_KEY, or none. A key that could be guessed is a failure, and is not shown."""
    if key and not KEY.fullmatch(key):
        raise Failure(
            f"LAKE_KEY has {len(key)} characters: a key has at least 32, of ASCII's letters, digits and signs",
            'make one, `python -c "import secrets; print(secrets.token_urlsafe(32))"`, and write it into .env',
        )
    return Signing(Secret(key) if key else None)


def without_signature(data: bytes) -> bytes:
    """The record alone, whoever has signed it, if anybody has."""
    return HEAD.sub(b"{", data, count=1) if HEAD.match(data) else data
