"""A lake in a folder: objects appear by a rename or a link, never by being written in place."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.common import paths
from loaders.common.errors import FULL, Failure
from loaders.lake.damaged import Damaged
from loaders.lake.signing import UNSIGNED, Signing
from loaders.lake.store import MOST_BYTES, Version, checked, is_key, missing, safe, small


class Folder:
    """A lake in a folder of this machine."""

    codec = "zstd"

    def __init__(self, folder: Path, signing: Signing = UNSIGNED):
        self.folder = folder
        self.signing = signing

    def __str__(self) -> str:
        return str(self.folder)

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """The sum is looked at when the file is fetched."""
        with self._placing(key) as (temporary, target):
            shutil.move(file, temporary)
            paths.make_durable(temporary)
            temporary.replace(target)

    def create(self, key: str, data: bytes) -> bool:
        with self._placing(key) as (temporary, target):
            temporary.write_bytes(data)
            paths.make_durable(temporary)
            try:
                os.link(temporary, target)
            except FileExistsError:
                with target.open("rb") as there:
                    return there.read(len(data) + 1) == data
        return True

    def replace(self, key: str, data: bytes) -> None:
        with self._placing(key) as (temporary, target):
            temporary.write_bytes(data)
            paths.make_durable(temporary)
            temporary.replace(target)

    def read(self, key: str) -> bytes:
        with self.fetch(key, self.folder).open("rb") as file:
            return small(key, file.read(MOST_BYTES + 1))

    def fetch(self, key: str, folder: Path) -> Path:
        with self._explained("read"):
            file = self._path(key)
            try:
                if stat.S_ISREG(file.stat().st_mode):
                    file.open("rb").close()
                    return file
            except (FileNotFoundError, NotADirectoryError):
                pass
        raise missing(key, self)

    def verify(self, key: str, sha256: str) -> None:
        checked(self.fetch(key, self.folder), sha256, key)

    def keys(self, prefix: str) -> Iterator[str]:
        # Only whole folders are looked into, so that listing one table does not walk the others.
        start = self._path(prefix.rpartition("/")[0])
        for parent, _folders, files in os.walk(start, onerror=self._unreadable):
            for name in files:
                key = (Path(parent) / name).relative_to(self.folder).as_posix()
                if key.startswith(prefix) and not name.startswith(".") and is_key(key):
                    yield key

    def below(self, prefix: str) -> "Folder":
        return Folder(self._path(prefix), self.signing.below(prefix))

    def delete(self, keys: Iterable[str]) -> None:
        with self._explained():
            for key in keys:
                path = self._path(key)
                path.unlink(missing_ok=True)
                _remove_if_empty(path.parent)

    def old_versions(self, prefix: str) -> Iterator[Version]:
        """A folder keeps none; what a snapshot of the file system does, it does not know."""
        return iter(())

    def fetch_version(self, version: Version, folder: Path) -> Path:
        raise missing(version.key, self)

    def delete_versions(self, versions: Iterable[Version]) -> None:
        """There are none."""

    def url(self, key: str) -> str:
        return self._path(key).resolve().as_uri()

    @property
    def on_this_machine(self) -> Path:
        return self.folder

    def _path(self, key: str) -> Path:
        """The one way from a key to a path: below this folder, also when links are followed."""
        path = self.folder / safe(key)
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(self.folder)):
            raise Damaged(
                f"{key} leads out of the lake {self}, to {real}",
                "remove the link, and restore that file from a backup of the lake",
            )
        return path

    @contextmanager
    def _placing(self, key: str) -> Iterator[tuple[Path, Path]]:
        """A temporary file beside the target (same file system, hidden from `keys`), and the target."""
        target = self._path(key)
        with self._explained():
            target.parent.mkdir(parents=True, exist_ok=True)
            # Not by mkstemp, whose files are their owner's alone where the lake is a group's.
            beside = target.parent / f".{secrets.token_hex(8)}"
            beside.touch(exist_ok=False)
            try:
                yield beside, target
                paths.make_durable(target.parent)
            finally:
                beside.unlink(missing_ok=True)

    @contextmanager
    def _explained(self, doing: str = "written") -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _folder_failure(error, self.folder, doing) from None

    def _unreadable(self, error: OSError) -> None:
        """What cannot be listed is not empty; what is not there, or no longer, is."""
        if not isinstance(error, FileNotFoundError):
            raise _folder_failure(error, self.folder, "read") from None


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.EEXIST):
            raise


def _folder_failure(error: OSError, folder: Path, doing: str) -> Failure:
    which = f": {error.filename}" if error.filename and Path(error.filename) != folder else ""
    where = f"the lake {folder} cannot be {doing} ({error.strerror}{which})"
    if error.errno in FULL:
        return Failure(where, "free some space and run again; nothing of this run was published")
    if doing == "read":
        return Failure(
            where, "run this as the user whose lake it is, let that user give this one read access, or correct LAKE_URL"
        )
    return Failure(where, "give this user write access to it, or set LAKE_URL to another folder")
