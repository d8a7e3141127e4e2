"""A password that never prints."""


class Secret(str):
    """A text for drivers, which read its characters; whoever prints or formats it gets three stars."""

    __slots__ = ()

    def __new__(cls, text: str) -> "Secret":
        return text if isinstance(text, Secret) else super().__new__(cls, text)

    def revealed(self) -> str:
        """The text itself, for the one place that needs it in another text."""
        return "".join(self)

    def __str__(self) -> str:
        return "***"

    __repr__ = __str__

    def __format__(self, _specification: str) -> str:
        return "***"
