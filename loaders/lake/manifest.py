"""The manifest that Redshift's COPY reads: exactly these files, each of exactly this size, or nothing is loaded."""

import json
from collections.abc import Callable, Iterable

from loaders.words.run_record import File


def manifest(files: Iterable[File], url: Callable[[str], str]) -> bytes:
    """Redshift documents `mandatory` (a missing file is an error) and, for Parquet, `meta.content_length` (bytes)."""
    entries = [{"url": url(file.key), "mandatory": True, "meta": {"content_length": file.bytes}} for file in files]
    return (json.dumps({"entries": entries}, indent=1) + "\n").encode()
