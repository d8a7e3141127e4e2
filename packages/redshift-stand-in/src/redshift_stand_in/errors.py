"""What the stand-in says when it refuses, in the shape in which Redshift says it; and when it cannot work at all."""


class StandInError(Exception):
    """The stand-in does not start. problem: what failed; fix: what to do next."""

    def __init__(self, problem: str, fix: str):
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


class RedshiftError(Exception):
    """An error for the client: message, SQLSTATE, and the detail that the driver shows as field D."""

    def __init__(self, message: str, code: str = "42601", detail: str | None = None):
        super().__init__(message)
        self.code = code
        self.detail = detail


def refused(what: str) -> RedshiftError:
    """For what PostgreSQL would do but Redshift would not, and for what the stand-in cannot judge."""
    return RedshiftError(f"{what} is refused by the local Redshift stand-in (see redshift-stand-in's README)", "0A000")


def scan_error(context: str, code: int = 15007) -> RedshiftError:
    """An error of a columnar COPY: the message is bare, the reason is in the detail (as drivers' issues show it)."""
    rule = "-" * 47
    detail = (
        f"\n  {rule}\n  error:  Spectrum Scan Error\n  code:      {code}\n  context:   {context}\n"
        f"  query:     0\n  location:  dory_util.cpp:0\n  process:   worker_thread [pid=0]\n  {rule}\n"
    )
    return RedshiftError("Spectrum Scan Error", "XX000", detail)
