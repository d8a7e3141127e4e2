"""Pseudonyms: what lake and raw hold instead of the values of a column that nobody is to read there.

Half of the HMAC-SHA256 of the value as the source prints it (a text in UTF-8, a number in digits, bytes as they are):
128 bits, in hex digits. Equal values have equal pseudonyms in every table, so columns join as they would in the
warehouse without it: byte by byte. NULL stays NULL. The key never leaves this process: the source is not told it.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.errors import Failure
from loaders.common.secret import Secret

# Of two equal ones among 10 thousand million different values, the odds are 1 to 6 million million million.
DIGITS = 32
KEY = re.compile("[!-~]{32,}")


@dataclass(frozen=True)
class Pseudonym:
    """By one key."""

    key: Secret

    def of(self, values: pa.Array) -> pa.Array:
        """The pseudonyms of values as the source prints them, binary to binary."""
        encoded = pc.dictionary_encode(values)
        known = self._digits(encoded.dictionary.to_pylist())
        return pa.array(known, pa.binary()).take(encoded.indices)

    def of_text(self, text: str) -> str:
        return self._digits([text.encode()])[0].decode()

    @property
    def name(self) -> str:
        """What tells the key from another; it does not lead to it."""
        return self._derived(b"name").hex()[:8]

    @property
    def salt(self) -> bytes:
        """What the source's hash of a row has added: without it who has a row could try values for what it hides."""
        return self._derived(b"salt")

    def _digits(self, values: Sequence[bytes]) -> list[bytes]:
        key = self.key.encode()
        return [hmac.digest(key, value, "sha256").hex()[:DIGITS].encode() for value in values]

    def _derived(self, what: bytes) -> bytes:
        return hmac.new(b"order-he pseudonym " + what, self.key.encode(), hashlib.sha256).digest()


def by(key: str | None) -> Pseudonym | None:
    """Pseudonyms by the key in PSEUDONYM_KEY. A key that could be guessed is a failure, and is not shown."""
    if key and not KEY.fullmatch(key):
        raise Failure(
            f"PSEUDONYM_KEY has {len(key)} characters: a key has at least 32, of ASCII's letters, digits and signs",
            'make one, `python -c "import secrets; print(secrets.token_urlsafe(32))"`, and write it into .env',
        )
    return Pseudonym(Secret(key)) if key else None
