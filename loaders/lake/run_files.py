"""A published run's files, as a warehouse needs them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from loaders.lake.runs import File
from loaders.lake.store import Lake, checked


@dataclass(frozen=True)
class RunFiles:
    """For a warehouse that reads files on this machine (`local`), or by itself from where they lie (`url`).

    folder: where files of a remote lake may be put meanwhile.
    """

    lake: Lake
    folder: Path

    def local(self, file: File) -> Path:
        """A file on this machine, once its bytes are known to be the published ones."""
        return checked(self.lake.fetch(file.key, self.folder), file.sha256, file.key)

    def verify(self, chosen: Iterable[File]) -> None:
        """Fail unless these are in the lake as they were published: COPY knows a file by its size only."""
        for file in chosen:
            self.lake.verify(file.key, file.sha256)

    def url(self, key: str) -> str:
        return self.lake.url(key)
