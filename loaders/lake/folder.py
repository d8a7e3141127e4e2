"""A lake in a folder: objects appear by a rename or a link, never by being written in place."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.errors import Failure
from loaders.lake.store import Version, checked, missing


class Folder:
    """A lake in a folder of this machine."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def put_file(self, key: str, file: Path, sha256: str) -> None:
        """The sum is looked at when the file is fetched."""
        with self._placing(key) as (temporary, target):
            shutil.move(file, temporary)
            _sync(temporary)
            temporary.replace(target)

    def create(self, key: str, data: bytes) -> bool:
        with self._placing(key) as (temporary, target):
            temporary.write_bytes(data)
            _sync(temporary)
            try:
                os.link(temporary, target)
            except FileExistsError:
                return target.read_bytes() == data
        return True

    def replace(self, key: str, data: bytes) -> None:
        with self._placing(key) as (temporary, target):
            temporary.write_bytes(data)
            _sync(temporary)
            temporary.replace(target)

    def read(self, key: str) -> bytes:
        return self.fetch(key, self.folder).read_bytes()

    def fetch(self, key: str, folder: Path) -> Path:
        file = self.folder / key
        if not file.is_file():
            raise missing(key, self)
        return file

    def verify(self, key: str, sha256: str) -> None:
        checked(self.fetch(key, self.folder), sha256, key)

    def keys(self, prefix: str) -> Iterator[str]:
        # Only whole folders are looked into, so that listing one table does not walk the others.
        start = self.folder / prefix.rpartition("/")[0]
        for parent, _folders, files in os.walk(start):
            for name in files:
                key = (Path(parent) / name).relative_to(self.folder).as_posix()
                if key.startswith(prefix) and not name.startswith("."):
                    yield key

    def below(self, prefix: str) -> "Folder":
        return Folder(self.folder / prefix)

    def delete(self, keys: Iterable[str]) -> None:
        with self._explained():
            for key in keys:
                (self.folder / key).unlink(missing_ok=True)
                _remove_if_empty((self.folder / key).parent)

    def old_versions(self, prefix: str) -> Iterator[Version]:
        """A folder keeps none; what a snapshot of the file system does, it does not know."""
        return iter(())

    def fetch_version(self, version: Version, folder: Path) -> Path:
        raise missing(version.key, self)

    def delete_versions(self, versions: Iterable[Version]) -> None:
        """There are none."""

    def url(self, key: str) -> str:
        return (self.folder / key).resolve().as_uri()

    @contextmanager
    def _placing(self, key: str) -> Iterator[tuple[Path, Path]]:
        """A temporary file beside the target (same file system, hidden from `keys`), and the target."""
        target = self.folder / key
        with self._explained():
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", dir=target.parent)
            os.close(handle)
            try:
                yield Path(name), target
                _sync(target.parent)
            finally:
                Path(name).unlink(missing_ok=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _folder_failure(error, self.folder) from None


def _sync(path: Path) -> None:
    """Make a file or a folder's entries durable before anything refers to them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.EEXIST):
            raise


def _folder_failure(error: OSError, folder: Path) -> Failure:
    where = f"the lake {folder} cannot be written ({error.strerror})"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Failure(where, "free some space and run again; nothing of this run was published")
    return Failure(where, "give this user write access to it, or set LAKE_URL to another folder")
