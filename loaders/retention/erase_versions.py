"""Rows leave what a bucket with versioning keeps of files that were deleted: its old versions are real copies."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.common.errors import Failure
from loaders.common.telling import notice, said
from loaders.lake.store import Version, segment
from loaders.retention.erase_lake import LakeSearch


@dataclass(frozen=True)
class OldVersions:
    """looked: how many old versions of the table's files there are; removed: of how many the row was in.

    unreached: what keeps one from searching or removing them, and the remedy; None if nothing does.
    """

    looked: int = 0
    removed: int = 0
    unreached: Failure | None = None


def erase(search: LakeSearch) -> OldVersions:
    """Remove all old versions of each of the table's files of which one holds one of the rows."""
    looked = removed = 0
    try:
        found: dict[str, list[Version]] = {}
        for version in search.lake.old_versions(f"{segment(search.keys.table)}/"):
            if version.key.endswith(".parquet"):
                found.setdefault(version.key, []).append(version)
        for versions in found.values():
            old = [version for version in versions if not version.marker]
            looked += len(old)
            if any(holds(search, version) for version in old):
                search.lake.delete_versions(old)
                # Marks go last: without them an old version would be the object again.
                search.lake.delete_versions(version for version in versions if version.marker)
                removed += len(old)
    except Failure as failure:
        return OldVersions(looked, removed, failure)
    return OldVersions(looked, removed)


def every(search: LakeSearch) -> Iterator[Path]:
    """Each old version of the table's files, fetched."""
    try:
        for version in search.lake.old_versions(f"{segment(search.keys.table)}/"):
            if version.key.endswith(".parquet") and not version.marker:
                yield search.lake.fetch_version(version, search.folder)
    except Failure as failure:
        notice(f"old versions in the bucket were not searched: {failure.problem}; {failure.fix}")


def holds(search: LakeSearch, version: Version) -> bool:
    path = search.lake.fetch_version(version, search.folder)
    try:
        return bool(search.looked_up(path))
    except duckdb.Error as error:
        raise Failure(
            f"version {version.id} of {version.key} cannot be searched: {said(str(error).splitlines()[0])}",
            "remove that version by hand if it is not needed",
        ) from None
    finally:
        path.unlink(missing_ok=True)
