"""The guard against deleting a table by mistake, whoever's mistake it is."""

from dataclasses import dataclass

from loaders.common.errors import Exit, Failure


@dataclass(frozen=True)
class Lost:
    """How many of the rows that raw held before a run are gone with it. What is new does not make up for them.

    by_key: False if no key tells rows apart, so that only their numbers were compared: at least so many are gone.
    """

    table: str
    gone: int
    before: int
    by_key: bool = True


@dataclass(frozen=True)
class DeleteLimit:
    """A run may delete up to `rows` rows of a table, or up to `share` of them, whichever is more; or any (`lifted`)."""

    share: float = 0.10
    rows: int = 100
    lifted: bool = False

    def check(self, lost: Lost) -> None:
        if self.lifted or lost.gone <= self.rows or lost.gone <= self.share * lost.before:
            return
        gone = f"{lost.gone:,}" if lost.by_key else f"at least {lost.gone:,}"
        raise Failure(
            f"{gone} of the {lost.before:,} rows of {lost.table} are gone at the source; a run deletes "
            f"without asking {self.rows:,} rows or {self.share:.0%} of a table, whichever is more",
            "if that is right, run it once more with --allow-deletes; nothing was published",
            ends=Exit.DECIDE,
        )
