"""The guard against deleting a table by mistake, whoever's mistake it is."""

from dataclasses import dataclass

from loaders.errors import Failure


@dataclass(frozen=True)
class DeleteLimit:
    """A run may delete up to `rows` rows of a table, or up to `share` of them, whichever is more; or any (`lifted`)."""

    share: float = 0.10
    rows: int = 100
    lifted: bool = False

    def check(self, table: str, gone: int, before: int) -> None:
        """gone: rows that the run would take away of the `before` rows that raw holds."""
        if self.lifted or gone <= self.rows or gone <= self.share * before:
            return
        raise Failure(
            f"{gone:,} of the {before:,} rows of {table} are gone at the source; a run deletes without asking "
            f"{self.rows:,} rows or {self.share:.0%} of a table, whichever is more",
            "if that is right, run it once more with --allow-deletes; nothing was published",
        )
